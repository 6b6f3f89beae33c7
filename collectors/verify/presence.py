"""Whether documents are in the store, asked by their ids, many at a time.

Two questions, so that the answer is exact: a search by ids over all indices of the log finds a document in any of them,
also one that is there twice; what it does not find is asked for again in the index it belongs to with ``_mget``, which
also sees what no refresh has made searchable yet, and says when that index is closed. (What was deleted since the last
refresh is still found: nothing here deletes.)
https://opensearch.org/docs/latest/api-reference/document-apis/multi-get/
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Dict, List, NamedTuple, Sequence

from collectors.records.record import Record
from collectors.sinks.opensearch.index_names import all_indices, index_of
from es_bridge.answers import COUNT, Maybe
from es_bridge.errors import PartialResult
from es_bridge.transport import Transport

#: Ids in one request; with every one of them in ten indices the answer still is one page.
BATCH = 1000
MAX_HITS = 10_000


_HITS = {
    "timed_out": bool,
    "_shards": {"failed": COUNT},
    "hits": {"total": {"value": COUNT}, "hits": Maybe([{"_index": str, "_id": str}])},
}
_DOCUMENTS = {
    "docs": [{"_index": str, "_id": str, "found": Maybe(bool), "error": Maybe({"type": str, "reason": Maybe(str)})}]
}


class Found(NamedTuple):
    """What the store knows about one batch."""

    #: Id -> the indices it is in; ids that are nowhere are left out.
    indices: Dict[str, List[str]]
    #: Index -> why it cannot be asked, such as that it is closed.
    unreadable: Dict[str, str]


class Presence:
    """Asks one cluster. Needs ``read`` on the logs' indices; safe to use from several threads."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def find(self, dataset: str, records: Sequence[Record]) -> Found:
        """Return where the documents of records, at most `BATCH`, are. Raises the errors of `es_bridge`."""
        found = Found(defaultdict(list), {})
        self._search(dataset, records, found.indices)
        left = [record for record in records if record.identity not in found.indices]
        if left:
            self._get(left, found)
        return found

    def _search(self, dataset: str, records: Sequence[Record], indices: Dict[str, List[str]]) -> None:
        reply = self._transport.request(
            "POST",
            (all_indices(dataset), "_search"),
            {
                "allow_partial_search_results": "false",
                "filter_path": "timed_out,_shards.failed,hits.total,hits.hits._index,hits.hits._id",
            },
            {
                "query": {"ids": {"values": sorted({record.identity for record in records})}},
                "size": MAX_HITS,
                "track_total_hits": True,
                "_source": False,
            },
        ).json(_HITS)
        hits = reply["hits"].get("hits") or []
        if reply["timed_out"] or reply["_shards"]["failed"] or reply["hits"]["total"]["value"] > len(hits):
            raise self._in_part(f"{reply['_shards']['failed']} shards failed")
        for hit in hits:
            indices[hit["_id"]].append(hit["_index"])

    def _get(self, records: Sequence[Record], found: Found) -> None:
        wanted = [{"_index": index_of(record), "_id": record.identity} for record in records]
        reply = self._transport.request(
            "POST",
            ("_mget",),
            {"_source": "false", "filter_path": "docs._index,docs._id,docs.found,docs.error.type,docs.error.reason"},
            json.dumps({"docs": wanted}).encode(),
        ).json(_DOCUMENTS)
        if len(reply["docs"]) != len(wanted):
            raise self._in_part(f"it answered {len(reply['docs'])} of {len(wanted)} documents")
        for entry in reply["docs"]:
            if entry.get("found") is None and entry.get("error") is None:
                raise self._in_part("it does not say whether a document is there")
            if entry.get("found"):
                if entry["_index"] not in found.indices[entry["_id"]]:  # an id asked for twice
                    found.indices[entry["_id"]].append(entry["_index"])
            elif entry.get("error") and entry["error"]["type"] != "index_not_found_exception":
                found.unreadable[entry["_index"]] = entry["error"].get("reason") or entry["error"]["type"]

    def _in_part(self, why: str) -> PartialResult:
        return PartialResult(
            f"cluster {self._transport.config.name!r} gave an incomplete answer about which documents it "
            f"has ({why}), so they cannot be compared: run the audit again"
        )
