"""In: how to reach a server, and what is asked for. Out: the source there that knows it, or why there is none."""

from __future__ import annotations

from popcon.catalog import LIBRARY_USED, REPORTS
from popcon.errors import PopconError
from popcon.insight.sources.notes import policy, too_long
from popcon.insight.sources.prometheus import Access, Prometheus
from popcon.insight.sources.raw import RawSource
from popcon.insight.sources.recorded import RecordedSource
from popcon.insight.sources.scope import Scope
from popcon.insight.sources.stored import Stored
from popcon.insight.usage import DAY, Period
from popcon.promql.exporter_names import POLICY
from popcon.promql.recordings import recorded

#: popcon is looked for so far before the period and after it, where that has nothing.
_EVER = 3660 * DAY
_RECORDED = tuple(recorded(REPORTS, one) for one in ("increase1d", "increase_today"))
_RAW = (REPORTS.name, LIBRARY_USED.name)


def chosen(
    access: Access, scope: Scope, kind: str, period: Period, *, is_default: bool = False
) -> Stored:
    """Return the source: rules where they are, else raw series, unless one is asked for by name.

    Raises `PopconError` where the server has no count of popcon's; or where it has dropped a part of
    the period, unless that is the default one.
    """
    server = Prometheus(access)
    source = _source(server, scope, kind, period)
    if not is_default:
        words = too_long(source, period)
        if words:
            raise PopconError(words)
    return source


def _source(server: Prometheus, scope: Scope, kind: str, period: Period) -> Stored:
    if kind != "raw" and _has(server, _RECORDED, period):
        return RecordedSource(server, scope)
    if kind != "rules" and _has(server, _RAW, period):
        return RawSource(server, scope)
    ever = Period(max(0, period.begin - _EVER), period.end + _EVER)
    if kind != "raw" and _has(server, _RECORDED, ever):
        return RecordedSource(server, scope)
    if _has(server, _RAW, ever):
        if kind == "rules":
            raise PopconError(
                f"{server.shown!r} has popcon's counters, and no recordings of them: "
                "load grafana/popcon-rules.yaml there, or ask --from raw"
            )
        return RawSource(server, scope)
    if kind == "raw" and _has(server, _RECORDED, ever):
        raise PopconError(
            f"{server.shown!r} has recordings of popcon's counters, and not them: --from rules"
        )
    held = {policy(labels, set()) for labels in server.series(POLICY, ever.begin, ever.end)} - {""}
    if held:
        raise PopconError(
            f"{server.shown!r} scrapes popcon's exporter, which shows no count yet: "
            f"{'; '.join(sorted(held))} (popcon doctor)"
        )
    raise PopconError(
        f"{server.shown!r} has never heard of popcon: does it scrape the exporter? "
        "(popcon doctor --prometheus-url)"
    )


def _has(server: Prometheus, names: tuple[str, ...], period: Period) -> bool:
    """Return whether a server has series of these names, by its index; of hubs first, as they are few."""
    return any(server.series(name, period.begin, period.end) for name in names)
