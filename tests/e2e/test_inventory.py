"""`popcon inventory` on the environment of a real hub."""

from __future__ import annotations

import json

from tests.e2e.conftest import run


def test_a_hubs_image(hub_python: str) -> None:
    """All is infrastructure but for what nobody but a user needs; kernel and servers are told apart."""
    answer = json.loads(run([hub_python, "-m", "popcon", "inventory", "--json"]))
    parts = {row["library"]: row["infrastructure"] for row in answer["libraries"]}

    assert {name for name, part in parts.items() if part is None} == {
        "ruamel-yaml",
        "zope-interface",
    }
    assert parts["ipython"] == parts["jupyter-client"] == "kernel"
    assert parts["sqlalchemy"] == parts["jinja2"] == "server"
    assert parts["pip"] == "tool"
    assert parts["statsd"] == "popcon"
