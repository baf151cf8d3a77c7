{{- /*
popcon.arguments     the exporter's command line, as a YAML list. Both exporters take the same flags; what only one knows stands apart.
*/ -}}

{{- define "popcon.arguments" -}}
- --statsd.mapping-config=/etc/popcon/{{ include "popcon.mappingKey" . }}
- --statsd.listen-udp=:{{ .Values.statsd.udpPort }}
- --statsd.listen-tcp={{ if .Values.statsd.tcpPort }}:{{ .Values.statsd.tcpPort }}{{ end }}
- --web.listen-address=:{{ .Values.service.port }}
- --web.telemetry-path={{ .Values.service.path }}
{{- /* Any kernel could add a label to any metric by a tag. */}}
- --no-statsd.parse-dogstatsd-tags
- --no-statsd.parse-influxdb-tags
- --no-statsd.parse-librato-tags
- --no-statsd.parse-signalfx-tags
- --log.level={{ .Values.exporter.logLevel }}
- --log.format={{ .Values.exporter.logFormat }}
{{- with .Values.statsd.readBuffer }}
- --statsd.read-buffer={{ . | int64 }}
{{- end }}
{{ if eq .Values.exporter.kind "popcon" -}}
{{ include "popcon.ownArguments" . }}
{{- else -}}
{{ include "popcon.goArguments" . }}
{{- end }}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "popcon.goArguments" -}}
- --statsd.cache-size={{ .Values.statsd.cacheSize | int64 }}
- --statsd.event-queue-size={{ .Values.statsd.eventQueueSize | int64 }}
- --statsd.event-flush-threshold={{ .Values.statsd.eventFlushThreshold | int64 }}
- --statsd.event-flush-interval={{ .Values.statsd.eventFlushInterval }}
{{- end }}

{{- define "popcon.ownArguments" -}}
{{- $own := .Values.popcon -}}
- --web.admin-address={{ $own.adminAddress }}
- --privacy={{ $own.privacy.policy }}
{{- with $own.privacy.minProcesses }}
- --privacy.min-processes={{ . | int64 }}
{{- end }}
{{- with $own.privacy.interval }}
- --privacy.interval={{ . }}
{{- end }}
{{- with $own.privacy.minLibraryProcesses }}
- --privacy.min-library-processes={{ . | int64 }}
{{- end }}
{{- with $own.privacy.timezone }}
- --privacy.timezone={{ . }}
{{- end }}
{{- if $own.privacy.byAddress }}
- --privacy.by-address
{{- end }}
{{- if .Values.persistence.enabled }}
- --persistence.file=/var/lib/popcon/counts
{{- end }}
{{- with $own.canaryInterval }}
- --canary-interval={{ . }}
{{- end }}
{{- with $own.limits.series }}
- --limits.series={{ . | int64 }}
{{- end }}
{{- with $own.limits.seriesOfOneName }}
- --limits.series-of-one-name={{ . | int64 }}
{{- end }}
{{- with $own.limits.labels }}
- --limits.labels={{ . | int64 }}
{{- end }}
{{- with $own.limits.text }}
- --limits.text={{ . | int64 }}
{{- end }}
{{- with $own.limits.memory }}
- --limits.memory={{ . | int64 }}
{{- end }}
{{- if $own.openMetrics }}
- --web.enable-openmetrics
{{- end }}
{{- with $own.webConfigSecret.name }}
- --web.config.file=/etc/popcon-web/{{ $own.webConfigSecret.key }}
{{- end }}
{{- range $own.runContextEnvironment }}
- --run-context.environment={{ . }}
{{- end }}
{{- end }}
