"""In: arguments and the environment. Out: Settings, each knowing where it came from.

Order: arguments > environment > defaults. What can't be understood is a `UsageError` with the
value in quotes: a person reads it from `popcon doctor`; in a user's process the guard swallows
it and nothing is sent, because counts sent to a wrong place are worse than none.
"""

from popcon import switched_off
from popcon.catalog import METRICS, PREFIX
from popcon.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Optional

DEFAULT_HOST = "localhost"
DEFAULT_PORT = 9125
DEFAULT_INTERVAL = 60.0
#: Shorter ones would keep a thread of ours busy.
LEAST_INTERVAL = 0.1
DEFAULT_SINK = f"statsd://{DEFAULT_HOST}:{DEFAULT_PORT}"

#: Variable → what it says. The documents print this table.
VARIABLES = {
    "POPCON_SINK": "where reports go: `statsd://host:port`, or other URLs of `docs/sinks.md`, separated by spaces",
    "POPCON_LABELS": "site labels, in the mapping's order: `namespace=hub1`",
    "POPCON_DETAILS": "what is counted besides: `version`, `direct`, or both, separated by a comma",
    "POPCON_CHILDREN": "`each`: a forked or multiprocessing child is a process of its own, not silent",
    "POPCON_INTERVAL": "seconds between reports where there is no IPython: 60; `0` for none before the end",
    "POPCON_PROGRAMS": "`all`: where `.pth` or sitecustomize arms, pip and its like report too",
    "POPCON_SCOPE": "`all`: what isn't part of the image is named too, in place of `_other`",
    "POPCON_ALLOW": "the only libraries that are named: globs, separated by commas or spaces, `numpy, scikit-*`",
    "POPCON_DENY": "libraries that are not named, whatever `POPCON_ALLOW` says: globs too",
    "POPCON_DISABLED": "set to anything but `0`: nothing is armed, nothing is sent",
    "DO_NOT_TRACK": "the same, by the name other programs know too",
    "POPCON_DEBUG": "set: faults that are kept from the user are shown on standard error",
    "POPCON_PROMETHEUS": "where `popcon top` and the other answers look, if no flag says it: `http://prometheus:9090`",
    "PYTHON_POPCONTEST_STATSD_HOST": "popularity-contest's host; `POPCON_SINK` wins over it",
    "PYTHON_POPCONTEST_STATSD_PORT": "popularity-contest's port; 9125 where it is not set",
    "PYTHON_POPCONTEST_STATSD_PREFIX": "popularity-contest's prefix; a trailing `.library_used` is dropped",
}

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_WORD = _LETTERS + "0123456789_-"


class Settings:
    """What the reporter goes by.

    `sinks` are URLs, `client` is a statsd client of the caller's or None; `prefix` starts every
    statsd name, site labels included; `labels` are the `(key, value)` pairs in it; `versions` and
    `direct` are the details that are counted besides; `children` is `none` or `each`, `programs`
    `own` or `all`; `interval` is in seconds, 0 for none; `naming` is what `Libraries` goes by
    (`read_naming`); `off` is the variable or the file that silences popcon, or None. `origins` maps
    `sink` and `prefix` to the place that decided them.
    """

    __slots__ = (
        "children",
        "client",
        "direct",
        "interval",
        "labels",
        "naming",
        "off",
        "origins",
        "prefix",
        "programs",
        "sinks",
        "versions",
    )

    def __init__(
        self,
        sinks: "tuple[str, ...]",
        prefix: str,
        labels: "tuple[tuple[str, str], ...]",
        off: "Optional[str]",
        origins: "dict[str, str]",
    ) -> None:
        self.sinks = sinks
        self.prefix = prefix
        self.labels = labels
        self.off = off
        self.origins = origins
        self.client: "Optional[object]" = None
        self.versions = False
        self.direct = False
        self.children = "none"
        self.interval = DEFAULT_INTERVAL
        self.programs = "own"
        self.naming: "dict[str, Any]" = {}


def without_popcon(environ: "Mapping[str, str]") -> "dict[str, str]":
    """Return an environment that says nothing about popcon, opt-outs included."""
    return {
        name: value
        for name, value in environ.items()
        if name not in VARIABLES and not name.startswith(("POPCON_", "PYTHON_POPCONTEST_"))
    }


