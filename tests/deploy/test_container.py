"""The rendered container as a process: its own arguments, environment and files, the real exporter, its own ports."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from pathlib import Path

import bcrypt
import pytest
import requests

from tests.conftest import eventually
from tests.deploy.chart import Object, mixed, render, values_of, workload
from tests.deploy.unscheduled import (
    Unscheduled,
    checksum,
    config_map,
    page,
    rules,
    send,
    shows,
)

AT_ONCE: Object = {"popcon": {"privacy": {"policy": "off"}}}
NOTHING: Object = {}
SITE_RULES = """\
mappings:
- match: site.used.*
  name: site_used_total
  labels: {thing: "$1"}
"""

PLAIN = {
    "python_popcon.library_used.numpy:1|c": 'python_popcon_library_used{library="numpy"}',
    "python_popcon.reports:1|c": "python_popcon_reports",
    "python_popcon.namespace.hub1.library_used.numpy:1|c": 'python_popcon_library_used{library="numpy",namespace="hub1"}',
    "python_popcon.namespace.hub1.reports:1|c": 'python_popcon_reports{namespace="hub1"}',
}
COURSES = {
    **PLAIN,
    "python_popcon.course.geo.reports:1|c": 'python_popcon_reports{course="geo"}',
    "python_popcon.namespace.hub1.course.geo.library_used.scipy:1|c": 'python_popcon_library_used{course="geo",library="scipy",namespace="hub1"}',
    "python_popcon.namespace.hub1.course.geo.term.fall.reports:1|c": 'python_popcon_reports{course="geo",namespace="hub1",term="fall"}',
}
SITE = {"site.used.thing:1|c": 'site_used_total{thing="thing"}'}

#: Values files, what is sent, and the samples that come of it.
CASES: list[tuple[str, Mapping[str, str]]] = [
    ("default", PLAIN),
    ("popcon", PLAIN),
    ("popcon-digest", PLAIN),
    ("popcon-no-volume", PLAIN),
    ("popcon-limits", PLAIN),
    ("popcon-quiet", PLAIN),
    ("popcon-relay", PLAIN),
    ("tuned", PLAIN),
    ("site-labels", COURSES),
    ("popcon-site-labels", COURSES),
    ("own-rules-as-text", SITE),
    ("own-rules-as-yaml", SITE),
    ("own-config-map", SITE),
    ("popcon-own-config-map", SITE),
]

CONFIG_MAP = config_map(
    "site-rules",
    {"rules.yaml": SITE_RULES, "statsd.mappingConf": SITE_RULES, "other": "mappings: []"},
)


def stand(folder: Path, values: str | Object, *others: Object) -> Unscheduled:
    """Return the pod of a values file, by its name, or of values, which shows all at once."""
    values = values_of(values) if isinstance(values, str) else values
    objects = render(mixed(values, AT_ONCE))
    return Unscheduled(folder, [_resolvable(one) for one in objects], CONFIG_MAP, *others)


def _resolvable(one: Object) -> Object:
    """Let a relay go to an address: the file's name is of a site that isn't there."""
    if one["kind"] != "StatefulSet":
        return one
    (container, *_) = one["spec"]["template"]["spec"]["containers"]
    container["args"] = [arg.replace("statsd.elsewhere", "127.0.0.9") for arg in container["args"]]
    return one


@pytest.mark.parametrize(("name", "sent"), CASES, ids=[name for name, _ in CASES])
def test_what_is_sent_is_shown(tmp_path: Path, name: str, sent: Mapping[str, str]) -> None:
    """Started as the chart says, the exporter answers its probes, counts, and no tag makes a label."""
    with stand(tmp_path, name).run() as exporter:
        # Each twice, the second time with a tag.
        send(exporter, *sent, *(f"{line}|#user:alice" for line in sent))

        assert shows(exporter, dict.fromkeys(sent.values(), 2.0))
        assert not [one for one in page(exporter, "/metrics") if re.search(r'[{,]user="', one)]


@pytest.mark.parametrize("kind", ["statsd_exporter", "popcon"])
def test_tcp(tmp_path: Path, kind: str) -> None:
    """With `statsd.tcpPort` what comes by TCP counts as well."""
    values = {"statsd": {"tcpPort": 9126}}
    with stand(tmp_path, {**values, **_of(kind)}).run() as exporter:
        send(exporter, "python_popcon.reports:1|c", "python_popcon.reports:1|c", tcp=True)
        send(exporter, "python_popcon.reports:1|c")
        assert shows(exporter, {"python_popcon_reports": 3})


def _of(kind: str) -> Object:
    return {"exporter": {"kind": kind}, "image": {"repository": kind.replace("_", "-")}}


@pytest.mark.parametrize("kind", ["statsd_exporter", "popcon"])
def test_without_tcp(tmp_path: Path, kind: str) -> None:
    """Without it nobody listens there, though both exporters would by themselves."""
    with stand(tmp_path, _of(kind)).run() as exporter:
        ports = [one["name"] for one in exporter.pod["spec"]["containers"][0]["ports"]]
        assert "statsd-tcp" not in ports
        exporter.pod["spec"]["containers"][0]["ports"].append(
            {"name": "statsd-tcp", "containerPort": 9125}
        )
        with pytest.raises(ConnectionRefusedError):
            send(exporter, "python_popcon.reports:1|c", tcp=True)


@pytest.mark.parametrize("kind", ["statsd_exporter", "popcon"])
def test_other_ports(tmp_path: Path, kind: str) -> None:
    """Ports and the path of the metrics are those of the values."""
    values = mixed(values_of("other-ports"), _of(kind))
    with stand(tmp_path, values).run() as exporter:
        send(exporter, "python_popcon.reports:1|c")
        send(exporter, "python_popcon.reports:1|c", tcp=True)
        assert shows(exporter, {"python_popcon_reports": 2}, "/popcon/metrics")


def test_all_options_of_statsd_exporter(tmp_path: Path) -> None:
    """With every value set it runs, and counts what the site labels say."""
    with stand(tmp_path, "all-statsd-exporter").run() as exporter:
        send(exporter, "python_popcon.namespace.hub1.course.geo.reports:1|c")
        send(exporter, "python_popcon.reports:1|c", tcp=True)
        expected = {
            'python_popcon_reports{course="geo",namespace="hub1"}': 1.0,
            "python_popcon_reports": 1.0,
        }
        assert shows(exporter, expected, "/popcon/metrics")


def test_all_options_of_popcon(tmp_path: Path) -> None:
    """With every value set, a password among them, it runs, and only who knows that sees the counts."""
    hashed = bcrypt.hashpw(b"sesame", bcrypt.gensalt(4)).decode()
    secret = {
        "kind": "Secret",
        "metadata": {"name": "popcon-web", "namespace": "usage"},
        "data": {"web.yml": _base64(f"basic_auth_users: {{scrape: '{hashed}'}}\n")},
    }
    # Counts are seen at once, for this test: `off` takes none of the policy's numbers.
    values = mixed(values_of("all-popcon"), {"popcon": {"privacy": None}})
    with stand(tmp_path, values, secret).run() as exporter:
        send(exporter, "python_popcon.reports:1|c")
        url = f"http://{exporter.address}:9202/popcon/metrics"

        def answer() -> str:
            return requests.get(url, auth=("scrape", "sesame"), timeout=10).text

        assert requests.get(url, timeout=10).status_code == 401
        assert eventually(lambda: "\npython_popcon_reports 1" in answer())
        assert 'popcon_run_environment_info{name="HUB",value="research"} 1' in answer()


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_environment(tmp_path: Path) -> None:
    """Variables arrive as they were written, of each source, and the named ones are shown."""
    secret = {
        "kind": "Secret",
        "metadata": {"name": "site", "namespace": "monitoring"},
        "data": {"password": _base64("sesame")},
    }
    with stand(tmp_path, "extra-env", secret).run() as exporter:
        text = exporter.page()
    assert 'name="HUB",value="yes"' in text
    assert 'name="NODE",value="node-1"' in text
    assert "sesame" not in text


def test_the_policy_holds_back(tmp_path: Path) -> None:
    """As it comes, kind popcon shows no count of a single process; the admin's page says what is held."""
    objects = render("popcon")
    with Unscheduled(tmp_path, objects).run() as exporter:
        send(exporter, "python_popcon.reports:1|c", "python_popcon.canary.doctor:1|c")
        assert shows(exporter, {'python_popcon_canary_total{id="doctor"}': 1})
        assert "python_popcon_reports" not in page(exporter, "/metrics")
        held = requests.get(f"http://{exporter.address}:9124/held.json", timeout=10)
        assert held.status_code == 200


