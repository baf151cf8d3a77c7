"""What Helm prints after an install: all that an admin still has to do, with the right names."""

from __future__ import annotations

import itertools
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.chart import (
    NAMES,
    Where,
    exporter,
    mixed,
    named,
    render,
    values_of,
    workload,
)
from tests.deploy.notes import notes, with_notes


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the chart whose notes can be rendered."""
    return with_notes(tmp_path_factory.mktemp("notes"))


def hub_values(text: str) -> Any:
    """Return the YAML for Zero to JupyterHub that stands in the notes."""
    lines = text[text.index("   hub:") :].split("\n")
    ours = itertools.takewhile(lambda line: re.match(" {4}| {3}[a-z]+:$", line), lines)
    return yaml.safe_load(textwrap.dedent("\n".join(ours)))


@pytest.mark.parametrize("name", NAMES)
def test_they_fit_what_is_installed(chart: Path, name: str) -> None:
    """The sink, the egress rule and the metrics' address are those of this release."""
    text = notes(chart, name)
    objects = render(name)
    made = workload(objects)
    service = named(objects, "Service", made["metadata"]["name"])
    ports = [{"port": one["port"], "protocol": one["protocol"]} for one in service["spec"]["ports"]]
    port = ports[0]["port"]
    host = f"{service['metadata']['name']}.{service['metadata']['namespace']}"

    found = hub_values(text)
    code = found["hub"]["extraConfig"]["popcon"]
    compile(code, "popcon", "exec")
    assert f'POPCON_SINK="statsd://{host}:{port}"' in code
    (rule,) = found["singleuser"]["networkPolicy"]["egress"]
    (peer,) = rule["to"]
    assert peer["podSelector"]["matchLabels"] == made["spec"]["selector"]["matchLabels"]
    assert peer["namespaceSelector"]["matchLabels"] == {
        "kubernetes.io/metadata.name": made["metadata"]["namespace"]
    }
    assert rule["ports"] == ports
    path = [one for one in exporter(objects)["args"] if one.startswith("--web.telemetry-path=")]
    assert f"{host.replace('.', '-metrics.', 1)}:" in text
    assert path[0].partition("=")[2] in text


@pytest.mark.parametrize("name", ["default", "popcon"])
def test_they_are_complete(chart: Path, name: str) -> None:
    """The image, the environment, DNS and the port, the retention: nothing is left to be guessed."""
    text = notes(chart, name)
    for words in (
        *("pip install popcon", "popcon enable ipython", "popcon index", "extraFiles"),
        *("POPCON_SINK", "POPCON_LABELS", "DNS", "9125", "protocol: UDP"),
        *("--storage.tsdb.retention.time=400d", "honor_labels: true", "NetworkPolicy"),
        "helm test -n monitoring popcon",
    ):
        assert words in text
    assert "<no value>" not in text
    assert "%!" not in text


def test_what_statsd_exporter_lacks(chart: Path) -> None:
    """The notes of the Go exporter say what it has not, and what stands in; those of popcon don't."""
    text = " ".join(notes(chart, "default").split())
    for words in ("no publication policy", "no persistence", "no bound on series", "sample_limit"):
        assert words in text
    assert "sampleLimit" in notes(chart, "service-monitor")
    assert values_of("pod-monitor")["podMonitor"]["sampleLimit"] == 0
    assert "sampleLimit" not in notes(chart, "pod-monitor")
    assert "no publication policy" not in notes(chart, "popcon")


#: Values, and words that are only in their notes.
TOLD: list[tuple[str, str]] = [
    ("popcon", 'the policy "standard"'),
    ("popcon-strict", 'the policy "strict"'),
    ("popcon-privacy", 'the policy "standard", with numbers of your own'),
    ("popcon", "after ten processes and fifteen minutes"),
    ("popcon-site-labels", "at once, so whoever sees Prometheus"),
    ("popcon-replicas", "Each of the 3 exporters publishes by a clock of its own"),
    ("popcon-no-volume", "Without persistence a restart forgets"),
    ("popcon", "The volumes go with the release, and with a rollback"),
    ("popcon", "port-forward popcon-0 9124:9124"),
    ("service-monitor", "A ServiceMonitor is there"),
    ("pod-monitor", "A PodMonitor is there"),
    ("annotated", "annotated with prometheus.io/scrape"),
    ("no-scraping", "Nothing tells Prometheus to scrape"),
    ("site-labels", "with the keys namespace, course, term"),
    ("own-config-map", "your ConfigMap site-rules"),
    ("own-config-map", "at the next helm upgrade"),
    ("annotated", "prometheus-operator (kube-prometheus-stack) follows none"),
    ("node-port", "can be reached from outside"),
    ("node-port", "in POPCON_SINK give them the address"),
    ("tcp", "TCP 9126"),
]


@pytest.mark.parametrize(("name", "words"), TOLD, ids=[f"{name}: {words}" for name, words in TOLD])
def test_what_else_is_told(chart: Path, name: str, words: str) -> None:
    """What a value brings with it is said, and only then."""
    assert words in notes(chart, name)
    others = ("default", "names", "service-monitor", "popcon-handmade-volume")
    assert [one for one in others if words not in notes(chart, one)]


def test_what_is_not_told(chart: Path) -> None:
    """No test, no policy, no volume: then nothing is said of it."""
    values = {
        "tests": {"enabled": False},
        "networkPolicy": {"enabled": False},
        **values_of("popcon-kept-volume"),
    }
    text = notes(chart, values)
    for words in ("helm test", "NetworkPolicy", "volumes go with the release"):
        assert words not in text


def test_in_another_namespace(chart: Path) -> None:
    """`helm test` and `kubectl` are told the namespace of the release, and that of the objects."""
    values = mixed(values_of("popcon"), {"namespaceOverride": "usage"})
    text = notes(chart, values, Where("counts", "hub"))
    assert "helm test -n hub counts" in text
    assert "kubectl -n usage port-forward counts-popcon-0" in text
    assert "statsd://counts-popcon.usage:9125" in text


def test_where_nothing_is_recorded(chart: Path) -> None:
    """Without a PrometheusRule it is said that dashboards stay empty, and how they don't."""
    said = 'serverFiles."recording_rules.yml"'
    enabled = {"prometheusRule": {"enabled": True}}

    assert said in notes(chart, "default")
    assert said not in notes(chart, {**values_of("service-monitor"), **enabled})
