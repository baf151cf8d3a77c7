"""In: a `--web.config.file`, as all Prometheus exporters take it. Out: TLS and passwords for HTTP.

The format is exporter-toolkit's (docs/web-configuration.md). As there, the file and those that it names
are read again for each connection and request, so that a renewed certificate or a new password needs
no restart; where they are wrong, what was last right stays. Keys of the format that would be of
no effect here are refused: nobody is to believe that they are protected by them.
"""

from __future__ import annotations

import logging
import re
import socket
import ssl
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from popcon.errors import FileError, MissingExtraError
from popcon.exporter.mapping.document import Problem, line_of, parse, quoted
from popcon.exporter.mapping.scalars import is_null, read_text
from popcon.exporter.mapping.schema import one_of, pairs, read_fields, struct
from popcon.exporter.web.passwords import Passwords, load_bcrypt

if TYPE_CHECKING:
    import yaml

log = logging.getLogger(__name__)

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
#: Go's names. Its other two ask for a certificate and don't verify it, which OpenSSL can't.
_CLIENTS = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_BCRYPT = re.compile(r"\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}")


class WebConfig(NamedTuple):
    """`tls` are the keys of `tls_server_config`, empty without TLS; `users` are name → bcrypt hash."""

    tls: Mapping[str, str]
    users: Mapping[str, str]


def read_web_config(text: str) -> WebConfig:
    """Return what a file says; raises `Problem` with the line."""
    root = parse(text)
    fields = {} if root is None or is_null(root) else read_fields(root, _FILE)
    tls = {key: value for key, value in (fields.get("tls_server_config") or {}).items() if value}
    problem = _missing(tls) if tls else ""
    if problem:
        raise Problem(problem, None, "tls_server_config")
    return WebConfig(tls, fields.get("basic_auth_users") or {})


def _missing(tls: Mapping[str, str]) -> str:
    """What is wrong with keys that are each right by themselves, or nothing."""
    for key in ("cert_file", "key_file"):
        if key not in tls:
            return f"{quoted(key)} is missing"
    client = tls.get("client_auth_type", "NoClientCert")
    if client == "NoClientCert" and "client_ca_file" in tls:
        return 'with "client_ca_file", "client_auth_type" has to be "RequireAndVerifyClientCert"'
    if client != "NoClientCert" and "client_ca_file" not in tls:
        return f'"client_auth_type" {quoted(client)} needs "client_ca_file"'
    if tls.get("min_version", "TLS12") > tls.get("max_version", "TLS13"):
        return '"min_version" is above "max_version"'
    return ""


