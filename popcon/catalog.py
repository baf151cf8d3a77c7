"""In: nothing. Out: every metric that popcon knows, written once.

The reporter spells its lines from here; the mapping rules, the dashboards and the tables in the
documents are rendered from here (`popcon render`). Nothing is imported, because the reporter
needs these names before anything else exists.
"""


class Metric:
    """One metric: how it is spelled on the wire, and how Prometheus shows it.

    `wire` is the statsd name behind the prefix, without its variable parts; each of `labels`
    is one more dot-separated part, in that order; where `tail` is given, the last label is all that
    follows, dots included, and `tail` are the characters it may have, as in a regular expression's
    brackets. `kind` is the Prometheus type. What is `held` counts processes: an exporter with a
    publication policy shows it late, and what its labels name only if enough processes did.
    """

    __slots__ = ("held", "help", "kind", "labels", "name", "tail", "wire")

    def __init__(
        self,
        wire: str,
        name: str,
        kind: str,
        labels: "tuple[str, ...]",
        help: str,
        tail: str = "",
        held: bool = True,
    ) -> None:
        self.wire = wire
        self.name = name
        self.kind = kind
        self.labels = labels
        self.help = help
        self.tail = tail
        self.held = held

    def stat(self, prefix: str, *values: str) -> str:
        """Return the name on the wire, one value for each label."""
        return ".".join((prefix, self.wire, *values))

    def line(self, prefix: str, *values: str) -> str:
        """Return the statsd line that adds 1 to a counter, one value for each label.

        >>> LIBRARY_USED.line("python_popcon", "numpy")
        'python_popcon.library_used.numpy:1|c'
        """
        return self.stat(prefix, *values) + ":1|c"


#: What every name on the wire starts with, unless a site says otherwise.
PREFIX = "python_popcon"

LIBRARY_USED = Metric(
    "library_used",
    "python_popcon_library_used",
    "counter",
    ("library",),
    "Processes in which a module of this library was imported, each counted once.",
)
REPORTS = Metric(
    "reports",
    "python_popcon_reports",
    "counter",
    (),
    "Processes that reported at all: what library counts are a share of.",
)
LIBRARY_VERSION = Metric(
    "library_version",
    "python_popcon_library_version_used_total",
    "counter",
    ("library", "version"),
    "Processes in which a module of this version of the library was imported, each counted once.",
    tail="0-9A-Za-z.!+_-",
)
LIBRARY_DIRECT = Metric(
    "library_direct",
    "python_popcon_library_direct_total",
    "counter",
    ("library",),
    "Processes in which the user's own code, not another library, imports this library.",
)
CHECK_HITS = Metric(
    "check",
    "python_popcon_check_hits_total",
    "counter",
    ("check",),
    "Processes in which a check of a watch list held, each counted once.",
)
LIBRARY_INSTALLED = Metric(
    "library_installed",
    "python_popcon_library_installed_bytes",
    "gauge",
    ("library", "part"),
    "Size on disk of an installed library, by what it is part of: "
    "library (for users), kernel, server, tool or popcon.",
    held=False,
)
CANARY = Metric(
    "canary",
    "python_popcon_canary_total",
    "counter",
    ("id",),
    "Test counts, sent to see whether counts arrive.",
    held=False,
)

METRICS = (
    LIBRARY_USED,
    REPORTS,
    LIBRARY_VERSION,
    LIBRARY_DIRECT,
    CHECK_HITS,
    LIBRARY_INSTALLED,
    CANARY,
)

#: The lists of site label keys that the shipped mapping knows: none, and the hub's namespace.
SITE_LABELS: "tuple[tuple[str, ...], ...]" = ((), ("namespace",))

#: The one bucket for everything that is not part of the image: no name of a person's own leaves.
OTHER = "_other"
#: What stands for people in the place of a hub's name where a sender has none.
NO_NAMESPACE = "(no namespace)"
#: What fewer processes used than a publication policy asks for before it names it.
RARE = "_rare"
