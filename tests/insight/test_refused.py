"""What servers answer that isn't an answer: one line that says what to do; and by whose right they are asked."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from popcon.errors import FileError, NetworkError, PopconError, UsageError
from popcon.insight.ask import scraped
from popcon.insight.sources.prometheus import Access, Prometheus, TooMuchError
from tests.insight.answering import Answer, answering

EMPTY = {"status": "success", "data": {"resultType": "vector", "result": []}}
DONE = Answer(200, json.dumps(EMPTY))


def error(status: int, kind: str, words: str) -> Answer:
    """Return what Prometheus and those like it answer."""
    return Answer(status, json.dumps({"status": "error", "errorType": kind, "error": words}))


@pytest.fixture(autouse=True)
def _direct(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(401, "<html>who?</html>"), "answers 401 Unauthorized: it wants a token"),
        (error(401, "", "no org id"), "answers 401 no org id: it wants a token"),
        (Answer(403), "answers 403 Forbidden: your token, or tenant, may not ask that"),
        (Answer(404, "<html>"), "does not answer as Prometheus does (404 Not Found, no type): check"),
        (Answer(200, "<html>", {"Content-Type": "text/html; charset=x"}), "(200 OK, text/html): check"),
        (Answer(200, "[]"), "does not answer as Prometheus does (200 OK, no type): check the URL"),
        (Answer(200, '{"status": "success"}'), "does not answer as Prometheus does: check the URL"),
        (Answer(200, '{"status": "success", "data": {"result": [1]}}'), "does not answer as"),
        (
            Answer(200, '{"status": "success", "data": {"result": [{"metric": {}, "value": [1]}]}}'),
            "does not answer as Prometheus does",
        ),
        (
            Answer(200, '{"status": "success", "data": {"result": [{"metric": {}, "value": ["NaN", "1"]}]}}'),
            "does not answer as Prometheus does",
        ),
        (Answer(200, "[" * 100_000), "does not answer as Prometheus does (200 OK, no type): check"),
        (Answer(302, "", {"Location": "/login?next=x"}), "/login': use the URL of the API itself"),
        (Answer(429), "it has too many questions, ask again later"),
        (Answer(503), "it is down, or what stands in front can't reach it"),
        (error(503, "timeout", "query timed out in expression evaluation"), "give it longer (--timeout)"),
        (error(422, "422", "-search.maxQueryDuration=30s: timeout"), "give it longer (--timeout)"),
        (error(429, "too_many_requests", "exceeded the rate limit"), "has too many questions"),
        (error(400, "bad_data", 'parse error: "x"\nline'), '400 parse error: "x" line'),
        (error(422, "execution", "found duplicate series"), "answers 422 found duplicate series"),
    ],
)  # fmt: skip
def test_what_is_no_answer(answer: Answer, words: str) -> None:
    """It is one line with the address, the status, the server's own words and what to do."""
    with answering(answer) as (url, _), pytest.raises(NetworkError) as refused:
        Prometheus(Access(f"{url}/prometheus/")).at("up", 1)

    assert words in str(refused.value)
    assert f"'{url}/prometheus/api/v1/query'" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not isinstance(refused.value, TooMuchError)


@pytest.mark.parametrize(
    "words",
    [
        "query processing would load too many samples into memory in query execution",
        "cannot select more than -search.maxSamplesPerQuery=1 samples",
        "the query exceeded the maximum number of series (limit: 1 series) (err-mimir-max-series-per-query)",
        "the total query time range exceeds the limit (query length: 90d, limit: 30d) (err-mimir-max-total-query-length)",
    ],
)
def test_too_much(words: str) -> None:
    """What engines refuse to load at once is known by their words."""
    with answering(error(422, "execution", words)) as (url, _), pytest.raises(TooMuchError):
        Prometheus(Access(url)).at("up", 1)


def test_a_page_that_its_parser_trips_over() -> None:
    """A label without a name is no traceback of the doctor."""
    answer = Answer(200, 'up{a="b",\t="c"} 5\n')
    with answering(answer) as (url, _), pytest.raises(NetworkError, match="is not a metrics page"):
        scraped(url, "up", {})


def test_a_password_of_no_page() -> None:
    """What the doctor says of an address without a page of metrics doesn't have the password in it."""
    with answering(Answer(200, "<html>\n")) as (url, _), pytest.raises(NetworkError) as refused:
        scraped(url.replace("//", "//ada:s3cret@"), "up", {})

    assert str(refused.value).startswith(f"'{url.replace('//', '//ada@')}' is not a metrics page: ")
    assert "s3cret" not in str(refused.value)


def test_what_is_no_number() -> None:
    """A NaN or an infinity in an answer is left out; that there was one is known."""
    rows = [{"metric": {"a": value}, "value": [1, value]} for value in ("1", "NaN", "+Inf")]
    answer = {"status": "success", "data": {"resultType": "vector", "result": rows}}
    with answering(Answer(200, json.dumps(answer))) as (url, _):
        server = Prometheus(Access(url))
        assert [row.labels for row in server.at("up", 1)] == [{"a": "1"}]
    assert server.is_odd


