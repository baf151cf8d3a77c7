"""In: dashboards and a Grafana. Out: what differs there, and then what differs no more.

Sources: Grafana's documents, HTTP API: Dashboard, Folder, Data source. A dashboard that is the same
there is left alone, so that its version history holds changes only. What `/api/` gives back is what
was sent, but for `id`, `uid` and `version` (grafana/grafana#104213).
"""

from __future__ import annotations

import copy
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from popcon.errors import NetworkError, UsageError
from popcon.grafana.api import Grafana, RefusedError
from popcon.http_client import one_line

#: The folder, by title and uid, that provisioning has too (deploy/compose).
FOLDER = "popcon"
#: What Grafana calls the place that is no folder.
GENERAL = "General"
#: Grafana refuses a longer one.
LONGEST_MESSAGE = 500
_UID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_PAGE = 1000
#: A new folder may be forbidden or unknown to the next request for a moment (grafana/grafana#103355).
_TRIES = 4
_NOT_YET = (400, 403, 404, 500)

Board = Mapping[str, Any]


class Folder(NamedTuple):
    """A folder of Grafana; `uid` is empty for General, and for one that Grafana will name."""

    uid: str
    title: str
    exists: bool


class Step(NamedTuple):
    """What there is to do for a dashboard: `state` is `new`, `changed` or `unchanged`, `why` says how."""

    uid: str
    title: str
    state: str
    why: str = ""


def find_folder(grafana: Grafana, title: str, uid: str | None = None) -> Folder:
    """Return the folder of that uid, else that of that title, else of a uid like the title."""
    if uid is not None:
        if not _UID.fullmatch(uid):
            raise UsageError(
                f"not a folder's uid (letters, digits, '-' and '_', 40 at most): {uid!r}"
            )
        found = grafana.get(f"api/folders/{uid}")
        return Folder(uid, title, False) if found is None else _folder(found)
    if title in ("", GENERAL):
        return Folder("", GENERAL, True)
    same = [folder for folder in _folders(grafana) if folder.title == title]
    if len(same) > 1:
        uids = ", ".join(sorted(folder.uid for folder in same))
        raise UsageError(
            f"{len(same)} folders are called {title!r}: say which by --folder-uid ({uids})"
        )
    if same:
        return same[0]
    if _UID.fullmatch(title):
        try:
            found = grafana.get(f"api/folders/{title}")
        except RefusedError as error:
            if error.code != 403:  # so some Grafanas call what isn't there
                raise
            found = None
        if found is not None:
            return _folder(found)
    return Folder(FOLDER if title == FOLDER else "", title, False)


def make_folder(grafana: Grafana, folder: Folder) -> Folder:
    """Create a folder and return it."""
    wanted = {"title": folder.title, **({"uid": folder.uid} if folder.uid else {})}
    return _folder(grafana.post("api/folders", wanted))


def with_source(grafana: Grafana, boards: Iterable[Board], wanted: str) -> list[Board]:
    """Return the dashboards with that data source, a name or uid, chosen in their variable."""
    sources = [row for row in grafana.get("api/datasources") or [] if isinstance(row, dict)]
    found = [row for row in sources if row.get("name") == wanted]
    found = found or [row for row in sources if row.get("uid") == wanted]
    if not found:
        names = ", ".join(
            sorted(repr(one_line(row.get("name"))) for row in sources if _prometheus(row))
        )
        raise UsageError(
            f"no data source {wanted!r} in {grafana.url!r}; for Prometheus it has {names or 'none'}"
        )
    source = found[0]
    if not _prometheus(source):
        raise UsageError(
            f"the data source {wanted!r} is of type {one_line(source.get('type'))!r}, not of Prometheus"
        )
    chosen = {"selected": True, "text": source.get("name"), "value": source.get("uid")}
    pushed = []
    for board in boards:
        board = copy.deepcopy(dict(board))
        for variable in board["templating"]["list"]:
            if variable["type"] == "datasource":
                variable["current"] = chosen
        pushed.append(board)
    return pushed


