"""A key that is set to null: the empty value where there is one, else refused by its name."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deploy.chart import ALL_OPTIONS, Object, at, mixed, refusal, render, values_of
from tests.deploy.schema import Key, keys

KEYS = list(keys())
#: kind popcon can't be without; said so by the chart.
REPOSITORY = "image.repository"


def laid(name: str, chosen: list[Key], value: object = ...) -> Object:
    """Return a values file with keys set to null, or to their empty value."""
    values = values_of(name)
    if any(key.path == "networkPolicy.senders" for key in chosen):
        # What a Service for senders outside needs would be gone.
        values = mixed(values, at("statsd.service.type", "ClusterIP"))
    for key in chosen:
        # Null first: a map is laid over what is there.
        values = mixed(values, at(key.path, None))
        if value is not None:
            values = mixed(values, at(key.path, _empty(key)))
    return values


def _empty(key: Key) -> Any:
    """Return what leaves nothing of a default: Helm lays `{}` over one, and all of it stays."""
    return None if key.types == ("object",) and key.node["default"] else key.empty


@pytest.mark.parametrize("switches", [False, True], ids=["values", "switches"])
@pytest.mark.parametrize("name", [*ALL_OPTIONS, "default", "popcon"])
def test_null_is_empty(name: str, switches: bool) -> None:
    """Where a key may be null, what is rendered is what its empty value makes."""
    chosen = [
        key
        for key in KEYS
        if not key.is_required
        and not key.is_section
        and (key.types == ("boolean",)) == switches
        and not (key.path == REPOSITORY and "popcon" in name)
    ]
    assert len(chosen) > (5 if switches else 50)

    assert render(laid(name, chosen, None)) == render(laid(name, chosen))


@pytest.mark.parametrize("sections", [False, True], ids=["values", "sections"])
def test_null_is_refused(sections: bool) -> None:
    """Each other key is refused by its path: so is a whole section that is null."""
    chosen = [key for key in KEYS if key.is_required and key.is_section == sections]
    if sections:  # one in another is gone with it
        chosen = [key for key in chosen if "." not in key.path]
    said = refusal(laid("default", chosen, None)).split("\n")

    missed = []
    for key in chosen:
        above, _, name = key.path.rpartition(".")
        where = "/" + above.replace(".", "/") if above else ""
        found = [line for line in said if f"at '{where}': missing propert" in line]
        if not any(f"'{name}'" in line for line in found):
            missed.append((key.path, found))
    assert missed == []
    assert len(chosen) >= 15


@pytest.mark.parametrize(
    "path", [key.path for key in KEYS if key.is_section and "." in key.path and key.is_required]
)
def test_a_section_in_a_section(path: str) -> None:
    """A section that is null in another is refused by its path."""
    above, _, name = path.rpartition(".")
    assert f"at '/{above.replace('.', '/')}': missing property '{name}'" in refusal(at(path, None))


def test_a_null_repository() -> None:
    """Without an image kind popcon says what to do, also where the repository is null."""
    values = mixed(values_of("popcon"), at(REPOSITORY, None))
    assert "exporter.kind=popcon needs image.repository" in refusal(values)
