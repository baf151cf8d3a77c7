{{- /*
popcon.selector      of a dict of root, component: what selects pods. Immutable, so made of nothing that a value can change.
                     The chart's name is popcon, but in a chart that has this one as a part twice, by an alias each.
popcon.labels        of the same: every label that the chart puts on an object
*/ -}}

{{- define "popcon.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "popcon.labels" -}}
{{- $own := include "popcon.selector" . | fromYaml -}}
{{- $own = merge $own (dict
  "app.kubernetes.io/version" (.root.Chart.AppVersion | toString)
  "app.kubernetes.io/managed-by" .root.Release.Service
  "app.kubernetes.io/part-of" "popcon"
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name (.root.Chart.Version | replace "+" "_"))) -}}
{{- toYaml (merge $own (.root.Values.commonLabels | default dict)) -}}
{{- end }}

{{- /* A pod's labels: no version of the chart, so that a new chart alone replaces no pod. */ -}}
{{- define "popcon.podLabels" -}}
{{- $own := include "popcon.selector" . | fromYaml -}}
{{- toYaml (merge $own (.extra | default dict) (.root.Values.commonLabels | default dict)) -}}
{{- end }}

{{- define "popcon.exporterLabels" -}}
{{ include "popcon.labels" (dict "root" . "component" "exporter") }}
{{- end }}

{{- define "popcon.exporterSelector" -}}
{{ include "popcon.selector" (dict "root" . "component" "exporter") }}
{{- end }}