def test_nobody_there() -> None:
    """A server that is silent, or none, is said with its address."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        server = Prometheus(Access(url, timeout=0.2, slack=0.1))
        with pytest.raises(NetworkError, match=r"no answer from .*/query' in 0\.3 s.*--timeout"):
            server.at("up", 1)
    with pytest.raises(NetworkError, match=r"can't reach .*/query': Connection refused"):
        server.at("up", 1)


def test_half_an_answer() -> None:
    """A server that begins to answer and falls silent had too little time, and is not out of reach."""
    with socket.create_server(("127.0.0.1", 0)) as slow:
        url = f"http://127.0.0.1:{slow.getsockname()[1]}"
        server = Prometheus(Access(url, timeout=0.4, slack=0.1))

        def answer() -> None:
            connection = slow.accept()[0]
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
                connection.recv(65_536)
                done.wait(10)

        done = threading.Event()
        thread = threading.Thread(target=answer)
        thread.start()
        try:
            with pytest.raises(
                NetworkError, match=r"no answer from .*/query' in 0\.5 s.*--timeout"
            ):
                server.at("up", 1)
        finally:
            done.set()
            thread.join()


@pytest.mark.parametrize("proxy", ["http://ada:s3cret@h:99999", "ftp://ada:s3cret@h"])
def test_a_proxy_that_is_none(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """What the environment names is blamed, and not the URL; its password isn't printed."""
    monkeypatch.setenv("ALL_PROXY", proxy)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(UsageError, match="the proxy that the environment names for") as refused:
        Prometheus(Access("http://prometheus.invalid:9090")).at("up", 1)
    with pytest.raises(UsageError, match=r"not a URL: 'http://\*/api/v1/query'"):
        Prometheus(Access("http://*")).at("up", 1)

    assert "s3cret" not in str(refused.value)


def test_a_proxy_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """That it is the proxy that refuses is said."""
    monkeypatch.setenv("HTTP_PROXY", "http://ada:s3cret@127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(NetworkError, match=r"names: Connection refused$") as refused:
        Prometheus(Access("http://prometheus.invalid:9090")).at("up", 1)

    assert "can't reach 'http://prometheus.invalid:9090/api/v1/query' by the" in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_what_is_no_text() -> None:
    """A hub's name that a terminal gave in another encoding is no fault of the URL."""
    with answering(DONE) as (url, _), pytest.raises(UsageError, match="characters that are none"):
        Prometheus(Access(url)).at("up{namespace='\udcff'}", 1)


def test_what_is_sent(tmp_path: Path) -> None:
    """Headers and the token of a file go with each question, which is posted: a long one passes."""
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    with answering(DONE) as (url, asked):
        server = Prometheus(Access(url, {"X-Scope-OrgID": "campus"}, token, timeout=7))
        server.at(f"up{{a!='{'x' * 100_000}'}}", 1.5)
        token.write_text("renewed")
        server.at("up", 2)

    assert [one.method for one in asked] == ["POST", "POST"]
    assert [one.headers["Authorization"] for one in asked] == ["Bearer s3cret", "Bearer renewed"]
    assert {one.headers["X-Scope-OrgID"] for one in asked} == {"campus"}
    assert asked[1].body == "query=up&time=2&timeout=7"
    assert len(asked[0].body) > 100_000


def test_a_bad_token(tmp_path: Path) -> None:
    """A file without a token is refused before anything is sent, and what it holds isn't printed."""
    token = tmp_path / "token"
    with answering(DONE) as (url, asked):
        server = Prometheus(Access(url, token_file=token))
        with pytest.raises(FileError, match=r"can't read .*token'"):
            server.at("up", 1)
        token.write_text("two words")
        with pytest.raises(FileError, match=r"no token in '.*token'$"):
            server.at("up", 1)

    assert asked == []


def test_where_post_is_not_allowed() -> None:
    """What stands in front may allow reading only: then the question is in the URL."""
    with answering(DONE._replace(refuses="POST")) as (url, asked):
        server = Prometheus(Access(url))
        server.at("up", 1)
        server.at("up", 2)

    assert [one.method for one in asked] == ["POST", "GET", "GET"]
    assert asked[2].path == "/api/v1/query?query=up&time=2&timeout=60"


def test_what_a_server_says_besides() -> None:
    """Warnings, and that a part of the store is away, are kept for the answer, each once."""
    body = {**EMPTY, "warnings": ["store gateway:\ntimeout"], "isPartial": True}
    with answering(Answer(200, json.dumps(body))) as (url, _):
        server = Prometheus(Access(url))
        server.at("up", 1)
        server.at("up", 2)

    assert server.said == [
        "store gateway: timeout",
        "the answer is partial: a part of the store is away",
    ]


@pytest.mark.parametrize(
    ("warnings", "said"), [(None, []), ("a store is away", ["a store is away"]), (True, ["True"])]
)
def test_warnings_that_are_no_list(warnings: object, said: list[str]) -> None:
    """What some server makes of warnings is told as it is, and stands in no answer's way."""
    with answering(Answer(200, json.dumps({**EMPTY, "warnings": warnings}))) as (url, _):
        server = Prometheus(Access(url))
        server.at("up", 1)

    assert server.said == said


def test_tls(tmp_path: Path) -> None:
    """Who is trusted and who one is are two files, and the refusals name the options."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", str(key), "-out", str(certificate), "-days", "2",
         "-subj", "/CN=prometheus", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    # Later, the connection may be closed before the reason is read.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(certificate)
    with answering(DONE, context) as (url, _):
        with pytest.raises(NetworkError, match=r"\(--ca-file says whose certificates to trust\)"):
            Prometheus(Access(url)).at("up", 1)
        trusting = Access(url, ca_file=str(certificate))
        with pytest.raises(PopconError, match=r"\(--cert and --key say who you are\)"):
            Prometheus(trusting).at("up", 1)
        both = trusting._replace(certificate=(str(certificate), str(key)))
        assert Prometheus(both).at("up", 1) == []
    with answering(DONE) as (url, _), pytest.raises(NetworkError, match="http:// instead of https"):
        Prometheus(Access(url.replace("http:", "https:"))).at("up", 1)
