{{- /*
popcon.jobPod   of a dict of root, component, container: the pod of a job, as restricted as the exporter's
*/ -}}

{{- define "popcon.jobPod" -}}
metadata:
  labels:
    {{- include "popcon.podLabels" (dict "root" .root "component" .component) | nindent 4 }}
spec:
  {{- include "popcon.placement" .root | nindent 2 }}
  restartPolicy: Never
  securityContext:
    {{- toYaml (.root.Values.podSecurityContext | default dict) | nindent 4 }}
  containers:
    - {{ merge (dict "securityContext" (.root.Values.securityContext | default dict) "resources" (.root.Values.jobResources | default dict)) .container | toYaml | nindent 6 | trim }}
{{- end }}

{{- /* Counters of 0 and canaries are the same at any time: a missed run is not run late, and none runs beside another. */ -}}
{{- define "popcon.jobSpec" -}}
concurrencyPolicy: Forbid
startingDeadlineSeconds: 300
successfulJobsHistoryLimit: 1
failedJobsHistoryLimit: 3
{{- end }}

{{- define "popcon.canaryContainer" -}}
{{- $arguments := list (printf "--udp=%s:%v" (include "popcon.ingestHost" .root) .root.Values.statsd.udpPort) -}}
{{- if .root.Values.statsd.tcpPort -}}
{{- $arguments = append $arguments (printf "--tcp=%s:%v" (include "popcon.ingestHost" .root) .root.Values.statsd.tcpPort) -}}
{{- end -}}
{{- if not (include "popcon.secured" .root) -}}
{{- $arguments = append $arguments (printf "--metrics=%s" (include "popcon.metricsURL" .root)) -}}
{{- end -}}
{{- $arguments = append $arguments (printf "--id=%s" .id) -}}
name: {{ .id }}
image: {{ include "popcon.pythonImage" .root | quote }}
imagePullPolicy: {{ .root.Values.python.pullPolicy }}
command: [python3, -I, -c]
args:
  {{- concat (list (.root.Files.Get "files/canary.py")) $arguments | toYaml | nindent 2 }}
{{- end }}
