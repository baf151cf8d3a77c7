{{- /*
popcon.checks   fails with one line for each thing in values that can't be, and what to do; the schema has refused wrong types and spellings before.
                What can't be because of what is installed is in _installed.tpl.
*/ -}}

{{- define "popcon.checks" -}}
{{- $faults := concat
  (include "popcon.checkKind" . | fromYamlArray)
  (include "popcon.checkName" . | fromYamlArray)
  (include "popcon.checkOwn" . | fromYamlArray)
  (include "popcon.checkRules" . | fromYamlArray)
  (include "popcon.checkSenders" . | fromYamlArray)
  (include "popcon.checkScraping" . | fromYamlArray)
  (include "popcon.checkArguments" . | fromYamlArray)
  (include "popcon.checkClaims" . | fromYamlArray)
  (include "popcon.checkAddresses" . | fromYamlArray) -}}
{{- if $faults -}}
{{- fail (printf "\n\nThese values of popcon can't be:\n- %s\n" (join "\n- " $faults)) -}}
{{- end -}}
{{- end }}

{{- define "popcon.checkKind" -}}
{{- $own := eq .Values.exporter.kind "popcon" -}}
{{- if and $own (not .Values.image.repository) }}
- {{ "exporter.kind=popcon needs image.repository: popcon's exporter has no public image, build one with deploy/image/Dockerfile and push it where the cluster can pull" | quote }}
{{- end }}
{{- if and $own .Values.autoscaling.enabled }}
- {{ "autoscaling.enabled is for exporter.kind=statsd_exporter: scaled down, a popcon exporter would strand the counts that it holds; set replicaCount" | quote }}
{{- end }}
{{- if and (not $own) .Values.popcon.webConfigSecret.name }}
- {{ printf "popcon.webConfigSecret.name=%q is for exporter.kind=popcon: statsd_exporter has no TLS and no passwords, and would run without" .Values.popcon.webConfigSecret.name | quote }}
{{- end }}
{{- if not $own }}
{{- $privacy := omit .Values.popcon.privacy (ternary "" "policy" (eq .Values.popcon.privacy.policy "strict")) }}
{{- $rest := pick .Values.popcon "openMetrics" "runContextEnvironment" }}
{{- range $section, $values := dict "popcon.privacy" $privacy "popcon.limits" .Values.popcon.limits "popcon" $rest }}
{{- range $key, $value := $values }}
{{- if $value }}
- {{ printf "%s.%s is for exporter.kind=popcon: statsd_exporter has nothing like it, and would run without" $section $key | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if .Values.autoscaling.enabled }}
{{- if lt (int .Values.autoscaling.maxReplicas) (int .Values.autoscaling.minReplicas) }}
- {{ printf "autoscaling.maxReplicas=%d is below autoscaling.minReplicas=%d" (int .Values.autoscaling.maxReplicas) (int .Values.autoscaling.minReplicas) | quote }}
{{- end }}
{{- if not (or .Values.autoscaling.targetCPUUtilizationPercentage .Values.autoscaling.targetMemoryUtilizationPercentage) }}
- {{ "autoscaling.enabled needs a target: autoscaling.targetCPUUtilizationPercentage or autoscaling.targetMemoryUtilizationPercentage" | quote }}
{{- end }}
{{- end }}
{{- if eq (int .Values.statsd.udpPort) (int .Values.service.port) }}
- {{ printf "statsd.udpPort and service.port are both %d: give them different ports" (int .Values.service.port) | quote }}
{{- end }}
{{- /* A patch knows a port by its number alone, of a Service and of a pod: kubernetes/kubernetes#39188. */}}
{{- if eq (int .Values.statsd.tcpPort) (int .Values.statsd.udpPort) }}
- {{ printf "statsd.tcpPort and statsd.udpPort are both %d, and an upgrade would lose one of them: give TCP another one, such as %d" (int .Values.statsd.udpPort) (add1 .Values.statsd.udpPort) | quote }}
{{- end }}
{{- if eq (int .Values.statsd.tcpPort) (int .Values.service.port) }}
- {{ printf "statsd.tcpPort and service.port are both %d: only one can listen there" (int .Values.service.port) | quote }}
{{- end }}
{{- end }}

