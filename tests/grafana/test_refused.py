"""popcon dashboards push: what can't be done is one line that says why and what to do, and no more."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from popcon.cli import main
from popcon.render.dashboards import boards
from tests.grafana.served import TOKEN, Grafana, Stored

ONE = "popcon-libraries"
HEALTHY = json.dumps({"database": "ok", "version": "11.6.0"})


def refused(capsys: pytest.CaptureFixture[str], url: str, *more: str) -> tuple[int, str]:
    """Push, and return the status and the one line; no token is ever in it."""
    status = main(["dashboards", "push", url, *more])
    done = capsys.readouterr()
    assert len(done.err.splitlines()) == 1
    assert TOKEN not in done.out + done.err
    return status, done.err


@contextmanager
def answering(
    answer: Callable[[str], tuple[int, dict[str, str], str]],
) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """Run a server that answers a path with a status, headers and a body; give its URL and what came."""
    seen: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append((self.path, self.headers["Authorization"]))
            status, headers, body = answer(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", seen
        server.shutdown()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("grafana.example.org", "not the URL of a Grafana, such as https://example.org/: 'grafana"),
        ("ftp://h/", "'ftp://h/'"),
        ("https://", "'https://'"),
        ("https://h:port/", "'https://h:port/'"),
        ("https://h/?orgId=1", "'https://h/?orgId=…'"),
        ("https://h/ \n", "not the URL of a Grafana"),
        ("https://ada:secret@h/", "'https://ada@h/'; set GRAFANA_TOKEN to"),
        ("https://ada@h/", "no user or password belongs in the URL"),
    ],
)
def test_urls(capsys: pytest.CaptureFixture[str], url: str, said: str) -> None:
    """What is no root of a Grafana is refused before anything is sent; a password is not repeated."""
    status, line = refused(capsys, url)

    assert status == 2
    assert said in line
    assert "secret" not in line


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (None, "GRAFANA_TOKEN is not set: it has to hold a token of a service account of 'http"),
        ("", "GRAFANA_TOKEN holds no token"),
        ("two words", "GRAFANA_TOKEN holds no token"),
        ("tokèn", "GRAFANA_TOKEN holds no token"),
    ],
)
def test_tokens_that_are_none(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    grafana: Grafana,
    token: str | None,
    said: str,
) -> None:
    """A missing token, and what can't be one, is refused before anything is sent, and not quoted."""
    monkeypatch.delenv("GRAFANA_TOKEN")
    if token is not None:
        monkeypatch.setenv("GRAFANA_TOKEN", token)
    status, line = refused(capsys, grafana.url)

    assert status == 2
    assert said in line
    assert "words" not in line
    assert grafana.seen == []


@pytest.mark.parametrize("token", ["glsa_of_yesterday", "admin:wrong"])
def test_a_wrong_token(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    grafana: Grafana,
    token: str,
) -> None:
    """A token or password that Grafana doesn't take is said to be wrong or expired, and not quoted."""
    monkeypatch.setenv("GRAFANA_TOKEN", token)
    status, line = refused(capsys, grafana.url)

    assert status == 4
    assert "answers 401 Invalid" in line
    assert "GRAFANA_TOKEN is wrong, has expired, or is of another Grafana" in line
    assert token not in line


def test_a_viewers_token(capsys: pytest.CaptureFixture[str]) -> None:
    """A token that may not write is told which role it needs, and what Grafana says."""
    with Grafana(role="Viewer") as grafana:
        status, line = refused(capsys, grafana.url)

    assert status == 4
    assert "answers 403 You'll need additional permissions" in line
    assert "it needs the role Editor" in line


def test_an_editors_token_and_a_data_source(capsys: pytest.CaptureFixture[str]) -> None:
    """An Editor may not read data sources, and isn't told to be an Editor."""
    with Grafana(role="Editor") as grafana:
        status, line = refused(capsys, grafana.url, "--datasource", "Prometheus")

    assert status == 4
    assert "it needs the role Admin, or datasources:read" in line
    assert "Editor" not in line


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (("--only", "nope"), 2, "no dashboard 'nope': there is popcon-"),
        (("--datasource", "nope"), 2, "no data source 'nope' in"),
        (("--datasource", "nope"), 2, "it has 'Amazon', 'Prometheus'"),
        (("--datasource", "logs"), 2, "'logs' is of type 'elasticsearch', not of Prometheus"),
        (
            ("--folder", "twice"),
            2,
            "2 folders are called 'twice': say which by --folder-uid (a, b)",
        ),
        (("--folder-uid", "a/../b"), 2, "'a/../b'"),
        (("--folder-uid", ""), 2, "not a folder's uid"),
        (("--message", "x" * 501), 2, "a message of 501 characters; Grafana takes 500"),
        (("--ca-file", "/no/such/file"), 3, "can't read '/no/such/file': No such file"),
        (("--ca-file", __file__), 3, "no certificates in PEM format in "),
    ],
)
def test_options(
    capsys: pytest.CaptureFixture[str],
    grafana: Grafana,
    options: tuple[str, ...],
    status: int,
    said: str,
) -> None:
    """An option that names what isn't there is refused with its value, and nothing is written."""
    grafana.folders = {"a": "twice", "b": "twice"}

    assert refused(capsys, grafana.url, *options)[0] == status
    assert said in refused(capsys, grafana.url, *options)[1]
    assert grafana.writes() == []


