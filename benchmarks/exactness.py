"""In: nothing. Out: how many of 91 imports each reporter names the libraries of exactly.

Each import runs in a fresh process. The truth is `benchmarks.truth`, for the files of all modules that came.
Names are compared as PEP 503 writes them. Then the edge cases of the tests, in images made for them.
"""

from __future__ import annotations

import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from benchmarks.environment import ROOT, Environment, ready
from benchmarks.indexed import states
from benchmarks.measure import PEER, POPCON, Receiver, libraries_in, reporting, run, table
from benchmarks.truth import Truth

CASES = """
    numpy scipy.stats pandas matplotlib.pyplot mpl_toolkits.mplot3d sklearn.linear_model
    skimage.filters seaborn statsmodels.api sympy isympy requests sqlalchemy dask.dataframe
    distributed xarray zarr netCDF4 networkx bokeh.plotting plotly.express PIL.Image h5py tables
    pyarrow.parquet polars altair yaml ruamel.yaml zope.interface zope.component
    google.cloud.storage google.cloud.bigquery google.protobuf.message google.auth
    google.rpc.status_pb2 azure.identity azure.storage.blob boto3 gcsfs grpc numba Cython
    bottleneck numexpr lxml.etree bs4 html5lib openpyxl xlrd tqdm joblib geopandas shapely
    rasterio cartopy.crs pyproj fiona psycopg2 pymongo redis flask django.conf aiohttp httpx
    scrapy pytest py hypothesis black mypy.api sphinx nbconvert rich.table cryptography.fernet
    _cffi_backend paramiko OpenSSL Bio.Seq astropy.units gensim cv2 imblearn duckdb brotli jwt
    dateutil.parser attr IPython ipywidgets pydantic
""".split()  # noqa: SIM905
#: What popularity-contest itself loads before its baseline, and so can never name.
_PRELOADED = {"importlib-metadata", "zipp", "statsd", "popularity-contest"}

_OURS = """
import sys
sys.path.insert(0, {root!r})
from tests.libraries.run_cases import main
main({folder!r} + "/ours")
"""
_THEIRS = """
import json, sys
from pathlib import Path
from popularity_contest.reporter import get_used_libraries
sys.path.insert(0, {root!r})
from tests.libraries.cases import CASES
del sys.path[0]
(case,) = [case for case in CASES if case.name == {name!r}]
root = Path({folder!r}, "theirs", case.name)
root.mkdir(parents=True)
sys.path[:] = [*map(str, case.build(root)), *sys.path]
# The small images leave out what every real one has, and what tells the peer a name.
for folder in [*root.rglob("*.dist-info"), *root.rglob("*.egg-info")]:
    stem, _, kind = folder.name.rpartition(".")
    name, _, version = stem.partition("-")
    about = folder / ("METADATA" if kind == "dist-info" else "PKG-INFO")
    whole = (folder / "RECORD").exists() if kind == "dist-info" else folder.is_dir()
    if whole and not about.exists() and case.name != "no_metadata_file":
        about.write_text(f"Metadata-Version: 2.1\\nName: {{name}}\\nVersion: {{version}}\\n")
before = set(sys.modules)
exec(case.statement, {{}})
found, fault = [], ""
try:
    found = [name.lower().replace("_", "-").replace(".", "-")
             for name in get_used_libraries(before, set(sys.modules))]
except Exception as error:
    fault = "all is lost: " + type(error).__name__
print(json.dumps({{"expected": sorted(case.expected), "found": found, "fault": fault}}))
"""


def main() -> int:
    """Print the scores, and the rows in which somebody is wrong."""
    environment = ready()
    states(environment)
    truth = Truth(environment.site)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(partial(_answers, environment, truth), CASES))
    wrong = [
        (case, side, ", ".join(sorted(expected - found)) or "-",
         ", ".join(sorted(found - expected)) or "-")
        for case, expected, answers in results
        for side, found in answers.items()
        if found != expected
    ]  # fmt: skip
    print(f"exactness: {environment.described()}; {len(CASES)} imports")
    scores = []
    for side in (POPCON.name, PEER.name):
        exact = sum(answers[side] == expected for _, expected, answers in results)
        forgiven = sum(
            answers[side] - _PRELOADED == expected - _PRELOADED for _, expected, answers in results
        )
        scores.append((side, f"{exact} of {len(CASES)}", f"{forgiven} of {len(CASES)}"))
    print(table(("reporter", "exact", "but for what popularity-contest loads itself"), scores))
    if wrong:
        print(table(("import", "reporter", "missed", "invented"), wrong))
    _edge_cases(environment)
    return 0


def _edge_cases(environment: Environment) -> None:
    """Print the scores for the tests' table of edge cases, and the rows in which somebody is wrong."""
    if not (ROOT / "tests" / "libraries" / "cases.py").is_file():
        return
    with tempfile.TemporaryDirectory() as folder, Receiver() as receiver:
        environ = receiver.environ()
        ours = run(environment.python, _OURS.format(root=str(ROOT), folder=folder), environ)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            codes = [_THEIRS.format(root=str(ROOT), folder=folder, name=name) for name in ours]
            theirs = list(pool.map(lambda code: run(environment.python, code, environ), codes))
    rows = []
    right = dict.fromkeys((POPCON.name, PEER.name), 0)
    for name, their in zip(ours, theirs):
        expected = set(their["expected"])
        named = {POPCON.name: set(ours[name].get("metadata", ())), PEER.name: set(their["found"])}
        for side, found in named.items():
            right[side] += found == expected
            if found != expected:
                said = ", ".join(sorted(found)) or "-"
                fault = their["fault"] if side == PEER.name else ""
                rows.append((name, side, ", ".join(sorted(expected)) or "-", fault or said))
    print(f"\nedge cases: {len(ours)}; exact: " + ", ".join(f"{s} {n}" for s, n in right.items()))
    print(table(("case", "reporter", "expected", "said"), rows))


def _answers(
    environment: Environment, truth: Truth, case: str
) -> tuple[str, set[str], dict[str, set[str]]]:
    """Return the true libraries of an import, and what each side says they are."""
    answers = {}
    expected: set[str] = set()
    with Receiver() as receiver:
        for side in (PEER, POPCON):
            environ = receiver.environ()
            result = run(environment.python, reporting(side, [case]), environ)
            answers[side.name] = libraries_in(receiver.take())
            expected = truth.of(result["files"])  # of the process in which popcon reported
    return case, expected, answers


if __name__ == "__main__":
    sys.exit(main())
