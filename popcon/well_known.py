"""In: nothing. Out: what an installed library can be part of, and names known to be infrastructure.

`popcon inventory` finds the rest by what is installed. Where no inventory was sent, dashboards have these
names alone to tell what nobody imports and everybody needs. Nothing is imported.
"""

#: The part of what is there for users, as the inventory's metric has it.
FOR_USERS = "library"
#: What else a library can be part of. Where it is needed by several, the first of them has it.
PARTS = ("kernel", "server", "tool", "popcon")
#: What a library is part of that only its name tells.
BY_NAME = "known by its name"

KERNELS = frozenset({"ipykernel"})
SERVERS = frozenset({
    "jupyter-server", "jupyterhub", "jupyterhub-singleuser", "jupyterlab", "jupyterlab-server",
    "nbclassic", "notebook", "notebook-shim",
})  # fmt: skip
#: Tools that can be imported, but aren't where people analyse data.
TOOLS = frozenset({
    "autopep8", "bandit", "black", "build", "bump2version", "cmake", "conda", "conda-build",
    "conda-lock", "conda-pack", "cookiecutter", "copier", "coverage", "flake8", "hatch", "isort",
    "jupyter-repo2docker", "mamba", "maturin", "meson", "mypy", "ninja", "nox", "pdm", "pip",
    "pip-tools", "pipdeptree", "pipenv", "pipx", "poetry", "pre-commit", "pycodestyle",
    "pydocstyle", "pyflakes", "pylint", "pyright", "pyupgrade", "ruff", "scikit-build-core",
    "setuptools", "setuptools-scm", "tox", "twine", "uv", "virtualenv", "wheel", "yapf",
})  # fmt: skip
#: What kernels need, and what of the servers' needs hardly anybody imports, by the requirements of
#: ipykernel 7.4, jupyterlab 4.6, notebook 7.6 and jupyterhub 6.1, and of some older ones. What users import
#: as well, requests or jinja2, isn't here.
NEEDED = frozenset({
    "aiodns", "alembic", "anyio", "appnope", "argon2-cffi", "argon2-cffi-bindings", "arrow",
    "asttokens", "async-lru", "backcall", "bleach", "certipy", "comm", "debugpy", "decorator",
    "defusedxml", "executing", "fastjsonschema", "fqdn", "ipython", "ipython-genutils",
    "ipython-pygments-lexers", "isoduration", "jedi", "json5", "jsonpointer",
    "jsonschema-specifications", "mako", "matplotlib-inline", "mistune", "nbclient", "nbconvert",
    "nbformat", "nbgitpuller", "nest-asyncio", "nest-asyncio2", "overrides", "packaging", "pamela",
    "pandocfilters", "parso", "pexpect", "pickleshare", "platformdirs", "prometheus-client",
    "prompt-toolkit", "psutil", "ptyprocess", "pure-eval", "pycares", "pygments", "python-dateutil",
    "python-json-logger", "pyzmq", "referencing", "rfc3339-validator", "rfc3986-validator",
    "rfc3987-syntax", "rpds-py", "send2trash", "simpervisor", "stack-data", "terminado", "tinycss2",
    "tornado", "traitlets", "typing-extensions", "tzdata", "uri-template", "wcwidth", "webcolors",
    "webencodings", "websocket-client",
})  # fmt: skip
#: popcon, and what it brings.
POPCON = frozenset({"popcon", "statsd"})

#: All of these, and whatever calls itself Jupyter's, as a regular expression for a library's whole name.
PATTERN = "|".join(["jupyter.*", *sorted(KERNELS | SERVERS | TOOLS | NEEDED | POPCON)])
