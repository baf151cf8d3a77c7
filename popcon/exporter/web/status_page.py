"""In: rows of what an exporter is and how it stands. Out: a page that a person can read."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from popcon import __version__

#: The browser's own fonts and colours, light or dark as its user has them.
_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;vertical-align:top;padding:.3rem 1rem .3rem 0;"
    "border-bottom:1px solid color-mix(in srgb,currentColor 20%,transparent)}"
    "td{overflow-wrap:anywhere}th{font-weight:600;white-space:nowrap}"
)


def status_page(rows: Iterable[tuple[str, str]], links: Sequence[str]) -> bytes:
    """Return HTML with the version, a row each, and a link to each of these paths."""
    return page(
        "popcon exporter",
        table([("version", __version__), *rows]),
        "<p>" + " · ".join(f'<a href="{_text(path)}">{_text(path)}</a>' for path in links) + "</p>",
    )


def page(title: str, *parts: str) -> bytes:
    """Return a whole page; its parts are HTML already."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{_text(title)}</h1>{''.join(parts)}</body></html>\n"
    ).encode()


def table(rows: Iterable[Sequence[str]], head: Sequence[str] = ()) -> str:
    """Return a table; the first cell of each row names it."""
    top = "".join(f'<th scope="col">{_text(cell)}</th>' for cell in head)
    lines = [f"<tr>{top}</tr>"] if head else []
    for first, *rest in rows:
        cells = "".join(f"<td>{_text(cell)}</td>" for cell in rest)
        lines.append(f'<tr><th scope="row">{_text(first)}</th>{cells}</tr>')
    return f"<table>{''.join(lines)}</table>"


def _text(text: str) -> str:
    return html.escape(text, quote=True)
