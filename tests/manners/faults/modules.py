"""A process whose sys.modules, sys.path, os or builtins its user has filled, replaced or broken."""

from __future__ import annotations

from tests.manners.fault import ALL, LINE, REPORTS, USED, Fault

_MODULE = "import types; M = types.ModuleType\n"

#: Objects that a person may lay into sys.modules: name → the text that makes `odd`.
_OBJECTS = {
    "None": "odd = None",
    "text": "odd = 'odd'",
    "a number": "odd = 7",
    "a class": "class odd: __file__ = 'odd.py'",
    **{
        f"what raises in {method}": (
            f"class Odd({base}):\n    def {method}(self, *args): raise {kind}('the object of the user')\n"
            f"odd = Odd({argument})"
        )
        for method, base, argument, kind in [
            ("__getattr__", "object", "", "RuntimeError"),
            ("__getattribute__", "object", "", "RuntimeError"),
            ("__getattribute__", "M", "'odd'", "KeyboardInterrupt"),
            ("__bool__", "object", "", "RuntimeError"),
            ("__eq__", "object", "", "RuntimeError"),
            ("__hash__", "object", "", "RuntimeError"),
            ("__len__", "object", "", "SystemExit"),
            ("__repr__", "object", "", "RuntimeError"),
        ]
    },
    **{
        f"what raises in the property {name}": (
            f"class Odd(M):\n    @property\n    def {name}(self): raise {kind}('the object of the user')\n"
            "odd = Odd('odd')"
        )
        for name, kind in [
            ("__class__", "RuntimeError"),
            ("__dict__", "RuntimeError"),
            ("__file__", "KeyboardInterrupt"),
            ("__spec__", "SystemExit"),
            ("__name__", "RuntimeError"),
        ]
    },
    **{
        f"a module whose __file__ is {name}": f"odd = M('odd'); odd.__file__ = {value}"
        for name, value in [
            ("a number", "7"),
            ("bytes", "b'/x/site-packages/odd.py'"),
            ("a Path", "__import__('pathlib').Path('/x/site-packages/odd.py')"),
            ("empty", "''"),
            ("None", "None"),
            ("null bytes", "'/x/site-packages/odd\\0.py'"),
            ("a surrogate", "'/x/site-packages/\\udcff.py'"),
            ("of 1 MB", "'/x/site-packages/' + 'a/' * 500_000 + 'odd.py'"),
            ("a folder", "'/x/site-packages/'"),
            (
                "text that raises",
                "type('T', (str,), dict.fromkeys(('partition', 'startswith', 'find', 'replace', "
                "'__eq__', '__getitem__'), lambda *_: 1 / 0))('/x/site-packages/odd.py')",
            ),
        ]
    },
    "a module whose __spec__ is a number": "odd = M('odd'); odd.__spec__ = 7; odd.__path__ = 7",
    "a module with no dictionary of its own": "odd = M.__new__(M)",
}

#: Keys of sys.modules that are not plain text.
_KEYS = {
    "numbers": "for key in range(50): sys.modules[key] = M('odd')",
    "None and tuples": "sys.modules[None] = sys.modules[('a', 1)] = M('odd')",
    "bytes": "sys.modules[b'odd'] = M('odd')",
    "not ordered among text": "sys.modules[7j] = M('odd')",
    "surrogates and empty": "sys.modules['\\udcff'] = sys.modules[''] = M('odd')",
    "text with methods that raise": (
        "K = type('K', (str,), dict.fromkeys(('partition', 'split', '__lt__', '__str__', 'startswith'), "
        "lambda *_: 1 / 0))\n"
        "sys.modules[K('odd')] = M('odd')"
    ),
    "text that raises in __eq__": (
        "class K(str):\n    __hash__ = str.__hash__\n    def __eq__(self, other): return 1 / 0\n"
        "sys.modules[K('odd')] = M('odd')"
    ),
    "text that can be hashed once": (
        "class K(str):\n"
        "    asked = 0\n"
        "    def __hash__(self):\n"
        "        K.asked += 1\n"
        "        if K.asked > 1: raise RuntimeError('the key of the user')\n"
        "        return 7\n"
        "sys.modules[K('odd')] = M('odd')"
    ),
}

_LAZY = """
import importlib.util
spec = importlib.util.find_spec('guest_lib')
spec.loader = importlib.util.LazyLoader(spec.loader)
lazy = sys.modules['guest_lib'] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(lazy)
"""

