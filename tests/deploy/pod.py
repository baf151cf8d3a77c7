"""In: what a pod would have in /etc: hosts, and mounted files. Out: commands, run as in that pod.

A pod of the chart (`restricted`) can write nothing anywhere and its user is nobody; what a test's
Python is installed into may be closed to nobody, so there reading is free.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.peers.found import missing

_MOUNT = 'mount --bind "$1" /etc || exit 97; shift'
_READ_ONLY = """
for place in / /tmp /home /root /var; do
    mountpoint -q "$place" || continue
    mount -o remount,ro,bind "$place" || exit 97
done
"""
_RUN = '\nexec "$@"'
_KEPT = "-all,+dac_read_search"
_NOBODY = (
    *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"),
    *(f"--inh-caps={_KEPT}", f"--ambient-caps={_KEPT}", f"--bounding-set={_KEPT}"),
)


class Pod:
    """Where commands run. `hosts` are the addresses of each name that the cluster knows."""

    def __init__(
        self,
        folder: Path,
        hosts: Mapping[str, Iterable[str]],
        files: Mapping[str, str] | None = None,
        *,
        restricted: bool = True,
    ) -> None:
        for name in ("unshare", "setpriv"):
            if shutil.which(name) is None:
                missing(f"no {name}: a pod's view of files needs Linux, and its util-linux")
        self._etc = folder / "etc"
        self._restricted = restricted
        self._lay_out({"localhost": ["127.0.0.1"], **hosts}, files or {})
        test = "! touch /etc/hosts /popcon" if restricted else "test -s /etc/hosts"
        if self.run(["sh", "-c", test]).returncode:
            missing("this system lets nobody mount here")

    def _lay_out(self, hosts: Mapping[str, Iterable[str]], files: Mapping[str, str]) -> None:
        """Write an /etc like this machine's, but for hosts and what is mounted."""
        shutil.rmtree(self._etc, ignore_errors=True)
        self._etc.mkdir()
        for file in Path("/etc").iterdir():
            if file.is_file() and os.access(file, os.R_OK):
                shutil.copy(file, self._etc)
        lines = [f"{address} {name}\n" for name in hosts for address in hosts[name]]
        (self._etc / "hosts").write_text("".join(lines))
        for path, text in files.items():
            assert path.startswith("/etc/")
            file = self._etc / path.removeprefix("/etc/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    def wrapped(self, command: list[str]) -> list[str]:
        """Return the command that runs a command there."""
        root = os.getuid() == 0
        user = () if root else ("--map-root-user",)
        script = _MOUNT + (_READ_ONLY if self._restricted else "") + _RUN
        nobody = _NOBODY if root and self._restricted else ()
        here = ("unshare", "--mount", *user, "sh", "-c", script, "sh", str(self._etc))
        return [*here, *nobody, *command]

    def run(self, command: list[str], **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, in an environment that has nothing else but a path."""
        return subprocess.run(
            self.wrapped(command),
            env={"PATH": os.environ["PATH"], **environ},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
