"""Settings with rubbish in them: nothing is sent, because counts in a wrong place are worse than none."""

from __future__ import annotations

from tests.manners.fault import ALL, SITECUSTOMIZE, STARTUP, Fault

#: A byte that no UTF-8 text has, as os.environ shows it, and as a value in quotes is shown.
_BYTE = "\udcff"
_LONG = "import os; os.environ[{!r}] = {!r} * 500_000"

_RUBBISH = [
    ("port that is a word", "POPCON_SINK", "statsd://127.0.0.1:x", "not a port: 'x'"),
    ("port 0", "POPCON_SINK", "statsd://127.0.0.1:0", "not a port: '0'"),
    ("port 99999", "POPCON_SINK", "statsd://127.0.0.1:99999", "not a port: '99999'"),
    ("port in full-width digits", "POPCON_SINK", "statsd://127.0.0.1:９１２５", "not a port: '９"),
    ("port with a byte", "POPCON_SINK", f"statsd://127.0.0.1:9{_BYTE}", r"not a port: '9\udcff'"),
    ("scheme that nobody knows", "POPCON_SINK", "pigeon://127.0.0.1:1", "'pigeon://127.0.0.1:1'"),
    ("sink without a scheme", "POPCON_SINK", "127.0.0.1:9125", "'127.0.0.1:9125'"),
    ("sink without a host", "POPCON_SINK", "statsd://:9125", "'statsd://:9125'"),
    ("sink with a path", "POPCON_SINK", "{sink}/a", "/a'"),
    ("sink of spaces", "POPCON_SINK", "  ", "no sink in '  '"),
    (
        "sink with a line's end inside",
        "POPCON_SINK",
        "{sink}\n:1",
        "not a sink that popcon knows: ':1'",
    ),
    ("sink of bytes", "POPCON_SINK", _BYTE * 3, r"'\udcff\udcff\udcff'"),
    ("second sink that is rubbish", "POPCON_SINK", "{sink} nonsense", "'nonsense'"),
    ("bracket that stays open", "POPCON_SINK", "statsd://[::1:9125", "'statsd://[::1:9125'"),
    ("label without a value", "POPCON_LABELS", "namespace", "'namespace'"),
    ("label of nothing", "POPCON_LABELS", "=", "not a label key: ''"),
    ("label with a dot", "POPCON_LABELS", "namespace=hub.1", "not a label value: 'hub.1'"),
    ("label with a byte", "POPCON_LABELS", f"namespace={_BYTE}", r"not a label value: '\udcff'"),
    ("label with a line's end", "POPCON_LABELS", "namespace=a\nb", r"not a label value: 'a\nb'"),
    ("label in Greek", "POPCON_LABELS", "namespace=ημ", "not a label value: 'ημ'"),
    ("label twice", "POPCON_LABELS", "hub=a,hub=b", "a label key stands twice in"),
    ("label that is taken", "POPCON_LABELS", "library=a", "a label key that is taken: 'library'"),
    ("labels of spaces", "POPCON_LABELS", "  ", "'  '"),
    ("prefix with two dots", "PYTHON_POPCONTEST_STATSD_PREFIX", "a..b", "not a prefix: 'a..b'"),
    ("prefix of bytes", "PYTHON_POPCONTEST_STATSD_PREFIX", _BYTE, r"not a prefix: '\udcff'"),
    ("interval that is a word", "POPCON_INTERVAL", "x", "'x'"),
    ("interval below nothing", "POPCON_INTERVAL", "-1", "'-1'"),
    ("interval that is no number", "POPCON_INTERVAL", "nan", "'nan'"),
    ("interval without end", "POPCON_INTERVAL", "inf", "'inf'"),
    ("interval of bytes", "POPCON_INTERVAL", _BYTE, r"'\udcff'"),
    ("children of an unknown kind", "POPCON_CHILDREN", "some", "'some'"),
    ("details of an unknown kind", "POPCON_DETAILS", "version,foo", "'foo'"),
    ("programs of an unknown kind", "POPCON_PROGRAMS", "?", "'?'"),
    ("scope of an unknown kind", "POPCON_SCOPE", "some", "'some'"),
    ("allow list of nothing", "POPCON_ALLOW", ",", "no library in ','"),
    ("deny list with a byte", "POPCON_DENY", f"a,{_BYTE}", r"'\udcff'"),
]

FAULTS = [
    *(
        Fault(name, {variable: value}, arrives=(), says=says)
        for name, variable, value, says in _RUBBISH
    ),
    Fault(
        "old port that is a word",
        {"POPCON_SINK": None, "PYTHON_POPCONTEST_STATSD_PORT": "x"},
        arrives=(),
        says="not a port: 'x' (from PYTHON_POPCONTEST_STATSD_PORT)",
    ),
    Fault(
        "old host with a space",
        {"POPCON_SINK": None, "PYTHON_POPCONTEST_STATSD_HOST": "a b"},
        arrives=(),
        says="not a sink that popcon knows: 'b:9125'",
    ),
    Fault(
        "host that looks like digits",
        {"POPCON_SINK": "statsd://127.0.0.²:9125 {sink}"},
    ),
    Fault(
        "host of very many digits",
        {"POPCON_SINK": f"statsd://127.0.0.{'1' * 5000}:9125 {{sink}}"},
    ),
    Fault("host that is no name", {"POPCON_SINK": f"statsd://a..{'b' * 70}:9125 {{sink}}"}),
    Fault("host of bytes", {"POPCON_SINK": f"statsd://{_BYTE}{_BYTE}:9125 {{sink}}"}),
    Fault("zone that there is not", {"POPCON_SINK": "statsd://[fe80::1%nowhere]:9125 {sink}"}),
    Fault("port of 1 MB", before=_LONG.format("POPCON_SINK", "12") + "; del os", arrives=()),
    Fault("labels of 1 MB", before=_LONG.format("POPCON_LABELS", "a,") + "; del os", arrives=()),
    Fault("rubbish, from the startup file", {"POPCON_SINK": "x"}, arm=STARTUP, arrives=()),
    Fault("rubbish, from sitecustomize", {"POPCON_SINK": "x"}, arm=SITECUSTOMIZE, arrives=()),
    Fault(
        "arguments that are no text",
        arm=(
            "witness.arming(globals())\n"
            "__import__('popcon').setup_reporter(sink=7, labels=object(), prefix=b'a')\n"
            "witness.armed()"
        ),
        arrives=(),
        says="popcon: ",
    ),
    Fault(
        "modules that can't be iterated",
        arm=("witness.arming(globals())\n__import__('popcon').setup_reporter(7)\nwitness.armed()"),
        arrives=(),
        says="popcon: TypeError: 'int' object is not iterable",
    ),
    Fault(
        "interval that is over at once",
        {"POPCON_INTERVAL": "0.000001"},
        before="import gc; gc.set_threshold(1)",
    ),
    # The controls: from the startup file and from sitecustomize, with nothing broken, all arrives.
    Fault("nothing, from the startup file", arm=STARTUP),
    Fault("nothing, from sitecustomize", arm=SITECUSTOMIZE),
    Fault(
        "variables that are empty",
        {
            "POPCON_SINK": "{sink}",
            "POPCON_LABELS": "",
            "POPCON_INTERVAL": "",
            "POPCON_CHILDREN": "",
            "POPCON_DETAILS": "",
            "POPCON_PROGRAMS": "",
            "POPCON_DISABLED": "",
            "DO_NOT_TRACK": "",
            "PYTHON_POPCONTEST_STATSD_PREFIX": "",
        },
        arrives=ALL,
    ),
]
