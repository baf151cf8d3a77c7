"""Values that can't be: each is refused, by its path and with what to do, never by a fault of a template."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deploy.chart import (
    Object,
    Where,
    at,
    mixed,
    of_kind,
    read,
    refusal,
    render,
    rendered_text,
)

POPCON: Object = {"exporter": {"kind": "popcon"}, "image": {"repository": "registry/popcon"}}
#: What a template says that trips over a value.
ACCIDENTS = ("nil pointer", "<nil>", "wrong type", "interface conversion", "error converting YAML")

#: Refused by the schema: values, and what the message has to contain.
MISTYPED: list[tuple[Object, tuple[str, ...]]] = [
    ({"replicas": 2}, ("additional properties 'replicas' not allowed",)),
    ({"statsd": {"udpport": 1}}, ("at '/statsd'", "'udpport' not allowed")),
    ({"popcon": {"privacy": {"minProcess": 5}}}, ("at '/popcon/privacy'", "'minProcess'")),
    ({"exporter": {"kind": "go"}}, ("at '/exporter/kind'", "'statsd_exporter', 'popcon'")),
    ({"exporter": {"logLevel": "trace"}}, ("at '/exporter/logLevel'", "'debug'")),
    ({"replicaCount": 0}, ("at '/replicaCount'", "minimum")),
    ({"replicaCount": "2"}, ("at '/replicaCount'", "want integer")),
    ({"statsd": {"udpPort": 53}}, ("at '/statsd/udpPort'", "minimum")),
    ({"statsd": {"udpPort": 70000}}, ("at '/statsd/udpPort'", "maximum")),
    ({"statsd": {"tcpPort": 80}}, ("at '/statsd/tcpPort'",)),
    ({"statsd": {"eventFlushInterval": "200"}}, ("at '/statsd/eventFlushInterval'", "pattern")),
    ({"statsd": {"siteLabels": ["namespace"]}}, ("at '/statsd/siteLabels/0'", "want array")),
    ({"statsd": {"siteLabels": [["x"]]}}, ("at '/statsd/siteLabels/0/0'", "pattern")),
    ({"statsd": {"siteLabels": [["a-b"]]}}, ("at '/statsd/siteLabels/0/0'", "pattern")),
    ({"statsd": {"siteLabels": [["ab", "ab"]]}}, ("at '/statsd/siteLabels/0'", "equal")),
    (
        {"statsd": {"service": {"type": "ExternalName"}}},
        ("at '/statsd/service/type'", "'NodePort'"),
    ),
    (
        {"statsd": {"service": {"loadBalancerSourceRanges": ["10.0.0.1"]}}},
        ("at '/statsd/service/loadBalancerSourceRanges/0'", "pattern"),
    ),
    ({"service": {"path": "metrics"}}, ("at '/service/path'", "pattern")),
    ({"service": {"path": "/metrics:"}}, ("at '/service/path'", "pattern")),
    ({"service": {"path": "/-/ready"}}, ("at '/service/path'", "pattern")),
    ({"service": {"scrapeAnnotations": "no"}}, ("at '/service/scrapeAnnotations'", "boolean")),
    ({"service": {"ipFamilies": ["IPv5"]}}, ("at '/service/ipFamilies/0'", "'IPv4', 'IPv6'")),
    ({"image": {"tag": "v1:2"}}, ("at '/image/tag'", "pattern")),
    ({"image": {"digest": "sha256:12"}}, ("at '/image/digest'", "pattern")),
    ({"image": {"pullPolicy": "Sometimes"}}, ("at '/image/pullPolicy'", "'Always'")),
    ({"imagePullSecrets": ["mine"]}, ("at '/imagePullSecrets/0'", "want object")),
    ({"popcon": {"privacy": {"policy": "lax"}}}, ("at '/popcon/privacy/policy'", "'strict'")),
    ({"popcon": {"privacy": {"interval": "1 hour"}}}, ("at '/popcon/privacy/interval'",)),
    ({"persistence": {"size": "1 GB"}}, ("at '/persistence/size'", "pattern")),
    ({"persistence": {"accessModes": []}}, ("at '/persistence/accessModes'", "minItems")),
    ({"serviceMonitor": {"interval": "1 min"}}, ("at '/serviceMonitor/interval'", "pattern")),
    (
        {"prometheusRule": {"runbookUrl": "docs/runbooks"}},
        ("at '/prometheusRule/runbookUrl'", "pattern"),
    ),
    ({"serviceMonitor": {"honorLabels": False}}, ("at '/serviceMonitor'", "'honorLabels'")),
    (
        {"networkPolicy": {"scrapers": [{"namespaceSelector": {}, "podselector": {}}]}},
        ("at '/networkPolicy/scrapers/0'", "'podselector' not allowed"),
    ),
    (
        {"networkPolicy": {"senders": [{"podSelector": {"app": "jupyterhub"}}]}},
        ("at '/networkPolicy/senders/0/podSelector'", "'app' not allowed"),
    ),
    ({"networkPolicy": {"senders": [{}]}}, ("at '/networkPolicy/senders/0'", "minProperties")),
    ({"podDisruptionBudget": {"maxUnavailable": "150%"}}, ("at '/podDisruptionBudget",)),
    ({"podLabels": {"a": 1}}, ("at '/podLabels/a'", "want string")),
    ({"podAnnotations": {"a": True}}, ("at '/podAnnotations/a'", "want string")),
    ({"extraEnv": {"A": 1}}, ("at '/extraEnv/A'", "want string or object")),
    ({"extraEnv": [{"name": "A", "value": "b"}]}, ("at '/extraEnv'", "want object")),
    ({"extraArgs": ["debug"]}, ("at '/extraArgs/0'", "pattern")),
    ({"inventory": {"images": [{"name": "a"}]}}, ("at '/inventory/images/0'", "'image'")),
    (
        {"inventory": {"images": [{"name": "A_b", "image": "x"}]}},
        ("at '/inventory/images/0/name'", "pattern"),
    ),
    (
        {"inventory": {"images": [{"name": "a", "image": "x", "labels": "namespace"}]}},
        ("at '/inventory/images/0/labels'", "pattern"),
    ),
    ({"canary": {"schedule": "every day"}}, ("at '/canary/schedule'", "pattern")),
    ({"fullnameOverride": "x" * 51}, ("at '/fullnameOverride'", "maxLength")),
    ({"fullnameOverride": "Popcon"}, ("at '/fullnameOverride'", "pattern")),
    ({"statsd": {"mappingConfig": ["a"]}}, ("at '/statsd/mappingConfig'", "string or object")),
    ({"statsd": 9125}, ("at '/statsd'", "want object")),
]

#: Refused by the chart, which says what to do.
CONTRADICTIONS: list[tuple[Object, tuple[str, ...]]] = [
    ({"exporter": {"kind": "popcon"}}, ("needs image.repository", "deploy/image")),
    (mixed(POPCON, {"autoscaling": {"enabled": True}}), ("autoscaling.enabled", "replicaCount")),
    (
        {"popcon": {"webConfigSecret": {"name": "tls"}}},
        ("popcon.webConfigSecret.name", "exporter.kind=popcon"),
    ),
    (
        {"popcon": {"privacy": {"policy": "strict"}}},
        ("popcon.privacy.policy", "exporter.kind=popcon"),
    ),
    ({"popcon": {"privacy": {"minProcesses": 5}}}, ("popcon.privacy.minProcesses is for",)),
    ({"popcon": {"limits": {"series": 5}}}, ("popcon.limits.series is for exporter.kind",)),
    ({"popcon": {"openMetrics": True}}, ("popcon.openMetrics is for exporter.kind",)),
    (
        {"statsd": {"mappingConfig": "mappings: ["}},
        ("statsd.mappingConfig can't be read as rules", "line 1"),
    ),
    ({"statsd": {"mappingConfig": "- match: x"}}, ("statsd.mappingConfig can't be read as rules",)),
    (
        {"autoscaling": {"enabled": True, "minReplicas": 5}},
        ("autoscaling.maxReplicas=3", "autoscaling.minReplicas=5"),
    ),
    (
        {"autoscaling": {"enabled": True, "targetCPUUtilizationPercentage": 0}},
        ("autoscaling.enabled needs a target", "targetMemoryUtilizationPercentage"),
    ),
    (
        {"statsd": {"service": {"loadBalancerSourceRanges": ["10.0.0.0/8"]}}},
        ("loadBalancerSourceRanges", "statsd.service.type=ClusterIP", "networkPolicy"),
    ),
    ({"statsd": {"service": {"type": "NodePort"}}}, ("networkPolicy.senders", "ipBlock")),
    (
        mixed(
            POPCON,
            {
                "statsd": {"service": {"type": "NodePort"}},
                "networkPolicy": {"enabled": False},
                "popcon": {"privacy": {"byAddress": True}},
            },
        ),
        ("popcon.privacy.byAddress", "externalTrafficPolicy=Local"),
    ),
    *(
        (
            mixed(POPCON, {"popcon": {"privacy": {"policy": "off", key: value}}}),
            (f"popcon.privacy.{key}=", "popcon.privacy.policy=off"),
        )
        for key, value in (
            *(("minProcesses", 5), ("interval", "1h"), ("minLibraryProcesses", 2)),
            *(("timezone", "UTC"), ("byAddress", True)),
        )
    ),
    (
        mixed(POPCON, {"popcon": {"adminAddress": "127.0.0.1:9102"}}),
        ("popcon.adminAddress=127.0.0.1:9102", "service.port"),
    ),
    (
        mixed(POPCON, {"popcon": {"adminAddress": ":9126"}, "statsd": {"tcpPort": 9126}}),
        ("popcon.adminAddress=:9126", "statsd.tcpPort"),
    ),
    ({"extraArgs": ["--statsd.relay.address=there:9125"]}, ("relay", "networkPolicy.egress")),
    ({"service": {"port": 9125}}, ("statsd.udpPort and service.port are both 9125",)),
    ({"statsd": {"tcpPort": 9102}}, ("statsd.tcpPort and service.port are both 9102",)),
    ({"statsd": {"tcpPort": 9125}}, ("statsd.tcpPort and statsd.udpPort are both 9125", "9126")),
    (
        {"statsd": {"mappingConfig": "mappings: []", "mappingConfigMapName": "mine"}},
        ("statsd.mappingConfig", 'statsd.mappingConfigMapName="mine"', "both given"),
    ),
    (
        {"statsd": {"mappingConfigMapName": "mine", "siteLabels": [["course"]]}},
        ("statsd.siteLabels", "write the labels into those rules"),
    ),
    (
        {"inventory": {"images": [{"name": "a", "image": "x:1", "labels": "course=x"}]}},
        ("inventory.images[a].labels", "add [course] to statsd.siteLabels"),
    ),
    (
        {"inventory": {"images": [{"name": "a", "image": "x:1"}, {"name": "a", "image": "y:1"}]}},
        ('inventory.images has the name "a" twice',),
    ),
    (
        {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}},
        ("serviceMonitor.enabled and podMonitor.enabled", "enable one"),
    ),
    (
        mixed(POPCON, {"serviceMonitor": {"enabled": True, "sampleLimit": 200000}}),
        ("serviceMonitor.sampleLimit=200000", "popcon.limits.series", "give it 201000 or more"),
    ),
    (
        mixed(
            POPCON,
            {"podMonitor": {"enabled": True}, "popcon": {"limits": {"series": 1000000}}},
        ),
        ("podMonitor.sampleLimit=250000", "give it 1001000 or more"),
    ),
    ({"extraArgs": ["--web.listen-address=:80"]}, ("extraArgs", "--web.listen-address=:80")),
    (
        {"extraArgs": ["--statsd.parse-dogstatsd-tags"]},
        ("extraArgs", "--statsd.parse-dogstatsd-tags", "tags stay off"),
    ),
    ({"extraArgs": ["--statsd.parse-dogs"]}, ("extraArgs", "--statsd.parse-dogs")),
    ({"extraArgs": ["--no-statsd.parse-librato-tags"]}, ("extraArgs", "tags stay off")),
    ({"statsd": {"siteLabels": [["library"]]}}, ("statsd.siteLabels", "taken", "library")),
]

#: Release names that Helm takes and a Service doesn't.
RELEASES = ("1hub", "hub.popcon")


def says(said: str, words: tuple[str, ...]) -> None:
    assert [word for word in words if word not in said] == [], said
    assert [word for word in ACCIDENTS if word in said] == [], said


@pytest.mark.parametrize(("values", "words"), MISTYPED, ids=[str(one[0])[:60] for one in MISTYPED])
def test_mistyped(values: Object, words: tuple[str, ...]) -> None:
    """The schema refuses a wrong type, spelling or number, by its path."""
    says(refusal(values), words)


@pytest.mark.parametrize(
    ("values", "words"), CONTRADICTIONS, ids=[" ".join(one[1])[:60] for one in CONTRADICTIONS]
)
def test_contradictory(values: Object, words: tuple[str, ...]) -> None:
    """The chart refuses what can't be together, and says what to change."""
    says(refusal(values), words)


@pytest.mark.parametrize("release", RELEASES)
def test_release_names(release: str) -> None:
    """A release name of which no Service's name can be made is refused with a way out."""
    says(refusal({}, Where(release)), (release, "fullnameOverride"))


@pytest.mark.parametrize("section", ["serviceMonitor", "podMonitor", "prometheusRule"])
def test_no_operator(section: str) -> None:
    """Where the cluster is known and prometheus-operator isn't there, its objects are refused; else nobody can know."""
    kind = section[0].upper() + section[1:]
    operator = f"monitoring.coreos.com/v1/{kind}"
    values = at(f"{section}.enabled", True)
    says(refusal(values, known=["v1/Pod"]), (f"{section}.enabled needs prometheus-operator", kind))
    assert of_kind(read(rendered_text(values, known=["v1/Pod", operator])), kind)
    assert of_kind(render(values), kind)


def test_all_at_once() -> None:
    """Several contradictions are said together, a line each."""
    values: dict[str, Any] = {
        "exporter": {"kind": "popcon"},
        "autoscaling": {"enabled": True},
        "service": {"port": 9125},
        "extraArgs": ["--privacy=off"],
    }
    lines = [line for line in refusal(values).split("\n") if line.startswith("- ")]
    assert len(lines) == 4
