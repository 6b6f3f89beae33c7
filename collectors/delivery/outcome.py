"""What became of one object, in one of few words; the messages' side decides by it and never looks inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

#: Every record is stored, was already there, or is in the dead-letter store with its reason.
DONE = "done"
#: The deadline came first: ``next_number`` and what follows are still to do.
UNFINISHED = "unfinished"
#: The object could not be read now (access or KMS denied, a broken body, S3 unwell): try the message again, and leave
#: it to the queue's redrive policy when it never works.
RETRY = "retry"
#: What is said of columns of flow logs that this version does not know.
UNKNOWN_COLUMNS = "stored and not indexed"


@dataclass
class ObjectResult:
    """Counts of one object's records. ``records`` = ``stored`` + ``already_there`` + ``dead`` when it is `DONE`."""

    dataset: str = ""
    outcome: str = DONE
    #: Why it is not `DONE`, or what was recorded about the object as a whole (gone, cut short).
    reason: str = ""
    records: int = 0
    stored: int = 0
    already_there: int = 0
    #: Records that are in the dead-letter store.
    dead: int = 0
    #: Of those stored or already there, how many are no records and are there as text.
    texts: int = 0
    #: Where an `UNFINISHED` object goes on, from 1.
    next_number: int = 0
    #: Epoch milliseconds of the newest and oldest event, 0 if none: for lag and silence.
    newest_ms: int = 0
    #: Unpacked bytes read.
    bytes_read: int = 0
    #: Columns that are not known: `collectors.records.record.Context.unknown_columns`.
    unknown_columns: Tuple[str, ...] = ()
    #: What the object is called where it is none of the logs (`collectors.reading.recognise`): nothing was loaded of
    #: it.
    passed_over: str = ""
