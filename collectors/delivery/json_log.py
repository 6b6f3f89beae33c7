"""The log of a process that nobody watches: one JSON object a line, so that journald, CloudWatch and jq can read it.

::

    {"time":"2026-11-21T04:56:02.114Z","level":"info","event":"object","uri":"s3://...","outcome":"done","records":1042}

Every line has ``time`` (UTC), ``level`` (``info``, ``warning``, ``error``) and ``event``. Texts are those of our own
errors, which hold no secret; the body of a message is never logged, because anybody who may send one chooses it.
"""

from __future__ import annotations

import json
import sys
import threading
from datetime import datetime, timezone
from typing import Any, Optional, TextIO

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

    def _write(self, level: str, event: str, facts: Any) -> None:
        time = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"time": time, "level": level, "event": event}
        line.update((name, _short(value)) for name, value in facts.items() if value not in ("", None))
        text = json.dumps(line, separators=(",", ":"), default=str)
        stream = self._stream or sys.stderr
        with self._lock:
            stream.write(text + "\n")
            stream.flush()


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return value[:MAX_TEXT] + " ..."
    return value
