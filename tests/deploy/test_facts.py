"""What holds of the chart's objects, whatever the values: looked up in every values file."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.deploy import pod_security
from tests.deploy.chart import (
    NAMES,
    Object,
    Where,
    exporter,
    mixed,
    named,
    of_kind,
    render,
    values_of,
    workload,
)

OWN = ("popcon", "exporter")
MONITORS = ("ServiceMonitor", "PodMonitor")


def selector(component: str) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": "popcon",
        "app.kubernetes.io/instance": "popcon",
        "app.kubernetes.io/component": component,
    }


def chart_objects(name: str) -> list[Object]:
    """Return what the chart makes, without the values file's own objects."""
    return [
        one
        for one in render(name)
        if one["metadata"].get("labels", {}).get("app.kubernetes.io/part-of") == "popcon"
    ]


def pods(name: str) -> Iterator[tuple[str, Object]]:
    """Yield each pod that comes of a values file, as component → labels and spec."""
    for one in render(name):
        found: Object = one
        if one["kind"] == "CronJob":
            found = one["spec"]["jobTemplate"]["spec"]["template"]
        elif one["kind"] in ("Deployment", "StatefulSet"):
            found = one["spec"]["template"]
        elif one["kind"] != "Pod":
            continue
        yield found["metadata"]["labels"]["app.kubernetes.io/component"], found


