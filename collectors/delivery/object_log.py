"""The log of a loader that nobody watches: what became of each object."""

from __future__ import annotations

from typing import Collection, Optional, Set, TextIO

from aws_bridge.functions.json_log import JsonLog
from aws_bridge.object_ref import ObjectRef
from collectors.delivery.outcome import DONE, UNKNOWN_COLUMNS, ObjectResult
from collectors.reading.recognise import UNKNOWN_KIND

#: Unknown columns that are remembered, so that each is warned of once.
MAX_COLUMNS = 1000


class ObjectLog(JsonLog):
    """A `JsonLog` that also knows objects."""

    def __init__(self, stream: Optional[TextIO] = None) -> None:
        super().__init__(stream)
        self._columns: Set[str] = set()

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
