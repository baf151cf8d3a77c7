"""In: a dashboard's variables and what a person chose. Out: their values as Grafana writes them into PromQL.

Source: `interpolateQueryExpr`, `prometheusRegularEscape` and `prometheusSpecialRegexEscape` of Grafana's
`@grafana/prometheus` 11.6, and the formats of its documentation, "Variable syntax".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

ALL = "$__all"
#: `$name`, `${name}`, `${name:format}`; the `$1` of label_replace looks like one, and is none.
VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::(\w+))?\})")
#: What `label_values(selector, label)` is made of; the selector may be missing.
_LABEL_VALUES = re.compile(r"\s*label_values\((?:(.+),)?\s*([A-Za-z_]\w*)\s*\)\s*", re.DOTALL)
#: What Grafana takes as the scrape interval where neither a query nor a data source says it.
SCRAPE_SECONDS = 15

Get = Callable[..., Any]


def interpolated(
    expr: str,
    variables: Mapping[str, str],
    range_seconds: int,
    step_seconds: int,
    scrape_seconds: int = SCRAPE_SECONDS,
) -> str:
    """Return an expression as Grafana sends it; `variables` are texts, put in as they are.

    A name with a format (`hub:raw`) goes before the bare name. What has no value stays.

    >>> interpolated('sum(x{namespace=~"$hub"}[$__range:1d])', {"hub": "a|b"}, 3600, 15)
    'sum(x{namespace=~"a|b"}[3600s:1d])'
    """
    rate = max(step_seconds + scrape_seconds, 4 * scrape_seconds)
    own = {
        "__range": f"{range_seconds}s",
        "__range_s": str(range_seconds),
        "__range_ms": str(range_seconds * 1000),
        "__interval": f"{step_seconds}s",
        "__interval_ms": str(step_seconds * 1000),
        "__rate_interval": f"{rate}s",
        "__rate_interval_ms": str(rate * 1000),
    }
    values = {**variables, **own}

    def value(found: re.Match[str]) -> str:
        name, form = found[1] or found[2], found[3]
        return values.get(f"{name}:{form}", values.get(name, found[0]))

    return VARIABLE.sub(value, expr)


def chosen(
    board: Mapping[str, Any],
    choices: Mapping[str, str | list[str]],
    get: Get,
    at: float,
    range_seconds: int,
) -> dict[str, str]:
    """Return each variable's text in a query, by its name, and by name and format; ask for what is asked for."""
    values: dict[str, str] = {}
    known = {variable["name"] for variable in board["templating"]["list"]}
    if not choices.keys() <= known:
        raise ValueError(f"no variable {', '.join(sorted(choices.keys() - known))}")
    for variable in board["templating"]["list"]:
        name = variable["name"]
        options = _options(variable, values, get, at, range_seconds)
        choice = choices.get(name, _default(variable, options))
        values.update(_forms(variable, choice, options))
    return values


def shown(board: Mapping[str, Any], choices: Mapping[str, str | list[str]]) -> dict[str, str]:
    """Return what Grafana shows in each variable's field, by the variable's name."""
    texts = {}
    for variable in board["templating"]["list"]:
        choice = choices.get(variable["name"], _default(variable, []))
        several = [choice] if isinstance(choice, str) else choice
        if variable["type"] == "datasource":
            several = ["Prometheus"]
        texts[variable["name"]] = " + ".join("All" if one == ALL else one for one in several)
    return texts


def _options(
    variable: Mapping[str, Any], values: Mapping[str, str], get: Get, at: float, range_seconds: int
) -> list[str]:
    """Return what a variable lets a person choose."""
    if variable["type"] == "custom":
        return [option.strip() for option in variable["query"].split(",")]
    if variable["type"] != "query":
        return []
    asked = variable["query"]
    query = asked if isinstance(asked, str) else asked["query"]
    found = _LABEL_VALUES.fullmatch(interpolated(query, values, range_seconds, range_seconds))
    if found is None:
        raise ValueError(f"variable {variable['name']!r}: can't ask {query!r}")
    data: dict[str, object] = {"start": at - range_seconds, "end": at}
    if found[1]:
        data["match[]"] = found[1]
    options = get(f"/api/v1/label/{found[2]}/values", **data)["data"]
    if variable.get("regex"):
        options = [option for option in options if re.search(variable["regex"], option)]
    return sorted(options)


def _default(variable: Mapping[str, Any], options: list[str]) -> str | list[str]:
    """Return the choice that a dashboard comes with: its own, else All, else the first."""
    current = variable.get("current", {}).get("value")
    if current is not None and current != [] and current != "":
        return [str(one) for one in current] if isinstance(current, list) else str(current)
    if variable["type"] == "textbox":
        return str(variable.get("query", ""))
    if variable.get("includeAll"):
        return [ALL]
    return options[0] if options else ""


def _forms(
    variable: Mapping[str, Any], choice: str | list[str], options: list[str]
) -> dict[str, str]:
    """Return one variable's value in each format."""
    name = variable["name"]
    several = [choice] if isinstance(choice, str) else choice
    if ALL in several:
        all_value = variable.get("allValue")
        if all_value:  # goes in as it is, in every format but text
            forms = ("raw", "regex", "pipe", "csv", "doublequote", "singlequote")
            return {name: all_value, **{f"{name}:{form}": all_value for form in forms}}
        several = options
    is_list = variable.get("multi") or variable.get("includeAll")
    plain = _grouped([_as_regex(one) for one in several]) if is_list else _as_text(several[0])
    return {
        name: plain,
        f"{name}:raw": ",".join(several),
        f"{name}:text": " + ".join(several),
        f"{name}:csv": ",".join(several),
        f"{name}:pipe": "|".join(several),
        f"{name}:regex": _grouped(
            [re.sub(r"[\\^$*+?.()|\[\]{}/]", r"\\\g<0>", one) for one in several]
        ),
        f"{name}:doublequote": ",".join('"' + one.replace('"', '\\"') + '"' for one in several),
        f"{name}:singlequote": ",".join("'" + one.replace("'", "\\'") + "'" for one in several),
    }


def _grouped(several: list[str]) -> str:
    return several[0] if len(several) == 1 else f"({'|'.join(several)})"


def _as_regex(value: str) -> str:
    r"""Return a value for a pattern in a quoted PromQL string.

    >>> print(_as_regex("a.b"))
    a\\.b
    """
    return re.sub(r"[$^*{}\[\]+?.()|]", r"\\\\\g<0>", value.replace("\\", "\\\\\\\\"))


def _as_text(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\\\'")
