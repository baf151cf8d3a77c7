"""The exporter over its sockets: pages, reloads, ports, both address families."""

from __future__ import annotations

import socket
import struct
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from popcon.errors import FileError, NetworkError, UsageError
from popcon.exporter.listen.address import Address, bind, parse_address
from popcon.exporter.mapping.file import read_mapping_file
from popcon.exporter.mapping.mapping import load
from popcon.exporter.mapping.watched import WatchedFile
from popcon.exporter.options import Options
from popcon.exporter.privacy.policy import OFF
from popcon.exporter.server import Exporter
from popcon.exporter.standing import Counted
from popcon.exporter.web.pages import WebOptions
from tests.conftest import eventually

LOOPBACK = Options(
    listen_udp=Address("127.0.0.1", 0),
    listen_web=Address("127.0.0.1", 0),
    web=WebOptions(enable_lifecycle=True),
    policy=OFF,
)
OLD = "mappings:\n- {match: a.*, name: old, labels: {key: $1}}\n"
NEW = "mappings:\n- {match: a.*, name: new, labels: {key: $1}}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A mapping file."""
    made = tmp_path / "mapping.yaml"
    made.write_text(OLD)
    return made


@pytest.fixture
def exporter(file: Path) -> Iterator[Exporter]:
    """An exporter on free ports of 127.0.0.1, with that file."""
    with Exporter(lambda: read_mapping_file(file), LOOPBACK) as made:
        yield made


def page(exporter: Exporter, path: str = "/metrics", method: str = "GET") -> tuple[int, str]:
    """Return the status and the body that a path answers."""
    request = urllib.request.Request(f"http://127.0.0.1:{exporter.web_port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def send(exporter: Exporter, data: bytes, host: str = "127.0.0.1") -> None:
    """Send a datagram to the exporter."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        sender.sendto(data, (host, exporter.udp_port))


def shows(exporter: Exporter, line: str) -> bool:
    """Return whether /metrics comes to hold a line."""
    return bool(eventually(lambda: f"\n{line}\n" in page(exporter)[1]))


def test_from_datagram_to_page(exporter: Exporter) -> None:
    """A counter that came by UDP is on the page, and so is what the exporter says of itself."""
    send(exporter, b"a.x:1|c\na.y:2|c\nnonsense")

    assert shows(exporter, 'old{key="x"} 1')
    assert shows(exporter, 'old{key="y"} 2')
    assert shows(exporter, 'statsd_exporter_sample_errors_total{reason="malformed_line"} 1')
    assert shows(exporter, "statsd_exporter_udp_packets_total 1")


@pytest.mark.parametrize(
    ("path", "method", "status", "body"),
    [
        ("/-/healthy", "GET", 200, "Healthy"),
        ("/-/ready", "GET", 200, "Ready"),
        ("/health", "GET", 200, "Healthy"),
        ("/", "GET", 200, '<a href="/metrics">'),
        ("/metrics?x=1", "GET", 200, "# TYPE statsd_exporter_lines_total counter"),
        ("/metrics", "HEAD", 200, ""),
        ("/nothing", "GET", 404, "404"),
        ("/-/reload", "GET", 405, "use POST, PUT"),
        ("/-/quit", "GET", 405, "use POST, PUT"),
    ],
)
def test_pages(exporter: Exporter, path: str, method: str, status: int, body: str) -> None:
    """Every page answers as an operator's probes expect."""
    answered, text = page(exporter, path, method)

    assert (status, True) == (answered, body in text)


def test_reload(exporter: Exporter, file: Path) -> None:
    """A reload takes new rules; bad ones answer 500 with the reason, and the old rules stay."""
    file.write_text("mappings:\n- {match: a.*, nme: new}\n")
    status, reason = page(exporter, "/-/reload", "POST")
    assert (status, "'nme'" in reason or '"nme"' in reason) == (500, True)
    send(exporter, b"a.x:1|c")
    assert shows(exporter, 'old{key="x"} 1')

    file.write_text(NEW)
    assert page(exporter, "/-/reload", "POST") == (200, "reloaded\n")
    send(exporter, b"a.x:1|c")
    assert shows(exporter, 'new{key="x"} 1')
    assert shows(exporter, 'statsd_exporter_config_reloads_total{outcome="failure"} 1')
    assert shows(exporter, 'statsd_exporter_config_reloads_total{outcome="success"} 1')


def test_a_client_that_goes_away_is_nobodys_matter(
    exporter: Exporter, capfd: pytest.CaptureFixture[str]
) -> None:
    """A client that resets its connection leaves no trace on standard error."""
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", exporter.web_port)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n" * 20)
    assert page(exporter)[0] == 200
    exporter.stop()

    assert capfd.readouterr() == ("", "")


