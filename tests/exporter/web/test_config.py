"""In: web configuration files. Out: HTTP behind TLS and passwords, as exporter-toolkit does it."""

from __future__ import annotations

import base64
import http.client
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from popcon.errors import FileError, MissingExtraError
from popcon.exporter.listen.address import Address, bind
from popcon.exporter.web.config import FileSecurity
from popcon.exporter.web.server import PATIENCE, Answer, HttpServer
from tests.conftest import eventually

TLS = "tls_server_config: {cert_file: server.crt, key_file: server.key}\n"
CLIENTS = (
    "tls_server_config: {cert_file: server.crt, key_file: server.key, client_ca_file: ca.crt, "
    "client_auth_type: RequireAndVerifyClientCert}\n"
)


def openssl(folder: Path, *arguments: str) -> None:
    """Run openssl in a folder."""
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def certify(folder: Path, name: str) -> None:
    """Make a key and a certificate of the folder's authority for 127.0.0.1."""
    (folder / "san").write_text("subjectAltName=IP:127.0.0.1\n")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    openssl(folder, "req", *curve, "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
            "-subj", f"/CN={name}")  # fmt: skip
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
            "-CAcreateserial", "-days", "2", "-extfile", "san", "-out", f"{name}.crt")  # fmt: skip


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority, and with certificates for a server and a client."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine")
    folder = tmp_path_factory.mktemp("certificates")
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=ca",
            "-addext", "keyUsage=critical,keyCertSign")  # fmt: skip
    certify(folder, "server")
    certify(folder, "client")
    openssl(
        folder, "ec", "-in", "client.key", "-aes256", "-passout", "pass:x", "-out", "locked.key"
    )
    return folder


@pytest.fixture
def folder(certificates: Path, tmp_path: Path) -> Path:
    """A copy of the certificates that a test may change."""
    for file in certificates.iterdir():
        shutil.copy(file, tmp_path)
    return tmp_path


@contextmanager
def served(folder: Path, config: str) -> Iterator[int]:
    """Serve with this configuration; yield the port."""
    file = folder / "web.yml"
    file.write_text(config)
    channel = bind(Address("127.0.0.1", 0), socket.SOCK_STREAM, "--web.listen-address")
    server = HttpServer(channel, lambda request: Answer(200, b"m 1\n"), security=FileSecurity(file))
    server.start()
    try:
        yield server.port
    finally:
        server.close()


def trusting(folder: Path, *, certificate: str = "") -> ssl.SSLContext:
    """A client that trusts the folder's authority, and has this certificate, if any."""
    context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    if certificate:
        context.load_cert_chain(folder / f"{certificate}.crt", folder / f"{certificate}.key")
    return context


