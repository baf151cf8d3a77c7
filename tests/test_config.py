"""Settings: what counts, what wins, and what is refused in which words."""

from __future__ import annotations

from typing import Any

import pytest

from popcon import switched_off
from popcon.config import DEFAULT_SINK, labels_in, parse_statsd_url, read
from popcon.errors import UsageError

OLD = "PYTHON_POPCONTEST_STATSD_"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, DEFAULT_SINK),
        ({"POPCON_SINK": "statsd://h"}, "statsd://h"),
        ({"POPCON_SINK": ""}, DEFAULT_SINK),
        ({OLD + "HOST": "h"}, "statsd://h:9125"),
        ({OLD + "PORT": "8125"}, "statsd://localhost:8125"),
        ({OLD + "HOST": "h", OLD + "PORT": "8125"}, "statsd://h:8125"),
        ({OLD + "HOST": "::1"}, "statsd://[::1]:9125"),
        ({OLD + "HOST": "h", "POPCON_SINK": "statsd://g:1"}, "statsd://g:1"),
    ],
)
def test_sink_from_environment(environ: dict[str, str], expected: str) -> None:
    """POPCON_SINK wins over popularity-contest's variables, which win over the default."""
    assert (expected,) == read(environ).sinks


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "python_popcon"),
        ({OLD + "PREFIX": "python_popcon"}, "python_popcon"),
        ({OLD + "PREFIX": "python_popcon.library_used"}, "python_popcon"),
        ({OLD + "PREFIX": "python_popcon.namespace.a"}, "python_popcon.namespace.a"),
        ({OLD + "PREFIX": "python_popcon.namespace.a.library_used"}, "python_popcon.namespace.a"),
        ({"POPCON_LABELS": "namespace=hub1,course=x"}, "python_popcon.namespace.hub1.course.x"),
        (
            {"POPCON_LABELS": "course=x", OLD + "PREFIX": "python_popcon.namespace.a"},
            "python_popcon.namespace.a.course.x",
        ),
    ],
)
def test_prefix_from_environment(environ: dict[str, str], expected: str) -> None:
    """A trailing .library_used is dropped, and site labels ride behind the prefix in their order."""
    assert expected == read(environ).prefix


def test_arguments_win() -> None:
    """Arguments win over the environment, and say so."""
    settings = read(
        {"POPCON_SINK": "statsd://a", "POPCON_LABELS": "namespace=a", OLD + "PREFIX": "a"},
        sink="statsd://b:2",
        labels="namespace=b",
        prefix="python_popcon",
    )

    assert (settings.sinks, settings.prefix) == (("statsd://b:2",), "python_popcon.namespace.b")
    assert settings.origins == {"sink": "argument", "prefix": "argument, argument"}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, (False, False, "none", "own", 60.0)),
        ({"POPCON_DETAILS": "version"}, (True, False, "none", "own", 60.0)),
        ({"POPCON_DETAILS": "direct, version"}, (True, True, "none", "own", 60.0)),
        (
            {"POPCON_CHILDREN": "each", "POPCON_PROGRAMS": "all"},
            (False, False, "each", "all", 60.0),
        ),
        ({"POPCON_INTERVAL": "0.5"}, (False, False, "none", "own", 0.5)),
        ({"POPCON_INTERVAL": "0"}, (False, False, "none", "own", 0.0)),
        ({"POPCON_INTERVAL": ""}, (False, False, "none", "own", 60.0)),
    ],
)
def test_how_it_counts(environ: dict[str, str], expected: tuple[object, ...]) -> None:
    """What is counted besides, whether children count, which programs count, and how often."""
    found = read(environ)

    assert expected == (
        found.versions,
        found.direct,
        found.children,
        found.programs,
        found.interval,
    )


@pytest.mark.parametrize(
    ("environ", "said", "expected"),
    [
        ({}, {}, ("image", (), ())),
        ({"POPCON_ALLOW": "", "POPCON_DENY": ""}, {}, ("image", (), ())),
        ({"POPCON_SCOPE": "all"}, {}, ("all", (), ())),
        ({"POPCON_SCOPE": "all"}, {"scope": "image"}, ("image", (), ())),
        (
            {"POPCON_ALLOW": "numpy, scikit-*  PyYAML", "POPCON_DENY": "zope.*,Ruamel__yaml"},
            {},
            ("image", ("numpy", "scikit-*", "pyyaml"), ("zope-*", "ruamel-yaml")),
        ),
        ({"POPCON_DENY": "a"}, {"allow": "b?", "deny": "c"}, ("image", ("b?",), ("c",))),
    ],
)
def test_what_is_named(
    environ: dict[str, str], said: dict[str, Any], expected: tuple[object, ...]
) -> None:
    """Scope and globs come from arguments or variables; globs are written as PEP 503 writes names."""
    naming = read(environ, **said).naming

    assert expected == (naming["scope"], naming["allow"], naming["deny"])


