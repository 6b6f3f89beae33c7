"""A collection of a search head's KV store, by splunkd's REST interface.

https://dev.splunk.com/enterprise/docs/developapps/manageknowledge/kvstore/usetherestapitomanagekv/
"""

from __future__ import annotations

import json
from itertools import islice
from typing import Any, Iterable, Mapping

from collectors.errors import CollectorError
from splunk_bridge.rest import RestError, Splunkd

_PATH = "/servicesNS/nobody/aws_siem_bridge/storage/collections/data"
#: Splunk takes no more at once (limits.conf, ``[kvstore] max_documents_per_batch_save``).
BATCH = 1000


class Collection:
    """Writes and removes documents. Raises `CollectorError` where splunkd refuses or is not there."""

    def __init__(self, splunkd: Splunkd, name: str) -> None:
        """``name``: of a collection of the app's ``collections.conf``."""
        self._splunkd = splunkd
        self._path = f"{_PATH}/{name}"

    def save(self, documents: Iterable[Mapping[str, Any]]) -> int:
        """Store documents, each in the place of the one with its ``_key``; return how many."""
        stored = 0
        waiting = iter(documents)
        while batch := list(islice(waiting, BATCH)):
            self._ask("POST", f"{self._path}/batch_save", batch)
            stored += len(batch)
        return stored

    def remove(self, query: Mapping[str, Any]) -> None:
        """Remove what a query of the KV store finds."""
        self._ask("DELETE", self._path, None, [("query", json.dumps(query))])

    def _ask(self, method: str, path: str, document: Any, query: Any = ()) -> None:
        try:
            self._splunkd.send_document(method, path, document, query)
        except RestError as exc:
            hint = ". Is the app AWS SIEM Bridge installed there?" if exc.status == 404 else ""
            hint = ". The account needs write access to the app's collections" if exc.status in (401, 403) else hint
            raise CollectorError(f"{exc}{hint}") from exc
