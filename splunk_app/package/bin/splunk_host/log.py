"""The app's own log files. ``$SPLUNK_HOME/var/log/splunk`` is indexed by Splunk into ``_internal`` by itself.

Every search is a process of its own, and all of them write into one file.
"""

from __future__ import annotations

import fcntl
import json
import logging
import logging.handlers
import os
import re
from pathlib import Path
from typing import Any, Dict

LOG_BYTES = 10_000_000
LOG_FILES_KEPT = 5
#: Most bytes of a text in a line; those that need more.
_MOST_BYTES = 800
_MOST_BYTES_OF = {"error": 3000, "reason": 3000, "trace": 8000}
_NEVER_RAW = frozenset('"\\=')
_NO_NAME = "[^A-Za-z0-9_.]"
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
    """Return ``key=value`` pairs on one line, less than 10,000 bytes, beyond which Splunk cuts a line.

    Text is in quotes. No value can end its quotes or look like another key, whatever it holds and however the line is
    read: Splunk's default extraction (``KV_MODE = auto``) ends a value at the next quote, escaped or not, and
    ``auto_escaped`` at the next one without a backslash. So quotes, backslashes, equals signs and every character
    that is not printable are written as ``\\u0022``, which JSON reads, and no text is too long.
    """
    return " ".join(f"{re.sub(_NO_NAME, '_', name)}={_value(name, value)}" for name, value in facts.items())


def end_of(trace: str) -> str:
    """Return as much of a traceback as a line has room for: the end says where it happened."""
    room = _MOST_BYTES_OF["trace"] // 2
    return trace if len(trace) <= room else "..." + trace[-room:]


def _value(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, (int, float)):
        return str(value)
    return f'"{_escaped(str(value), _MOST_BYTES_OF.get(name, _MOST_BYTES))}"'


def _escaped(text: str, most_bytes: int) -> str:
    parts = []
    left = most_bytes
    for character in text:
        if character in _NEVER_RAW or not character.isprintable():
            character = json.dumps(character)[1:-1] if ord(character) > 0xFFFF else f"\\u{ord(character):04x}"
        left -= len(character.encode())
        if left < 0:
            parts.append(f"... (cut here, {len(text)} characters)")
            break
        parts.append(character)
    return "".join(parts)
