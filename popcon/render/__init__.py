"""In: the catalogue and other tables. Out: the files that say the same in other languages.

A rendered file is never edited: change its source, run `popcon render`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from popcon.errors import FileError
from popcon.render.chart import keys, values_table, values_text
from popcon.render.dashboards import board_text, boards
from popcon.render.docs import PAGES, filled_in
from popcon.render.mapping import mapping_text, table_text
from popcon.render.rules import rules_text

#: Documents with rendered tables between markers.
DOCUMENTS = ("README.md", "docs/reference.md", "docs/alerts.md", *PAGES)
CHART = Path("deploy", "helm", "popcon")


def outputs(root: Path) -> dict[Path, str]:
    """Return every rendered file below a checkout and its text."""
    texts = {
        root / "mappings" / "popcon.yaml": mapping_text(),
        **_dashboards(root / "grafana"),
        root / "grafana" / "popcon-rules.yaml": rules_text(),
    }
    for name in DOCUMENTS:
        texts[root / name] = _document(root / name)
    return {**texts, **_chart(root / CHART)}


def stale(root: Path) -> list[Path]:
    """Return the rendered files that don't say what they would say now."""
    return [
        file
        for file, text in outputs(root).items()
        if not file.is_file() or file.read_bytes() != text.encode()
    ]


def write(root: Path) -> list[Path]:
    """Write every rendered file and return their paths."""
    texts = outputs(root)
    for file, text in texts.items():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())  # the same bytes on every system
        except OSError as error:
            raise FileError(f"can't write '{file}': {error.strerror}") from None
    return list(texts)


def _chart(chart: Path) -> dict[Path, str]:
    found = keys(chart / "values.schema.json")
    return {
        # A chart can't read outside of its folder: what it needs of the others is a copy there.
        **_dashboards(chart / "files" / "dashboards"),
        chart / "files" / "metrics.yaml": table_text(),
        chart / "files" / "rules.yaml": rules_text(),
        chart / "values.yaml": values_text(found),
        chart / "README.md": _document(
            chart / "README.md", {"values": lambda: values_table(found)}
        ),
    }


def _dashboards(folder: Path) -> dict[Path, str]:
    return {folder / f"{uid}.json": board_text(board) for uid, board in boards().items()}


def _document(file: Path, more: Mapping[str, Callable[[], str]] | None = None) -> str:
    try:
        return filled_in(file.read_text(encoding="utf-8"), more)
    except UnicodeDecodeError as error:
        raise FileError(f"'{file}' is not UTF-8: {error.reason}") from None
    except OSError as error:
        raise FileError(
            f"can't read '{file}': {error.strerror} (is this popcon's checkout?)"
        ) from None
