"""The raw store as an index of evidence: which records are an instance's, and which object of S3 each came from.

A record of a flow log, the Resolver or WAF is stored under an id that begins with 16 characters for its object
(`aws_bridge.object_ref.ObjectRef.identity`). CloudTrail's have the id of the event instead.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Iterator, Mapping, NamedTuple, Optional

from es_bridge.errors import NothingMatched
from es_bridge.query import SearchRequest
from es_bridge.search import open_search
from es_bridge.transport import Transport

#: Characters of an id that stand for the object.
OBJECT_CHARS = 16


class Hit(NamedTuple):
    """A record: its id, and what was asked of its content."""

    id: str
    source: Dict[str, Any]

    @property
    def object(self) -> str:
        """What stands for its object, where the id says it."""
        return self.id[:OBJECT_CHARS]


class RawStore:
    """Asks one cluster. Raises the errors of `es_bridge.errors`: an answer that is not whole is none."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def records(
        self, index: str, clause: Mapping[str, Any], since_s: Optional[float], until_s: Optional[float]
    ) -> Iterator[Hit]:
        """Yield all records of a time that a clause fits; none where there is no such index."""
        request = SearchRequest(
            index,
            dsl=clause,
            earliest_ms=None if since_s is None else int(since_s * 1000),
            latest_ms=None if until_s is None else int(until_s * 1000),
            size=0,
            unknown_fields="ignore",
        )
        with open_search(self._transport, request) as search:
            try:
                for page in search:
                    for hit in page.hits:
                        yield Hit(hit.id, json.loads(hit.source))
            except NothingMatched:
                return
