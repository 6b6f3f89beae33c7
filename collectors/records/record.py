"""What passes between the reading of an object and its delivery.

A source (``sources/<log>/source.py``) offers ``records(pieces, context)``: it yields one `Record` or one
`BadRecord` for each record of the object, in order, and raises when the object itself is at fault. Nothing in between
is dropped: both together are all records of the object. A source does not know where its records go: what an index, a
sourcetype or an envelope is, only a sink knows (`collectors.sinks`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, List, NamedTuple, Optional, Union

from aws_bridge.object_ref import ObjectRef
from collectors.records.addresses import AddressBook
from collectors.records.cache import BoundedDict
from collectors.records.json_codec import PLAIN, Codec
from collectors.records.object_time import ObjectTime, object_time

#: A record longer than this (bytes) is skipped without being held in memory.
MAX_RECORD_BYTES = 10_000_000
#: What a dead letter keeps of a record that cannot become a document.
EXCERPT_BYTES = 4096
#: So many unknown columns of an object are named, each by so many characters.
NAMED_COLUMNS, LONGEST_COLUMN = 20, 60


def record_id(identity: str, number: int) -> str:
    """Return the id of record ``number`` (from 1) of the object with this identity.

    28 characters of the base64url alphabet: engines keep such an id in 21 bytes instead of 29.
    """
    return f"{identity}-{str(number).zfill(11)}"  # a format of its own takes twice as long


class BadBefore(BoundedDict[Any, str]):
    """Records that were bad, as they are written -> why: asked while one bad record follows the other.

    What makes millions of records out of kilobytes repeats itself, so each of them need not be tried anew.
    """

    #: So many are remembered, each of at most so many bytes (or, of other things than text, members).
    CAPACITY, LONGEST = 1024, 256

    def __init__(self) -> None:
        super().__init__(self.CAPACITY, self.LONGEST)


class Origin(NamedTuple):
    """Where in AWS a record is from; empty for what nobody knows."""

    account: str = ""
    region: str = ""


class Record(NamedTuple):
    """One event of a log, or one version of a finding, ready for any sink."""

    #: Name of the log: `collectors.sources.registry`.
    dataset: str
    #: The event's own time, in milliseconds since 1970.
    time_ms: int
    #: Equal for the same event wherever and however often it is read: what a sink knows repetitions by.
    identity: str
    #: AWS's record with the common fields in front: JSON in UTF-8 (newlines between its tokens are allowed).
    text: bytes
    #: Its number in the object, from 1.
    number: int = 0
    #: Of a finding; a log's records come from the account and region that their object's key names.
    origin: Optional[Origin] = None


class BadRecord(NamedTuple):
    """What cannot become a record with fields: not JSON, too long, nothing in it."""

    #: Its number in the object, from 1.
    number: int
    #: Where it begins, in bytes of the unpacked content; -1 where the format has no such place (Parquet).
    offset: int
    reason: str
    #: Its first `EXCERPT_BYTES` bytes.
    excerpt: bytes


#: What a source yields.
Made = Union[Record, BadRecord]


@dataclass(frozen=True)
class Context:
    """What the records of one object are made with."""

    ref: ObjectRef
    codec: Codec = PLAIN
    addresses: AddressBook = field(default_factory=AddressBook)
    #: Records before this one are counted and not decoded: an earlier run has stored them.
    first_number: int = 1
    #: Columns of the object that no field of the mapping is made for: see `name_column`.
    unknown_columns: List[str] = field(default_factory=list, compare=False)
    #: When the object was last written, epoch milliseconds; 0 if nobody knows.
    written_ms: int = 0

    @cached_property
    def object_time(self) -> Optional[ObjectTime]:
        """The time of records that have none of their own."""
        return object_time(self.ref.key, self.written_ms)

    def name_column(self, name: str) -> None:
        """Note a column that is not known, to be said to a person: the first `NAMED_COLUMNS` of an object."""
        shown = name[:LONGEST_COLUMN]
        if len(self.unknown_columns) < NAMED_COLUMNS and shown not in self.unknown_columns:
            self.unknown_columns.append(shown)
