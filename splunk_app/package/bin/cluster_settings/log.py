"""The app's own log files. ``$SPLUNK_HOME/var/log/splunk`` is indexed by Splunk into ``_internal`` by itself."""

from __future__ import annotations

import json
import logging
import logging.handlers
import os
from pathlib import Path
from typing import Any, Dict

LOG_BYTES = 10_000_000
LOG_FILES_KEPT = 5
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def open_log(name: str, file_name: str) -> logging.Logger:
    """Return the log; where its folder cannot be written, one that swallows everything: no search fails for it."""
    log = logging.getLogger(name)
    log.propagate = False
    if log.handlers:
        return log
    log.setLevel(logging.INFO)
    logging.raiseExceptions = False  # a full disk must not write a traceback to stderr
    handler: logging.Handler = logging.NullHandler()
    home = os.environ.get("SPLUNK_HOME")
    folder = Path(home, "var", "log", "splunk") if home else None
    if folder is not None and os.access(folder, os.W_OK):
        handler = logging.handlers.RotatingFileHandler(
            folder / file_name,
            maxBytes=LOG_BYTES,
            backupCount=LOG_FILES_KEPT,
            encoding="utf-8",
            errors="backslashreplace",  # a line that cannot be written would be lost
            delay=True,
        )
        handler.setFormatter(
            logging.Formatter("%(asctime)s.%(msecs)03d %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S")
        )
    log.addHandler(handler)
    return log


def level(text: Any) -> str:
    """Return the name of a log level; INFO for what is none."""
    name = str(text or "").strip().upper()
    return name if name in LEVELS else "INFO"


def line(facts: Dict[str, Any]) -> str:
    """Return ``key=value`` pairs on one line. Text is quoted and escaped: no value can look like another key."""
    return " ".join(f"{name}={_value(value)}" for name, value in facts.items())


def _value(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, (int, float)):
        return str(value)
    # JSON's escapes keep line ends and quotes inside the value.
    return json.dumps(str(value), ensure_ascii=False)
