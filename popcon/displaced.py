"""In: the file of a sitecustomize that Python runs. Out: the one behind it on the path has run too.

Python runs the first `sitecustomize` that it finds. One that arms popcon has three lines:

    import popcon.displaced
    popcon.displaced.run(__file__)
    popcon.setup_reporter()

`popcon enable sitecustomize` writes a copy of the function, which works without popcon too.
"""


def run(file: str) -> None:
    """Run the next `sitecustomize` on the path as if the one in `file` weren't there.

    It has its own name, file and place in `sys.modules`; what it raises is for Python to show.
    """
    import os
    import sys
    from _frozen_importlib import module_from_spec  # `importlib.util` would load more
    from _frozen_importlib_external import PathFinder

    own = os.path.dirname(file)
    behind = sys.path[sys.path.index(own) + 1 :] if own in sys.path else []
    spec = PathFinder.find_spec("sitecustomize", behind)
    if spec is not None and spec.loader is not None:
        module = sys.modules["sitecustomize"] = module_from_spec(spec)
        spec.loader.exec_module(module)
