"""In: nothing. Out: the Python that arms a process from a file that runs as it starts.

It can't raise, prints nothing and leaves no name, also where popcon is broken or gone. Run twice, as
`.pth` files are in a virtual environment, it arms once.
"""

from __future__ import annotations

#: The folder of the notebook, or one of `PYTHONPATH`, may come first, and hold a popcon of the user's.
ARM = """\
def _popcon():
    import os, sys
    path, there = sys.path, os.path.exists
    sys.path = [dir for dir in path if dir and not there(dir + "/popcon.py") and (
        there(dir + "/popcon/catalog.py") or not there(dir + "/popcon"))]
    try:
        import popcon
    finally:
        sys.path = path
    popcon.setup_reporter()
try:
    _popcon()
except (Exception, SystemExit):
    pass
finally:
    del _popcon
"""


def about(undo: str) -> str:
    """Return the comment that tells whoever opens the file what it is; `undo` removes it."""
    return (
        "# It counts which installed libraries are used, and names no person.\n"
        f"# To remove it: {undo}\n"
        "# For yourself alone: set DO_NOT_TRACK=1 in the environment.\n"
    )