def compare(grafana: Grafana, boards: Iterable[Board], folder: Folder) -> list[Step]:
    """Return what there is to do for each dashboard; nothing is changed.

    Raises `NetworkError` where one of them is provisioned there from a file, which wins.
    """
    return [_compared(grafana, board, folder) for board in boards]


def save(
    grafana: Grafana,
    board: Board,
    folder: Folder,
    message: str,
    patient: bool = False,
    wait: Callable[[float], object] = time.sleep,
) -> None:
    """Create the dashboard or overwrite it; `patient` where its folder was made just now."""
    body = {
        "dashboard": {**board, "id": None},
        "folderUid": folder.uid,
        "message": message,
        "overwrite": True,
    }
    for left in reversed(range(_TRIES if patient else 1)):
        try:
            answer = grafana.post("api/dashboards/db", body)
        except RefusedError as error:
            if left and error.code in _NOT_YET:
                wait(1.0)
                continue
            raise NetworkError(f"can't save the dashboard {board['uid']!r}: {error}") from None
        if not isinstance(answer, dict) or answer.get("status") != "success":
            raise NetworkError(
                f"can't say whether {grafana.url!r} saved the dashboard {board['uid']!r}: "
                f"it answers {one_line(answer)!r}"
            )
        return


def _compared(grafana: Grafana, board: Board, folder: Folder) -> Step:
    uid, title = str(board["uid"]), str(board["title"])
    answer = grafana.get(f"api/dashboards/uid/{uid}")
    if answer is None:
        return Step(uid, title, "new")
    try:
        there, meta = dict(answer["dashboard"]), dict(answer["meta"])
    except (KeyError, TypeError, ValueError):
        raise NetworkError(
            f"{grafana.url!r} answers without a dashboard when asked for {uid!r}"
        ) from None
    if meta.get("provisioned"):
        file = one_line(meta.get("provisionedExternalId") or "name unknown")
        raise NetworkError(
            f"the dashboard {uid!r} is provisioned at {grafana.url!r} from a file there ({file}): "
            "update that file, or take it out of the provisioning first"
        )
    why = []
    here = json.loads(json.dumps(board))
    for name in ("id", "uid", "version"):
        here.pop(name, None)
        there.pop(name, None)
    names = sorted(
        name
        for name in {*here, *there}
        if name not in here or name not in there or here[name] != there[name]
    )
    if names:
        last = (
            f"version {one_line(meta.get('version'))}, saved by {one_line(meta.get('updatedBy'))!r}"
        )
        why.append(f"differs in {', '.join(one_line(name) for name in names)} from {last}")
    place = "" if meta.get("folderUid") in (None, "general") else meta["folderUid"]
    if place != folder.uid or not folder.exists:
        why.append(f"moves here from the folder {one_line(meta.get('folderTitle') or GENERAL)!r}")
    return Step(uid, title, "changed" if why else "unchanged", "; ".join(why))


def _prometheus(source: Mapping[str, Any]) -> bool:
    # Amazon's and Azure's are plugins of their own: grafana-amazonprometheus-datasource.
    return "prometheus" in str(source.get("type"))


def _folders(grafana: Grafana) -> list[Folder]:
    found: dict[str, Folder] = {}
    page = 1
    while True:
        rows = grafana.get("api/folders", {"limit": str(_PAGE), "page": str(page)}) or []
        before = len(found)
        found.update((folder.uid, folder) for folder in map(_folder, rows))
        if len(rows) < _PAGE or len(found) == before:
            return list(found.values())
        page += 1


def _folder(row: Any) -> Folder:
    try:
        return Folder(str(row["uid"]), str(row["title"]), True)
    except (KeyError, TypeError):
        raise NetworkError(f"no folder as Grafana describes one: {one_line(row)!r}") from None
