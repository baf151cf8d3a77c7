"""In: how many kernels used each library. Out: one HTML page with a bar chart, complete in itself."""

from __future__ import annotations

import html

_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>popcon demo</title>
<style>
  :root {{ color-scheme: light dark; --bar: #2f6f9f; }}
  @media (prefers-color-scheme: dark) {{ :root {{ --bar: #6fb1de; }} }}
  body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 46rem; padding: 0 1rem; }}
  table {{ border-collapse: collapse; width: 100%; }}
  th {{ text-align: left; font-weight: 600; padding: .2rem .8rem .2rem 0; }}
  td {{ padding: .2rem .8rem .2rem 0; }}
  td.number, th.number {{ text-align: right; font-variant-numeric: tabular-nums; }}
  td.chart {{ width: 55%; padding-right: 0; }}
  .bar {{ background: var(--bar); border-radius: 2px; height: 1rem; }}
  small {{ opacity: .75; }}
</style>
<h1>Libraries that {kernels} kernels used</h1>
<p>Counted in the kernels' own processes, sent as statsd, shown by popcon's exporter. Nobody is named.</p>
<table>
<thead><tr><th scope="col">Library</th><th scope="col" class="number">Kernels</th>
<th scope="col" class="number">Share</th><th scope="col" aria-label="Share, as a bar"></th></tr></thead>
<tbody>
{rows}</tbody>
</table>
<p><small>A library that another one imports counts too. popcon {version}.</small></p>
</html>
"""

_ROW = (
    '<tr><th scope="row">{library}</th><td class="number">{count}</td>'
    '<td class="number">{share:.0%}</td><td class="chart">'
    '<div class="bar" style="width: {share:.1%}"></div></td></tr>\n'
)


def page(counts: dict[str, int], kernels: int, version: str) -> str:
    """Return the page; `counts` maps library → kernels that used it, drawn most used first."""
    rows = "".join(
        _ROW.format(library=html.escape(library), count=count, share=count / kernels)
        for library, count in ranked(counts)
    )
    return _PAGE.format(rows=rows, kernels=kernels, version=html.escape(version))


def ranked(counts: dict[str, int]) -> list[tuple[str, int]]:
    """Return the libraries, most used first, then by name."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
