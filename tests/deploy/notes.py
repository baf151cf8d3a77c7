"""In: values of the chart. Out: what `helm install` prints at its end."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.deploy.chart import CHART, HERE, Values, Where, named, render


def with_notes(folder: Path) -> Path:
    """Return a copy of the chart whose notes are a ConfigMap: without a cluster Helm shows none."""
    made = shutil.copytree(CHART, folder / "popcon")
    templates = made / "templates"
    text = (templates / "NOTES.txt").read_text(encoding="utf-8")
    (templates / "_notes.tpl").write_text(f'{{{{ define "notes" }}}}{text}{{{{ end }}}}')
    (templates / "NOTES.txt").unlink()
    (templates / "notes.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes}\n"
        'data: {notes: {{ include "notes" . | toJson }}}\n'
    )
    return made


def notes(chart: Path, values: str | Values, where: Where = HERE) -> str:
    """Return the notes of such a copy."""
    return str(named(render(values, where, chart), "ConfigMap", "notes")["data"]["notes"])