def test_a_body_is_not_a_request(exporter: Exporter) -> None:
    """What follows a POST on its connection is not read as the next request."""
    with socket.create_connection(("127.0.0.1", exporter.web_port), timeout=10) as client:
        body = b"GET /metrics HTTP/1.1\r\n\r\n"
        client.sendall(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        answer = b"".join(iter(lambda: client.recv(65_536), b""))

    assert answer.count(b"HTTP/1.1 ") == 1


def test_no_lifecycle_no_reload() -> None:
    """Without its flag, reloading by HTTP is not there."""
    options = Options(listen_udp=None, listen_web=Address("127.0.0.1", 0))
    with Exporter(lambda: load(OLD), options) as made:
        assert page(made, "/-/reload", "POST")[0] == 404
        assert made.udp_port == 0


def test_an_empty_host_is_both_families() -> None:
    """Where the host is empty, IPv4 and IPv6 are listened on, as Go does."""
    options = Options(listen_udp=Address("", 0), listen_web=Address("127.0.0.1", 0))
    with Exporter(lambda: load(OLD), options) as made:
        send(made, b"a.four:1|c")
        assert shows(made, 'old{key="four"} 1')
        try:
            send(made, b"a.six:1|c", host="::1")
        except OSError as error:
            pytest.skip(f"no IPv6 on this machine: {error}")
        assert shows(made, 'old{key="six"} 1')


def test_a_file_system_that_does_not_answer_holds_up_no_end(file: Path) -> None:
    """While a look at the mapping file waits for its server, the exporter saves and ends."""
    looked, answered = threading.Event(), threading.Event()

    class Hanging(WatchedFile):
        def poll(self) -> bytes | None:
            looked.set()
            answered.wait()
            return None

    made = Exporter(lambda: read_mapping_file(file), LOOPBACK, watched=Hanging(file))
    made.start()
    assert looked.wait(10)
    ending = threading.Thread(target=made.stop)
    ending.start()
    ending.join(10)
    has_ended = not ending.is_alive()
    answered.set()
    ending.join()

    assert has_ended


def test_a_name_of_both_families_is_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most machines name ::1 first for localhost; Go listens on 127.0.0.1, where senders send."""
    ask = socket.getaddrinfo

    def both(host: str, port: int, *, type: int) -> list[Any]:
        found = [ask(each, port, type=type)[0] for each in ("::1", "127.0.0.1")]
        return found if host == "localhost" else ask(host, port, type=type)

    monkeypatch.setattr("socket.getaddrinfo", both)
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with bind(Address("localhost", 0), kind, "--flag") as channel:
            assert channel.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n" * 1000,
        b"\xff\xfe",
        b"]a=b[:1|c",
        b"foo]x[:1|c|@1e-300",
        b"a" * 65000,
        b"x:nan|c\nx:inf|g",
        b"statsd_exporter_lines_total:1|g",
        b"process_cpu_seconds_total:5|c",
        b":1|c",
        b"x:1|c|#__name__:y,le:3",
        b"go:1|h|#quantile:1\ngo_sum:1|g",
        b"\x00:1|c",
        b"x:1|h|@0.0000001",
    ],
    ids=lambda data: repr(data[:20]),
)
def test_metrics_always_answer(exporter: Exporter, data: bytes) -> None:
    """Whatever a kernel sends, /metrics answers 200 and the next line counts."""
    send(exporter, data)
    send(exporter, b"a.after:1|c")

    assert shows(exporter, 'old{key="after"} 1')
    families = [line for line in page(exporter)[1].splitlines() if line.startswith("# TYPE")]
    assert len(families) == len(set(families))


@pytest.mark.parametrize(
    ("kind", "flag"), [("udp", "--statsd.listen-udp"), ("web", "--web.listen-address")]
)
def test_a_busy_port_is_named(exporter: Exporter, kind: str, flag: str) -> None:
    """A busy port is refused with the flag and the address, and no socket is left open."""
    other = Options(
        listen_udp=Address("127.0.0.1", exporter.udp_port if kind == "udp" else 0),
        listen_web=Address("127.0.0.1", exporter.web_port if kind == "web" else 0),
    )
    with pytest.raises(NetworkError, match="Address already in use") as caught:
        Exporter(lambda: load(OLD), other)

    busy = exporter.udp_port if kind == "udp" else exporter.web_port
    assert f"{flag}: can't listen on '127.0.0.1:{busy}'" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (":9125", Address("", 9125)),
        ("127.0.0.1:0", Address("127.0.0.1", 0)),
        ("[::1]:9125", Address("::1", 9125)),
        ("localhost:1", Address("localhost", 1)),
    ],
)
def test_addresses(text: str, expected: Address) -> None:
    """Addresses are written as Go's flags take them."""
    assert expected == parse_address(text, "--flag")


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("9125", "'9125'"),
        (":http", "'http'"),
        (":99999", "'99999'"),
        ("::1:9125", "'::1:9125'"),
        (":", "''"),
    ],
)
def test_bad_addresses(text: str, quoted: str) -> None:
    """What is no address is refused with its flag and the value in quotes."""
    with pytest.raises(UsageError, match=r"^--flag: ") as caught:
        parse_address(text, "--flag")

    assert quoted in str(caught.value)


def test_a_mapping_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, a folder and a file that isn't text are refused with the path in quotes."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name in ("missing", ".", "binary"):
        with pytest.raises(FileError, match=r"^can't read '|^the mapping '") as caught:
            read_mapping_file(tmp_path / name)
        assert f"'{tmp_path / name}'" in str(caught.value)


def test_what_shows_is_counted(exporter: Exporter, monkeypatch: pytest.MonkeyPatch) -> None:
    """No page shows a series whose lines aren't in its counts, whenever they come."""
    counted = exporter.pipeline.counted

    def then_more_comes() -> Counted:
        found = counted()
        exporter.pipeline.take([b"a.x:1|c"])
        return found

    monkeypatch.setattr(exporter.pipeline, "counted", then_more_comes)
    for openmetrics in (False, True):
        shown = exporter.page(openmetrics).decode()
        lines = shown.split("\nstatsd_exporter_lines_total ")[1].split()[0]
        assert ('old{key="x"}' in shown) == (lines != "0")
