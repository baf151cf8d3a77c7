{{- /*
popcon.podTemplate   the exporter's pod, the same for a Deployment and a StatefulSet
popcon.placement     what all pods of the chart have in common: secrets, account, nodes
*/ -}}

{{- define "popcon.podTemplate" -}}
{{- $own := eq .Values.exporter.kind "popcon" -}}
metadata:
  labels:
    {{- include "popcon.podLabels" (dict "root" . "component" "exporter" "extra" .Values.podLabels) | nindent 4 }}
  annotations:
    kubectl.kubernetes.io/default-container: exporter
    {{- if not $own }}
    checksum/mapping: {{ include "popcon.mappingChecksum" . }}
    {{- end }}
    {{- with omit (.Values.podAnnotations | default dict) "kubectl.kubernetes.io/default-container" "checksum/mapping" }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- include "popcon.placement" . | nindent 2 }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- $ours := dict "matchLabels" (include "popcon.exporterSelector" $ | fromYaml) }}
    {{- range . }}
    {{- /* Not merged into a selector that is there: it would select less. */}}
    - {{ merge (dict "labelSelector" (.labelSelector | default $ours)) (omit . "labelSelector") | toYaml | nindent 6 | trim }}
    {{- end }}
  {{- end }}
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds | int64 }}
  securityContext:
    {{- toYaml (.Values.podSecurityContext | default dict) | nindent 4 }}
  containers:
    - name: exporter
      image: {{ include "popcon.exporterImage" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args:
        {{- include "popcon.arguments" . | fromYamlArray | toYaml | nindent 8 }}
      {{- with .Values.extraEnv }}
      env:
        {{- range $name, $value := . }}
        - name: {{ $name | quote }}
          {{- if kindIs "map" $value }}
          {{- toYaml $value | nindent 10 }}
          {{- else }}
          value: {{ $value | quote }}
          {{- end }}
        {{- end }}
      {{- end }}
      ports:
        - name: statsd-udp
          containerPort: {{ .Values.statsd.udpPort }}
          protocol: UDP
        {{- with .Values.statsd.tcpPort }}
        - name: statsd-tcp
          containerPort: {{ . }}
          protocol: TCP
        {{- end }}
        - name: http-metrics
          containerPort: {{ .Values.service.port }}
          protocol: TCP
      {{- include "popcon.probes" . | nindent 6 }}
      securityContext:
        {{- toYaml (.Values.securityContext | default dict) | nindent 8 }}
      resources:
        {{- toYaml (.Values.resources | default dict) | nindent 8 }}
      volumeMounts:
        # The folder, not the file: a file that is mounted by subPath never changes.
        - name: mapping
          mountPath: /etc/popcon
          readOnly: true
        {{- if $own }}
        - name: counts
          mountPath: /var/lib/popcon
        # SQLite may put what is too much for memory there.
        - name: tmp
          mountPath: /tmp
        {{- end }}
        {{- if include "popcon.secured" . }}
        - name: web
          mountPath: /etc/popcon-web
          readOnly: true
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    {{- with .Values.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    - name: mapping
      configMap:
        name: {{ include "popcon.mappingName" . | quote }}
    {{- if $own }}
    - name: tmp
      emptyDir: {}
    {{- end }}
    {{- if and $own (not .Values.persistence.enabled) }}
    - name: counts
      emptyDir: {}
    {{- end }}
    {{- if include "popcon.secured" . }}
    - name: web
      secret:
        secretName: {{ .Values.popcon.webConfigSecret.name | quote }}
        defaultMode: 0440
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

{{- /* statsd_exporter lost /health in 0.29; its front page was always there. Behind passwords only an open port can be seen. */ -}}
{{- define "popcon.probes" -}}
{{- $open := dict "tcpSocket" (dict "port" "http-metrics") -}}
{{- $live := dict "httpGet" (dict "path" "/" "port" "http-metrics") -}}
{{- $ready := $live -}}
{{- if include "popcon.secured" . -}}
{{- $live = $open -}}
{{- $ready = $open -}}
{{- else if eq .Values.exporter.kind "popcon" -}}
{{- $live = dict "httpGet" (dict "path" "/-/healthy" "port" "http-metrics") -}}
{{- $ready = dict "httpGet" (dict "path" "/-/ready" "port" "http-metrics") -}}
{{- end -}}
livenessProbe:
  {{- toYaml (default (merge (dict "periodSeconds" 20 "timeoutSeconds" 5 "failureThreshold" 6) $live) .Values.livenessProbe) | nindent 2 }}
readinessProbe:
  {{- toYaml (default (merge (dict "periodSeconds" 10 "timeoutSeconds" 5) $ready) .Values.readinessProbe) | nindent 2 }}
{{- if eq .Values.exporter.kind "popcon" }}
# A large file of counts is read before the port opens.
startupProbe:
  {{- toYaml (merge (dict "periodSeconds" 2 "failureThreshold" 90) $open) | nindent 2 }}
{{- end }}
{{- end }}

{{- define "popcon.placement" -}}
serviceAccountName: {{ include "popcon.serviceAccountName" . | quote }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
