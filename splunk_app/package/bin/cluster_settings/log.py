"""The app's own log files. ``$SPLUNK_HOME/var/log/splunk`` is indexed by Splunk into ``_internal`` by itself.

Every search is a process of its own, and all of them write into one file.
"""

from __future__ import annotations

import fcntl
import json
import logging
import logging.handlers
import os
from pathlib import Path
from typing import Any, Dict

LOG_BYTES = 10_000_000
LOG_FILES_KEPT = 5
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class SharedLog(logging.handlers.RotatingFileHandler):
    """A log that many processes write: one of them turns it over, the others follow to the new file.

    The standard library's handler knows of one process only. Two that turn over at once rename and remove each other's
    files, and lines that somebody may have to answer for are gone.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, while no other process turns the file over."""
        try:
            self._lock_current_file()
        except OSError:
            pass  # a file system without locks: a line is worth more than the order of files
        super().emit(record)
        if self.stream:
            try:
                fcntl.flock(self.stream, fcntl.LOCK_UN)
            except OSError:
                pass

    def doRollover(self) -> None:  # noqa: N802 - the library's name
        """Turn the file over. Its lock outlives its closing, until the files have their new names."""
        held = os.dup(self.stream.fileno()) if self.stream else None
        try:
            super().doRollover()
        finally:
            if held is not None:
                os.close(held)

    def _lock_current_file(self) -> None:
        while True:
            if not self.stream:
                self.stream = self._open()
            fcntl.flock(self.stream, fcntl.LOCK_EX)
            try:
                if os.path.samestat(os.fstat(self.stream.fileno()), Path(self.baseFilename).stat()):
                    return
            except FileNotFoundError:
                pass
            self.stream.close()  # turned over while we waited
            self.stream = None  # type: ignore[assignment]


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
        handler = SharedLog(
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
