"""popcon: which installed libraries are really used, as counters that name no person."""

__version__ = "0.1.0"

__all__ = ["__version__", "setup_reporter"]


def __getattr__(name: str) -> object:
    if name == "setup_reporter":
        from popcon.reporter import setup_reporter

        return setup_reporter
    raise AttributeError(f"module 'popcon' has no attribute {name!r}")


def __dir__() -> "list[str]":
    return __all__
