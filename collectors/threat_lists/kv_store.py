"""The KV store's collection ``aws_threat_list`` of a search head, by splunkd's REST interface.

https://dev.splunk.com/enterprise/docs/developapps/manageknowledge/kvstore/usetherestapitomanagekv/
"""

from __future__ import annotations

import json
from itertools import islice
from typing import Any, Iterable, Mapping

from collectors.errors import CollectorError
from collectors.threat_lists.entries import Entry
from splunk_bridge.rest import RestError, Splunkd

COLLECTION = "aws_threat_list"
_PATH = f"/servicesNS/nobody/aws_siem_bridge/storage/collections/data/{COLLECTION}"
#: Splunk takes no more at once (limits.conf, ``[kvstore] max_documents_per_batch_save``).
BATCH = 1000


class ThreatList:
    """Writes entries, and removes what has expired. Raises `CollectorError` where splunkd refuses or is not there."""

    def __init__(self, splunkd: Splunkd) -> None:
        self._splunkd = splunkd

    def save(self, entries: Iterable[Entry]) -> int:
        """Store entries, each in the place of the same value of the same source; return how many."""
        stored = 0
        waiting = iter(entries)
        while batch := [entry.document for entry in islice(waiting, BATCH)]:
            self._ask("POST", f"{_PATH}/batch_save", batch)
            stored += len(batch)
        return stored

    def remove_expired(self, now_s: int) -> None:
        """Remove what expired before a time."""
        self._remove({"expires": {"$lt": now_s}})

    def remove_older(self, source: str, added_s: int) -> None:
        """Remove what a source no longer has: its entries that were added before a time."""
        self._remove({"source": source, "added": {"$lt": added_s}})

    def _remove(self, query: Mapping[str, Any]) -> None:
        self._ask("DELETE", _PATH, None, [("query", json.dumps(query))])

    def _ask(self, method: str, path: str, document: Any, query: Any = ()) -> None:
        try:
            self._splunkd.send_document(method, path, document, query)
        except RestError as exc:
            hint = ". Is the app AWS SIEM Bridge installed there?" if exc.status == 404 else ""
            hint = ". The account needs write access to the app's collections" if exc.status in (401, 403) else hint
            raise CollectorError(f"{exc}{hint}") from exc
