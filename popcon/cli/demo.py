"""In: `popcon demo`. Out: a table of what two real kernels used, and a page with a chart of it."""

from __future__ import annotations

import argparse
import signal
import time
from pathlib import Path

from popcon import __version__
from popcon.catalog import LIBRARY_USED, REPORTS
from popcon.cli.extras import needs
from popcon.errors import FileError, PopconError

#: What the notebooks run: real libraries, all of them there because popcon's own extras need them.
NOTEBOOKS = (
    ("import requests", "import yaml\nyaml.safe_load('a: 1')"),
    ("import yaml", "from rich.table import Table"),
)
_PATIENCE = 30.0


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "demo",
        help="the whole pipe on this machine, once",
        description="Start an exporter on free ports, run two real IPython kernels that report to "
        "it, and show what was counted. Stops by itself and leaves nothing running.",
    )
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("popcon-demo.html"),
        metavar="FILE",
        help="(%(default)s)",
    )
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the demo."""
    with needs("demo"):
        from rich.console import Console
        from rich.table import Table

        from popcon.demo.kernels import kernel, reporting_profile
        from popcon.demo.page import page, ranked
        from popcon.exporter.listen.address import Address
        from popcon.exporter.mapping.mapping import load
        from popcon.exporter.options import Options
        from popcon.exporter.privacy.policy import OFF
        from popcon.exporter.server import Exporter
        from popcon.insight.ask import by_label, reaches, scraped
    from popcon.render.mapping import mapping_text

    if not arguments.output.absolute().parent.is_dir():
        raise FileError(f"can't write '{arguments.output}': there is no such folder")
    console = Console(highlight=False)
    # Ended by a closed terminal or by `kill`, the demo cleans up as it does after Ctrl-C.
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    options = Options(
        listen_udp=Address("127.0.0.1", 0), listen_web=Address("127.0.0.1", 0), policy=OFF
    )
    with Exporter(lambda: load(mapping_text()), options) as exporter:
        url = f"http://127.0.0.1:{exporter.web_port}/metrics"
        console.print(f"exporter: statsd on udp port {exporter.udp_port}, {url}")
        console.print("privacy: off, so that two kernels show; an exporter holds counts for ten")
        with reporting_profile(
            f"statsd://127.0.0.1:{exporter.udp_port}", "namespace=demo"
        ) as environ:
            for number, cells in enumerate(NOTEBOOKS, start=1):
                console.print(f"kernel {number} of {len(NOTEBOOKS)}: starting")
                with kernel(environ) as session:
                    for cell in cells:
                        console.print(
                            "".join(f"  In: {line}\n" for line in cell.splitlines()), end=""
                        )
                        session.run(cell)
        deadline = time.monotonic() + _PATIENCE
        if not reaches(lambda: scraped(url, REPORTS.name, {}) or 0, len(NOTEBOOKS), deadline):
            raise PopconError(f"not every kernel reported within {_PATIENCE:g} s")
        counts = {
            name: int(value) for name, value in by_label(url, LIBRARY_USED.name, "library").items()
        }
    table = Table("library", "kernels", "share")
    table.columns[1].justify = table.columns[2].justify = "right"
    for library, count in ranked(counts):
        table.add_row(library, str(count), f"{count / len(NOTEBOOKS):.0%}")
    console.print(table)
    try:
        arguments.output.write_text(page(counts, len(NOTEBOOKS), __version__), encoding="utf-8")
    except OSError as error:
        raise FileError(f"can't write '{arguments.output}': {error.strerror or error}") from None
    console.print(f"page: {arguments.output.absolute()}", soft_wrap=True)
    return 0