#: A function that the user, or a library that they use, has replaced by one that raises.
_RAISES = "def odd(*args, **kwargs): raise {0}('the function of the user')\n"


def _patched(what: str, module: str, kind: str = "RuntimeError") -> Fault:
    """Return a row where a function raises from set-up to exit; what needs it may be lost."""
    return Fault(
        f"{module}.{what} that raises {kind}",
        after=_RAISES.format(kind) + f"import {module}; {module}.{what} = odd",
        # Judged after popcon's report, Python needs it back.
        body="",
        arrives=(),
        may=ALL,
    )


_DICTIONARY = """
class Odd(dict):
    def __iter__(self): raise RuntimeError('the dictionary of the user')
    __len__ = keys = items = values = copy = __reversed__ = __iter__
"""

FAULTS = [
    *(
        Fault(f"sys.modules holds {name}", after=f"{_MODULE}{text}\nsys.modules['odd'] = odd")
        for name, text in _OBJECTS.items()
    ),
    *(
        # Python itself stumbles over some of them when it ends.
        Fault(f"sys.modules has keys that are {name}", after=_MODULE + text, alike=True)
        for name, text in _KEYS.items()
    ),
    Fault(
        "odd objects and keys, before arming",
        before=(
            _MODULE
            + "sys.modules['odd'] = None; sys.modules[7] = 'odd'\n"
            + _OBJECTS["what raises in __getattribute__"]
            + "\nsys.modules['IPython'] = None\n"
            "sys.modules['multiprocessing.process'] = None"
        ),
    ),
    *(
        Fault(
            f"{name} that is somebody else's",
            before=f"{_MODULE}sys.modules[{name!r}] = {value}",
            arrives=(),
            may=ALL,
        )
        for name, value in [
            ("IPython", "M('IPython')"),
            ("IPython", "7"),
            ("multiprocessing.process", "M('odd')"),
        ][::2]
    ),
    Fault(
        "lazy module that is never loaded",
        body=_LAZY,
        last="print(object.__getattribute__(lazy, '__class__').__name__)",
        stdout=LINE + "_LazyModule\n",
        arrives=(REPORTS,),
        may=(USED,),
    ),
    Fault(
        "sys.modules replaced by a copy",
        after="sys.modules = dict(sys.modules)",
        arrives=(REPORTS,),
        may=(USED,),
    ),
    Fault(
        "sys.modules replaced by a dictionary that raises, before arming",
        before=_DICTIONARY + "held = sys.modules; sys.modules = Odd(held)",
        last="sys.modules = held",
        arrives=(),
        may=ALL,
    ),
    Fault(
        "sys.modules replaced by a dictionary that raises",
        after=_DICTIONARY + "held = sys.modules; sys.modules = Odd(held)",
        arrives=(REPORTS,),
        may=(USED,),
    ),
    Fault("sys.modules deleted", last="del sys.modules", arrives=(), may=ALL),
    Fault(
        "popcon's modules deleted",
        last=(
            "for name in [name for name in sys.modules if name.startswith('popcon')]: del sys.modules[name]"
        ),
    ),
    Fault(
        "popcon's modules set to None",
        last=(
            "for name in [name for name in sys.modules if name.startswith('popcon')]: sys.modules[name] = None"
        ),
        arrives=(),
        may=ALL,
    ),
    Fault(
        "popcon's modules replaced",
        last=(
            _MODULE
            + "for name in [name for name in sys.modules if name.startswith('popcon')]: sys.modules[name] = M(name)"
        ),
        arrives=(),
        may=ALL,
    ),
    # sys.path
    Fault(
        "sys.path with what is no text",
        after=("sys.path[:0] = [None, 7, b'/x', object(), '\\udcff', '']"),
    ),
    Fault(
        "sys.path with what is no text, before arming",
        before=("sys.path[:0] = [None, 7, b'/x', '\\udcff']"),
    ),
    Fault("sys.path emptied", last="del sys.path[:]"),
    Fault(
        "sys.path that is None",
        before="import atexit; atexit.register(setattr, sys, 'path', sys.path)",
        last="sys.path = None",
        arrives=(),
        may=ALL,
    ),
    Fault(
        "sys.path of 2,000 folders",
        last=("sys.path[:0] = ['/nowhere/%d/site-packages' % number for number in range(2_000)]"),
    ),
    Fault(
        "finder that raises",
        last=(
            "class Finder:\n"
            "    def find_spec(self, name, path=None, target=None): raise RuntimeError('the finder of the user')\n"
            "sys.meta_path.insert(0, Finder())"
        ),
        arrives=(),
        may=ALL,
    ),
    Fault(
        "no finders",
        last="del sys.meta_path[:]; sys.path_hooks.clear()",
        arrives=(),
        may=ALL,
        alike=True,
    ),
    Fault(
        "module that is being imported while it fails",
        after=("try: __import__('nothing_that_is_there')\nexcept ImportError: pass"),
    ),
    # os, time and builtins
    *(
        _patched(name, "os")
        for name in ("getpid", "listdir", "stat", "getcwd", "fspath", "scandir")
    ),
    *(_patched(name, "os.path") for name in ("realpath", "expanduser", "dirname", "isfile")),
    *(_patched(name, "time") for name in ("time", "monotonic")),
    *(
        _patched("open", "builtins", kind)
        for kind in (
            "RuntimeError",
            "KeyboardInterrupt",
            "SystemExit",
            "GeneratorExit",
            "MemoryError",
        )
    ),
    _patched("__import__", "builtins"),
    _patched("sorted", "builtins"),
    # Python's own library has no home without it.
    Fault("os.environ that is None", after="import os; os.environ = None", arrives=(), may=ALL),
    Fault(
        "os.environ that is None, before arming",
        before="import os; os.environ = None",
        arrives=(),
        may=ALL,
    ),
    Fault(
        "os.environ that raises, before arming",
        before=(
            "import os\nclass Odd(dict):\n"
            "    def get(self, *args): raise RuntimeError('the environment of the user')\n"
            "    __getitem__ = __contains__ = items = __iter__ = get\n"
            "os.environ = Odd()"
        ),
        arrives=(),
        may=ALL,
    ),
    Fault("os.environ that is empty", last="import os; os.environ.clear()"),
    Fault(
        "os.environ with what is no text",
        before=("import os; os.environ = dict(os.environ, POPCON_SINK=7, POPCON_LABELS=None)"),
        arrives=(),
        may=ALL,
    ),
    # Python's own switches
    Fault(
        "recursion limit of 60", after="sys.setrecursionlimit(60)", body="__import__('guest_lib')"
    ),
    Fault(
        "recursion limit of 60, before arming",
        before="sys.setrecursionlimit(60)",
        body="",
        arrives=(),
        may=ALL,
    ),
    Fault("garbage collection off", before="import gc; gc.disable()"),
    Fault("garbage collection at every step", before="import gc; gc.set_threshold(1, 1, 1)"),
    Fault(
        "garbage collection with a callback that raises",
        before="import gc; gc.callbacks.append(lambda *_: 1 / 0); gc.collect()",
        last="gc.callbacks.clear()",
        reads=lambda stderr: "ZeroDivisionError" in stderr,
        alike=True,
    ),
    Fault(
        "audit hook that refuses files",
        last=(
            "def hook(event, args):\n"
            "    if event in ('open', 'os.listdir', 'os.scandir'): raise RuntimeError('refused')\n"
            "sys.addaudithook(hook)"
        ),
        arrives=(),
        may=ALL,
    ),
    Fault(
        "audit hook that refuses sockets",
        last=(
            "def hook(event, args):\n"
            "    if event.startswith('socket.'): raise RuntimeError('refused')\n"
            "sys.addaudithook(hook)"
        ),
        arrives=(),
        says="popcon: RuntimeError: refused",
    ),
    *(
        Fault(
            f"{setter} by the user",
            {"POPCON_SINK": "{sink} statsd://127.0.0.1:9"},
            before=(
                "seen = []\n"
                "def trace(frame, event, value):\n"
                "    if event in ('exception', 'c_exception') and frame.f_code is here: seen.append(event)\n"
                "    return trace\n"
                "here = sys._getframe().f_code\n"
                f"sys._getframe().f_trace = trace; sys.{setter}(trace)"
            ),
            last=f"sys.{setter}(None); print(seen)",
            stdout=LINE + "[]\n",
        )
        for setter in ("settrace", "setprofile")
    ),
    Fault(
        "a fault of ours under settrace",
        {"POPCON_SINK": "rubbish"},
        before=(
            "seen = []\n"
            "def trace(frame, event, value):\n"
            "    if event == 'exception' and frame.f_code is here: seen.append(event)\n"
            "    return trace\n"
            "here = sys._getframe().f_code\n"
            "sys._getframe().f_trace = trace; sys.settrace(trace)"
        ),
        last="sys.settrace(None); print(seen)",
        stdout=LINE + "[]\n",
        arrives=(),
    ),
]
