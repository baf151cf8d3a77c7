"""In: a kind of vector. Out: one pytest parameter for each recorded answer of statsd_exporter.

The files beside this one hold inputs that are ours. The inputs that come from statsd_exporter's own
test tables stay outside this repository, in the folder `$POPCON_VECTORS/upstream/`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from _pytest.mark.structures import ParameterSet

HERE = Path(__file__).parent

#: The kinds that statsd_exporter has tables for.
RECORDED_UPSTREAM = frozenset({"escape", "line", "mapper"})

UNSET = "POPCON_VECTORS is unset: the recorded answers under upstream/ are not read"


def cases(kind: str) -> list[ParameterSet]:
    """The cases of `{kind}_vectors.json`, each a dict; ours first, then the upstream ones.

    Without POPCON_VECTORS one skipped case stands for the upstream file, so that a run says what it
    left out. A POPCON_VECTORS that lacks the file is an error.
    """
    ours = [_param(kind, case) for case in _read(HERE, kind)]
    if kind not in RECORDED_UPSTREAM:
        return ours
    folder = os.environ.get("POPCON_VECTORS")
    if not folder:
        return [*ours, pytest.param(None, id="upstream", marks=pytest.mark.skip(reason=UNSET))]
    return ours + [_param(kind, case) for case in _read(Path(folder) / "upstream", kind)]


def _read(folder: Path, kind: str) -> list[dict[str, object]]:
    text = (folder / f"{kind}_vectors.json").read_text(encoding="utf-8")
    found: list[dict[str, object]] = json.loads(text)["cases"]
    return found


def _param(kind: str, case: dict[str, object]) -> ParameterSet:
    return pytest.param(case, id=f"{kind}-{case['id']}")
