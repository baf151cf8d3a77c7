{{- /*
popcon.families   of a Service's values: ipFamilyPolicy and ipFamilies, where they say something
*/ -}}

{{- define "popcon.families" -}}
{{- with .ipFamilyPolicy -}}
ipFamilyPolicy: {{ . }}
{{ end }}
{{- with .ipFamilies -}}
ipFamilies:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
