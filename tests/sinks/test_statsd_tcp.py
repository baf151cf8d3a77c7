"""statsd over TCP: delivered by a thread of ours, and waiting where nobody listens."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
import statsd

from popcon.report import Report
from popcon.sinks.statsd import stats
from popcon.sinks.statsd_tcp import MOST_WAITING, StatsdTcpSink
from tests.conftest import eventually, interpreters, run_python


class Listener:
    """A TCP server that keeps what each connection says."""

    def __init__(self, port: int = 0) -> None:
        self._server = socket.create_server(("127.0.0.1", port))
        self.port: int = self._server.getsockname()[1]
        self.url = f"statsd+tcp://127.0.0.1:{self.port}"
        self.said: list[str] = []
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                with connection, connection.makefile(encoding="ascii") as stream:
                    text = stream.read()
                if text:
                    self.said.append(text)

    def close(self) -> None:
        """Free the port; whoever waits in `accept` is woken."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A listener on 127.0.0.1."""
    made = Listener()
    yield made
    made.close()


def is_idle(sink: StatsdTcpSink) -> bool:
    """Return whether the sink's thread has ended, after it began."""
    return sink._thread is not None and not sink._thread.is_running()


def test_reports_are_delivered(listener: Listener) -> None:
    """Each report is delivered, in lines that end, by a connection of its own."""
    sink = StatsdTcpSink(listener.url, "p")
    for number, name in enumerate("ab", start=1):
        sink.send(Report((name,), number == 1), final=False)
        assert eventually(lambda: listener.said[number - 1 :])  # noqa: B023

    assert listener.said == ["p.library_used.a:1|c\np.reports:1|c\n", "p.library_used.b:1|c\n"]


@pytest.mark.parametrize("host", ["localhost", socket.gethostname()])
def test_names_are_resolved(host: str) -> None:
    """A host can be a name."""
    try:
        server = socket.create_server((socket.gethostbyname(host), 0))
    except OSError as error:
        pytest.skip(f"{host!r} is no address of this machine: {error}")
    with server:
        server.settimeout(20)
        sink = StatsdTcpSink(f"statsd+tcp://{host}:{server.getsockname()[1]}", "p")
        sink.send(Report(("a",), False), final=False)
        connection, _ = server.accept()
        with connection, connection.makefile() as stream:
            assert stream.read() == "p.library_used.a:1|c\n"


def test_what_nobody_takes_waits(listener: Listener) -> None:
    """Where nobody listens, reports wait, in order, and leave once somebody does."""
    now = 0.0
    port = listener.port
    listener.close()
    sink = StatsdTcpSink(listener.url, "p", lambda: now)
    for name in "ab":
        sink.send(Report((name,), False), final=False)
        assert eventually(lambda: is_idle(sink))
    again = Listener(port)
    try:
        sink.retry()  # too early
        assert is_idle(sink)
        now = 6.0
        sink.retry()
        assert eventually(lambda: again.said)
    finally:
        again.close()

    assert again.said == ["p.library_used.a:1|c\np.library_used.b:1|c\n"]


def test_not_without_bounds() -> None:
    """What waits is bounded; the oldest are kept, `reports` among them."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    sink = StatsdTcpSink(f"statsd+tcp://127.0.0.1:{port}", "p")
    names = tuple(f"n{number:05}" for number in range(MOST_WAITING))
    sink.send(Report((), True), final=False)
    sink.send(Report(names, False), final=False)
    eventually(lambda: is_idle(sink))

    assert len(sink._waiting) == MOST_WAITING
    assert sink._waiting[:2] == ["p.reports:1|c", "p.library_used.n00000:1|c"]


def test_the_end_needs_no_thread(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last report is delivered by the caller: a thread that begins now could outlive Python."""
    sink = StatsdTcpSink(listener.url, "p")

    def refuse(*args: object) -> None:
        raise AssertionError("a thread was started")

    monkeypatch.setattr("_thread.start_new_thread", refuse)
    sink.send(Report(("a",), True), final=True)
    sink.end(20)

    assert eventually(lambda: listener.said)
    assert listener.said == ["p.library_used.a:1|c\np.reports:1|c\n"]


def test_an_exporter_that_does_not_answer_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """While our thread waits for a connection, reports are taken and the process can end."""
    monkeypatch.setattr("popcon.sinks.statsd_tcp.CONNECT_SECONDS", 60)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        others = [socket.socket() for _ in range(4)]
        for other in others:  # these fill the queue: nobody else gets an answer
            other.setblocking(False)
            other.connect_ex(address)
        sink = StatsdTcpSink(f"statsd+tcp://127.0.0.1:{address[1]}", "p")
        sink.send(Report(("a",), True), final=False)
        assert not is_idle(sink)
        sink.send(Report(("b",), False), final=True)
        sink.end(0.01)

        assert not is_idle(sink)
        assert sink._waiting == [
            f"p.{name}:1|c" for name in ("library_used.a", "reports", "library_used.b")
        ]
        for other in others:
            other.close()


def test_a_forked_child_leaves_what_waits_to_its_parent() -> None:
    """What waits is told once, by the process that reported it."""
    sink = StatsdTcpSink("statsd+tcp://127.0.0.1:1", "p")
    sink.send(Report(("a",), True), final=False)
    assert eventually(lambda: is_idle(sink))
    waiting = list(sink._waiting)
    sink.forget()

    assert (waiting, sink._waiting) == (["p.library_used.a:1|c", "p.reports:1|c"], [])


def test_the_same_bytes_as_the_statsd_package(listener: Listener) -> None:
    """What arrives is what the package's own client for TCP sends."""
    report = Report(("a", "b"), True, (("a", "1!2.0+cu1"),), ("a",), ("gpu",))
    sink = StatsdTcpSink(listener.url, "p")
    sink.send(report, final=False)
    assert eventually(lambda: listener.said)
    client = statsd.TCPStatsClient("127.0.0.1", listener.port)
    with client.pipeline() as pipeline:
        for stat in stats(report, "p"):
            pipeline.incr(stat)
    client.close()

    assert eventually(lambda: listener.said[1:])
    assert listener.said[0] == listener.said[1]


@pytest.mark.parametrize("python", interpreters(few=True))
def test_a_script_reports(listener: Listener, python: str) -> None:
    """A script reports at its end, and nothing but `_socket` is loaded for it."""
    done = run_python(
        python,
        "import sys, popcon, popcon.sinks; popcon.sinks.END_SECONDS = 20\n"
        "popcon.setup_reporter(); before = set(sys.modules); popcon._armed.at_exit()\n"
        "print(*sorted(set(sys.modules) - before))",
        POPCON_SINK=listener.url,
    )

    assert (done.stdout.split(), done.stderr) == (["_socket"], "")
    assert eventually(lambda: listener.said)
    assert listener.said == ["python_popcon.reports:1|c\n"]


@pytest.mark.parametrize("python", interpreters(few=True))
def test_silence(python: str) -> None:
    """Nobody listens, or there is no such host: nothing is seen, and the status is the user's."""
    done = run_python(
        python,
        "import popcon, sys; popcon.setup_reporter(); sys.exit(7)",
        POPCON_SINK="statsd+tcp://127.0.0.1:1 statsd+tcp://no-such-host.invalid",
    )

    assert (done.stdout, done.stderr, done.returncode) == ("", "", 7)
