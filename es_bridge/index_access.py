"""Whether a search stays within the indices that whoever asks may read.

What a pattern names is the engine's business: aliases, data streams, ``_all``, date math, exclusions and remote
clusters are resolved there. So the *concrete* indices are compared, before anything else is learnt from the cluster,
and then the index of every document. A pattern is never narrowed: it is allowed as a whole or refused.

Neither rows nor counts nor texts may name other indices:

- what does not exist and what may not be read get the same answer;
- what an engine says in an error before the indices are known is not shown.

Whoever tries wildcards can still find out how other names begin: ``*trail*`` is read while it leads to nothing else,
and refused from the day it does. The engine's own permissions are the real boundary. These rules are for Splunk roles
that share one account there.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Any, Dict, Iterable, Iterator, List, Sequence, Set

from es_bridge.answers import COUNT, SEARCH, Maybe, checked
from es_bridge.errors import (
    AuthenticationError,
    BridgeError,
    IndexNotAllowed,
    NotFound,
    PartialResult,
    PermissionDenied,
    RejectedQuery,
    ResponseError,
)
from es_bridge.failures import HINTS
from es_bridge.patterns import fits_within_colons
from es_bridge.query import Clause, SearchRequest
from es_bridge.reply import Hit
from es_bridge.request_line import paths
from es_bridge.transport import Transport

#: Most buckets an aggregation may have is 65,535 in the engines' default settings.
_MOST_INDICES = 10_000
_MOST_LOOKUPS = 20
#: Up to here indices are named one by one in a filter, which every shard gets to read.
_MOST_NAMED = 500
BY_INDEX_NAME = "by_index"
#: The documents of each index, counted.
BY_INDEX = {
    "aggregations": {
        BY_INDEX_NAME: {"sum_other_doc_count": Maybe(COUNT), "buckets": [{"key": str, "doc_count": COUNT}]}
    }
}
_RESOLVED = {
    "data_streams": Maybe([{"name": str, "backing_indices": Maybe([str])}]),
    "indices": Maybe([{"name": str, "data_stream": Maybe(str)}]),
}
#: A permission as the engines name the one that is missing.
PERMISSION = r"(?:cluster|indices):[a-z0-9_:/*-]+"


def allowed(name: str, patterns: Sequence[str]) -> bool:
    """Whether one of ``patterns`` covers an index.

    Only ``*`` is special in a pattern, and never stands for a colon: ``*`` is every index of the cluster itself, not
    those of a remote one (``remote:name``). A name that holds ``*`` itself is covered when all it may stand for is.
    """
    return any(fits_within_colons(name, pattern) for pattern in patterns)


class IndexAccess:
    """The indices of one search: those it may read, those seen so far. Safe to use from several threads.

    Without patterns in the request everything passes.
    """

    def __init__(self, transport: Transport, request: SearchRequest, known: Iterable[str] = ()) -> None:
        self.is_restricted = request.allowed_indices is not None
        #: Concrete indices that were found to be allowed.
        self.known: Set[str] = set(known)
        self._patterns = tuple(request.allowed_indices or ())
        self._transport = transport
        self._request = request
        self._parts = request.index.split(",")
        #: Whether the concrete indices have been looked at, and are all allowed.
        self.has_passed = not self.is_restricted

    def check_request(self) -> None:
        """Refuse what cannot be within the patterns, whatever is there. Asks nobody. Raises `IndexNotAllowed`."""
        if not self.is_restricted:
            return
        excluded = [part[1:] for part in self._parts if part.startswith("-")]
        # Alone, they would be "everything but".
        if len(excluded) == len(self._parts) or not self._patterns:
            raise self.refusal()
        for name in excluded:
            # Without a wildcard, it is an error to some engines when there is no such index: that would tell.
            if not _has_wildcard(name) and not allowed(name, self._patterns):
                raise self.refusal()

    def may_be_empty(self) -> bool:
        """Whether a part of the request may match nothing where the request accepts that.

        Not where it goes beyond the patterns: "there is none" would then read differently from "not for you".
        """
        return self._request.allow_partial and self.covers_request()

    def check_indices(self, reply: Dict[str, Any]) -> None:
        """Compare the concrete indices that a ``_field_caps`` reply names. Raises `IndexNotAllowed`."""
        if not self.is_restricted:
            return
        if reply.get("failures"):
            raise PartialResult(
                f"the indices of {self._request.index!r} cannot all be looked up at the moment, so it cannot be told "
                "whether your roles may read them: a node or a remote cluster does not answer. Run the search again"
            )
        self._check_concrete(reply.get("indices") or [])

    def check_by_search(self) -> None:
        """Compare the indices that documents come from, where the engine does not tell what a pattern names.

        One aggregation over every document; any account that may search may ask for it. Raises `IndexNotAllowed`.
        """
        if not self.is_restricted:
            return
        by_index = {"terms": {"field": "_index", "size": _MOST_INDICES}}
        reply = self._transport.request(
            "POST",
            (self._request.index, "_search"),
            {"allow_partial_search_results": False, "allow_no_indices": self.covers_request()},
            {"size": 0, "track_total_hits": False, "aggs": {"by_index": by_index}},
        ).json({**SEARCH, **BY_INDEX})
        found = reply["aggregations"]["by_index"]
        lost = reply["_shards"].get("failed") or reply.get("timed_out") or (reply.get("_clusters") or {}).get("skipped")
        if lost or found.get("sum_other_doc_count"):
            raise PartialResult(
                f"it cannot be told which indices {self._request.index!r} names, so it is not searched. Run the search "
                "again, or name fewer indices"
            )
        self._check_concrete([bucket["key"] for bucket in found["buckets"]])

    def check_hits(self, hits: Iterable[Hit]) -> None:
        """Compare the index of every document, also of those an index or alias changed in between has brought.

        Raises `IndexNotAllowed`.
        """
        if self.is_restricted:
            unknown = {hit.index for hit in hits} - self.known  # a fraction of a percent of a page's work
            if unknown:
                self._admit(unknown)

    def clauses(self) -> List[Clause]:
        """Return the clause for the indices that were found to be allowed, where not every index is.

        For requests whose answer does not say which index it is of: an index may have come to be in between.
        """
        return [{"terms": {"_index": sorted(self.known)}}] if self.is_restricted else []

    def clauses_if_few(self) -> List[Clause]:
        """Return `clauses`, or none where there are so many names that every shard would have much to read.

        Then `check_counted` alone finds out whether other indices were counted. The request itself keeps the pattern as
        it was written: by the names of its indices, a filtered alias would lose its filter.
        """
        return self.clauses() if len(self.known) <= _MOST_NAMED else []

    def counting(self) -> Dict[str, Any]:
        """Return the aggregation for `check_counted`, to be asked for beside others; none where all may be read."""
        return {BY_INDEX_NAME: {"terms": {"field": "_index", "size": _MOST_INDICES}}} if self.is_restricted else {}

    def check_counted(self, reply: Dict[str, Any]) -> None:
        """Compare the indices of the documents that a reply counted. Raises `IndexNotAllowed`.

        Not the patterns of the rules as a clause instead: the engines match aliases with those, too (measured).
        """
        if not self.is_restricted or not reply["_shards"]["total"]:  # without a shard there are no aggregations
            return
        found = checked(reply, BY_INDEX, f"cluster {self._transport.config.name!r}")["aggregations"][BY_INDEX_NAME]
        if found.get("sum_other_doc_count"):
            raise PartialResult(
                f"{self._request.index!r} names more than {_MOST_INDICES:,} indices, so it cannot be told whether your "
                "roles may read all of them. Name fewer"
            )
        self._admit({bucket["key"] for bucket in found["buckets"]} - self.known)

    def may_tell_of(self, index: Any) -> bool:
        """Whether what an engine says of an index may be shown."""
        return not self.is_restricted or index in self.known

    def covers_request(self) -> bool:
        """Whether all that is asked for lies within the patterns as it is written, so that nothing is given away."""
        if not self.is_restricted:
            return True
        return all(part.startswith("-") or allowed(part, self._patterns) for part in self._parts)

    def refusal(self) -> IndexNotAllowed:
        """Return the error that says what may be read. The same for what does not exist: it tells nothing else."""
        readable = ", ".join(self._patterns[:10]) + (", ..." if len(self._patterns) > 10 else "")
        return IndexNotAllowed(
            f"index {self._request.index!r} at cluster {self._transport.config.name!r} does not exist, or holds more "
            f"than your roles may read. They may read: {readable or 'nothing'}. Name indices within that, or ask an "
            "administrator for more (the app's configuration page, tab Access)"
        )

    def shown(self, error: BridgeError) -> BridgeError:
        """Return an error as whoever asks may read it: engines name indices in theirs, also other people's."""
        if not self.is_restricted or not isinstance(error, ResponseError) or isinstance(error, AuthenticationError):
            return error
        about_indices = error.error_type in HINTS or not isinstance(error, RejectedQuery)
        if self.has_passed and not about_indices:
            return error
        if not self.has_passed and isinstance(error, (NotFound, RejectedQuery)) and not self.covers_request():
            return self.refusal()
        text = f"cluster {self._transport.config.name!r} answered {error.status} {error.error_type}".rstrip()
        permission = re.search(PERMISSION, error.reason)
        if isinstance(error, PermissionDenied) and permission:
            text += f": the cluster's account lacks the permission {permission[0]}"
        if error.error_type in HINTS:
            text += f". {HINTS[error.error_type]}"
        text += (
            f". The rest of what it says about {self._request.index!r} is for those only who may read every index: ask "
            "an administrator to run the search"
        )
        return type(error)(text, status=error.status, error_type=error.error_type)

    def _check_concrete(self, names: Sequence[str]) -> None:
        if not names and not self.covers_request():
            raise self.refusal()
        self._admit(set(names) - self.known)
        self.has_passed = True

    def _admit(self, names: Set[str]) -> None:
        """Take up indices that may be read. Raises `IndexNotAllowed` if one of ``names`` may not."""
        others = {name for name in names if not allowed(name, self._patterns)}
        if others and not others <= self._backing_indices(others):
            raise self.refusal()
        self.known |= names

    def _backing_indices(self, names: Set[str]) -> Set[str]:
        """Return backing indices of data streams that may be read, as far as they are in question.

        The engine is asked: anybody who may create an index could give it the name of a backing index.
        """
        found: Set[str] = set()
        for asked in self._lookups(names):
            try:
                reply = self._transport.request(
                    "GET", ("_resolve", "index", asked), {"expand_wildcards": "open,hidden"}
                ).json(_RESOLVED)
            except (NotFound, PermissionDenied, RejectedQuery):
                continue  # what nobody vouches for may not be read
            found.update(name for name, stream in _streams(reply) if allowed(stream, self._patterns))
            if names <= found:
                break
        return found

    def _lookups(self, names: Set[str]) -> Iterator[str]:
        """Yield what to look up: what was asked for, then the indices one by one, as many as fit one request."""
        yield self._request.index
        yield from islice(paths(sorted(names)), _MOST_LOOKUPS)


def _streams(reply: Dict[str, Any]) -> Iterator[tuple]:
    """Yield (backing index, its data stream) of a ``_resolve/index`` reply.

    Of a remote cluster only the first name of an entry carries the cluster (measured, OpenSearch 2.19 and
    Elasticsearch 9.0).
    """
    for stream in reply.get("data_streams") or []:
        cluster = _cluster_prefix(stream["name"])
        for backing in stream.get("backing_indices") or []:
            yield cluster + backing, stream["name"]
    for index in reply.get("indices") or []:
        if index.get("data_stream"):
            yield index["name"], _cluster_prefix(index["name"]) + index["data_stream"]


def _cluster_prefix(name: str) -> str:
    cluster, colon, _ = name.rpartition(":")
    return cluster + colon


def _has_wildcard(part: str) -> bool:
    return "*" in part or part == "_all"