def test_a_provisioned_dashboard(capsys: pytest.CaptureFixture[str], grafana: Grafana) -> None:
    """Where one dashboard is provisioned from a file, that is said before anything is written."""
    main(["dashboards", "push", grafana.url])
    capsys.readouterr()
    for uid in boards():
        grafana.dashboards[uid].append(Stored({"title": "else"}, "popcon", ""))
    grafana.provisioned = {ONE: "popcon-libraries.json"}
    grafana.seen.clear()
    status, line = refused(capsys, grafana.url)

    assert status == 4
    assert f"the dashboard '{ONE}' is provisioned" in line
    assert "from a file there (popcon-libraries.json): update that file" in line
    assert grafana.writes() == []


def test_a_dashboard_of_a_plugin(capsys: pytest.CaptureFixture[str], grafana: Grafana) -> None:
    """What Grafana says against saving a dashboard (412) is passed on, with the dashboard's uid."""
    grafana.dashboards[ONE] = [Stored({"title": "x", "pluginId": "p"}, "", "")]
    status, line = refused(capsys, grafana.url)

    assert status == 4
    assert f"can't save the dashboard '{ONE}'" in line
    assert "answers 412 The dashboard belongs to plugin p." in line


def test_an_old_grafana(capsys: pytest.CaptureFixture[str]) -> None:
    """Grafana 9 is refused: it can't draw all of the dashboards' panels."""
    with Grafana(version="9.5.21") as grafana:
        status, line = refused(capsys, grafana.url)

    assert status == 1
    assert "is version '9.5.21'; 10 or later is needed" in line


@pytest.mark.parametrize(
    ("code", "headers", "body", "said"),
    [
        (200, {"Content-Type": "text/html; charset=UTF-8"}, "<html>", "(200, text/html)"),
        (404, {"Content-Type": "text/html"}, "<html>", "(404, text/html): is 'http://127.0.0.1"),
        (200, {"Content-Type": "application/json"}, '{"status":"success"}', "as Grafana does"),
        (200, {}, "", "(200, no type)"),
        (
            502,
            {"Content-Type": "text/html"},
            "<html>",
            "answers 502: Grafana is down, or its proxy",
        ),
        (503, {}, '{"database":"failing"}', "says that its database is not well"),
        (302, {"Location": "/login?x=secret"}, "", "/login': is 'http://127.0.0.1"),
        (301, {"Location": "https://h.example/g/api/health"}, "", "use 'https://h.example/g/'"),
        (308, {"Location": "http://x:secret@h/api/health"}, "", "use 'http://x@h/'"),
    ],
)
def test_what_is_no_grafana(
    capsys: pytest.CaptureFixture[str], code: int, headers: dict[str, str], body: str, said: str
) -> None:
    """What doesn't answer as Grafana gets no token; a redirect is not followed, but told."""
    with answering(lambda path: (code, headers, body)) as (url, seen):
        status, line = refused(capsys, url)

    assert status == 4
    assert said in line
    assert "secret" not in line
    assert seen == [("/api/health", None)]


@pytest.mark.parametrize(
    ("code", "body", "said"),
    [
        (502, "<html>", "/api/folders' answers 502 Bad Gateway: Grafana is down"),
        (500, '{"message":"Folder API error"}', "/api/folders' answers 500 Folder API error"),
        (400, '{"message":"two\\nlines\\u001b[31m"}', "answers 400 'two lines\\x1b[31m'"),
        (200, "<html>", "does not answer as Grafana does (200, no type)"),
        (200, '[{"id":1}]', "no folder as Grafana describes one: \"{'id': 1}\""),
    ],
)
def test_a_grafana_that_fails_later(
    capsys: pytest.CaptureFixture[str], code: int, body: str, said: str
) -> None:
    """An error of a later request quotes its address and Grafana's words, as one line."""

    def answer(path: str) -> tuple[int, dict[str, str], str]:
        return (200, {}, HEALTHY) if path == "/api/health" else (code, {}, body)

    with answering(answer) as (url, seen):
        status, line = refused(capsys, url)

    assert status == 4
    assert said in line
    assert seen[1][1] == f"Bearer {TOKEN}"


def test_a_proxy_that_wants_the_token_first(capsys: pytest.CaptureFixture[str]) -> None:
    """Where health is behind the login too, it is asked for again with the token."""

    def answer(path: str) -> tuple[int, dict[str, str], str]:
        return (401, {}, '{"message":"Unauthorized"}')

    with answering(answer) as (url, seen):
        refused(capsys, url)

    assert [authorization for _, authorization in seen] == [None, f"Bearer {TOKEN}"]


def test_nobody_answers(capsys: pytest.CaptureFixture[str]) -> None:
    """No answer in time, no connection and no such host are told apart."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()  # and nobody accepts
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        told = refused(capsys, url, "--timeout", "0.3")
        assert told == (4, f"popcon: error: no answer from '{url}api/health' in 0.3 s\n")

    assert f"can't reach '{url}api/health': Connection refused" in refused(capsys, url)[1]
    assert (
        "can't reach 'http://no-such-host.invalid/"
        in (refused(capsys, "http://no-such-host.invalid/")[1])
    )


def test_certificates(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate of one's own is refused, with the option that trusts it, and then trusted by it."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine")
    both = tmp_path / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", str(both), "-out", str(tmp_path / "cert.pem"), "-days", "2",
         "-subj", "/CN=grafana", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    both.write_bytes(both.read_bytes() + (tmp_path / "cert.pem").read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    with Grafana() as grafana:
        grafana.wrap(context)
        url = grafana.url.replace("http:", "https:")
        status, line = refused(capsys, url)
        assert status == 4
        assert "(--ca-file says whose certificates to trust)" in line

        monkeypatch.setenv("REQUESTS_CA_BUNDLE", ssl.get_default_verify_paths().cafile or __file__)
        trusted = ["--ca-file", str(tmp_path / "cert.pem")]
        assert main(["dashboards", "push", url, *trusted]) == 0
    assert ONE in grafana.dashboards
