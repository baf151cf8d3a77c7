{{- /*
popcon.endpoint        of a dict of root, monitor: how prometheus-operator has to scrape, for a ServiceMonitor and a PodMonitor
popcon.monitorLabels   of a dict of root, extra
*/ -}}

{{- define "popcon.endpoint" -}}
port: http-metrics
path: {{ .root.Values.service.path | quote }}
scheme: {{ .monitor.scheme }}
# Else Kubernetes' namespace pushes the hub's into exported_namespace.
honorLabels: true
{{- with .monitor.interval }}
interval: {{ . }}
{{- end }}
{{- with .monitor.scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
{{- with .monitor.tlsConfig }}
tlsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .monitor.basicAuth }}
basicAuth:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .monitor.relabelings }}
relabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .monitor.metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "popcon.monitorLabels" -}}
{{- toYaml (merge (include "popcon.exporterLabels" .root | fromYaml) (.extra | default dict)) -}}
{{- end }}