def test_a_restart_keeps_counts(tmp_path: Path) -> None:
    """A new pod with the old volume goes on where the other was; without persistence at nothing."""
    counts = {}
    for name in ("popcon", "popcon-no-volume"):
        pod = stand(tmp_path / name, name)
        with pod.run() as exporter:
            send(exporter, "python_popcon.reports:1|c")
            assert shows(exporter, {"python_popcon_reports": 1})
        with pod.run() as exporter:
            counts[name] = page(exporter, "/metrics").get("python_popcon_reports")
    assert counts == {"popcon": 1.0, "popcon-no-volume": None}


def test_changed_rules_are_taken(tmp_path: Path) -> None:
    """The exporter popcon takes a changed ConfigMap while it runs."""
    pod = stand(tmp_path, "popcon")
    with pod.run() as exporter:
        file = pod.mounted("mapping") / "mapping.yaml"
        assert file.read_text() == rules(render("popcon"))
        file.write_text(SITE_RULES)

        def taken() -> bool:
            send(exporter, "site.used.thing:1|c")
            return SITE["site.used.thing:1|c"] in page(exporter, "/metrics")

        assert eventually(taken)


CHANGES: list[Object] = [
    {"statsd": {"siteLabels": [["course"]]}},
    {"statsd": {"siteLabels": [["course"], ["namespace", "course"]]}},
    {"statsd": {"mappingConfig": SITE_RULES}},
    {"statsd": {"mappingConfig": SITE_RULES + "# changed\n"}},
    {"statsd": {"mappingConfig": {"mappings": []}}},
    {"statsd": {"mappingConfigMapName": "mine"}},
    {"statsd": {"mappingConfigMapName": "other"}},
    {"statsd": {"mappingConfigMapName": "other", "mappingConfigMapKey": "key"}},
]


def test_changed_rules_make_a_new_pod() -> None:
    """statsd_exporter can't reload, so whatever changes its rules changes the pod, and nothing else does."""
    sums = [checksum(render(values)) for values in (NOTHING, *CHANGES)]
    assert None not in sums
    assert len(set(sums)) == len(sums)

    same: list[Object] = [
        {"commonLabels": {"a": "b"}},
        {"replicaCount": 2},
        {"service": {"port": 9999}},
    ]
    assert {checksum(render(values)) for values in same} == {sums[0]}


def test_changed_rules_leave_popcons_pod() -> None:
    """What reloads by itself is left alone: no changed rule replaces no pod of it."""
    templates = [
        workload(render(mixed(_of("popcon"), values)))["spec"]["template"]
        for values in (NOTHING, *CHANGES[:5])
    ]
    assert all(one == templates[0] for one in templates)
