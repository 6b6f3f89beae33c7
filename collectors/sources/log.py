"""What this product knows about a log without reading it: one row, in the folder of its source.

Everything that finds, reads, stores, keeps or names a log asks the row. So a new log is a folder with a module ``log``
that has a `Log` called ``LOG``, and a module ``source`` that offers ``records(pieces, context)``; nothing else here has
a list of logs (`collectors.sources.registry` finds the folders).
"""

from __future__ import annotations

import re
from typing import Callable, NamedTuple, Optional, Tuple

TEXT, JSON_LINES, JSON_DOCUMENT, PARQUET = "text", "json_lines", "json_document", "parquet"
PARQUET_MAGIC = b"PAR1"
#: What the summary calls files of signatures over log files, which `collectors.verify.digest` checks.
DIGEST = "CloudTrail-Digest"

#: Whether the beginning of an object's content, without white space in front, is a log's.
Content = Callable[[bytes], bool]


class Retention(NamedTuple):
    """Days from the beginning of a daily index to each step of its life."""

    #: From here it is read-only, so this is also how late an event may be stored. SQS keeps a message for 14 days at
    #: most: a log that nobody may miss stays writable for that long.
    warm_after_days: int
    cold_after_days: int
    delete_after_days: int


class Row(NamedTuple):
    """One log, or one kind of objects that are none, as a key and the content tell it."""

    #: Of the log; ``""`` for what is neither a log nor has a name in this code.
    dataset: str
    #: What it is called in a summary, where it is passed over; empty for a log.
    passed_over: str = ""
    #: The folder AWS names after the service; a regular expression for the whole name.
    folder: str = ""
    #: Found in the object's name.
    name: str = ""
    content: Optional[Content] = None
    format: str = ""
    #: How many folders AWS has between that of the service and that of the year: region, VPC, web ACL.
    above_date: int = 0


class Log(NamedTuple):
    """One log."""

    #: As options and dead letters have it: the name of the source's folder.
    name: str
    #: The name AWS gives it.
    title: str
    #: Beginning of its indices' names: an index is ``<index_prefix>YYYY.MM.DD``, the day of the event's own time in
    #: UTC. ``*cloudtrail*``, ``*vpcflow*``, ``*dns*`` and ``*waf*`` find them.
    index_prefix: str
    #: ``event.dataset`` of its records.
    event_dataset: str
    #: That of the Splunk Add-on for AWS, where it has one, so that SPL which names it finds rows of ours as well.
    sourcetype: str
    retention: Retention
    #: The folder AWS names after the service; a regular expression for the whole name.
    folder: str
    #: Of the objects' names: what stands in AWS's behind the account, and how other names of it begin (with ``^``).
    file_names: Tuple[str, ...]
    content: Content
    format: str
    #: How many folders AWS has between that of the service and that of the year: region, VPC, web ACL.
    above_date: int
    #: Kinds of objects that look like this log and hold none of it.
    not_it: Tuple[Row, ...] = ()
    #: Records are known by an identity of their own, wherever their object is; else by the object and their number.
    has_own_identity: bool = False
    #: It comes in Parquet files as well: the folder has a module ``parquet`` that offers ``records(file, context)``.
    has_parquet: bool = False

    @property
    def row(self) -> Row:
        """How its objects are recognised."""
        names = "|".join(self.file_names)
        return Row(self.name, "", self.folder, names, self.content, self.format, self.above_date)


def first_line_has(*patterns: bytes) -> Content:
    """Return a test whether the first line is a JSON object in which all of these are found."""

    def test(head: bytes) -> bool:
        line = head.split(b"\n", 1)[0]
        return line.startswith(b"{") and all(re.search(pattern, line) for pattern in patterns)

    return test


def json_has(pattern: bytes) -> Content:
    """Return a test whether the content is JSON in whose beginning this is found."""
    return lambda head: head[:1] in (b"{", b"[") and re.search(pattern, head) is not None
