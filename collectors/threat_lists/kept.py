"""The collection ``aws_threat_list`` of a search head."""

from __future__ import annotations

from typing import Iterable

from collectors.enrichment.kv_store import Collection
from collectors.threat_lists.entries import Entry
from splunk_bridge.rest import Splunkd

COLLECTION = "aws_threat_list"


class ThreatList:
    """Writes entries, and removes what has expired. Raises `CollectorError` where splunkd refuses or is not there."""

    def __init__(self, splunkd: Splunkd) -> None:
        self._collection = Collection(splunkd, COLLECTION)

    def save(self, entries: Iterable[Entry]) -> int:
        """Store entries, each in the place of the same value of the same source; return how many."""
        return self._collection.save(entry.document for entry in entries)

    def remove_expired(self, now_s: int) -> None:
        """Remove what expired before a time."""
        self._collection.remove({"expires": {"$lt": now_s}})

    def remove_older(self, source: str, added_s: int) -> None:
        """Remove what a source no longer has: its entries that were added before a time."""
        self._collection.remove({"source": source, "added": {"$lt": added_s}})
