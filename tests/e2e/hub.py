"""In: an environment with popcon, variables for its kernels. Out: a real JupyterHub with its proxy, and users' servers.

As on a hub of many machines, the proxy is a program of its own and lives on when the hub restarts.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import requests

from tests.conftest import eventually
from tests.e2e.notebooks import PATIENCE, Server
from tests.e2e.servers import free_port
from tests.peers.found import program

#: `given` stands before it.
_CONFIG = """\
c.JupyterHub.bind_url = given["url"]
c.JupyterHub.hub_bind_url = given["hub"]
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = given["proxy"]
c.ConfigurableHTTPProxy.auth_token = given["token"]
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.services = [{"name": "tests", "api_token": given["token"]}]
c.JupyterHub.load_roles = [
    {
        "name": "tests",
        "services": ["tests"],
        "scopes": ["admin:users", "admin:servers", "access:servers"],
    }
]
c.JupyterHub.cleanup_servers = False
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = given["homes"] + "/{username}"
c.Spawner.cmd = given["command"]
c.Spawner.args = ["--allow-root"]
c.Spawner.environment = {
    "JUPYTERHUB_SINGLEUSER_APP": "jupyter_server.serverapp.ServerApp",
    **given["environ"],
}
"""


class Hub:
    """A JupyterHub; stopped and started again, it finds its users' servers as they were."""

    def __init__(self, python: str, environ: dict[str, str], folder: Path) -> None:
        router = program("configurable-http-proxy")
        token = secrets.token_hex(16)
        proxy, api, hub = (f"http://127.0.0.1:{free_port()}" for _ in range(3))
        here = Path(python).parent
        given = {
            "url": proxy,
            "hub": hub,
            "proxy": api,
            "token": token,
            "homes": str(folder / "homes"),
            "command": [str(here / "jupyterhub-singleuser")],
            "environ": environ,
        }
        (folder / "homes").mkdir()
        (folder / "jupyterhub_config.py").write_text(f"given = {given!r}\n{_CONFIG}")
        self._folder = folder
        self._log = open(folder / "log", "ab")  # noqa: SIM115  closed with the hub
        self._environ = home_environ(folder, CONFIGPROXY_AUTH_TOKEN=token)
        self._token = token
        self._url = proxy
        self._api = f"{hub}/hub/api"
        self._command = [python, "-m", "jupyterhub"]
        ports = [part.rpartition(":")[2] for part in (proxy, api)]
        self._proxy = self._run(
            [
                str(router),
                *("--ip=127.0.0.1", f"--port={ports[0]}"),
                *("--api-ip=127.0.0.1", f"--api-port={ports[1]}"),
                f"--default-target={hub}",
            ]
        )
        self._hub: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the hub, and wait until it answers."""
        self._hub = running = self._run(self._command)

        def answers() -> bool:
            assert running.poll() is None, self.log()[-3000:]
            with suppress(requests.RequestException):
                return requests.get(f"{self._url}/hub/health", timeout=5).status_code == 200
            return False

        self._await(answers)

    def stop(self) -> None:
        """Stop the hub; the proxy and the users' servers live on."""
        if self._hub is not None:
            self._hub.terminate()
            self._hub.communicate(timeout=PATIENCE)
            self._hub = None

    def add_users(self, *users: str) -> None:
        """Make users."""
        for user in users:
            self._ask("POST", f"users/{user}")

    def start_servers(self, *users: str) -> None:
        """Start the servers of users that have none, all at once."""
        for user in users:
            if self._state(user) is None:
                self._ask("POST", f"users/{user}/server")
        self._await(lambda: all(self._state(user) for user in users))

    def server(self, user: str) -> Server:
        """Return a user's server, as the user's browser reaches it."""
        return Server(f"{self._url}/user/{user}", self._token)

    def stop_servers(self, *users: str) -> None:
        """Stop users' servers by the REST API, which is what the idle culler does."""
        for user in users:
            self._ask("DELETE", f"users/{user}/server")
        self._await(lambda: all(self._state(user) is None for user in users))

    def log(self) -> str:
        """Return what hub, proxy, servers and kernels have written to their standard streams."""
        return (self._folder / "log").read_text(errors="replace")

    def close(self) -> None:
        """End everything, also what the hub does not know of."""
        for process in (self._hub, self._proxy):
            if process is not None:
                process.kill()
                process.wait()
        self._log.close()
        kill_all(self._folder)

    def _state(self, user: str) -> bool | None:
        """Return whether a user's server is ready, None where there is no server."""
        server = self._ask("GET", f"users/{user}").json()["servers"].get("")
        return server and bool(server["ready"])

    def _await(self, check: Callable[[], object]) -> None:
        assert eventually(check, PATIENCE), self.log()[-3000:]

    def _ask(self, method: str, path: str) -> requests.Response:
        headers = {"Authorization": f"token {self._token}"}
        url = f"{self._api}/{path}"
        answer = requests.request(method, url, headers=headers, timeout=PATIENCE)
        answer.raise_for_status()
        return answer

    def _run(self, command: list[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command, cwd=self._folder, env=self._environ, stdout=self._log, stderr=self._log
        )


@contextmanager
def jupyterhub(python: str, environ: dict[str, str], folder: Path) -> Iterator[Hub]:
    """Run a hub, until the end of which all that it started has ended."""
    hub = Hub(python, environ, folder)
    try:
        hub.start()
        yield hub
    finally:
        hub.close()


def home_environ(home: Path, **extra: str) -> dict[str, str]:
    """Return an environment with another home, and nothing of whoever runs the tests."""
    return {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", **extra}


def kill_all(home: Path) -> None:
    """Kill every process whose home is that folder or below it, until there is none.

    Only Linux tells. Elsewhere a test that fails may leave a Jupyter server running.
    """
    mark = b"\0HOME=" + os.fsencode(home)

    def none_left() -> bool:
        found = []
        for environ in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):  # it has ended, or is somebody else's
                if mark in b"\0" + environ.read_bytes():
                    found.append(int(environ.parent.name))
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not found

    assert eventually(none_left)
