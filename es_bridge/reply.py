"""A search reply taken apart without decoding its documents.

A document goes to its reader byte for byte as it is stored, so decoding a page only to find where documents begin
would be work for nothing (13 microseconds an event instead of 4, measured). Every request names its query with a
random nonce; the engines then end every hit with ``"matched_queries":["<nonce>"]}``, which no stored document can
contain, because the nonce is younger than the document. Splitting at ``"_source":`` instead is wrong: documents may
hold that text.
"""

from __future__ import annotations

import json
import re
import secrets
from typing import Any, Dict, List, NamedTuple, Optional, Union

from es_bridge.answers import COUNT, SEARCH, WHOLE, Maybe, checked
from es_bridge.errors import ResponseError

#: The sort values that the engines give a document without the sort field (descending, missing last).
NO_TIME = (None, -(2**63))

#: Written so that plain letters are passed over at once: one by one they take half of the time of taking a page apart.
_STRING = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_HIT_HEAD = re.compile(
    rb'[,\s]*\{"_index":(' + _STRING + rb'),(?:"_type":"_?[^"\\]*",)?"_id":(' + _STRING + rb")"
    # _score, _version, _routing, _ignored and whatever else an engine puts before the source
    rb'(?:,"_[a-z_]+":(?:null|true|false|-?[0-9.eE+-]+|' + _STRING + rb"|\[(?:" + _STRING + rb",?)*\]))*"
    rb',"_source":(?=\{)',
    re.DOTALL,
)
_HITS = b'"hits":['
#: -9223372036854775808
_LONGEST_TIME = 20
_HEAD = {**SEARCH, "hits": {"hits": list}}
_FAILED = {"error": dict, "status": COUNT}
_HIT = {"_index": str, "_id": str, "_source": Maybe(dict), "sort": list}


class Hit(NamedTuple):
    """One document: where it is, its time, and its source as stored (UTF-8 JSON)."""

    index: str  # type: ignore[assignment]  # hides tuple.index, which nobody wants here
    id: str
    #: Sort value of the time field, in the page's ticks; ``None`` for a document without it.
    time: Optional[int]
    source: bytes


class Reply(NamedTuple):
    """One page, and what the engine said about it (everything but the hits, decoded)."""

    hits: List[Hit]
    head: Dict[str, Any]
    #: Sort values of the last hit, to continue after it.
    last_sort: Optional[List[Any]]
    #: Hits whose index does not store the source.
    without_source: int

    @property
    def total(self) -> Optional[int]:
        """How many documents match, where the request asked for it."""
        total = self.head["hits"].get("total")
        return total.get("value") if isinstance(total, dict) else total


def new_nonce() -> str:
    """Return a name for a query that no stored document can contain."""
    return secrets.token_hex(16)


def parse_reply(body: bytes, nonce: str, by_time: bool = True, where: str = "the cluster") -> Reply:
    """Return the page in ``body``, the reply to a search whose query is named ``nonce``.

    ``by_time`` says that the first sort value is the time; otherwise the documents have none. ``where`` is the cluster
    in messages. Raises `ResponseError` for what is no such reply.
    """
    end_of_hit = b',"matched_queries":["' + nonce.encode() + b'"]}'
    parts = body.split(end_of_hit)
    start = parts[0].find(_HITS)
    if start < 0:
        raise _odd(where, "it has no list of hits")
    start += len(_HITS)
    try:
        head = json.loads(parts[0][:start] + (parts[-1] if len(parts) > 1 else parts[0][start:]))
    except (ValueError, RecursionError):
        raise _odd(where, "it is no whole JSON object") from None
    checked(head, _HEAD, where)
    if head["hits"]["hits"]:
        raise _odd(where, "a hit does not say that it matched the query")
    hits: List[Hit] = []
    without_source = 0
    match = _HIT_HEAD.match
    tail = b""
    names: Dict[bytes, str] = {}
    for number, part in enumerate(parts[:-1]):
        found = match(part, start if number == 0 else 0)
        if found is None:
            hit, tail = _slow_hit(part[start if number == 0 else 0 :], by_time, where)
            without_source += not hit.source
            hits.append(hit)
            continue
        # Nothing but numbers, nulls and JSON strings follows the source, so the last occurrence is the real one.
        end = part.rfind(b',"sort":[')
        tail = part[end + 9 : -1]
        first = tail.partition(b",")[0] if by_time else b"null"
        try:
            time = None if first == b"null" else int(first)
            if len(first) > _LONGEST_TIME:
                raise ValueError(first)
        except ValueError:
            end = -1
        if end < found.end():
            raise _odd(where, "a hit has no sort value that is a time")
        index = names.get(found[1])
        if index is None:
            index = names[found[1]] = json.loads(found[1])
        doc_id = json.loads(found[2]) if b"\\" in found[2] else found[2][1:-1].decode()
        hits.append(Hit(index, doc_id, None if time in NO_TIME else time, part[found.end() : end]))
    try:
        last_sort = json.loads(b"[" + tail + b"]") if hits else None
    except ValueError:
        raise _odd(where, "the sort values of a hit are no list") from None
    return Reply(hits, head, last_sort, without_source)