def selectors(name: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each selector of the exporter's pods, as the object's kind and the labels."""
    for one in chart_objects(name):
        spec = one.get("spec", {})
        if one["kind"] == "Service":
            yield one["kind"], spec["selector"]
        elif one["kind"] == "NetworkPolicy":
            yield one["kind"], spec["podSelector"]["matchLabels"]
        elif "selector" in spec:
            assert set(spec["selector"]) == {"matchLabels"}
            yield one["kind"], spec["selector"]["matchLabels"]


def test_selectors_are_three_labels() -> None:
    """No value reaches a selector: they are the same three labels in every file, and pods have them."""
    kinds = set()
    for name in NAMES:
        for kind, labels in selectors(name):
            more = {"popcon/service": "metrics"} if kind == "ServiceMonitor" else {}
            assert labels == {**selector("exporter"), **more}, (name, kind)
            kinds.add(kind)
        template = workload(render(name))["spec"]["template"]
        assert selector("exporter").items() <= template["metadata"]["labels"].items(), name
    assert kinds == {
        *("Deployment", "StatefulSet", "Service", "NetworkPolicy", "PodDisruptionBudget"),
        *MONITORS,
    }


def test_a_service_monitor_finds_one_service() -> None:
    """What a ServiceMonitor selects is the scrape Service alone."""
    for name in NAMES:
        for monitor in of_kind(render(name), "ServiceMonitor"):
            wanted = monitor["spec"]["selector"]["matchLabels"].items()
            services = of_kind(render(name), "Service")
            found = [one for one in services if wanted <= one["metadata"]["labels"].items()]
            (metrics,) = found
            (endpoint,) = monitor["spec"]["endpoints"]
            assert endpoint["port"] in [port["name"] for port in metrics["spec"]["ports"]]


def test_no_job_is_taken_for_an_exporter() -> None:
    """Pods of jobs have another component, so neither a Service nor a policy selects them."""
    components = set()
    for name in NAMES:
        for component, pod in pods(name):
            components.add(component)
            assert selector(component).items() <= pod["metadata"]["labels"].items(), name
    assert components == {"exporter", "inventory", "canary", "test"}


def test_pods_are_restricted() -> None:
    """Each pod is admitted by the `restricted` level of Pod Security, whatever is set."""
    faults = [
        (name, component, fault)
        for name in NAMES
        for component, pod in pods(name)
        for fault in pod_security.violations(pod["spec"])
    ]
    assert faults == []


def test_pods_are_careful() -> None:
    """Each container has a read-only root, no token, bounds, and an image of a version."""
    faults = [
        (name, component, fault)
        for name in NAMES
        for component, pod in pods(name)
        for fault in (
            *pod_security.carelessness(pod["spec"]),
            *pod_security.loose_ends(_with_claims(name, pod["spec"])),
        )
    ]
    assert faults == []


def _with_claims(name: str, spec: Object) -> Object:
    claims = workload(render(name))["spec"].get("volumeClaimTemplates", ())
    mine = [one["metadata"]["name"] for one in claims]
    if spec["containers"][0]["name"] != "exporter":
        return spec
    return {**spec, "volumes": [*spec.get("volumes", ()), *({"name": one} for one in mine)]}


def test_openshift_chooses_the_ids() -> None:
    """A null takes an id out, and the pod is restricted all the same."""
    for _, pod in pods("openshift"):
        assert set(pod["spec"]["securityContext"]) == {
            *("runAsNonRoot", "fsGroupChangePolicy", "seccompProfile"),
        }


def test_spread_over_what_is_meant() -> None:
    """A topology constraint spreads the exporter's pods, unless it selects others by itself."""
    spec = workload(render("spread"))["spec"]["template"]["spec"]
    given = values_of("spread")["topologySpreadConstraints"]
    ours, theirs = spec["topologySpreadConstraints"]
    assert ours == {**given[0], "labelSelector": {"matchLabels": selector("exporter")}}
    assert theirs == given[1]


def test_labels_are_honoured() -> None:
    """Wherever a monitor is made it honours labels: the hub's namespace stays where it was."""
    seen = set()
    for name in NAMES:
        for monitor in of_kind(render(name), *MONITORS):
            spec = monitor["spec"]
            (endpoint,) = spec.get("endpoints") or spec["podMetricsEndpoints"]
            assert endpoint["honorLabels"] is True, name
            assert endpoint["port"] == "http-metrics"
            namespace = workload(render(name))["metadata"]["namespace"]
            assert spec["namespaceSelector"] == {"matchNames": [namespace]}
            seen.add(monitor["kind"])
    assert seen == set(MONITORS)


def test_scraped_once() -> None:
    """Annotations and a monitor are never both there, nor two monitors, and annotations tell the truth."""
    annotated = set()
    for name in NAMES:
        objects = render(name)
        (metrics,) = [one for one in of_kind(objects, "Service") if _is_headless(one)]
        annotations = metrics["metadata"].get("annotations", {})
        monitors = of_kind(objects, *MONITORS)
        assert len(monitors) + ("prometheus.io/scrape" in annotations) <= 1, name
        if "prometheus.io/scrape" in annotations:
            annotated.add(name)
            assert annotations["prometheus.io/port"] == str(metrics["spec"]["ports"][0]["port"])
            assert f"--web.telemetry-path={annotations['prometheus.io/path']}" in _arguments(name)
    assert {"default", "annotated", "other-ports"} <= annotated
    assert not annotated & {"no-scraping", "service-monitor", "pod-monitor"}


def _is_headless(service: Object) -> bool:
    return bool(service["spec"].get("clusterIP") == "None")


def _arguments(name: str) -> list[str]:
    found: list[str] = exporter(render(name))["args"]
    return found


def test_ports_are_where_the_exporter_listens() -> None:
    """A Service's ports lead to ports of the container, and those are the ones in its arguments."""
    for name in NAMES:
        container = exporter(render(name))
        ports = {one["name"]: one for one in container["ports"]}
        for service in of_kind(chart_objects(name), "Service"):
            for port in service["spec"]["ports"]:
                target = ports[port["targetPort"]]
                assert target["protocol"] == port["protocol"], name
                assert target["containerPort"] == port["port"], name
        listening = {
            "statsd-udp": _flag(container, "--statsd.listen-udp"),
            "statsd-tcp": _flag(container, "--statsd.listen-tcp"),
            "http-metrics": _flag(container, "--web.listen-address"),
        }
        expected = {key: f":{one['containerPort']}" for key, one in ports.items()}
        assert {key: value for key, value in listening.items() if value} == expected


def _flag(container: Object, flag: str) -> str:
    (found,) = [one for one in container["args"] if one.startswith(f"{flag}=")]
    return str(found).partition("=")[2]


def test_network_policy_leaves_a_way() -> None:
    """A policy opens each port of the container to some, the jobs' pods among them, by number: a name is all ports to some."""
    for name in NAMES:
        container = exporter(render(name))
        for policy in of_kind(render(name), "NetworkPolicy"):
            rules = policy["spec"]["ingress"]
            opened = {(port["port"], port["protocol"]) for rule in rules for port in rule["ports"]}
            ports = {(one["containerPort"], one["protocol"]) for one in container["ports"]}
            assert opened == ports, name
            assert all(rule["from"] for rule in policy["spec"]["ingress"])
            assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
            allowed = [
                peer["podSelector"]["matchLabels"]
                for rule in policy["spec"]["ingress"]
                for peer in rule["from"]
                if "namespaceSelector" not in peer and "matchLabels" in peer.get("podSelector", ())
            ]
            for component in ("canary", "test"):
                assert allowed.count(selector(component)) == 2, name
            assert allowed.count(selector("inventory")) == 1, name


def test_probes() -> None:
    """Each exporter has a liveness and a readiness probe at a port or page that it has."""
    pages = {"popcon": {"/-/healthy", "/-/ready"}, "statsd_exporter": {"/"}}
    for name in NAMES:
        if name == "probes" or name.startswith("all-"):
            continue
        container = exporter(render(name))
        kind = values_of(name).get("exporter", {}).get("kind", "statsd_exporter")
        probes = [container["livenessProbe"], container["readinessProbe"]]
        if name == "popcon-web-secret":
            assert [one["tcpSocket"] for one in probes] == [{"port": "http-metrics"}] * 2
            continue
        assert {one["httpGet"]["path"] for one in probes} == pages[kind], name
        assert {one["httpGet"]["port"] for one in probes} == {"http-metrics"}
        assert ("startupProbe" in container) == (kind == "popcon")


def test_tags_are_off() -> None:
    """No exporter parses tags: any kernel could add a label by one."""
    for name in NAMES:
        off = {f"--no-statsd.parse-{one}-tags" for one in _TAGS}
        assert off <= set(_arguments(name)), name


_TAGS = ("dogstatsd", "influxdb", "librato", "signalfx")


def test_rules_are_mounted() -> None:
    """The exporter reads the key of the ConfigMap that is mounted, as a folder, never by subPath."""
    for name in NAMES:
        objects = render(name)
        spec = workload(objects)["spec"]["template"]["spec"]
        (mount,) = [one for one in exporter(objects)["volumeMounts"] if one["name"] == "mapping"]
        (volume,) = [one for one in spec["volumes"] if one["name"] == "mapping"]
        assert (mount["mountPath"], "subPath" in mount) == ("/etc/popcon", False)
        key = _flag(exporter(objects), "--statsd.mapping-config").removeprefix("/etc/popcon/")
        values = values_of(name).get("statsd", {})
        if "mappingConfigMapName" in values:
            assert volume["configMap"]["name"] == values["mappingConfigMapName"]
            assert key == values.get("mappingConfigMapKey", "statsd.mappingConf")
            assert not [one for one in of_kind(objects, "ConfigMap") if "mapping" in str(one)]
        else:
            assert "match" in named(objects, "ConfigMap", volume["configMap"]["name"])["data"][key]


def test_every_object_has_its_place() -> None:
    """Each object is named once, says its namespace, and has the chart's labels."""
    for name in NAMES:
        objects = render(name)
        keys = [(o["kind"], o["metadata"]["namespace"], o["metadata"]["name"]) for o in objects]
        assert len(set(keys)) == len(keys), name
        values = values_of(name)
        namespace = values.get("namespaceOverride", "monitoring")
        elsewhere = {
            values.get(part, {}).get("namespace") or namespace
            for part in ("serviceMonitor", "podMonitor", "prometheusRule", "dashboards")
        }
        for one in chart_objects(name):
            assert one["metadata"]["namespace"] in elsewhere | {namespace}
            if one["kind"] not in (*MONITORS, "PrometheusRule", "ConfigMap"):
                assert one["metadata"]["namespace"] == namespace, (name, one["kind"])
            assert {
                *("app.kubernetes.io/version", "app.kubernetes.io/managed-by"),
                *("app.kubernetes.io/part-of", "helm.sh/chart"),
            } <= set(one["metadata"]["labels"])
        mine = [one for one in objects if one not in chart_objects(name)]
        assert len(mine) == len(values.get("extraObjects", ())), name


@pytest.mark.parametrize(
    "release", ["popcon", "a", "r" * 53, "r-" * 26 + "r", "x" * 46 + "-popcon"]
)
def test_names_are_short_enough(release: str) -> None:
    """With the longest release name too, names are what Kubernetes takes, each once."""
    limits = {"CronJob": 52, "Service": 63}
    for name in ("all-popcon", "all-statsd-exporter", "fullname", "inventory", "dashboards"):
        objects = render(name, Where(release))
        for one in objects:
            found = one["metadata"]["name"]
            assert len(found) <= limits.get(one["kind"], 63), (release, found)
            assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", found), found
        keys = [(one["kind"], one["metadata"]["name"]) for one in objects]
        assert len(set(keys)) == len(keys)
        (instance,) = {
            labels["app.kubernetes.io/instance"] for _, labels in _all_selectors(objects)
        }
        assert instance == release


def _all_selectors(objects: list[Object]) -> Iterator[tuple[str, dict[str, str]]]:
    for one in of_kind(objects, "Service"):
        yield one["kind"], one["spec"]["selector"]


@pytest.mark.parametrize("before", ["", "hub-of-the-university-west-", "r" * 52])
def test_two_releases_share_nothing(before: str) -> None:
    """Two releases in one namespace make no object of the same name, and select no pod of each other."""
    values = mixed(values_of("inventory"), {"canary": {"enabled": True}})
    values = mixed(values, {"dashboards": {"enabled": True}})
    one, other = render(values, Where(f"{before}a")), render(values, Where(f"{before}b"))
    names = [{(o["kind"], o["metadata"]["name"]) for o in objects} for objects in (one, other)]
    assert not names[0] & names[1]
    assert workload(one)["spec"]["selector"] != workload(other)["spec"]["selector"]


def test_images() -> None:
    """An image is what the values say, and a mirror stands in for both registries of the world."""
    images = {name: exporter(render(name))["image"] for name in NAMES}
    digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    assert images["popcon-digest"] == f"registry.example.org:5000/team/popcon@{digest}"
    assert images["air-gapped"].startswith(
        "registry.example.org/mirror/prometheus/statsd-exporter:"
    )
    assert images["default"].startswith("quay.io/prometheus/statsd-exporter:v")
    for component, pod in pods("air-gapped"):
        assert pod["spec"]["containers"][0]["image"].startswith("registry.example.org/"), component
        assert pod["spec"]["imagePullSecrets"] == [{"name": "mirror"}, {"name": "2024"}]
