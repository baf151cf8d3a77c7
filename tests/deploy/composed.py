"""In: profiles and variables. Out: what Compose makes of deploy/compose, and its services as processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import ROOT, eventually
from tests.dashboards import compressed
from tests.peers.found import missing, program

HERE = ROOT / "deploy" / "compose"
#: What the images that aren't ours begin their command with, by the Dockerfiles of their releases.
_ENTRYPOINTS = {
    "quay.io/prometheus/statsd-exporter": ["/bin/statsd_exporter"],
    "quay.io/prometheus/prometheus": ["/bin/prometheus"],
}
#: `name:port` in a container's network, and `:port` of one's own.
_ADDRESS = re.compile(r"(?:127\.0\.0\.1|exporter|prometheus|(?<==)):(\d+)\b")
_PATH = re.compile(r"(?<==)/|^/(?!dev/)")


def compose(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Compose in a shell that has no variables but these: `.env` says the rest."""
    environ = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **variables}
    return subprocess.run(
        [str(program("docker-compose")), *arguments],
        cwd=HERE,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


def services(profiles: str, **variables: str) -> dict[str, dict[str, Any]]:
    """Return the services that profiles choose, as Compose would run them; it may not complain."""
    done = compose("config", "--format", "json", COMPOSE_PROFILES=profiles, **variables)
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)["services"]
    return found


def dockerfile(service: dict[str, Any]) -> str:
    """Return the text of the Dockerfile that a service is built from."""
    build = service["build"]
    return Path(build["context"], build["dockerfile"]).read_text()


class Stand:
    """Processes in place of containers: a folder for their root, and free ports for theirs."""

    def __init__(self, folder: Path, ports: dict[int, int]) -> None:
        self.folder = folder
        self.ports = ports

    @contextmanager
    def running(self, name: str, service: dict[str, Any]) -> Iterator[Path]:
        """Run a service, healthy, until the block ends; yield the file with what it prints."""
        self._mount(service)
        log = self.folder / f"{name}.log"
        with open(log, "wb") as output:
            process = subprocess.Popen(
                self._command(service),
                env=self._environ(service),
                cwd=self.folder,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            if "healthcheck" in service:
                healthy = eventually(lambda: process.poll() is None and self.healthy(service), 60)
                assert healthy, log.read_text()
            yield log
        finally:
            process.terminate()
            status = process.wait(60)
        assert status == 0, log.read_text()

    def healthy(self, service: dict[str, Any]) -> bool:
        """Run a service's health check and return what it says."""
        kind, name, *arguments = service["healthcheck"]["test"]
        assert kind == "CMD"
        command = [*_program(name), *map(self.here, arguments)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def here(self, text: str) -> str:
        """Return what is said in a container as it is said on this machine."""
        text = _ADDRESS.sub(lambda found: f"127.0.0.1:{self.ports[int(found[1])]}", text)
        return _PATH.sub(f"{self.folder}/", text)

    def _command(self, service: dict[str, Any]) -> list[str]:
        if "image" in service:
            first, *rest = _ENTRYPOINTS[service["image"].rpartition(":")[0]]
        else:
            text = dockerfile(service)
            first, *rest = json.loads(re.findall(r"^ENTRYPOINT (.*)$", text, re.MULTILINE)[-1])
            copied = dict(re.findall(r"^COPY (deploy/\S+) (/\S+)/$", text, re.MULTILINE))
            for source, target in copied.items():
                whole = f"{target}/{Path(source).name}"
                rest = [str(ROOT / source) if word == whole else word for word in rest]
        return [*_program(Path(first).name), *rest, *map(self.here, service["command"] or ())]

    def _environ(self, service: dict[str, Any]) -> dict[str, str]:
        said = {name: self.here(value) for name, value in service.get("environment", {}).items()}
        ours = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        return {**ours, **said}

    def _mount(self, service: dict[str, Any]) -> None:
        for folder in service.get("tmpfs", ()):
            Path(self.here(folder)).mkdir(parents=True, exist_ok=True)
        for mount in service.get("volumes", ()):
            target = Path(self.here(mount["target"]))
            if mount["type"] == "bind":
                shutil.copytree(mount["source"], target, dirs_exist_ok=True)
                for config in target.glob("prometheus.yml"):
                    # Each second, not twice a minute; a timeout may not be longer than that.
                    text = self.here(config.read_text())
                    text = text.replace("interval: 30s", "interval: 1s\n  scrape_timeout: 1s")
                    config.write_text(text)
                for rules in target.glob("popcon-rules.yaml"):
                    rules.write_text(compressed.rules())  # a day is over soon
            else:
                target.mkdir(parents=True, exist_ok=True)


def _program(name: str) -> list[str]:
    if name in ("python", "popcon"):
        return [sys.executable, *(["-m", "popcon"] if name == "popcon" else [])]
    if name != "wget":
        return [str(program(name))]
    own = shutil.which("wget")
    if own is None:
        missing("no wget on this machine")
    return [own]