{{- /* With these popcon's exporter would not start. */ -}}
{{- define "popcon.checkOwn" -}}
{{- if eq .Values.exporter.kind "popcon" -}}
{{- $privacy := .Values.popcon.privacy -}}
{{- if eq $privacy.policy "off" }}
{{- range $key := list "minProcesses" "interval" "minLibraryProcesses" "timezone" "byAddress" }}
{{- if index $privacy $key }}
- {{ printf "popcon.privacy.%s=%v is for a policy that holds something back, and popcon.privacy.policy=off holds nothing: leave one of them out" $key (index $privacy $key) | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- range $value, $port := dict "service.port" .Values.service.port "statsd.tcpPort" .Values.statsd.tcpPort }}
{{- if hasSuffix (printf ":%v" $port) ($.Values.popcon.adminAddress | default "") }}
- {{ printf "popcon.adminAddress=%s has the port of %s: give it another one" $.Values.popcon.adminAddress $value | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Releases may be called what no Service can be called. */ -}}
{{- define "popcon.checkName" -}}
{{- $name := include "popcon.fullname" . -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) }}
- {{ printf "the release's name makes %q, which no Service can be called (letters, digits and '-', a letter first): set fullnameOverride" $name | quote }}
{{- end }}
{{- end }}

{{- define "popcon.checkRules" -}}
{{- if and .Values.statsd.mappingConfig .Values.statsd.mappingConfigMapName }}
- {{ printf "statsd.mappingConfig and statsd.mappingConfigMapName=%q are both given: which rules?" .Values.statsd.mappingConfigMapName | quote }}
{{- end }}
{{- if kindIs "string" .Values.statsd.mappingConfig }}
{{- with index (fromYaml .Values.statsd.mappingConfig) "Error" }}
- {{ printf "statsd.mappingConfig can't be read as rules: %s" (. | toString | replace "error converting YAML to JSON: " "" | replace "\n" " ") | quote }}
{{- end }}
{{- end }}
{{- $foreign := or .Values.statsd.mappingConfig .Values.statsd.mappingConfigMapName }}
{{- if and $foreign .Values.statsd.siteLabels }}
- {{ "statsd.siteLabels makes rules of popcon's, which statsd.mappingConfig or statsd.mappingConfigMapName replaces: write the labels into those rules" | quote }}
{{- end }}
{{- if not $foreign }}
{{- $known := list "" "namespace" }}
{{- range .Values.statsd.siteLabels }}
{{- $known = append $known (join "," .) }}
{{- end }}
{{- range .Values.inventory.images }}
{{- $keys := list }}
{{- range splitList "," (.labels | default "") }}
{{- $keys = append $keys (splitList "=" . | first) }}
{{- end }}
{{- if not (has (join "," $keys) $known) }}
- {{ printf "inventory.images[%s].labels=%q has keys that no rule knows, so its zeros would be dropped: add [%s] to statsd.siteLabels" .name .labels (join ", " $keys) | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- $names := list }}
{{- range .Values.inventory.images }}
{{- if has .name $names }}
- {{ printf "inventory.images has the name %q twice" .name | quote }}
{{- end }}
{{- $names = append $names .name }}
{{- end }}
{{- end }}

