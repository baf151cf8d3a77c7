"""In: a folder. Out: an environment, a home and a working folder, full of what must not leave.

All that is a person's own has `hush` in its name, so that one word finds any of it in a datagram.
"""

from __future__ import annotations

import getpass
import json
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path

from popcon.activate import ipython, written
from tests.conftest import ROOT, clean_environ
from tests.libraries.cases import Site

PREFIX = "python_popcon.namespace.hub1."
_PYTHON = f"python{sys.version_info[0]}.{sys.version_info[1]}"
#: Modules of the image, and of every kind that isn't the image's to name.
IMPORTS = (
    "import sys, site; sys.path.insert(0, site.getusersitepackages())\n"
    "import apples, plums\n"
    "import hush_denied, hush_vcs, hush_file, hush_editable, hush_user, hush_target\n"
    "import hush_own, hush_folder.hush_thing\n"
    "from hush_folder import hush_thing as hush_alias\n"
    "hush_password = 'hush-in-code'\n"
)


class Planted:
    """An environment with popcon in it; `environ` is that of a person who works there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "hush-home"
        self.work = self.home / "hush-work"
        self.work.mkdir(parents=True)
        root = folder / "env"
        command = [sys.executable, "-m", "venv", "--without-pip", "--system-site-packages"]
        subprocess.run([*command, root], check=True)
        self.python = str(root / "bin" / "python")
        self._fill_image(Site(folder, f"env/lib/{_PYTHON}/site-packages"))
        written.write(ipython.texts(ipython.prefix_folder(root)))
        user = Site(self.home, f".local/lib/{_PYTHON}/site-packages")
        user.add("hush_user-2.0", "hush_user.py").add("plums-9.9+hush", "plums.py")
        target = Site(self.home, "hush-libraries")
        target.add("hush_target-1.0", "hush_target.py")
        own = Site(self.home, "hush-work")
        own.file("hush_own.py", "import hush_target\n")
        own.file("hush_folder/__init__.py")
        own.file("hush_folder/hush_thing.py")
        own.file("hush_script.py", IMPORTS + "sys.exit('hush-bye')\n")
        own.file("hush_job.py", "import popcon; popcon.setup_reporter()\n" + IMPORTS + "1 / 0\n")
        self.environ = clean_environ(
            HOME=str(self.home),
            IPYTHONDIR=str(self.home / ".ipython"),
            PYTHONPATH=str(target.folder),
            POPCON_LABELS="namespace=hub1",
            POPCON_DENY="hush-den*",
            USER="hush-user-name",
            LOGNAME="hush-user-name",
            JUPYTERHUB_USER="hush-user-name",
            HOSTNAME="hush-host",
            HUSH_TOKEN="hush-secret",
        )

    def _fill_image(self, site: Site) -> None:
        project = Site(self.home, "hush-projects/editable/src")
        project.file("hush_editable.py")
        told = {"url": project.folder.parent.as_uri(), "dir_info": {"editable": True}}
        vcs = {"url": "https://hush.example.org/hush.git", "vcs_info": {"vcs": "git"}}
        file = {"url": "file:///hush/hush_file.whl", "archive_info": {}}
        site.add("apples-1.0", "apples.py").add("plums-1.0", "plums.py")
        site.add("hush_denied-1.0", "hush_denied.py")
        site.add("hush_vcs-1.0+hush", "hush_vcs.py", direct_url__json=json.dumps(vcs))
        site.add("hush_file-1.0", "hush_file.py", direct_url__json=json.dumps(file))
        rows = "hush_editable.pth,,\nhush_editable-1.0.dist-info/direct_url.json,,\n"
        site.add("hush_editable-1.0", record=rows, direct_url__json=json.dumps(told))
        site.file("hush_editable.pth", str(project.folder))
        shutil.copytree(ROOT / "popcon", site.folder / "popcon")
        files = sorted(path.relative_to(site.folder) for path in site.folder.glob("popcon/**/*.py"))
        site.add("popcon-1.0", record="".join(f"{file.as_posix()},,\n" for file in files))
        # What a kernel needs; it comes last, and has nothing of popcon's own.
        site.file("zz.pth", sysconfig.get_path("purelib"))

    def leaks(self, datagrams: list[bytes], pid: int) -> list[str]:
        """Return what must not be in a datagram, and is."""
        words = {str(self.folder), socket.gethostname(), getpass.getuser(), str(pid)}
        words |= {str(Path.home()), *self.environ["PATH"].split(":")}
        text = b"\n".join(datagrams).decode()
        found = [
            word for word in words - {""} if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)
        ]
        return found + re.findall(r"\w*hush\w*", text)


def counted(datagrams: list[bytes]) -> list[str]:
    """Return the lines without the prefix, sorted; each must have come once."""
    found = b"\n".join(datagrams).decode().split("\n")
    assert all(line.startswith(PREFIX) and line.endswith(":1|c") for line in found), found
    return sorted(line[len(PREFIX) : -len(":1|c")] for line in found)
