"""Files of findings that S3 announces in a queue, as Prowler writes them: OCSF or ASFF, a list or one on each line.

Each scan has every finding again, so they go through what decides about versions: what only has a new time is
withheld, what passed is counted (`collectors.polling.writer`). Messages are those of `collectors.polling.objects`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Callable, Deque, List, Mapping, Tuple

from aws_bridge.errors import ObjectGone
from aws_bridge.object_ref import ObjectRef
from aws_bridge.objects import Objects
from aws_bridge.queue import Message, Queue
from collectors.errors import InvalidRecord
from collectors.polling.objects import ObjectMessages, Received
from collectors.polling.writer import EventSink, FindingWriter
from collectors.reading.unpack import unpacked
from collectors.records.finding import Finding
from collectors.records.json_objects import objects_of
from collectors.records.record import BadRecord, Origin
from collectors.sources.registry import source_of

#: So many findings are written together.
_BATCH = 200
#: Of what is wrong with the findings of one object, so much is told.
_MOST_BAD = 20


@dataclass
class FindingFiles(ObjectMessages):
    """Reads the files of one queue."""

    queue: Queue
    objects: Objects
    writer: FindingWriter
    sink: EventSink
    clock_ms: Callable[[], int]
    delete_after_s: int
    flushed: Deque[Tuple[int, Message]] = field(default_factory=deque)

    def _read(self, ref: ObjectRef, received: Received) -> None:
        batch: List[Finding] = []
        bad: List[str] = []
        try:
            with self.objects.open(ref) as stream:
                for item in objects_of(unpacked(stream)):
                    if isinstance(item, BadRecord):
                        bad.append(f"record {item.number}: {item.reason}")
                        continue
                    try:
                        batch.append(finding_of(item.fields))
                    except InvalidRecord as exc:
                        bad.append(f"record {item.number}: {exc}")
                    if len(batch) >= _BATCH:
                        self._write(batch, received)
                        batch = []
        except ObjectGone as exc:
            received.bad.append(str(exc))
        finally:
            self._write(batch, received)
            received.bad += [f"{ref.uri}, {text}" for text in bad[:_MOST_BAD]]
            if len(bad) > _MOST_BAD:
                received.bad.append(f"{ref.uri}: {len(bad) - _MOST_BAD:,} more records cannot be written")

    def _write(self, findings: List[Finding], received: Received) -> None:
        self.writer.write(findings, (), received)
        if findings:
            oldest_ms = min(finding.record.time_ms for finding in findings)
            received.lag_ms = max(received.lag_ms, self.clock_ms() - oldest_ms)


def finding_of(fields: Mapping[str, Any]) -> Finding:
    """Return the finding of one object of a file. Raises `InvalidRecord`."""
    if "ProductArn" in fields:
        dataset = "securityhub"
    elif "finding_info" in fields:
        dataset = "prowler"
    else:
        raise InvalidRecord("it is a finding neither in OCSF (finding_info) nor in ASFF (ProductArn)")
    found: Finding = source_of(dataset).finding(fields, Origin())
    return found
