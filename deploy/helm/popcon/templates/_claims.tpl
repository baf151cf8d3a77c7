{{- /*
popcon.claims   the StatefulSet's volumeClaimTemplates, which Kubernetes never lets change. So no label of the chart's version is on them.
*/ -}}

{{- define "popcon.claims" -}}
- metadata:
    name: counts
    labels:
      {{- include "popcon.exporterSelector" . | nindent 6 }}
    {{- with .Values.persistence.annotations }}
    annotations:
      {{- toYaml . | nindent 6 }}
    {{- end }}
  spec:
    accessModes:
      {{- toYaml .Values.persistence.accessModes | nindent 6 }}
    {{- with .Values.persistence.storageClass }}
    storageClassName: {{ ternary "" . (eq . "-") | quote }}
    {{- end }}
    resources:
      requests:
        storage: {{ .Values.persistence.size | quote }}
{{- end }}
