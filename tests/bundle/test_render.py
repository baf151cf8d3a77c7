"""Rendered files: what is committed is what the catalogue says now."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from popcon.catalog import METRICS
from popcon.cli import main
from popcon.exporter.mapping.mapping import load, order_warnings
from popcon.render import CHART, DOCUMENTS, outputs, stale, write
from popcon.render.docs import TABLES, filled_in
from popcon.render.mapping import mapping_text
from tests.conftest import ROOT
from tests.peers.found import program


@pytest.mark.parametrize("file", outputs(ROOT), ids=lambda file: str(file.relative_to(ROOT)))
def test_committed_files_are_rendered(file: Path) -> None:
    """Every rendered file is what a new rendering gives, byte for byte."""
    assert outputs(ROOT)[file].encode() == file.read_bytes()


def test_write_and_check(tmp_path: Path) -> None:
    """What write writes is not stale; a changed byte is."""
    for name in DOCUMENTS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "README.md").write_text(
        "a\n<!-- popcon render: statuses -->\nold\n<!-- end -->\nb\n"
    )
    chart = tmp_path / CHART
    chart.mkdir(parents=True)
    (chart / "values.schema.json").write_text(
        '{"properties": {"some": {"description": "Some.", "default": 1}}}'
    )
    (chart / "README.md").write_text("<!-- popcon render: values -->\n<!-- end -->\n")
    write(tmp_path)
    assert stale(tmp_path) == []
    assert "old" not in (tmp_path / "README.md").read_text()
    assert (chart / "values.yaml").read_text().endswith("\n# Some.\nsome: 1\n")
    assert "| `some` | `1` | Some. |" in (chart / "README.md").read_text()

    mapping = tmp_path / "mappings" / "popcon.yaml"
    mapping.write_bytes(mapping.read_bytes() + b"\n")
    assert [mapping] == stale(tmp_path)
    assert main(["render", "--check", "--root", str(tmp_path)]) == 1


def test_every_table_is_in_a_document() -> None:
    """No table is rendered for nobody, and none that is asked for is unknown."""
    texts = "".join(text for file, text in outputs(ROOT).items() if file.suffix == ".md")

    assert [name for name in TABLES if f"<!-- popcon render: {name} -->" not in texts] == []
    with pytest.raises(Exception, match="no table is called 'nonsense'"):
        filled_in("<!-- popcon render: nonsense -->\n<!-- end -->")


@pytest.mark.parametrize(
    "labels", [(), (("course",),), (("namespace", "course"), ("team", "course", "term"))]
)
def test_the_mapping_maps_every_metric(labels: tuple[tuple[str, ...], ...]) -> None:
    """Each metric, behind each list of site labels, maps to its own name and labels; the rest is dropped."""
    mapping = load(mapping_text(labels))
    for keys in ((), ("namespace",), *labels):
        prefix = ".".join(
            ["python_popcon", *(part for key in keys for part in (key, f"value-of-{key}"))]
        )
        for metric in METRICS:
            values = tuple(f"a-{label}" for label in metric.labels)
            name = metric.stat(prefix, *values)
            found = mapping.match(name, metric.kind)

            assert found is not None
            assert (metric.name, metric.help, "map") == (
                found.name,
                found.rule.help,
                found.rule.action,
            )
            expected = {key: f"value-of-{key}" for key in keys} | dict(zip(metric.labels, values))
            assert expected == found.labels
            stranger = mapping.match(name, "counter" if metric.kind == "gauge" else "gauge")
            assert stranger is not None
            assert stranger.rule.action == "drop"
    assert order_warnings(mapping) == []


@pytest.mark.parametrize("labels", [(), (("namespace", "course"),)])
def test_statsd_exporter_takes_the_mapping(
    tmp_path: Path, labels: tuple[tuple[str, ...], ...]
) -> None:
    """The real exporter's own check accepts the rendered rules."""
    file = tmp_path / "mapping.yaml"
    file.write_text(mapping_text(labels))
    command = [str(program("statsd_exporter")), f"--statsd.mapping-config={file}", "--check-config"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stderr
