{{- /*
Names of objects, asked for by role; no other template spells one.

popcon.name          popcon, or nameOverride: only ever part of a name
popcon.fullname      the workload, the ingest Service, what kernels send to
popcon.metrics       the scrape Service
popcon.short         of a dict of name, length: the name, cut where it is longer, with a hash so that no two become one
popcon.mappingName   the ConfigMap of the rules
popcon.serviceAccountName
popcon.namespace
popcon.image         a dict of root, image, registry, repository, tag → a full reference
*/ -}}

{{- define "popcon.name" -}}
{{ default .Chart.Name .Values.nameOverride }}
{{- end }}

{{- define "popcon.fullname" -}}
{{- $name := include "popcon.name" . -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride }}
{{- else if contains $name .Release.Name -}}
{{ include "popcon.short" (dict "name" .Release.Name "length" 50) }}
{{- else -}}
{{ include "popcon.short" (dict "name" (printf "%s-%s" .Release.Name $name) "length" 50) }}
{{- end -}}
{{- end }}

{{- define "popcon.short" -}}
{{- if le (len .name) .length -}}
{{ .name }}
{{- else -}}
{{ .name | trunc (sub .length 7 | int) | trimSuffix "-" }}-{{ .name | sha256sum | trunc 6 }}
{{- end -}}
{{- end }}

{{- define "popcon.metrics" -}}
{{ include "popcon.fullname" . }}-metrics
{{- end }}

{{- define "popcon.mappingName" -}}
{{- if .Values.statsd.mappingConfigMapName -}}
{{ .Values.statsd.mappingConfigMapName }}
{{- else -}}
{{ include "popcon.fullname" . }}-mapping
{{- end -}}
{{- end }}

{{- define "popcon.mappingKey" -}}
{{ ternary "mapping.yaml" .Values.statsd.mappingConfigMapKey (empty .Values.statsd.mappingConfigMapName) }}
{{- end }}

{{- define "popcon.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{ default (include "popcon.fullname" .) .Values.serviceAccount.name }}
{{- else -}}
{{ default "default" .Values.serviceAccount.name }}
{{- end -}}
{{- end }}

{{- define "popcon.namespace" -}}
{{ default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{- define "popcon.image" -}}
{{- $global := (.root.Values.global | default dict).imageRegistry | default "" -}}
{{- $registry := default .registry $global -}}
{{- if $registry }}{{ $registry }}/{{ end }}{{ .repository }}
{{- if .image.digest }}@{{ .image.digest }}{{ else }}:{{ .tag }}{{ end }}
{{- end }}

{{- /* The Go exporter's version is the one that popcon is tested with; a test compares. */ -}}
{{- define "popcon.exporterImage" -}}
{{- $image := .Values.image -}}
{{- if eq .Values.exporter.kind "popcon" -}}
{{ include "popcon.image" (dict "root" . "image" $image "registry" $image.registry "repository" $image.repository "tag" (default .Chart.AppVersion $image.tag)) }}
{{- else -}}
{{ include "popcon.image" (dict "root" . "image" $image "registry" (default "quay.io" $image.registry) "repository" (default "prometheus/statsd-exporter" $image.repository) "tag" (default "v0.31.0" $image.tag)) }}
{{- end -}}
{{- end }}

{{- define "popcon.pythonImage" -}}
{{- $image := .Values.python -}}
{{ include "popcon.image" (dict "root" . "image" $image "registry" $image.registry "repository" $image.repository "tag" $image.tag) }}
{{- end }}

{{- /* The Services' names as other namespaces write them: no cluster domain is assumed. */ -}}
{{- define "popcon.ingestHost" -}}
{{ include "popcon.fullname" . }}.{{ include "popcon.namespace" . }}
{{- end }}

{{- define "popcon.metricsURL" -}}
{{ ternary "https" "http" (eq (include "popcon.secured" .) "yes") }}://{{ include "popcon.metrics" . }}.{{ include "popcon.namespace" . }}:{{ .Values.service.port }}{{ .Values.service.path }}
{{- end }}

{{- /* Whether the metrics' port asks for TLS or passwords. */ -}}
{{- define "popcon.secured" -}}
{{- if and (eq .Values.exporter.kind "popcon") .Values.popcon.webConfigSecret.name -}}yes{{- end -}}
{{- end }}
