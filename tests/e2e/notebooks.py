"""In: the URL and token of a running Jupyter server. Out: kernels below it, and cells that they ran.

What a browser does: kernels through the server's REST API, cells by its websocket.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any, NamedTuple

import requests
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.websockets import closed

#: Seconds that a server may take to answer, and a cell to run.
PATIENCE = 120


class Ran(NamedTuple):
    """What a cell showed: its standard output, its standard error, how it ended."""

    stdout: str
    stderr: str
    status: str


class Server:
    """A Jupyter server; `url` is its root, without a slash at the end."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.headers = {"Authorization": f"token {token}"}

    def ask(self, method: str, path: str, **body: object) -> Any:
        """Return the JSON that the server answers with, None where that is nothing."""
        url = f"{self.url}/api/{path}"
        answer = requests.request(
            method, url, headers=self.headers, json=body or None, timeout=PATIENCE
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def kernel(self) -> Kernel:
        """Start a kernel."""
        return Kernel(self, self.ask("POST", "kernels")["id"])


class Kernel:
    """A kernel, and one websocket to it that stays open."""

    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        self.name = name
        self.pid = 0
        self._session = uuid.uuid4().hex
        self._loop = asyncio.new_event_loop()
        try:
            self._socket = self._loop.run_until_complete(self._connect())
            self.meet()
        except BaseException:
            self._loop.close()
            raise

    def run(self, code: str) -> Ran:
        """Run a cell and wait for its end."""
        return self._loop.run_until_complete(asyncio.wait_for(self._run(code), PATIENCE))

    def meet(self) -> None:
        """Ask the kernel for its process id, which is another one after a restart."""
        self.pid = int(self.run("import os; print(os.getpid())").stdout)

    def restart(self) -> None:
        """Restart the kernel through the server, and connect anew, as JupyterLab does."""
        self.server.ask("POST", f"kernels/{self.name}/restart")
        self._loop.run_until_complete(closed(self._socket))
        self._socket = self._loop.run_until_complete(self._connect())
        self.meet()

    def shut_down(self) -> None:
        """Shut the kernel down through the server."""
        self.server.ask("DELETE", f"kernels/{self.name}")

    def close(self) -> None:
        """Close the websocket, as a closed tab does: the kernel runs on."""
        self._loop.run_until_complete(closed(self._socket))
        self._loop.close()

    async def _connect(self) -> WebSocketClientConnection:
        url = f"{self.server.url}/api/kernels/{self.name}/channels?session_id={self._session}"
        request = HTTPRequest("ws" + url.removeprefix("http"), headers=self.server.headers)
        return await websocket_connect(request)

    async def _run(self, code: str) -> Ran:
        cell = uuid.uuid4().hex
        header = {
            "msg_id": cell,
            "msg_type": "execute_request",
            "session": self._session,
            "username": "",
            "version": "5.3",
        }
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        request = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        await self._socket.write_message(json.dumps({**request, "channel": "shell"}))
        shown = {"stdout": "", "stderr": ""}
        status, idle = "", False
        while not (status and idle):  # the reply and the output come by two channels
            text = await self._socket.read_message()
            assert text is not None, f"the server closed the websocket during {code!r}"
            message = json.loads(text)
            kind, said = message["header"]["msg_type"], message["content"]
            if kind == "stream":  # whoever it answers: what no cell asked for is heard too
                shown[said["name"]] += said["text"]
            elif message["parent_header"].get("msg_id") != cell:
                continue
            elif kind == "execute_reply":
                status = said["status"]
            elif kind == "status":
                idle = said["execution_state"] == "idle"
        return Ran(**shown, status=status)
