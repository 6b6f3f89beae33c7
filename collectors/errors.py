"""What can go wrong between a log file and its documents.

::

    CollectorError
    ├── DamagedFile       the file ends early or breaks in the middle; carries the offset, counted in unpacked bytes
    ├── NotThisLog        the content is not of the log it was taken for
    │   ├── DigestFile        it is a digest of CloudTrail: signatures over log files, nothing to load
    │   ├── UnknownObject     neither its key nor its content is that of a log: passed over, counted and named
    │   └── DeadLetterFile    it is a file of the loader's own dead letters
    ├── InvalidRecord     one record lacks what its document's identity or index is made of
    ├── TemplateRefused   the index template can neither be read nor written with this account
    ├── StoreUnavailable  the search cluster takes nothing now: wait, nothing is wrong with the object
    ├── IntakeStopped     the cluster refuses this account: nothing is taken until somebody changes that
    └── CheckpointUnusable   where a poll was can neither be read nor written: it neither begins anew nor goes on

What goes wrong with AWS, an object that cannot be read among it, is in `aws_bridge.errors`.

Messages say what happened, where, and what to do next.
"""

from __future__ import annotations


class CollectorError(Exception):
    """Base of everything `collectors` raises on purpose; ``str()`` is the text a user may read."""


class DamagedFile(CollectorError):
    """The rest of a file cannot be read. What came before ``offset`` (unpacked bytes) is complete.

    The offset is -1 in a file that is not read from its beginning to its end (Parquet).
    """

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(reason + (f" (at byte {offset:,} of the unpacked content)" if offset >= 0 else ""))
        self.reason = reason
        self.offset = offset


class NotThisLog(CollectorError):
    """The content is something else than the log it was taken for."""


class DigestFile(NotThisLog):
    """A digest: signatures over log files, not log records. Nothing in it is to be loaded."""


class UnknownObject(NotThisLog):
    """Neither key nor content is that of a log: it may be one of a form that nobody foresaw."""


class DeadLetterFile(NotThisLog):
    """A file of the loader's own dead letters, in a bucket or folder that is loaded. Nothing in it is to be loaded."""


class InvalidRecord(CollectorError):
    """A record without the fields that its identity or its index are made of: it cannot become a document."""


class TemplateRefused(CollectorError):
    """The account may not read or write index templates."""


class StoreUnavailable(CollectorError):
    """The search cluster is down, full or overloaded. What was on its way may be sent again."""


class IntakeStopped(CollectorError):
    """The cluster refuses the credentials or their permissions: trying on would only fill the dead-letter store."""


class CheckpointUnusable(CollectorError):
    """A checkpoint cannot be read, or not be written."""
