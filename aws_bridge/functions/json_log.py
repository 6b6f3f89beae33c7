"""The log of a process that nobody watches: one JSON object a line, so that journald, CloudWatch and jq can read it.

::

    {"time":"2026-11-21T04:56:02.114Z","level":"info","event":"object","uri":"s3://...","outcome":"done","records":1042}

Every line has ``time`` (UTC), ``level`` (``info``, ``warning``, ``error``) and ``event``. Texts are those of our own
errors, which hold no secret; the body of a message is never logged, because anybody who may send one chooses it.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from datetime import datetime, timezone
from typing import Any, Optional, TextIO

from aws_bridge.functions.json_line import write_line

#: A reason can quote an engine's answer; a line stays one that tools accept.
MAX_TEXT = 2000


class JsonLog:
    """Writes lines to ``stream``, by default standard error; from any thread."""

    def __init__(self, stream: Optional[TextIO] = None) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def info(self, event: str, **facts: Any) -> None:
        """Write what happened as planned."""
        self._write("info", event, facts)

    def warning(self, event: str, **facts: Any) -> None:
        """Write what will be tried again."""
        self._write("warning", event, facts)

    def error(self, event: str, **facts: Any) -> None:
        """Write what somebody has to do something about."""
        self._write("error", event, facts)

    def take_over_logging(self) -> None:
        """Write what libraries and our own modules log through `logging`, from warnings on, as lines of this log."""
        root = logging.getLogger()
        root.handlers = [_Lines(self)]
        root.setLevel(logging.WARNING)

    def _write(self, level: str, event: str, facts: Any) -> None:
        time = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"time": time, "level": level, "event": event}
        line.update((name, _short(value)) for name, value in facts.items() if value not in ("", None))
        stream = self._stream or sys.stderr
        with self._lock:
            write_line(line, stream)
            stream.flush()


class _Lines(logging.Handler):
    """Hands records of `logging` over to a `JsonLog`."""

    def __init__(self, log: JsonLog) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        trace = "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else ""
        write = self._log.error if record.levelno >= logging.ERROR else self._log.warning
        write("log", logger=record.name, reason=record.getMessage(), trace=trace)


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return value[:MAX_TEXT] + " ..."
    return value