{{- /* What would be dropped, or let in, without a word. */ -}}
{{- define "popcon.checkSenders" -}}
{{- $type := .Values.statsd.service.type -}}
{{- $outside := ne $type "ClusterIP" -}}
{{- if and .Values.statsd.service.loadBalancerSourceRanges (ne $type "LoadBalancer") }}
- {{ printf "statsd.service.loadBalancerSourceRanges would have no effect with statsd.service.type=%s, and anybody could send: use networkPolicy, or LoadBalancer" $type | quote }}
{{- end }}
{{- $addresses := list }}
{{- range .Values.networkPolicy.senders }}
{{- $addresses = concat $addresses (ternary (list .) list (hasKey . "ipBlock")) }}
{{- end }}
{{- if and $outside .Values.networkPolicy.enabled (not $addresses) }}
- {{ printf "statsd.service.type=%s is for senders outside of the cluster, and networkPolicy.senders lets in none: add an ipBlock of theirs (or of the nodes, where addresses are translated)" $type | quote }}
{{- end }}
{{- if and $outside .Values.popcon.privacy.byAddress (ne .Values.statsd.service.externalTrafficPolicy "Local") }}
- {{ printf "popcon.privacy.byAddress with statsd.service.type=%s sees nodes in place of senders, and would hold counts for ever: set statsd.service.externalTrafficPolicy=Local, or leave it off" $type | quote }}
{{- end }}
{{- end }}

{{- define "popcon.checkScraping" -}}
{{- if and .Values.serviceMonitor.enabled .Values.podMonitor.enabled }}
- {{ "serviceMonitor.enabled and podMonitor.enabled would count everything twice: enable one" | quote }}
{{- end }}
{{- /* popcon's bound is there so that a scrape goes on; it shows fewer than 1000 series about itself besides. */}}
{{- $bound := add (.Values.popcon.limits.series | default 200000) 1000 -}}
{{- range $value := list "serviceMonitor" "podMonitor" }}
{{- with index $.Values $value }}
{{- if and .enabled .sampleLimit (eq $.Values.exporter.kind "popcon") (lt (int64 .sampleLimit) $bound) }}
- {{ printf "%s.sampleLimit=%d would refuse the whole scrape before popcon.limits.series is reached: give it %d or more, or 0" $value (int64 .sampleLimit) $bound | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- $api := .Capabilities.APIVersions -}}
{{- /* Kinds are known where a cluster was asked. That needs no permission, as looking at any object would. */}}
{{- range $value, $kind := dict "serviceMonitor" "ServiceMonitor" "podMonitor" "PodMonitor" "prometheusRule" "PrometheusRule" }}
{{- if and (index $.Values $value).enabled $.Release.IsInstall ($api.Has "v1/Pod") (not ($api.Has (printf "monitoring.coreos.com/v1/%s" $kind))) }}
- {{ printf "%s.enabled needs prometheus-operator, whose %s this cluster doesn't know: install the operator first, or leave it off" $value $kind | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- define "popcon.checkArguments" -}}
{{- if and (regexMatch "(^| )--statsd\\.relay\\.a" (join " " .Values.extraArgs)) .Values.networkPolicy.enabled (not .Values.networkPolicy.egress) }}
- {{ "extraArgs has --statsd.relay.address, and networkPolicy.egress lets the exporter reach nothing: add the other exporter, and DNS where it is a name" | quote }}
{{- end }}
{{- $set := list "--statsd.mapping-config" "--statsd.listen-udp" "--statsd.listen-tcp" "--web.listen-address" "--web.telemetry-path" "--log.level" "--log.format" "--statsd.read-buffer" "--statsd.cache-size" "--statsd.event-queue-size" "--statsd.event-flush-threshold" "--statsd.event-flush-interval" "--web.admin-address" "--privacy" "--privacy.min-processes" "--privacy.interval" "--privacy.min-library-processes" "--privacy.timezone" "--privacy.by-address" "--persistence.file" "--canary-interval" "--limits.series" "--limits.series-of-one-name" "--limits.labels" "--limits.text" "--limits.memory" "--web.enable-openmetrics" "--web.config.file" -}}
{{- range .Values.extraArgs }}
{{- $flag := splitList "=" . | first }}
{{- if has $flag $set }}
- {{ printf "extraArgs has %q, which the chart sets: use the value that stands for it (README.md)" . | quote }}
{{- else if regexMatch "^--(no-)?statsd\\.parse" $flag }}
- {{ printf "extraArgs has %q: tags stay off, because any kernel could add a user label by them" . | quote }}
{{- end }}
{{- end }}
{{- end }}