def read(
    environ: "Mapping[str, str]",
    *,
    sink: "Optional[str]" = None,
    client: "Optional[object]" = None,
    labels: "Optional[str]" = None,
    prefix: "Optional[str]" = None,
    details: "Optional[str]" = None,
    children: "Optional[str]" = None,
    interval: "Optional[float]" = None,
    programs: "Optional[str]" = None,
    scope: "Optional[str]" = None,
    allow: "Optional[str]" = None,
    deny: "Optional[str]" = None,
) -> Settings:
    """Return the settings, or raise `UsageError`."""
    sinks, sink_origin = _read_sinks(environ, sink, client)
    base, prefix_origin = _read_prefix(environ, prefix)
    pairs, labels_origin = _read_labels(environ, labels)
    if pairs:
        prefix_origin = f"{prefix_origin}, {labels_origin}"
    whole = ".".join((base, *(part for pair in pairs for part in pair)))
    found = labels_in(whole)
    if len({key for key, _ in found}) < len(found):
        raise UsageError(f"a label key stands twice in {whole!r}")
    settings = Settings(
        sinks,
        whole,
        found,
        switched_off(environ),
        {"sink": sink_origin, "prefix": prefix_origin},
    )
    chosen = _read_details(environ, details)
    settings.client = client
    settings.versions = "version" in chosen
    settings.direct = "direct" in chosen
    settings.children = _choice(environ, "POPCON_CHILDREN", children, ("none", "each"))
    settings.programs = _choice(environ, "POPCON_PROGRAMS", programs, ("own", "all"))
    settings.interval = _read_interval(environ, interval)
    settings.naming = read_naming(environ, scope=scope, allow=allow, deny=deny)
    return settings


def read_naming(
    environ: "Mapping[str, str]",
    *,
    scope: "Optional[str]" = None,
    allow: "Optional[str]" = None,
    deny: "Optional[str]" = None,
) -> "dict[str, Any]":
    """Return which libraries are named, as `Libraries` takes it: `scope`, and globs for `allow` and `deny`."""
    return {
        "scope": _choice(environ, "POPCON_SCOPE", scope, ("image", "all")),
        "allow": _read_globs(environ, "POPCON_ALLOW", allow),
        "deny": _read_globs(environ, "POPCON_DENY", deny),
    }


def why_off(off: str) -> str:
    """Return what a switch says, in words: a variable is set, a file is there."""
    return f"the file '{off}' is there" if "/" in off else f"{off} is set"


def parse_statsd_url(url: str, scheme: str = "statsd") -> "tuple[str, int]":
    """Return the host and the port of `statsd://host[:port]`; an IPv6 address is in brackets."""
    found, mark, rest = url.partition("://")
    if found != scheme or not mark:
        raise UsageError(f"not of the form {scheme}://host:port: {url!r}")
    rest = rest[:-1] if rest.endswith("/") else rest
    if rest.startswith("["):
        host, mark, port = rest[1:].partition("]")
        if not mark or (port and not port.startswith(":")):
            raise UsageError(f"an address in brackets has to end in ']:port': {url!r}")
        colon = port == ":"
        port = port[1:]
        # A zone (%eth0) may follow the address; anything else would be a name to look up.
        if host.partition("%")[0].strip("0123456789abcdefABCDEF:.") or ":" not in host:
            raise UsageError(f"not an IPv6 address in brackets: {url!r}")
    else:
        host, mark, port = rest.partition(":")
        colon = bool(mark) and not port
    if not host or colon or any(letter in host for letter in "/?#@ "):
        raise UsageError(f"not of the form {scheme}://host:port: {url!r}")
    return host, parse_port(port, url) if port else DEFAULT_PORT


def parse_port(text: str, where: str) -> int:
    """Return a port from 1 to 65535, or raise `UsageError` quoting the text."""
    if text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536:
        return int(text)
    raise UsageError(f"not a port: {text!r} (from {where})")


def labels_in(prefix: str) -> "tuple[tuple[str, str], ...]":
    """Return the site labels that a prefix carries: `python_popcon.namespace.hub1` has one."""
    parts = prefix.split(".")
    if parts[0] != PREFIX or len(parts) % 2 == 0:
        return ()
    return tuple(zip(parts[1::2], parts[2::2]))


def _read_sinks(
    environ: "Mapping[str, str]", sink: "Optional[str]", client: "Optional[object]"
) -> "tuple[tuple[str, ...], str]":
    if sink is not None:
        text, origin = sink, "argument"
    elif client is not None:
        return (), "argument"
    elif environ.get("POPCON_SINK"):
        text, origin = environ["POPCON_SINK"], "POPCON_SINK"
    else:
        text, origin = _read_popularity_contest(environ)
    urls = tuple(text.split())
    if not urls:
        raise UsageError(f"no sink in {text!r}")
    from popcon.sinks import check

    for url in urls:
        check(url)
    return urls, origin


