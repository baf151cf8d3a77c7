"""Which names on the wire are popcon's own, and what they say."""

from __future__ import annotations

import pytest

from popcon.catalog import METRICS, PREFIX, Metric
from popcon.exporter.privacy.own import labels_of, read_own

HELD = [
    # name behind the prefix, group, metric, values
    ("reports", "", "reports", ()),
    ("library_used.numpy", "", "library_used", ("numpy",)),
    ("library_direct._other", "", "library_direct", ("_other",)),
    ("check.uses_mpi", "", "check", ("uses_mpi",)),
    ("library_version.numpy.2.4.6", "", "library_version", ("numpy", "2.4.6")),
    ("library_version.torch.1!2.0+cu121", "", "library_version", ("torch", "1!2.0+cu121")),
    ("namespace.hub1.reports", "namespace.hub1", "reports", ()),
    ("namespace.hub1.library_used.numpy", "namespace.hub1", "library_used", ("numpy",)),
    ("namespace.h.course.x.check.c", "namespace.h.course.x", "check", ("c",)),
    # A value, a version or a library may be a metric's word.
    ("namespace.reports.reports", "namespace.reports", "reports", ()),
    ("namespace.run.library_used.a", "namespace.run", "library_used", ("a",)),
    ("library_used.reports", "", "library_used", ("reports",)),
    ("library_version.a.reports", "", "library_version", ("a", "reports")),
    ("reports.x.library_used.a", "reports.x", "library_used", ("a",)),
    ("run.x.library_used.a", "run.x", "library_used", ("a",)),
    # A site's own prefix, with an odd number of parts behind ours.
    ("hub1.reports", "hub1", "reports", ()),
    ("hub1.library_used.numpy", "hub1", "library_used", ("numpy",)),
    ("library_used.library_used.zipp", "library_used", "library_used", ("zipp",)),
    # Any kernel can send any name.
    ("library_used.", "", "library_used", ("",)),
    (".reports", "", "reports", ()),
    ("..reports", ".", "reports", ()),
]


@pytest.mark.parametrize(("text", "group", "wire", "values"), HELD)
def test_what_counts_processes_is_held(
    text: str, group: str, wire: str, values: tuple[str, ...]
) -> None:
    """The metric is found behind the site labels, whatever these are, and is held."""
    own = read_own(f"{PREFIX}.{text}")
    assert own is not None
    assert own.metric is not None
    assert (own.group, own.metric.wire, own.values, own.held) == (group, wire, values, True)


@pytest.mark.parametrize(
    "text",
    [
        *("canary.doctor", "namespace.hub1.canary.job"),
        *("library_installed.numpy.library", "namespace.h.library_installed.reports.tool"),
        *("run.notebook.success", "run.a.reports", "namespace.h.run_duration.a"),
        *("run_context.python.3", "event.pandas.reports", "namespace.h.event.a.library_used"),
        *("", ".", "library_used", "library_used.a.b", "reports.x", "nothing.known.here"),
    ],
)
def test_the_rest_is_own_but_not_held(text: str) -> None:
    """Canaries, sizes, runs, events and what nobody knows are popcon's own, and pass."""
    own = read_own(f"{PREFIX}.{text}")
    assert own is not None
    assert not own.held


@pytest.mark.parametrize(
    "name",
    ["", "reports", "library_used.numpy", PREFIX, f"{PREFIX}s.reports", f"x.{PREFIX}.reports"],
)
def test_a_strangers_name_is_not_own(name: str) -> None:
    """Only what stands behind the prefix and a dot is popcon's own."""
    assert read_own(name) is None


def test_a_site_may_have_another_prefix() -> None:
    """Then that one decides, and popcon's usual one is a stranger's."""
    own = read_own("site.python.namespace.h.reports", "site.python")
    assert own is not None
    assert (own.group, own.held) == ("namespace.h", True)
    assert read_own(f"{PREFIX}.reports", "site.python") is None


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: str(metric.wire))
def test_each_metric_is_found_as_the_catalogue_spells_it(metric: Metric) -> None:
    """What `Metric.stat` writes is read back, with and without site labels."""
    values = tuple("abc"[: len(metric.labels)])
    for group in ("", "namespace.h"):
        name = metric.stat(f"{PREFIX}.{group}".rstrip("."), *values)
        assert read_own(name) == (group, metric, values)


@pytest.mark.parametrize(
    ("group", "labels"),
    [
        ("", {}),
        ("namespace.hub1", {"namespace": "hub1"}),
        ("namespace.hub1.course.x", {"namespace": "hub1", "course": "x"}),
        ("hub1", {"prefix": "hub1"}),
    ],
)
def test_labels_of_a_group(group: str, labels: dict[str, str]) -> None:
    """A group's text gives its site labels back."""
    assert labels_of(group) == labels
