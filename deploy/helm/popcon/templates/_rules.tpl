{{- /*
popcon.rules             the mapping file's text: popcon's rules, or the ones in values
popcon.mappingChecksum   of all that the rules are made of, a ConfigMap of somebody else's included, as far as Helm can see it
*/ -}}

{{- define "popcon.rules" -}}
{{- if kindIs "map" .Values.statsd.mappingConfig -}}
{{ toYaml .Values.statsd.mappingConfig }}
{{- else if .Values.statsd.mappingConfig -}}
{{ .Values.statsd.mappingConfig }}
{{- else -}}
{{ include "popcon.mapping" . }}
{{- end -}}
{{- end }}

{{- define "popcon.mappingChecksum" -}}
{{- if .Values.statsd.mappingConfigMapName -}}
{{- $found := lookup "v1" "ConfigMap" (include "popcon.namespace" .) .Values.statsd.mappingConfigMapName | default dict -}}
{{ list .Values.statsd.mappingConfigMapName .Values.statsd.mappingConfigMapKey ($found.data | default dict) ($found.binaryData | default dict) | toJson | sha256sum }}
{{- else -}}
{{ include "popcon.rules" . | sha256sum }}
{{- end -}}
{{- end }}
