"""In: log records. Out: a line each, as statsd_exporter writes them: logfmt or JSON."""

from __future__ import annotations

import json
import logging
import re
import time


class Logfmt(logging.Formatter):
    """One line of keys and values, as statsd_exporter logs: a value with a space in it is quoted."""

    def __init__(self) -> None:
        super().__init__(
            "time=%(asctime)s level=%(levelname)s msg=%(message)s", "%Y-%m-%dT%H:%M:%S%z"
        )

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the line; what follows it, a traceback, is added behind."""
        if not re.fullmatch(r"[^\s\"=]+", record.message):
            record.message = json.dumps(record.message, ensure_ascii=False)
        return super().formatMessage(record)


class Json(logging.Formatter):
    """One object a line, with the keys that statsd_exporter gives them."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(record.created)),
            "level": record.levelname,
            "msg": record.getMessage(),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)