def parse_replies(body: bytes, nonce: str, where: str = "the cluster") -> List[Union[Reply, Dict[str, Any]]]:
    """Return the pages in ``body``, the reply to several searches at once (``_msearch``), all named ``nonce``.

    In place of a page the error of a search that failed, decoded: ``{"error": ..., "status": ...}``. Raises
    `ResponseError` for what is no such reply.
    """
    end_of_hit = b',"matched_queries":["' + nonce.encode() + b'"]}'
    parts = body.split(end_of_hit)
    pages: List[List[bytes]] = []
    around: List[bytes] = []
    for part in parts[:-1]:
        if part.startswith(b",") and pages:  # one more of the same search
            pages[-1].append(part)
            continue
        # Nothing the engine quotes can hold this, for its quotes would be escaped; the document comes after it.
        start = part.find(_HITS + b"{")
        if start < 0:
            raise _odd(where, "a hit is in no list of hits")
        start += len(_HITS)
        around.append(part[:start] + b"%d" % len(pages))
        pages.append([part[start:]])
    try:
        decoded = json.loads(b"".join([*around, parts[-1]]))
    except (ValueError, RecursionError):
        raise _odd(where, "it is no whole JSON object") from None
    checked(decoded, {"responses": [dict]}, where)
    found: List[Union[Reply, Dict[str, Any]]] = []
    expected = 0
    for response in decoded["responses"]:
        if "error" in response:
            found.append(checked(response, _FAILED, where))
            continue
        checked(response, _HEAD, where)
        numbers, response["hits"]["hits"] = response["hits"]["hits"], []
        if numbers not in ([], [expected]):
            raise _odd(where, "a hit does not say that it matched the query")
        page = b"".join(part + end_of_hit for part in pages[expected]) if numbers else b""
        expected += len(numbers)
        head = json.dumps(response, separators=(",", ":")).encode().replace(_HITS + b"]", _HITS + page + b"]", 1)
        found.append(parse_reply(head, nonce, where=where))
    if expected != len(pages):
        raise _odd(where, "hits and searches do not belong together")
    return found


def _slow_hit(part: bytes, by_time: bool, where: str) -> tuple[Hit, bytes]:
    """Return a hit of an unusual form, decoded; its source is empty where the index does not store it."""
    try:
        hit = checked(json.loads(part[part.index(b"{") :] + b"}"), _HIT, where)
    except (ValueError, RecursionError):
        raise _odd(where, "a hit is no JSON object") from None
    sort = hit["sort"]
    if by_time:
        checked(sort[:1], [Maybe(WHOLE)], where)
    if not sort:
        raise _odd(where, "a hit has no sort value")
    time = None if not by_time or sort[0] in NO_TIME else sort[0]
    source = b""
    if "_source" in hit:
        source = json.dumps(hit["_source"], ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    tail = json.dumps(sort)[1:-1].encode()
    return Hit(hit["_index"], hit["_id"], time, source), tail


def _odd(where: str, what: str) -> ResponseError:
    return ResponseError(
        f"{where} gave an answer to a search that cannot be understood: {what}. Is something between here and the "
        "cluster changing answers?"
    )