def _read_popularity_contest(environ: "Mapping[str, str]") -> "tuple[str, str]":
    """Return the sink that popularity-contest's variables name, or the default."""
    host = environ.get("PYTHON_POPCONTEST_STATSD_HOST", "")
    port = environ.get("PYTHON_POPCONTEST_STATSD_PORT", "")
    if not host and not port:
        return DEFAULT_SINK, "default"
    number = parse_port(port, "PYTHON_POPCONTEST_STATSD_PORT") if port else DEFAULT_PORT
    name = host or DEFAULT_HOST
    bracketed = f"[{name}]" if ":" in name else name
    origin = ", ".join(
        variable
        for variable in ("PYTHON_POPCONTEST_STATSD_HOST", "PYTHON_POPCONTEST_STATSD_PORT")
        if environ.get(variable)
    )
    return f"statsd://{bracketed}:{number}", origin


def _read_prefix(environ: "Mapping[str, str]", prefix: "Optional[str]") -> "tuple[str, str]":
    if prefix is not None:
        text, origin = prefix, "argument"
    elif environ.get("PYTHON_POPCONTEST_STATSD_PREFIX"):
        text, origin = environ["PYTHON_POPCONTEST_STATSD_PREFIX"], "PYTHON_POPCONTEST_STATSD_PREFIX"
    else:
        text, origin = PREFIX, "default"
    # popularity-contest's document asks for the ending, its code adds it again.
    base = text[: -len(".library_used")] if text.endswith(".library_used") else text
    if not all(_is_word(part) for part in base.split(".")):
        raise UsageError(
            f"not a prefix: {text!r} (letters, digits, '_' and '-', with dots between)"
        )
    return base, origin


def _read_labels(
    environ: "Mapping[str, str]", labels: "Optional[str]"
) -> "tuple[tuple[tuple[str, str], ...], str]":
    text, origin = (
        (labels, "argument")
        if labels is not None
        else (environ.get("POPCON_LABELS", ""), "POPCON_LABELS")
    )
    if not text:
        return (), origin
    pairs = []
    for item in text.split(","):
        key, equals, value = item.partition("=")
        if not equals:
            raise UsageError(f"not of the form key=value: {item!r} in {text!r}")
        check_label_key(key)
        if not _is_word(value):
            raise UsageError(
                f"not a label value: {value!r} in {text!r} (letters, digits, '_' and '-')"
            )
        pairs.append((key, value))
    return tuple(pairs), origin


def _said(
    environ: "Mapping[str, str]", variable: str, argument: "Optional[str]", default: str
) -> str:
    """Return the argument if there is one, else the variable, else the default."""
    if argument is not None:
        return argument
    return environ.get(variable) or default


def _choice(
    environ: "Mapping[str, str]",
    variable: str,
    argument: "Optional[str]",
    choices: "tuple[str, ...]",
) -> str:
    """Return one of the choices, the first by default."""
    text = _said(environ, variable, argument, choices[0])
    if text not in choices:
        raise UsageError(f"{variable} is neither {' nor '.join(choices)}: {text!r}")
    return text


def _read_details(environ: "Mapping[str, str]", details: "Optional[str]") -> "list[str]":
    text = _said(environ, "POPCON_DETAILS", details, "")
    chosen = [detail.strip() for detail in text.split(",")] if text else []
    for detail in chosen:
        if detail not in ("version", "direct"):
            raise UsageError(f"not a detail: {detail!r} in {text!r} (version, direct)")
    return chosen


def _read_globs(
    environ: "Mapping[str, str]", variable: str, argument: "Optional[str]"
) -> "tuple[str, ...]":
    text = _said(environ, variable, argument, "")
    if not text:
        return ()
    from popcon.globs import parse

    return parse(text, variable)


def _read_interval(environ: "Mapping[str, str]", interval: "Optional[float]") -> float:
    text = environ.get("POPCON_INTERVAL") if interval is None else str(interval)
    if not text:
        return DEFAULT_INTERVAL
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 1e9:  # a NaN is no number of seconds either
        raise UsageError(f"not a number of seconds: {text!r} (POPCON_INTERVAL)")
    return max(seconds, LEAST_INTERVAL) if seconds else 0.0


def check_label_key(key: str) -> None:
    """Raise `UsageError` unless both exporters take this name for a site label.

    statsd_exporter refuses names of one letter; `__` is Prometheus' own; the others are taken.
    """
    if len(key) < 2 or not _is_word(key) or "-" in key or key[0] not in _LETTERS + "_":
        raise UsageError(f"not a label key: {key!r} (two or more letters, digits and '_')")
    if key.startswith("__") or key in taken_label_keys():
        raise UsageError(f"a label key that is taken: {key!r}")


def taken_label_keys() -> "set[str]":
    """Return the names that no site label may have: metrics' own labels, and the names of targets.

    `job` and `instance` are Prometheus' own for where it scraped. A site's would win over them with
    `honor_labels`, and dashboards and alerts could not tell one exporter from another.
    """
    return {"le", "quantile", "job", "instance"}.union(*(metric.labels for metric in METRICS))


def _is_word(text: str) -> bool:
    return bool(text) and not text.strip(_WORD)
