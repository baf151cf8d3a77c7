"""In: exporters. Out: a real Prometheus that scrapes them and records, and a VictoriaMetrics that is given all it has.

All in compressed time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.dashboards import compressed, stores
from tests.e2e.servers import Running, free_port, served
from tests.peers.found import program


@contextmanager
def prometheus(
    folder: Path, jobs: Mapping[str, Sequence[str]], write_to: str = ""
) -> Iterator[Running]:
    """Run Prometheus with our rules over job → exporters' URLs; `write_to` is a VictoriaMetrics' URL."""
    folder.mkdir(parents=True)
    root = f"http://127.0.0.1:{free_port()}"
    jobs = {**jobs, "prometheus": [root]}  # it says itself how its rules do
    rules, config = folder / "rules.json", folder / "prometheus.json"
    rules.write_text(compressed.rules())
    often = {"scrape_interval": compressed.SCRAPE, "scrape_timeout": compressed.SCRAPE}
    # One after the other, at once: VictoriaMetrics is asked soon afterwards.
    queue = {"max_shards": 1, "batch_send_deadline": "200ms", "retry_on_http_429": True}
    written: dict[str, object] = {
        "global": {**often, "evaluation_interval": compressed.SPANS["1m"]},
        "rule_files": [str(rules)],
        "scrape_configs": [
            {
                "job_name": job,
                "honor_labels": True,
                "static_configs": [{"targets": [url.partition("://")[2] for url in urls]}],
            }
            for job, urls in jobs.items()
        ],
    }
    if write_to:
        written["remote_write"] = [{"url": f"{write_to}/api/v1/write", "queue_config": queue}]
    config.write_text(json.dumps(written))
    command = [
        str(program("prometheus")),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={root.removeprefix('http://')}",
        # As long as a step: a value is forgotten as soon after the last scrape as in real time.
        f"--query.lookback-delta={compressed.STEP}s",
    ]
    with served(command, f"{root}/-/ready"):
        yield Running(root)


@contextmanager
def victoria_metrics(folder: Path) -> Iterator[Running]:
    """Run VictoriaMetrics; what is written to it can be asked for at once."""
    lookback = f"-search.maxLookback={compressed.STEP}s"
    with stores.victoria_metrics(folder, lookback, memory="200MB") as root:
        yield Running(root)
