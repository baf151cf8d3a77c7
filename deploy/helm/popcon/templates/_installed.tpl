{{- /*
popcon.checkClaims      what Kubernetes never lets change of what is installed, or would remove without a word, as
popcon.checkAddresses   lines for popcon.checks. Where no cluster is asked (helm template), nothing is installed.
*/ -}}

{{- /* Kubernetes' own answer to a changed claim names no way out. */ -}}
{{- define "popcon.checkClaims" -}}
{{- $name := include "popcon.fullname" . -}}
{{- $namespace := include "popcon.namespace" . -}}
{{- $installed := lookup "apps/v1" "StatefulSet" $namespace $name | default dict -}}
{{- if eq .Values.exporter.kind "popcon" -}}
{{- with $installed -}}
{{- $was := dict -}}
{{- with .spec.volumeClaimTemplates }}{{ $was = first . }}{{ end -}}
{{- $is := dict -}}
{{- if $.Values.persistence.enabled }}{{ $is = include "popcon.claims" $ | fromYamlArray | first }}{{ end -}}
{{- if ne (include "popcon.claimEssence" $was) (include "popcon.claimEssence" $is) }}
- {{ printf "persistence differs from the installed StatefulSet's (%s, now %s), which Kubernetes never lets change. To take it over with pods and volumes in place: kubectl -n %s delete statefulset %s --cascade=orphan, then upgrade again; volumes that exist keep their size and class" (include "popcon.claimEssence" $was) (include "popcon.claimEssence" $is) $namespace $name | quote }}
{{- end }}
{{- end -}}
{{- else if and (eq (dig "metadata" "labels" "app.kubernetes.io/instance" "" $installed) .Release.Name) (eq (dig "spec" "persistentVolumeClaimRetentionPolicy" "whenDeleted" "" $installed) "Delete") }}
- {{ printf "exporter.kind=statsd_exporter removes the installed StatefulSet, and with it the volumes and the counts that they hold back. To keep them upgrade with persistence.keepOnUninstall=true first; to let them go: kubectl -n %s delete statefulset %s" $namespace $name | quote }}
{{- end -}}
{{- end }}

{{- /* Found out by Kubernetes only when half of the upgrade is done. */ -}}
{{- define "popcon.checkAddresses" -}}
{{- $namespace := include "popcon.namespace" . -}}
{{- $services := dict "statsd.service" (include "popcon.fullname" .) "service" (include "popcon.metrics" .) -}}
{{- range $value, $name := $services -}}
{{- $given := ternary $.Values.service $.Values.statsd.service (eq $value "service") -}}
{{- with lookup "v1" "Service" $namespace $name -}}
{{- $ways := printf "kubectl -n %s delete service %s, then upgrade again; kernels and Prometheus find it by its name" $namespace $name -}}
{{- $address := $given.clusterIP | default .spec.clusterIP -}}
{{- $families := .spec.ipFamilies | default list -}}
{{- if ne $address .spec.clusterIP }}
- {{ printf "%s.clusterIP=%s is not the address of the installed Service, %s, which Kubernetes never lets change. To let it: %s" $value $address .spec.clusterIP $ways | quote }}
{{- else if and $given.ipFamilies $families (ne (first $given.ipFamilies) (first $families)) }}
- {{ printf "%s.ipFamilies begins with %s, and the installed Service with %s, which Kubernetes never lets change. To let it: %s" $value (first $given.ipFamilies) (first $families) $ways | quote }}
{{- end }}
{{- end -}}
{{- end -}}
{{- end }}

{{- /* Kubernetes stores 1024Mi as 1Gi, so sizes are compared in bytes. */ -}}
{{- define "popcon.claimEssence" -}}
{{- if . -}}
{{- $class := "of the cluster" -}}
{{- if hasKey .spec "storageClassName" }}{{ $class = quote .spec.storageClassName }}{{ end -}}
{{ include "popcon.bytes" .spec.resources.requests.storage }} bytes {{ .spec.accessModes | join "+" }} class {{ $class }}{{ with .metadata.annotations }} annotations {{ toJson . }}{{ end }}
{{- else -}}
no volume
{{- end -}}
{{- end }}

{{- define "popcon.bytes" -}}
{{- $size := toString . -}}
{{- $unit := regexFind "[A-Za-z]*$" $size -}}
{{- $factor := 1 -}}
{{- range $power, $prefix := list "k" "M" "G" "T" "P" "E" -}}
{{- if eq (lower $unit) (lower $prefix) }}{{ range until (add1 $power | int) }}{{ $factor = mul $factor 1000 }}{{ end }}{{ end -}}
{{- if eq (lower $unit) (printf "%si" (lower $prefix)) }}{{ range until (add1 $power | int) }}{{ $factor = mul $factor 1024 }}{{ end }}{{ end -}}
{{- end -}}
{{ mul (trimSuffix $unit $size | int64) $factor }}
{{- end }}