class FileSecurity:
    """What a web configuration file asks of HTTP clients: a `server.Security`.

    Raises `FileError` where the file, or one that it names, is wrong at the start, and
    `MissingExtraError` where it has passwords and the package `bcrypt` is not installed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._files: tuple[Path, ...] = ()
        self._seen: tuple[bytes, ...] = ()
        self._complaint = ""
        self._config = WebConfig({}, {})
        self._context: ssl.SSLContext | None = None
        self._passwords = Passwords()
        self._refresh()

    def wrap(self, channel: socket.socket) -> socket.socket:
        """Return the connection with TLS around it, its handshake not yet done."""
        self._refresh_or_keep()
        if self._context is None:
            return channel
        return self._context.wrap_socket(channel, server_side=True, do_handshake_on_connect=False)

    def handshake(self, channel: socket.socket) -> None:
        """Shake hands; takes as long as the client likes, and raises `OSError`."""
        if isinstance(channel, ssl.SSLSocket):
            channel.do_handshake()

    def allows(self, authorization: str) -> bool:
        """Return whether the header names a user with the right password, where there are users."""
        self._refresh_or_keep()
        users = self._config.users
        return not users or self._passwords.are_right(authorization, users)

    def end(self) -> None:
        """Look at no more passwords."""
        self._passwords.end()

    def _refresh_or_keep(self) -> None:
        try:
            self._refresh()
        except (FileError, MissingExtraError) as error:
            if str(error) != self._complaint:  # once, not for each request
                log.error("the last web configuration that was right stays: %s", error)
            self._complaint = str(error)
        else:
            self._complaint = ""  # should it be wrong again, that is news

    def _refresh(self) -> None:
        """Take over what the files say, if they say something else than before."""
        with self._lock:
            text = _read(self._path)
            if self._seen and self._seen == (text, *map(_read, self._files)):
                return
            try:
                config = read_web_config(text.decode())
            except Problem as problem:
                raise FileError(f"the web configuration '{self._path}': {problem}") from None
            except UnicodeDecodeError:
                raise FileError(f"the web configuration '{self._path}' is not UTF-8") from None
            if (self._context and not config.tls) or (self._config.users and not config.users):
                # Half-written, perhaps. What was protected stays so until a restart.
                what = "TLS" if self._context and not config.tls else "the passwords"
                raise FileError(f"the web configuration '{self._path}' leaves out {what}")
            if config.users:
                load_bcrypt()
            # Names are relative to the file that they stand in, as in exporter-toolkit.
            named = {k: self._path.parent / config.tls[k] for k in _FILES if k in config.tls}
            # Read before they are used: if one changes in between, the next call sees that it did.
            seen = (text, *map(_read, named.values()))
            context = _context(config.tls, named) if config.tls else None
            self._config, self._context = config, context
            self._files, self._seen = tuple(named.values()), seen


def _context(tls: Mapping[str, str], named: Mapping[str, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[tls.get("min_version", "TLS12")]
    context.maximum_version = _VERSIONS[tls.get("max_version", "TLS13")]
    shown = f"'{named['cert_file']}' with the key '{named['key_file']}'"
    try:
        # A key with a passphrase would have OpenSSL ask for it on the terminal.
        context.load_cert_chain(named["cert_file"], named["key_file"], password="")
        if "client_ca_file" in named:
            shown = f"'{named['client_ca_file']}'"
            context.load_verify_locations(named["client_ca_file"])
            context.verify_mode = _CLIENTS[tls["client_auth_type"]]
    except OSError as error:  # ssl's own errors among them: their words are the reason
        reason = str(getattr(error, "reason", None) or error.strerror or error)
        words = reason.replace("_", " ").lower()
        raise FileError(f"can't use the certificate {shown}: {words}") from None
    return context


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileError(f"can't read '{path}': {error.strerror or error}") from None


def _read_users(node: yaml.Node, before: object) -> dict[str, str]:
    users = {}
    for name, line, value in [] if is_null(node) else pairs(node):
        hashed = read_text(value)
        if not _BCRYPT.fullmatch(hashed):
            # The text itself is not shown: it may be a password.
            raise Problem(f"what user {quoted(name)} has is not a bcrypt hash", line)
        if ":" in name:
            raise Problem(f"a user's name can't have a colon in it: {quoted(name)}", line)
        users[name] = hashed
    return users


def _not_here(node: yaml.Node, before: object) -> None:
    raise Problem("is not supported by this exporter: leave it out", line_of(node))


_FILES = ("cert_file", "key_file", "client_ca_file")
_TLS = {
    **dict.fromkeys(_FILES, read_text),
    "client_auth_type": one_of(*_CLIENTS),
    "min_version": one_of(*_VERSIONS),
    "max_version": one_of(*_VERSIONS),
    **dict.fromkeys(("cert", "key", "client_ca", "client_allowed_sans"), _not_here),
    **dict.fromkeys(("cipher_suites", "curve_preferences"), _not_here),
    "prefer_server_cipher_suites": _not_here,
}
_FILE = {
    "tls_server_config": struct(_TLS),
    "basic_auth_users": _read_users,
    "http_server_config": _not_here,
    "rate_limit": _not_here,
}
