"""In: the name of an optional part of popcon. Out: nothing, or which command installs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from popcon.errors import MissingExtraError


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Turn a missing third-party package into `MissingExtraError`.

    Only the import itself belongs inside: a missing module of popcon's own is a fault of ours
    and comes through as it is.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "popcon":
            raise
        raise MissingExtraError(
            f"this command needs the package {error.name!r}: pip install 'popcon[{extra}]'"
        ) from None
