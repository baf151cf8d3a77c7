"""deploy/compose by the real Compose and a real engine: podman's service for Docker's clients.

What no registry can give here is made of what is here: the images that aren't ours are the tests' own
statsd_exporter and Prometheus on a base of Debian's packages. Grafana is left out.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
import requests

from popcon.catalog import LIBRARY_USED
from popcon.insight.ask import queried
from tests.conftest import eventually
from tests.deploy.composed import HERE
from tests.deploy.containers import IMAGE, PODMAN, TAG, build, make_base, need_programs, podman
from tests.e2e.servers import free_port
from tests.peers.found import missing, program

#: By which podman's networks resolve names: Debian's golang-github-containernetworking-plugin-dnsname
#: (it needs dnsmasq-base), or aardvark-dns.
RESOLVERS = ("/usr/lib/cni/dnsname", "/opt/cni/bin/dnsname", "/usr/lib/podman/aardvark-dns")
DEMO = f"localhost/popcon-test/demo:{TAG}"
#: Service → what its image begins with, and the programs of this machine that it has.
STAND_INS = {
    "exporter-go": ("/bin/statsd_exporter", ("statsd_exporter",)),
    "prometheus": ("/bin/prometheus", ("prometheus", "promtool")),
}
#: There is no busybox on that base.
WGET = "#!/usr/bin/python3\nimport sys, urllib.request\nurllib.request.urlopen(sys.argv[-1])\n"
#: Service → its image here.
IMAGES = {
    "exporter-go": f"localhost/popcon-test/statsd-exporter:{TAG}",
    "exporter-python": IMAGE,
    "prometheus": f"localhost/popcon-test/prometheus:{TAG}",
    "demo": DEMO,
}


class Engine:
    """Compose, with an engine behind it, and free ports in place of those of `.env`."""

    def __init__(self, address: str, folder: Path) -> None:
        override = folder / "override.json"
        # Another run beside this one, or a popcon that somebody runs here, has the names of compose.yaml.
        name = f"popcon-test-{uuid4().hex[:8]}"
        override.write_text(json.dumps({"services": _overridden(name)}))
        files = ("--file", str(HERE / "compose.yaml"), "--file", str(override))
        self._command = (str(program("docker-compose")), "--project-name", name, *files)
        self.web, self.prometheus, self.udp = (
            free_port(),
            free_port(),
            free_port(socket.SOCK_DGRAM),
        )
        self._environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "DOCKER_HOST": address,
            "POPCON_PORT": str(self.udp),
            "METRICS_PORT": str(self.web),
            "PROMETHEUS_PORT": str(self.prometheus),
            "DEMO_PAUSE": "1",
        }

    def compose(self, *arguments: str, **variables: str) -> str:
        """Run Compose; return what it printed."""
        done = subprocess.run(
            [*self._command, *arguments],
            cwd=HERE,
            env={**self._environ, **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def up(self, *services: str, **variables: str) -> None:
        """Start services, one by one: without systemd podman runs no health check to wait for."""
        for service in services:
            self.compose("up", "--detach", "--no-build", "--no-deps", service, **variables)


def _overridden(name: str) -> dict[str, dict[str, object]]:
    """Return images that are here, limits that are not above this machine's own, and a name."""
    limits = {"ulimits": {"nofile": 1024, "nproc": 1024}, "pull_policy": "never"}
    found: dict[str, dict[str, object]] = {
        service: {"image": image, **limits} for service, image in IMAGES.items()
    }
    for service in ("exporter-go", "exporter-python"):
        found[service]["container_name"] = f"{name}-exporter"
    return found


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine that has all images but Grafana's; what it ran is gone afterwards."""
    need_programs()
    if not any(Path(resolver).exists() for resolver in RESOLVERS):
        reason = "podman's networks can't resolve names: no dnsname, no aardvark-dns"
        missing(reason)
    folder = tmp_path_factory.mktemp("engine")
    base = make_base(folder)
    build(base, folder)
    build(base, folder, HERE / "demo" / "Dockerfile", DEMO)
    for service, (entrypoint, programs) in STAND_INS.items():
        _stand_in(base, folder / service, IMAGES[service], entrypoint, programs)
    address = folder / "podman.sock"
    with open(folder / "service.log", "wb") as log:
        # In a session of its own: at Ctrl-C it has to be there still, to take away what it ran.
        server = subprocess.Popen(
            [*PODMAN, "system", "service", "--time=0", f"unix://{address}"],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        assert eventually(address.exists)
        made = Engine(f"unix://{address}", folder)
        try:
            yield made
        finally:
            made.compose("--profile", "*", "down", "--volumes")
    finally:
        server.terminate()
        server.wait(30)


def _stand_in(
    base: str, context: Path, image: str, entrypoint: str, programs: tuple[str, ...]
) -> None:
    context.mkdir()
    for name in programs:
        shutil.copy(program(name), context)
    (context / "wget").write_text(WGET)
    (context / "wget").chmod(0o755)
    lines = (
        f"FROM {base}",
        f"COPY wget {' '.join(programs)} /bin/",
        "RUN mkdir /prometheus && chown 65534:65534 /prometheus",
        "USER 65534",
        f"ENTRYPOINT {json.dumps([entrypoint])}",
    )
    (context / "Dockerfile").write_text("\n".join(lines))
    podman("build", "--isolation", "chroot", "--layers", "--tag", image, str(context))


def healthy(container: str) -> bool:
    """Ask the container's own check once, as the engine does each ten seconds."""
    try:
        podman("healthcheck", "run", container)
    except AssertionError:  # it may be starting
        return False
    return True


def test_a_plain_up_shows_the_demo(engine: Engine) -> None:
    """What .env says, started: kernels report by the exporter's name, and Prometheus has their counts."""
    engine.up("exporter-go", "prometheus", "demo")
    url = f"http://127.0.0.1:{engine.prometheus}"
    # What dashboards ask is recorded every five minutes: test_compose_runs.py doesn't wait for that either.
    query = f'{LIBRARY_USED.name}{{namespace="demo"}} > 0'

    def shown() -> dict[str, float]:
        try:
            found = queried(url, query)
        except Exception:  # it is starting
            return {}
        return {dict(labels)["library"]: value for labels, value in found.items() if value}

    assert eventually(lambda: {"pyyaml", "requests"} <= set(shown()), 120), engine.compose("logs")
    for service in ("exporter-go", "prometheus"):
        container = engine.compose("ps", "--quiet", service).strip()
        assert eventually(partial(healthy, container)), service
    demo = engine.compose("ps", "--quiet", "demo").strip()
    address = "import socket; print(socket.gethostbyname('{}'))"
    assert podman("exec", demo, "python", "-c", address.format("exporter"))
    with pytest.raises(AssertionError, match="not known"):
        podman("exec", demo, "python", "-c", address.format("prometheus"))


def test_the_other_exporter_keeps_its_counts(engine: Engine) -> None:
    """After `down` the Python exporter takes the first one's place, and finds its counts at the next start."""
    profile = {"COMPOSE_PROFILES": "python"}
    page = f"http://127.0.0.1:{engine.web}/metrics"
    sample = 'python_popcon_canary_total{id="job"} 1'

    def shown() -> bool:
        try:
            return sample in requests.get(page, timeout=10).text
        except requests.RequestException:
            return False

    engine.compose("--profile", "*", "down")
    engine.up("exporter-python", **profile)
    container = engine.compose("ps", "--quiet", "exporter-python", **profile).strip()
    assert eventually(partial(healthy, container))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"python_popcon.canary.job:1|c", ("127.0.0.1", engine.udp))
    assert eventually(shown)
    engine.compose("down", **profile)
    engine.up("exporter-python", **profile)
    assert eventually(shown)
