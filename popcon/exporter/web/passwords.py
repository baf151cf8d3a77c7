"""In: a request's Authorization header, and users with their bcrypt hashes. Out: yes or no."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
import threading
from collections.abc import Mapping
from typing import Any

from popcon.errors import MissingExtraError

#: Bytes of a password that bcrypt looks at; Go's leaves out the rest, Python's refuses it.
_PASSWORD = 72


class Passwords:
    """Checks passwords. bcrypt takes its time on purpose, so a right one is remembered, under a key
    of this process; wrong ones take as long as ever, one at a time, and so do unknown users.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._right: set[bytes] = set()
        self._one_at_a_time = threading.Lock()
        self._has_ended = False

    def end(self) -> None:
        """Answer those that stand in line, and all that follow, with no."""
        self._has_ended = True

    def are_right(self, authorization: str, users: Mapping[str, str]) -> bool:
        """Return whether a Basic Authorization header has a user's name and password."""
        kind, _, encoded = authorization.partition(" ")
        try:
            decoded = base64.b64decode(encoded.strip(), validate=True)
        except (binascii.Error, ValueError):
            return False
        name, colon, password = decoded.partition(b":")
        if kind.lower() != "basic" or not colon:
            return False
        user = name.decode("utf-8", "replace")
        known = user in users
        hashed = (users[user] if known else next(iter(users.values()))).encode()
        proof = hashlib.blake2b(
            b"\0".join([name, hashed, password[:_PASSWORD]]), key=self._key
        ).digest()
        if known and proof in self._right:
            return True
        with self._one_at_a_time:
            right = not self._has_ended and _matches(password[:_PASSWORD], hashed) and known
        if right:
            if len(self._right) > 2 * len(users):  # of passwords that were changed since
                self._right = set()
            self._right.add(proof)
        return right


def _matches(password: bytes, hashed: bytes) -> bool:
    try:
        return bool(load_bcrypt().checkpw(password, hashed))
    except ValueError:  # a password with a NUL in it, for some releases
        return False


def load_bcrypt() -> Any:
    """Return the package, or raise `MissingExtraError`."""
    try:
        import bcrypt
    except ModuleNotFoundError:
        raise MissingExtraError(
            "passwords for HTTP need the package 'bcrypt': pip install bcrypt"
        ) from None
    return bcrypt