@pytest.mark.parametrize(
    ("environ", "quoted"),
    [
        ({"POPCON_SINK": "gopher://h:1"}, "'gopher://h:1'"),
        ({"POPCON_SINK": "h:9125"}, "'h:9125'"),
        ({"POPCON_SINK": "statsd://"}, "'statsd://'"),
        ({"POPCON_SINK": "statsd://h:"}, "'statsd://h:'"),
        ({"POPCON_SINK": "statsd://[::1]:"}, "'statsd://[::1]:'"),
        ({"POPCON_SINK": "statsd://[h]:1"}, "'statsd://[h]:1'"),
        ({"POPCON_SINK": "statsd://[::1"}, "'statsd://[::1'"),
        ({"POPCON_SINK": "statsd://h:http"}, "'http'"),
        ({"POPCON_SINK": "statsd://h:99999"}, "'99999'"),
        ({"POPCON_SINK": "statsd://h:0"}, "'0'"),
        ({"POPCON_SINK": "statsd://h/path"}, "'statsd://h/path'"),
        ({"POPCON_SINK": "statsd://::1:9125"}, "'statsd://::1:9125'"),
        ({OLD + "PORT": "x"}, "'x'"),
        ({OLD + "PORT": "８１２５"}, "'８１２５'"),
        ({OLD + "PREFIX": "a..b"}, "'a..b'"),
        ({OLD + "PREFIX": "a b"}, "'a b'"),
        ({"POPCON_LABELS": "namespace"}, "'namespace' in 'namespace'"),
        ({"POPCON_LABELS": "namespace="}, "'' in 'namespace='"),
        ({"POPCON_LABELS": "namespace=a.b"}, "'a.b'"),
        ({"POPCON_LABELS": "n=a"}, "'n'"),
        ({"POPCON_LABELS": "library=a"}, "'library'"),
        ({"POPCON_LABELS": "job=a"}, "'job'"),
        ({"POPCON_LABELS": "instance=a"}, "'instance'"),
        ({"POPCON_LABELS": "version=a"}, "'version'"),
        ({"POPCON_LABELS": "__x=a"}, "'__x'"),
        ({"POPCON_DETAILS": "version,users"}, "'users' in 'version,users'"),
        ({"POPCON_DETAILS": ","}, "'' in ','"),
        ({"POPCON_CHILDREN": "some"}, "'some'"),
        ({"POPCON_PROGRAMS": "?"}, "'?'"),
        ({"POPCON_SCOPE": "home"}, "'home'"),
        ({"POPCON_ALLOW": ","}, "no library in ',' (POPCON_ALLOW)"),
        ({"POPCON_ALLOW": "numpy scipy==1.0"}, "'scipy==1.0' in 'numpy scipy==1.0'"),
        ({"POPCON_DENY": "a/b"}, "'a/b' in 'a/b' (POPCON_DENY)"),
        ({"POPCON_DENY": "[ab]*"}, "'[ab]*'"),
        ({"POPCON_DENY": "-a"}, "'-a'"),
        ({"POPCON_DENY": "naïve"}, "'naïve'"),
        ({"POPCON_INTERVAL": "x"}, "'x'"),
        ({"POPCON_INTERVAL": "-1"}, "'-1'"),
        ({"POPCON_INTERVAL": "nan"}, "'nan'"),
        ({"POPCON_INTERVAL": "inf"}, "'inf'"),
        ({"POPCON_LABELS": "hub=a,hub=b"}, "'python_popcon.hub.a.hub.b'"),
        (
            {"POPCON_LABELS": "hub=a", OLD + "PREFIX": "python_popcon.hub.b"},
            "'python_popcon.hub.b.hub.a'",
        ),
    ],
)
def test_refused(environ: dict[str, str], quoted: str) -> None:
    """What can't be understood is refused in one line that quotes the value."""
    with pytest.raises(UsageError) as caught:
        read(environ)

    assert quoted in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("statsd://h", ("h", 9125)),
        ("statsd://h:1/", ("h", 1)),
        ("statsd://127.0.0.1:65535", ("127.0.0.1", 65535)),
        ("statsd://[fe80::1%eth0]:9125", ("fe80::1%eth0", 9125)),
        ("statsd://[::1]", ("::1", 9125)),
    ],
)
def test_statsd_url(url: str, expected: tuple[str, int]) -> None:
    """A statsd URL is a host, and a port that is 9125 where it is left out."""
    assert expected == parse_statsd_url(url)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"DO_NOT_TRACK": "0"}, None),
        ({"DO_NOT_TRACK": ""}, None),
        ({"DO_NOT_TRACK": "1"}, "DO_NOT_TRACK"),
        ({"DO_NOT_TRACK": "true"}, "DO_NOT_TRACK"),
        ({"POPCON_DISABLED": "yes"}, "POPCON_DISABLED"),
    ],
)
def test_switched_off(environ: dict[str, str], expected: str | None) -> None:
    """Any value but nothing and 0 switches popcon off."""
    assert expected == switched_off(environ)


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("python_popcon", ()),
        ("python_popcon.namespace.a", (("namespace", "a"),)),
        ("python_popcon.a.b.c", ()),
        ("mine.namespace.a", ()),
    ],
)
def test_labels_in_prefix(prefix: str, expected: tuple[tuple[str, str], ...]) -> None:
    """Site labels are the pairs behind popcon's own prefix."""
    assert expected == labels_in(prefix)
