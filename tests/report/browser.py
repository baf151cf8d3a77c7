"""In: an HTML file. Out: what Chromium does with it: its messages, its requests, answers to a script, a picture, a PDF."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import subprocess
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.peers.found import missing
from tests.websockets import closed

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_LARGEST = 64 << 20
_PATIENCE = 60


def chromium() -> str:
    """Return the path of the browser, or skip; in CI, fail."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        missing(f"no {CHROMIUM[0]} on this machine")
    return found


class Tab:
    """One page in the browser, by Chromium's own protocol."""

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self._connection = connection
        self._number = 0
        #: What it asked for, and what it said that is wrong.
        self.requests: list[str] = []
        self.problems: list[str] = []
        self._events: list[str] = []

    async def call(self, method: str, **more: Any) -> dict[str, Any]:
        """Return the answer to one command."""
        self._number += 1
        number = self._number
        await self._connection.write_message(
            json.dumps({"id": number, "method": method, "params": more})
        )
        while True:
            message = await self._next()
            if message.get("id") == number:
                if "error" in message:
                    raise AssertionError(f"{method}: {message['error']}")
                result: dict[str, Any] = message["result"]
                return result

    async def _next(self) -> dict[str, Any]:
        said = await asyncio.wait_for(self._connection.read_message(), _PATIENCE)
        assert said is not None, "Chromium went away"
        message: dict[str, Any] = json.loads(said)
        self._note(message)
        return message

    def _note(self, message: dict[str, Any]) -> None:
        method, more = message.get("method", ""), message.get("params", {})
        self._events.append(method)
        if method == "Network.requestWillBeSent":
            self.requests.append(more["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.problems.append(str(more["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled":
            self.problems.append(str(more["args"]))
        elif method == "Log.entryAdded":
            self.problems.append(more["entry"]["text"])

    async def open(
        self, url: str, width: int = 1000, scheme: str = "light", media: str = ""
    ) -> None:
        """Load an address, and wait until it is there."""
        for domain in ("Page", "Network", "Runtime", "Log"):
            await self.call(f"{domain}.enable")
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=False,
        )
        await self.call(
            "Emulation.setEmulatedMedia",
            media=media,
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )
        self._events.clear()
        await self.call("Page.navigate", url=url)
        while "Page.loadEventFired" not in self._events:
            await self._next()

    async def ask(self, script: str) -> Any:
        """Return what an expression is in the page."""
        found = await self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    async def picture(self) -> bytes:
        """Return the whole page as a PNG."""
        found = await self.call("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(found["data"])

    async def pdf(self) -> bytes:
        """Return the page as it is printed."""
        found = await self.call("Page.printToPDF", preferCSSPageSize=True)
        return base64.b64decode(found["data"])


def in_tab(program: str, story: Any) -> Any:
    """Return what `await story(tab)` returns, in a browser of its own."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        flags = (
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--remote-debugging-port=0",
            f"--user-data-dir={folder}",
            "about:blank",
        )
        with subprocess.Popen(
            [program, *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                return asyncio.run(_story(Path(folder), story))
            finally:
                process.terminate()


async def _story(folder: Path, story: Any) -> Any:
    port, path = await _address(folder / "DevToolsActivePort")
    root = await _connected(f"ws://127.0.0.1:{port}{path}")
    made = await Tab(root).call("Target.createTarget", url="about:blank")
    connection = await _connected(f"ws://127.0.0.1:{port}/devtools/page/{made['targetId']}")
    try:
        answer: Coroutine[Any, Any, Any] = story(Tab(connection))
        return await answer
    finally:
        await closed(connection)
        await closed(root)


async def _connected(url: str) -> WebSocketClientConnection:
    return await websocket_connect(url, max_message_size=_LARGEST)


async def _address(file: Path) -> tuple[str, str]:
    for _ in range(_PATIENCE * 20):
        lines = file.read_text().split("\n") if file.is_file() else []
        if len(lines) == 2:
            return lines[0], lines[1]
        await asyncio.sleep(0.05)
    raise AssertionError("Chromium did not start")
