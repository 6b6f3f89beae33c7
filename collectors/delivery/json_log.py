"""The log of a process that nobody watches: one JSON object a line, so that journald, CloudWatch and jq can read it.

::

    {"time":"2026-11-21T04:56:02.114Z","level":"info","event":"object","uri":"s3://...","outcome":"done","records":1042}

Every line has ``time`` (UTC), ``level`` (``info``, ``warning``, ``error``) and ``event``. Texts are those of our own
errors, which hold no secret; the body of a message is never logged, because anybody who may send one chooses it.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
from datetime import datetime, timezone
from typing import Any, Collection, Optional, Set, TextIO

from aws_bridge.object_ref import ObjectRef
from collectors.delivery.outcome import DONE, UNKNOWN_COLUMNS, ObjectResult
from collectors.recognise import UNKNOWN_KIND
from es_bridge.terminal import put

#: A reason can quote an engine's answer; a line stays one that tools accept.
MAX_TEXT = 2000
#: Unknown columns that are remembered, so that each is warned of once.
MAX_COLUMNS = 1000


class JsonLog:
    """Writes lines to ``stream``, by default standard error; from any thread."""

    def __init__(self, stream: Optional[TextIO] = None) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._columns: Set[str] = set()

    def info(self, event: str, **facts: Any) -> None:
        """Write what happened as planned."""
        self._write("info", event, facts)

    def warning(self, event: str, **facts: Any) -> None:
        """Write what will be tried again."""
        self._write("warning", event, facts)

    def error(self, event: str, **facts: Any) -> None:
        """Write what somebody has to do something about."""
        self._write("error", event, facts)

    def object(self, ref: ObjectRef, result: ObjectResult, seconds: float, as_planned: Collection[str]) -> None:
        """Write what became of an object; a warning unless its outcome is one of ``as_planned`` and nothing is left."""
        # With a reason, the object as a whole is a dead letter: gone, cut short, or no log.
        is_letter = result.outcome == DONE and result.reason
        is_left = result.dead or is_letter or result.passed_over == UNKNOWN_KIND
        write = self.info if result.outcome in as_planned and not is_left else self.warning
        write(
            "object",
            uri=ref.uri,
            version=ref.version_id,
            dataset=result.dataset,
            outcome=result.outcome,
            passed_over=result.passed_over,
            reason=result.reason,
            records=result.records,
            stored=result.stored,
            already_there=result.already_there,
            dead=result.dead,
            seconds=round(seconds, 3),
            unknown_columns=", ".join(result.unknown_columns),
        )
        new = [name for name in result.unknown_columns if name not in self._columns]
        if new and len(self._columns) < MAX_COLUMNS:
            self._columns.update(new)
            self.warning("unknown_columns", uri=ref.uri, columns=", ".join(new), reason=UNKNOWN_COLUMNS)

    def take_over_logging(self) -> None:
        """Write what libraries and our own modules log through `logging`, from warnings on, as lines of this log."""
        root = logging.getLogger()
        root.handlers = [_Lines(self)]
        root.setLevel(logging.WARNING)

    def _write(self, level: str, event: str, facts: Any) -> None:
        time = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"time": time, "level": level, "event": event}
        line.update((name, _short(value)) for name, value in facts.items() if value not in ("", None))
        text = json.dumps(line, separators=(",", ":"), default=str)
        stream = self._stream or sys.stderr
        with self._lock:
            put(text, to=stream)
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
