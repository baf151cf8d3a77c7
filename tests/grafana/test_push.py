"""popcon dashboards push: after it a Grafana has the dashboards, and a second one finds nothing to do.

The server answers as Grafana's documents say (`tests/grafana/served.py` names them).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from popcon import __version__
from popcon.cli import main
from popcon.grafana.api import Access, Grafana, credentials
from popcon.grafana.push import find_folder, make_folder, save
from popcon.render.dashboards import boards
from tests.grafana.served import PASSWORD, TOKEN, Stored
from tests.grafana.served import Grafana as Served

ALL = sorted(boards())
ONE = "popcon-libraries"


def push(capsys: pytest.CaptureFixture[str], grafana: Served, *more: str) -> str:
    """Push and return what was printed."""
    status = main(["dashboards", "push", grafana.url, *more])
    done = capsys.readouterr()
    assert (status, done.err) == (0, "")
    return done.out


def as_sent(uid: str) -> dict[str, Any]:
    """Return a dashboard as a server keeps it: what JSON says of it, under its uid."""
    board: dict[str, Any] = json.loads(json.dumps(boards()[uid]))
    assert board.pop("uid") == uid
    return board


def test_a_first_push(capsys: pytest.CaptureFixture[str], grafana: Served) -> None:
    """An empty Grafana gets the folder popcon and all dashboards, each as it is rendered."""
    out = push(capsys, grafana)

    assert grafana.folders == {"popcon": "popcon"}
    assert sorted(grafana.dashboards) == ALL
    for uid in ALL:
        assert grafana.dashboards[uid] == [Stored(as_sent(uid), "popcon", f"popcon {__version__}")]
        assert f"created    {grafana.url}d/{uid}  {boards()[uid]['title']}\n" in out
    assert out.startswith(f"Grafana 11.6.0 at {grafana.url}\ncreated the folder 'popcon'\n")


def test_a_second_push(capsys: pytest.CaptureFixture[str], grafana: Served) -> None:
    """What is the same there is not saved again: the version history holds changes only."""
    push(capsys, grafana)
    grafana.seen.clear()
    out = push(capsys, grafana)

    assert grafana.writes() == []
    assert out.count("\nunchanged  ") == len(ALL)


def test_an_edit_is_overwritten(capsys: pytest.CaptureFixture[str], grafana: Served) -> None:
    """A dashboard that was edited there is announced by a dry run, and then overwritten, it alone."""
    push(capsys, grafana)
    edited = {**as_sent(ONE), "title": "mine", "panels": [], "weekStart": "monday"}
    grafana.dashboards[ONE].append(Stored(edited, "popcon", "by hand"))

    told = push(capsys, grafana, "--dry-run")
    assert (
        f"would change  {ONE}  popcon / Libraries: differs in panels, title, weekStart "
        "from version 2, saved by 'sa-popcon'\n"
    ) in told
    assert grafana.messages(ONE)[-1] == "by hand"

    out = push(capsys, grafana, "--message", "back again")
    assert grafana.board(ONE) == as_sent(ONE)
    assert grafana.messages(ONE) == [f"popcon {__version__}", "by hand", "back again"]
    assert "changed    " in out
    assert {len(grafana.dashboards[uid]) for uid in ALL if uid != ONE} <= {1}


def test_a_dry_run_only_reads(capsys: pytest.CaptureFixture[str], grafana: Served) -> None:
    """A dry run says what would be created, and sends nothing but GET."""
    out = push(capsys, grafana, "--dry-run", "--datasource", "Prometheus")

    assert grafana.writes() == []
    assert "would create the folder 'popcon'\n" in out
    for uid in ALL:
        assert f"would create  {uid}  {boards()[uid]['title']}\n" in out


def test_only_some(capsys: pytest.CaptureFixture[str], grafana: Served) -> None:
    """--only pushes what it names."""
    push(capsys, grafana, "--only", ONE, "--only", ONE)

    assert list(grafana.dashboards) == [ONE]
    assert len(grafana.dashboards[ONE]) == 1


def test_a_grafana_below_a_path(capsys: pytest.CaptureFixture[str]) -> None:
    """A URL may have a path, with a slash behind it or without."""
    with Served(prefix="/tools/grafana") as grafana:
        push(capsys, grafana)
        assert main(["dashboards", "push", grafana.url.rstrip("/")]) == 0
        assert f"{grafana.url}d/{ONE} " in capsys.readouterr().out

    assert {len(versions) for versions in grafana.dashboards.values()} == {1}


def test_the_token_is_sent_as_it_is(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    grafana: Served,
) -> None:
    """The token is sent, and not what `.netrc` says; it is not sent before Grafana is known as one."""
    file = tmp_path / "netrc"
    file.write_text("machine 127.0.0.1 login other password wrong\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))
    monkeypatch.setenv("GRAFANA_TOKEN", f"{TOKEN}\n")  # as `cat` of a file with a last line end
    push(capsys, grafana)

    assert grafana.seen[0] == ("GET", "/api/health", None)
    assert {seen.authorization for seen in grafana.seen[1:]} == {f"Bearer {TOKEN}"}


def test_a_password(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, grafana: Served
) -> None:
    """Where Grafana takes passwords, GRAFANA_TOKEN may be user:password."""
    monkeypatch.setenv("GRAFANA_TOKEN", PASSWORD)
    push(capsys, grafana)

    assert sorted(grafana.dashboards) == ALL


@pytest.mark.parametrize(
    ("there", "options", "uid"),
    [
        ({"abc": "Usage"}, ("--folder", "Usage"), "abc"),  # by title
        ({"abc": "popcon"}, (), "abc"),
        ({"popcon": "Renamed since"}, (), "popcon"),  # by uid
        ({"usage": "Usage of libraries"}, ("--folder", "usage"), "usage"),
        ({"abc": "Usage", "usage": "else"}, ("--folder", "Usage"), "abc"),
        ({"a": "Usage", "b": "Usage"}, ("--folder-uid", "b"), "b"),
        ({}, ("--folder-uid", "b", "--folder", "Usage"), "b"),  # made
        ({}, ("--folder", "Usage of libraries"), "fdz0kq1"),
        ({f"u{n}": f"t{n}" for n in range(2500)}, ("--folder", "t2400"), "u2400"),  # third page
        ({}, ("--folder", "General"), ""),
        ({}, ("--folder", ""), ""),
    ],
)
def test_folders(
    capsys: pytest.CaptureFixture[str],
    grafana: Served,
    there: dict[str, str],
    options: tuple[str, ...],
    uid: str,
) -> None:
    """A folder is found by its title, else by its uid, else made; General is the place without one."""
    grafana.folders.update(there)
    push(capsys, grafana, *options)

    assert grafana.dashboards[ONE][-1].folder == uid
    if uid and uid not in there:
        assert grafana.folders[uid] == options[options.index("--folder") + 1]
    else:
        assert grafana.folders == there
    push(capsys, grafana, *options)
    assert len(grafana.dashboards[ONE]) == 1


def test_another_folder(capsys: pytest.CaptureFixture[str], grafana: Served) -> None:
    """Dashboards move to the folder that is asked for, and a dry run says from where."""
    push(capsys, grafana)
    told = push(capsys, grafana, "--folder", "Usage", "--dry-run")
    assert "would create the folder 'Usage'\n" in told
    assert f"would change  {ONE}  popcon / Libraries: moves here from the folder 'popcon'\n" in told

    push(capsys, grafana, "--folder", "Usage")
    assert [grafana.folders[stored.folder] for stored in grafana.dashboards[ONE]] == [
        "popcon",
        "Usage",
    ]


@pytest.mark.parametrize(("wanted", "uid"), [("Prometheus", "P1"), ("P1", "P1"), ("Amazon", "amp")])
def test_a_data_source(
    capsys: pytest.CaptureFixture[str], grafana: Served, wanted: str, uid: str
) -> None:
    """--datasource chooses a Prometheus by name or uid; nothing else of the dashboards is changed."""
    push(capsys, grafana, "--datasource", wanted)
    push(capsys, grafana, "--datasource", wanted)

    assert len(grafana.dashboards[ONE]) == 1
    board = grafana.board(ONE)
    chosen = [v for v in board["templating"]["list"] if v["type"] == "datasource"]
    assert [variable.pop("current")["value"] for variable in chosen] == [uid]
    here = as_sent(ONE)
    for variable in here["templating"]["list"]:
        if variable["type"] == "datasource":
            variable.pop("current", None)
    assert board == here


def test_a_folder_that_is_new(grafana: Served) -> None:
    """Where the rights of a new folder come late, saving is tried again; with an old one it is not."""
    waited: list[float] = []
    with Grafana(Access(grafana.url, credentials(TOKEN), 10.0)) as there:
        folder = make_folder(there, find_folder(there, "popcon"))
        grafana.not_yet = 2
        save(there, boards()[ONE], folder, "m", patient=True, wait=waited.append)
        assert grafana.messages(ONE) == ["m"]
        assert waited == [1.0, 1.0]

        grafana.not_yet = 1
        with pytest.raises(Exception, match="500 Failed to save dashboard"):
            save(there, boards()[ONE], folder, "m", wait=waited.append)
    assert len(waited) == 2


def test_written_and_printed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """`write` and `print` give what grafana/ has; `list` gives each uid and title."""
    assert main(["dashboards", "write", str(tmp_path / "new" / "folder")]) == 0
    capsys.readouterr()
    rendered = Path(__file__).parents[2] / "grafana"
    for uid in ALL:
        text = (rendered / f"{uid}.json").read_text()
        assert (tmp_path / "new" / "folder" / f"{uid}.json").read_text() == text
        assert main(["dashboards", "print", uid]) == 0
        assert capsys.readouterr().out == text

    assert main(["dashboards", "list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(boards())