def status(port: int, context: ssl.SSLContext | None = None, login: str | None = None) -> int:
    """Return the status that /metrics answers, over TLS with a context, with `name:password`."""
    connection = (
        http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
        if context
        else http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    )
    headers = {} if login is None else {"Authorization": basic(login)}
    try:
        connection.request("GET", "/metrics", headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def basic(login: str) -> str:
    """The header's value for `name:password`."""
    return "Basic " + base64.b64encode(login.encode("utf-8", "surrogateescape")).decode()


def test_tls(folder: Path) -> None:
    """Who trusts the certificate gets the page; who speaks plain HTTP gets nothing."""
    with served(folder, TLS) as port:
        assert status(port, trusting(folder)) == 200
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            status(port)
        assert status(port, trusting(folder)) == 200


def test_old_versions_are_refused(folder: Path) -> None:
    """A client that knows no newer version than the configuration allows is refused."""
    config = TLS.replace("}", ", min_version: TLS13}")
    with served(folder, config) as port:
        old = trusting(folder)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(ssl.SSLError):
            status(port, old)
        assert status(port, trusting(folder)) == 200


def test_clients_certificates(folder: Path) -> None:
    """Where clients need a certificate, one without is refused."""
    with served(folder, CLIENTS) as port:
        with pytest.raises((OSError, http.client.HTTPException)):
            status(port, trusting(folder))
        assert status(port, trusting(folder, certificate="client")) == 200


def test_a_handshake_that_never_comes_stops_nobody(folder: Path) -> None:
    """A client that connects and says nothing holds nobody else up."""
    with served(folder, TLS) as port, socket.create_connection(("127.0.0.1", port)):
        assert status(port, trusting(folder)) == 200


def test_a_handshake_that_never_comes_is_cut_off(folder: Path) -> None:
    """A client that connects and says nothing has so much time to shake hands, and no more."""
    (folder / "web.yml").write_text(TLS)
    now = [0.0]
    server = HttpServer(
        bind(Address("127.0.0.1", 0), socket.SOCK_STREAM, "--flag"),
        lambda request: Answer(200, b""),
        security=FileSecurity(folder / "web.yml"),
        patience={**PATIENCE, "greeting": 1.0},
        clock=lambda: now[0],
    )
    server.start()
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
            assert eventually(server.connections)
            now[0] = 2.0
            assert client.recv(1) == b""
            assert eventually(lambda: not server.connections())
    finally:
        server.close()


def serial(folder: Path, port: int) -> str:
    """The serial number of the certificate that a server shows."""
    channel = socket.create_connection(("127.0.0.1", port), timeout=10)
    with trusting(folder).wrap_socket(channel, server_hostname="127.0.0.1") as client:
        found = client.getpeercert()
    assert found is not None
    return str(found["serialNumber"])


def test_a_renewed_certificate_is_used_at_once(folder: Path) -> None:
    """New connections get the new certificate; while it and its key don't fit, the old one."""
    with served(folder, TLS) as port:
        before = serial(folder, port)
        key = (folder / "server.key").read_bytes()
        certify(folder, "server")
        renewed = (folder / "server.key").read_bytes()

        (folder / "server.key").write_bytes(key)
        assert serial(folder, port) == before
        (folder / "server.key").unlink()
        assert serial(folder, port) == before
        (folder / "server.key").write_bytes(renewed)
        assert serial(folder, port) != before


@pytest.fixture(scope="session")
def hashed() -> str:
    """What bcrypt makes of `secret`, as quickly as it can."""
    bcrypt = pytest.importorskip("bcrypt", reason="bcrypt is not installed")
    return str(bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode())


@pytest.mark.parametrize(
    ("login", "expected"),
    [
        ("alice:secret", 200),
        ("alice:secre", 401),
        ("alice:", 401),
        ("bob:secret", 401),
        (":secret", 401),
        ("alice", 401),
        ("alice:sec\0ret", 401),
        ("alice:" + "x" * 1000, 401),
        ("\udcff\udcfe:secret", 401),
        (None, 401),
    ],
)
def test_passwords(tmp_path: Path, hashed: str, login: str | None, expected: int) -> None:
    """A user with the right password gets in, the first time and the next; nobody else ever."""
    with served(tmp_path, f"basic_auth_users: {{alice: '{hashed}', carol: '{hashed}'}}\n") as port:
        assert [expected] * 2 == [status(port, login=login) for _ in range(2)]


@pytest.mark.parametrize("header", ["Basic", "Basic !", "Bearer x", "Basic YWxpY2U6c2VjcmV0!", "é"])
def test_odd_headers(tmp_path: Path, hashed: str, header: str) -> None:
    """What is no Basic Authorization is none."""
    (tmp_path / "web.yml").write_text(f"basic_auth_users: {{alice: '{hashed}'}}\n")

    assert not FileSecurity(tmp_path / "web.yml").allows(header)


def test_the_right_password_is_asked_bcrypt_for_once(
    tmp_path: Path, hashed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hashing is slow on purpose: bcrypt is asked once for a right password."""
    import bcrypt

    asked = []

    def checkpw(password: bytes, hashed: bytes, check=bcrypt.checkpw) -> bool:  # type: ignore[no-untyped-def]
        asked.append(password)
        return bool(check(password, hashed))

    (tmp_path / "web.yml").write_text(f"basic_auth_users: {{alice: '{hashed}'}}\n")
    security = FileSecurity(tmp_path / "web.yml")
    monkeypatch.setattr(bcrypt, "checkpw", checkpw)
    logins = ["alice:secret", "alice:no", "nobody:secret"] * 3
    answers = [security.allows(basic(login)) for login in logins]

    assert answers == [True, False, False] * 3
    assert sorted(asked) == [b"no"] * 3 + [b"secret"] * 4


def test_a_changed_password_counts_at_once(tmp_path: Path, hashed: str) -> None:
    """A user who was taken out is out; a file that is wrong, empty or gone changes nothing."""
    file = tmp_path / "web.yml"
    with served(tmp_path, f"basic_auth_users: {{alice: '{hashed}'}}\n") as port:
        assert status(port, login="alice:secret") == 200
        for broken in ("basic_auth_users: {bob: x}\n", "", "x: [\n", "\xff"):
            file.write_text(broken, encoding="latin-1")
            assert status(port, login="alice:secret") == 200
            assert status(port) == 401
        file.unlink()
        assert status(port, login="alice:secret") == 200

        file.write_text(f"basic_auth_users: {{bob: '{hashed}'}}\n")
        assert status(port, login="alice:secret") == 401
        assert status(port, login="bob:secret") == 200


def test_what_is_wrong_again_is_said_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that can't be read is one line in the log, and another one after it was right again."""
    file = tmp_path / "web.yml"
    file.write_text("")
    security = FileSecurity(file)
    for _ in range(2):
        file.rename(tmp_path / "away")
        assert security.allows("")
        assert security.allows("")
        (tmp_path / "away").rename(file)
        assert security.allows("")

    assert len(caplog.records) == 2


def test_tls_is_not_switched_off_by_an_empty_file(folder: Path) -> None:
    """A file that is being written, and empty for a moment, opens nothing."""
    with served(folder, TLS) as port:
        (folder / "web.yml").write_text("")

        assert status(port, trusting(folder)) == 200


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("tls_config: {}\n", 'line 1: unknown key "tls_config", did you mean "tls_server_config"?'),
        (
            "tls_server_config:\n  cert_fil: x\n",
            'line 2: tls_server_config: unknown key "cert_fil", did you mean "cert_file"?',
        ),
        ("tls_server_config: {cert_file: server.crt}\n", '"key_file" is missing'),
        (TLS.replace("}", ", cipher_suites: [a]}"), "cipher_suites: is not supported"),
        (TLS.replace("}", ", min_version: TLS10}"), '"TLS10" is none of "TLS12", "TLS13"'),
        (
            TLS.replace("}", ", min_version: TLS13, max_version: TLS12}"),
            '"min_version" is above "max_version"',
        ),
        (
            TLS.replace("}", ", client_ca_file: ca.crt}"),
            '"client_auth_type" has to be "RequireAndVerifyClientCert"',
        ),
        (
            TLS.replace("}", ", client_auth_type: VerifyClientCertIfGiven}"),
            '"client_auth_type" "VerifyClientCertIfGiven" needs "client_ca_file"',
        ),
        (
            TLS.replace("}", ", client_auth_type: RequestClientCert}"),
            '"RequestClientCert" is none of',
        ),
        ("rate_limit: {interval: 1s}\n", "rate_limit: is not supported"),
        ("basic_auth_users: {alice: secret}\n", 'what user "alice" has is not a bcrypt hash'),
        (TLS.replace("server.crt", "missing.crt"), "/missing.crt': No such file or directory"),
        (TLS.replace("server.key", "client.key"), "/client.key': key values mismatch"),
        (TLS.replace("server.key", "locked.key").replace("server.", "client."), "locked.key'"),
        (CLIENTS.replace("ca.crt", "san"), "/san': no certificate or crl found"),
        ("a: [\n", "not YAML"),
    ],
)
def test_what_is_wrong_is_refused_at_the_start(folder: Path, config: str, message: str) -> None:
    """A file that is wrong, or names one that is, is refused in one line that says where."""
    file = folder / "web.yml"
    file.write_text(config)
    with pytest.raises(FileError) as caught:
        FileSecurity(file)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("config", ["", "tls_server_config: {}\nbasic_auth_users: {}\n", "{}"])
def test_nothing_asked_for(tmp_path: Path, config: str) -> None:
    """A file that asks for nothing protects nothing, as in exporter-toolkit."""
    with served(tmp_path, config) as port:
        assert status(port) == 200


def test_without_bcrypt(tmp_path: Path, hashed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords need a package; where it is missing, the exporter says so and does not start."""
    monkeypatch.setitem(sys.modules, "bcrypt", None)
    (tmp_path / "web.yml").write_text(f"basic_auth_users: {{alice: '{hashed}'}}\n")

    with pytest.raises(MissingExtraError, match="pip install bcrypt"):
        FileSecurity(tmp_path / "web.yml")
