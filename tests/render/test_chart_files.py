"""What the chart makes of rendered files, by the real Helm: the mapping, byte for byte, and the rules."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from popcon.cli import main
from popcon.render.mapping import mapping_text
from popcon.render.rules import rules_text
from tests.conftest import ROOT
from tests.peers.found import program

CHART = ROOT / "deploy" / "helm" / "popcon"

#: As the chart does, and as one text: a block would hide a lost or an added end of a line.
OBJECT = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: mapping
data:
  block: |
    {{- include "popcon.mapping" . | nindent 4 }}
  text: {{ include "popcon.mapping" . | toJson }}
spec:
  {{- .Files.Get "files/rules.yaml" | nindent 2 }}
"""


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A chart with the template and the files that it reads, and no schema."""
    folder = tmp_path / "tiny"
    shutil.copytree(CHART / "files", folder / "files")
    (folder / "templates").mkdir()
    shutil.copy(CHART / "templates" / "_mapping.tpl", folder / "templates")
    (folder / "templates" / "object.yaml").write_text(OBJECT)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: tiny\nversion: 0.0.0\n")
    (folder / "values.yaml").write_text("statsd: {siteLabels: []}\n")
    return folder


def rendered(chart: Path, labels: object) -> subprocess.CompletedProcess[str]:
    """Render the chart with these site labels."""
    values = chart.parent / "values.json"
    values.write_text(json.dumps({"statsd": {"siteLabels": labels}}))
    command = [str(program("helm")), "template", "popcon", str(chart), "--values", str(values)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "labels",
    [
        (),
        (("course",),),
        (("namespace", "course"),),
        (("_team", "T9"), ("course",), ("namespace", "course")),
        (("course",), ("namespace",), ("course",)),
        (("aa", "bb", "cc", "dd"), ("aa",), ("bb", "cc", "dd"), ("dd", "cc")),
    ],
    ids=str,
)
def test_the_mapping_is_the_same(chart: Path, labels: Sequence[tuple[str, ...]]) -> None:
    """For any lists of site labels Helm writes the bytes that `popcon render mapping` writes."""
    run = rendered(chart, labels)

    assert run.returncode == 0, run.stderr
    data = yaml.safe_load(run.stdout)["data"]
    assert data["text"] == mapping_text(labels)
    assert data["block"] == mapping_text(labels)


def test_the_rules_come_through(chart: Path) -> None:
    """Prometheus' own `{{ $labels.x }}` in the alerts is Prometheus' to fill in, not Helm's."""
    run = rendered(chart, [])

    assert "{{ $labels.instance }}" in run.stdout
    assert yaml.safe_load(run.stdout)["spec"] == yaml.safe_load(rules_text())


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([["n"]], "not a label key: \"n\" (two or more letters, digits and '_')"),
        ([["course", "a-b"]], 'not a label key: "a-b"'),
        ([["1a"]], 'not a label key: "1a"'),
        ([["a b"]], 'not a label key: "a b"'),
        ([["ab\n"]], r'not a label key: "ab\n"'),
        ([["été"]], 'not a label key: "été"'),
        ([[""]], 'not a label key: ""'),
        ([["__name__"]], 'a label key that is taken: "__name__"'),
        ([["library"]], 'a label key that is taken: "library"'),
        ([["le"]], 'a label key that is taken: "le"'),
        ([["course", "course"]], 'a label key stands twice in ["course","course"]'),
    ],
)
def test_the_same_is_refused(
    chart: Path, labels: list[list[str]], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What `popcon render mapping --labels` refuses, Helm refuses, in one line that says which key."""
    run = rendered(chart, labels)

    assert run.returncode == 1
    assert run.stderr.count("\n") <= 3  # Helm adds a hint at --debug
    assert f"statsd.siteLabels: {message}" in run.stderr
    assert main(["render", "mapping", *(f"--labels={','.join(keys)}" for keys in labels)]) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("labels", [[[]], ["course"], [{"a": "b"}], [[1]], [[None]]], ids=str)
def test_what_is_no_list_of_lists_is_refused(chart: Path, labels: object) -> None:
    """Other shapes than lists of lists of texts are refused too, where no schema stands before."""
    run = rendered(chart, labels)

    assert run.returncode == 1
    assert "statsd.siteLabels" in run.stderr
