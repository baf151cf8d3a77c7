{{/*
In: the chart. Out: mapping rules for both exporters, for the shipped lists of site label keys and
those in `statsd.siteLabels`: byte for byte what `popcon render mapping --labels KEY,KEY` prints.
Every line is printed with its own end, so that no white space of this file gets into the text.
*/}}
{{- define "popcon.mapping" -}}
{{- $table := .Files.Get "files/metrics.yaml" | fromYaml -}}
{{- range $keys := .Values.statsd.siteLabels -}}
  {{- include "popcon.mapping.refuse" (dict "keys" $keys "taken" $table.takenLabels) -}}
{{- end -}}
{{- $lists := concat $table.siteLabels (.Values.statsd.siteLabels | default list) | uniq -}}
{{- $named := list -}}
{{- $rules := list -}}
{{- $longest := 0 -}}
{{- range $keys := $lists -}}
  {{- $named = append $named (join " + " $keys | default "none") -}}
  {{- range $metric := $table.metrics -}}
    {{- $parts := list $table.prefix -}}
    {{- range $key := $keys -}}
      {{- $parts = concat $parts (list $key "*") -}}
    {{- end -}}
    {{- $parts = append $parts $metric.wire -}}
    {{- range $metric.labels -}}
      {{- $parts = append $parts "*" -}}
    {{- end -}}
    {{- $longest = max $longest (len $parts) | int -}}
    {{- $rules = append $rules (dict "parts" $parts "labels" (concat $keys $metric.labels) "metric" $metric) -}}
  {{- end -}}
{{- end -}}
{{- $table.head | replace "{labels}" (join ", " $named) -}}
{{- /* Shorter rules first: statsd_exporter loses a short rule that follows a longer one. */ -}}
{{- range $length := untilStep 1 (add1 $longest | int) 1 -}}
  {{- range $rule := $rules -}}
    {{- if eq (len $rule.parts) $length -}}
      {{- include "popcon.mapping.rule" $rule -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- $table.last -}}
{{- end -}}

{{/*
In: one metric behind one list of site label keys. Out: its rule. A name is matched part by part,
but where the last part may hold dots, by a regular expression.
*/}}
{{- define "popcon.mapping.rule" -}}
{{- if .metric.tail -}}
  {{- $before := initial .parts | join "\\." | replace "*" "([^.]+)" -}}
  {{- printf "- match: %s\n  match_type: regex\n" (printf "^%s\\.([%s]+)$" $before .metric.tail | toRawJson) -}}
{{- else -}}
  {{- printf "- match: %s\n" (join "." .parts | toRawJson) -}}
{{- end -}}
{{- printf "  match_metric_type: %s\n" .metric.kind -}}
{{- printf "  name: %s\n  help: %s\n" (toRawJson .metric.name) (toRawJson .metric.help) -}}
{{- range $position, $label := .labels -}}
  {{- if eq $position 0 -}}
    {{- print "  labels:\n" -}}
  {{- end -}}
  {{- printf "    %s: %s\n" $label (printf "$%d" (add1 $position) | toRawJson) -}}
{{- end -}}
{{- end -}}

{{/*
In: one list of `statsd.siteLabels`, and the label names that metrics have. Out: nothing, or a
refusal of what `popcon render mapping --labels` refuses.
*/}}
{{- define "popcon.mapping.refuse" -}}
{{- if or (not (kindIs "slice" .keys)) (empty .keys) -}}
  {{- fail (printf "statsd.siteLabels is a list of lists of label keys, such as [[namespace, course]]; one of them is %s" (toRawJson .keys)) -}}
{{- end -}}
{{- range $key := .keys -}}
  {{- if not (regexMatch "^[A-Za-z_][A-Za-z0-9_]+$" (toString $key)) -}}
    {{- fail (printf "statsd.siteLabels: not a label key: %s (two or more letters, digits and '_')" (toRawJson $key)) -}}
  {{- else if or (hasPrefix "__" (toString $key)) (has $key $.taken) -}}
    {{- fail (printf "statsd.siteLabels: a label key that is taken: %s" (toRawJson $key)) -}}
  {{- end -}}
{{- end -}}
{{- if lt (len (uniq .keys)) (len .keys) -}}
  {{- fail (printf "statsd.siteLabels: a label key stands twice in %s" (toRawJson .keys)) -}}
{{- end -}}
{{- end -}}
