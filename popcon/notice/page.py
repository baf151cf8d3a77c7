"""In: a Notice. Out: it as one HTML page, complete in itself: no script, no request, one sheet of paper."""

from __future__ import annotations

import html

from popcon.notice.spans import Block, Code, Items, Link, Notice, Paragraph, Span, Strong, Text

#: Dark text on light, and light on dark: contrast 7 or more in both (WCAG 2.2, level AAA).
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
  :root {{ color-scheme: light dark; --text: #1d2126; --paper: #fff; --shade: #f1f3f5; --line: #c5cbd1; --link: #0b4a8f; }}
  @media (prefers-color-scheme: dark) {{
    :root {{ --text: #e4e7ea; --paper: #15181b; --shade: #23282d; --line: #4a525a; --link: #9cc8f5; }}
  }}
  body {{ font: 1rem/1.5 system-ui, sans-serif; color: var(--text); background: var(--paper);
    margin: 0 auto; max-width: 46rem; padding: 1.5rem 1rem; }}
  h1 {{ font-size: 1.6rem; line-height: 1.2; margin: 0 0 .8rem; }}
  h2 {{ font-size: 1.1rem; margin: 1.4rem 0 .3rem; padding-top: .5rem; border-top: 1px solid var(--line); }}
  p, ul, ol, pre {{ margin: .4rem 0; }}
  ul, ol {{ padding-left: 1.3rem; }}
  li {{ margin: .15rem 0; }}
  code, pre {{ font: .875em/1.45 ui-monospace, monospace; background: var(--shade); border-radius: 3px; }}
  code {{ padding: .05em .25em; overflow-wrap: anywhere; }}
  pre {{ padding: .5rem .7rem; white-space: pre-wrap; overflow-wrap: anywhere; }}
  a {{ color: var(--link); overflow-wrap: anywhere; }}
  @page {{ size: A4; margin: 9mm 13mm; }}
  @media print {{
    :root {{ color-scheme: light; --text: #000; --paper: #fff; --shade: #f1f3f5; --line: #999; --link: #000; }}
    body {{ font-size: 8.4pt; line-height: 1.3; max-width: none; padding: 0; }}
    main {{ columns: 2; column-gap: 8mm; }}
    h1 {{ font-size: 14pt; margin-bottom: 6pt; column-span: all; }}
    h2 {{ font-size: 9.4pt; margin: 5pt 0 1pt; padding-top: 2pt; break-after: avoid; }}
    section:first-of-type p {{ margin-top: 0; }}
    p, ul, ol, pre {{ margin: 1.5pt 0; }}
    li {{ margin: .5pt 0; }}
    pre {{ padding: 2pt 5pt; }}
  }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
{sections}
</main>
</body>
</html>
"""


def as_html(notice: Notice) -> str:
    """Return the page."""
    sections = []
    for section in notice.sections:
        head = f"<h2>{html.escape(section.heading)}</h2>\n" if section.heading else ""
        body = "\n".join(map(_block, section.blocks))
        sections.append(f"<section>\n{head}{body}\n</section>")
    return _PAGE.format(title=html.escape(notice.title), sections="\n".join(sections))


def _block(block: Paragraph | Items | Block) -> str:
    if isinstance(block, Block):
        return f"<pre>{html.escape(chr(10).join(block.lines))}</pre>"
    if isinstance(block, Paragraph):
        return f"<p>{_spans(block.text)}</p>"
    tag = "ol" if block.numbered else "ul"
    entries = "\n".join(f"<li>{_spans(entry)}</li>" for entry in block.entries)
    return f"<{tag}>\n{entries}\n</{tag}>"


def _spans(text: Text) -> str:
    return "".join(map(_span, text))


def _span(span: Span) -> str:
    if isinstance(span, Code):
        return f"<code>{html.escape(span.text)}</code>"
    if isinstance(span, Link):
        return f'<a href="{html.escape(span.url)}">{html.escape(span.url)}</a>'
    if isinstance(span, Strong):
        return f"<strong>{html.escape(span.text)}</strong>"
    return html.escape(span)
