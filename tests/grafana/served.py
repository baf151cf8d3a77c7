"""In: requests as Grafana's HTTP API takes them. Out: what its documents, and its own code, say it answers.

Grafana itself is in no package index that these tests may install from. Sources: Grafana's documents,
HTTP API: Authentication, Dashboard, Data source, Folder, Other; the bodies of errors are those of its
`pkg/services/dashboards/errors.go` and `pkg/api/apierrors/`. It keeps what it is sent: folders,
dashboards and all versions of them.
"""

from __future__ import annotations

import base64
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

TOKEN = "glsa_0123456789abcdefghijklmnopqrstuv_01234567"
PASSWORD = "admin:päss:word"


class Seen(NamedTuple):
    """A request that came."""

    method: str
    path: str
    authorization: str | None


class Stored(NamedTuple):
    """A version of a dashboard."""

    board: dict[str, Any]
    folder: str
    message: str


class Answer(NamedTuple):
    """A status and a body."""

    status: int
    body: Any


def _denied(needed: str) -> Answer:
    text = (
        f"You'll need additional permissions to perform this action. Permissions needed: {needed}"
    )
    return Answer(
        403, {"accessErrorId": "ACE0123456789", "message": text, "title": "Access denied"}
    )


class Grafana:
    """A server on loopback that answers as Grafana's HTTP API does; a context manager."""

    def __init__(self, version: str = "11.6.0", prefix: str = "", role: str = "Admin") -> None:
        self.version = version
        self.prefix = prefix
        self.role = role
        self.folders: dict[str, str] = {}
        self.dashboards: dict[str, list[Stored]] = {}
        self.provisioned: dict[str, str] = {}
        self.sources = [
            {"id": 1, "uid": "P1", "name": "Prometheus", "type": "prometheus"},
            {
                "id": 2,
                "uid": "amp",
                "name": "Amazon",
                "type": "grafana-amazonprometheus-datasource",
            },
            {"id": 3, "uid": "E1", "name": "logs", "type": "elasticsearch"},
        ]
        #: How many of the next saves find the permissions of a new folder not there yet.
        self.not_yet = 0
        self.seen: list[Seen] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}{prefix}/"

    def __enter__(self) -> Grafana:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wrap(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def board(self, uid: str) -> dict[str, Any]:
        """Return the newest version of a dashboard."""
        return self.dashboards[uid][-1].board

    def messages(self, uid: str) -> list[str]:
        """Return the version history of a dashboard."""
        return [stored.message for stored in self.dashboards[uid]]

    def writes(self) -> list[str]:
        """Return the paths of the requests that are not GET."""
        return [seen.path for seen in self.seen if seen.method != "GET"]

    def answer(self, method: str, target: str, authorization: str | None, body: Any) -> Answer:
        """Return what a request is answered."""
        self.seen.append(Seen(method, target, authorization))
        parts = urlsplit(target)
        if not parts.path.startswith(f"{self.prefix}/api/"):
            return Answer(404, "<!DOCTYPE html><title>Grafana</title>")
        path = parts.path[len(self.prefix) + len("/api/") :]
        if path == "health":
            return Answer(200, {"commit": "083b0c1", "database": "ok", "version": self.version})
        if refusal := self._refused(authorization):
            return refusal
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if (method, path) == ("GET", "folders"):
            return self._list(query)
        if (method, path) == ("POST", "folders"):
            return self._make(body)
        if (method, path) == ("GET", "datasources"):
            return (
                Answer(200, self.sources) if self.role == "Admin" else _denied("datasources:read")
            )
        if (method, path) == ("POST", "dashboards/db"):
            return self._save(body)
        room, _, uid = path.rpartition("/")
        if (method, room) == ("GET", "folders"):
            return self._folder(uid)
        if (method, room) == ("GET", "dashboards/uid"):
            return self._dashboard(uid)
        return Answer(404, {"message": "Not found"})

    def _refused(self, authorization: str | None) -> Answer | None:
        if authorization == f"Bearer {TOKEN}":
            return None
        if authorization == "Basic " + base64.b64encode(PASSWORD.encode()).decode():
            return None
        kind = (authorization or "").partition(" ")[0]
        said = {
            "Bearer": ("Invalid API key", "api-key.invalid"),
            "Basic": ("Invalid username or password", "password-auth.failed"),
        }
        message, name = said.get(kind, ("Unauthorized", "auth.unauthorized"))
        return Answer(
            401, {"message": message, "messageId": name, "statusCode": 401, "traceID": ""}
        )

    def _list(self, query: dict[str, str]) -> Answer:
        limit, page = int(query.get("limit", "1000")), int(query.get("page", "1"))
        rows = [{"id": 1, "uid": uid, "title": title} for uid, title in self.folders.items()]
        return Answer(200, rows[limit * (page - 1) : limit * page])

    def _make(self, body: Any) -> Answer:
        if self.role == "Viewer":
            return _denied("folders:create")
        if not body.get("title"):
            return Answer(400, {"message": "folder title cannot be empty"})
        uid = body.get("uid") or f"fdz{len(self.folders)}kq1"
        if uid in self.folders or uid in self.dashboards:
            return Answer(409, {"message": "a folder/dashboard with the same uid already exists"})
        self.folders[uid] = body["title"]
        return self._folder(uid)

    def _folder(self, uid: str) -> Answer:
        if uid not in self.folders:
            return Answer(404, {"message": "folder not found", "status": "not-found"})
        return Answer(200, {"id": 1, "uid": uid, "title": self.folders[uid], "canSave": True})

    def _dashboard(self, uid: str) -> Answer:
        if uid not in self.dashboards:
            return Answer(404, {"message": "Dashboard not found"})
        board, folder, _ = self.dashboards[uid][-1]
        meta = {
            "version": len(self.dashboards[uid]),
            "updatedBy": "sa-popcon",
            "folderUid": folder,
            "folderTitle": self.folders.get(folder, "General"),
            "provisioned": uid in self.provisioned,
            "provisionedExternalId": self.provisioned.get(uid, ""),
        }
        there = {**board, "id": 7, "uid": uid, "version": len(self.dashboards[uid])}
        return Answer(200, {"dashboard": there, "meta": meta})

    def _save(self, body: Any) -> Answer:
        if not isinstance(body, dict) or not isinstance(body.get("dashboard"), dict):
            return Answer(400, {"message": "bad request data"})
        board, folder = dict(body["dashboard"]), body.get("folderUid") or ""
        uid = board.pop("uid", None) or f"b{len(self.dashboards)}"
        there = self.dashboards.get(uid, [])
        if self.role == "Viewer":
            return _denied("dashboards:create")
        if self.not_yet:
            self.not_yet -= 1
            return Answer(500, {"message": "Failed to save dashboard"})
        if folder and folder not in self.folders:
            return Answer(400, {"message": "folder not found"})
        if not board.get("title"):
            return Answer(
                400, {"message": "Dashboard title cannot be empty", "status": "empty-name"}
            )
        if uid in self.provisioned:
            return Answer(400, {"message": "Cannot save provisioned dashboard"})
        if len(body.get("message", "")) > 500:
            return Answer(400, {"message": "message too long, max 500 characters"})
        if there and "pluginId" in there[-1].board:
            said = f"The dashboard belongs to plugin {there[-1].board['pluginId']}."
            return Answer(412, {"message": said, "status": "plugin-dashboard"})
        if there and not body.get("overwrite"):
            if board.get("id") is None:
                said = "A dashboard with the same uid already exists"
                return Answer(412, {"message": said, "status": "name-exists"})
            if board.get("version") != len(there):
                said = "The dashboard has been changed by someone else"
                return Answer(412, {"message": said, "status": "version-mismatch"})
        for name in ("id", "version"):
            board.pop(name, None)
        self.dashboards.setdefault(uid, []).append(Stored(board, folder, body.get("message", "")))
        saved = {"status": "success", "id": 7, "uid": uid, "version": len(self.dashboards[uid])}
        return Answer(200, {**saved, "url": f"{self.prefix}/d/{uid}/popcon", "folderUid": folder})


def _handler(grafana: Grafana) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._do("GET", None)

        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"]))
            self._do("POST", json.loads(sent))

        def _do(self, method: str, body: Any) -> None:
            answer = grafana.answer(method, self.path, self.headers["Authorization"], body)
            is_page = isinstance(answer.body, str)
            text = (answer.body if is_page else json.dumps(answer.body)).encode()
            self.send_response(answer.status)
            kind = "text/html" if is_page else "application/json"
            self.send_header("Content-Type", f"{kind}; charset=UTF-8")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    return Handler
