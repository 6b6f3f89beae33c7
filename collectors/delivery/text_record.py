"""What is no record (broken JSON, a line that was cut, binary) as a record that holds its text.

A loader puts such a thing into the dead letters, where somebody sees it. Replaying the letter stores it: as
``event.kind: pipeline_error``, ECS's own word, in the log's index of the object's day, so that a search finds it and no
letter is refused for ever.

=========================  ==========================================================================================
field                      value
=========================  ==========================================================================================
@timestamp                 the object's time: `collectors.records.object_time`
event.kind                 ``pipeline_error``
event.dataset              the log's, as in its records
event.time_from            ``object_key`` or ``object_written``
event.original             the first 4 kB of the text; bytes that are no UTF-8 become U+FFFD
error.message              why it is no record
log.file.path, log.offset  the object, and where in its unpacked content the text begins
cloud.account.id, .region  as the object's key says
=========================  ==========================================================================================

Id: that of the record in this place, with ``-text`` behind it. Should the object be mended, its record has an id of its
own and is stored as well.
"""

from __future__ import annotations

from typing import Any, Dict, Optional

from collectors.records.exact_json import encode
from collectors.records.key_origin import origin_of
from collectors.records.record import BadRecord, Context, Record, record_id
from collectors.sources.registry import LOGS

_BEGINNING = b'"event":{"kind":"pipeline_error",'
_BEGINNING_BYTES = 80


def text_record(bad: BadRecord, dataset: str, context: Context) -> Optional[Record]:
    """Return a record of what is none; None for an object that has no time."""
    borrowed = context.object_time
    if borrowed is None:
        return None
    place = origin_of(context.ref.key)
    cloud: Dict[str, Any] = {"provider": "aws"}
    if place.region:
        cloud["region"] = place.region
    if place.account:
        cloud["account"] = {"id": place.account}
    log: Dict[str, Any] = {"file": {"path": context.ref.uri}}
    if bad.offset >= 0:
        log["offset"] = bad.offset
    fields = {
        "@timestamp": borrowed.time.stamp,
        "event": {
            "kind": "pipeline_error",
            "dataset": LOGS[dataset].event_dataset,
            "time_from": borrowed.source,
            "original": bad.excerpt.decode("utf-8", "replace"),
        },
        "error": {"message": bad.reason},
        "log": log,
        "cloud": cloud,
    }
    identity = record_id(context.ref.identity, bad.number) + "-text"
    return Record(dataset, borrowed.time.epoch_ms, identity, encode(fields).encode(), bad.number)


def is_text(record: Record) -> bool:
    """Whether a record was made by `text_record`."""
    return _BEGINNING in record.text[:_BEGINNING_BYTES]
