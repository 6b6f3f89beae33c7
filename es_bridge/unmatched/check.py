"""Asks about a search's query when its first rows are out, and says what comes of it.

What is found becomes warnings, and an error where no index can hold a value.
"""

from __future__ import annotations

from concurrent.futures import Executor, Future
from typing import List, Optional, Sequence

from es_bridge.errors import Aborted, BridgeError, QueryError
from es_bridge.index_access import IndexAccess
from es_bridge.query import SearchRequest, range_clause, user_clauses
from es_bridge.transport import Transport
from es_bridge.unmatched.verdict import Verdict, one_line


class FieldCheck:
    """Asks the engine about one search's query. `start` it, and `collect` what comes of it."""

    def __init__(self, transport: Transport, request: SearchRequest, access: IndexAccess) -> None:
        self._transport = transport
        self._request = request
        self._access = access
        self._looking: Optional[Future[Verdict]] = None
        self._said = False
        self._verdict: Optional[Verdict] = None

    @property
    def outcome(self) -> Optional[str]:
        """What the audit line says: ``unchecked``, how many things were said, or nothing."""
        if self._verdict is None:
            return None
        if self._verdict.unchecked:
            return "unchecked"
        found = len(self._verdict.errors) + len(self._verdict.warnings)
        return str(found) if found else None

    def start(self, pool: Executor, indices: Sequence[str]) -> None:
        """Ask about ``indices``, the concrete ones of the request, and read the answer, in a thread of ``pool``.

        Reading takes many milliseconds of Python, in which no other thread runs.
        """
        if self._request.unknown_fields != "ignore" and user_clauses(self._request):
            self._looking = pool.submit(self._look, list(indices))

    def collect(self, wait: bool) -> Verdict:
        """Return what is new to be said, once; an empty verdict while it is not known yet and ``wait`` is false.

        Raises `QueryError` for a value that no index can hold, and for anything at all with ``unknown_fields=fail``.
        """
        looking = self._looking
        if self._said or looking is None or not (wait or looking.done()):
            return Verdict()
        self._said = True
        self._verdict = verdict = looking.result()
        if verdict.errors:
            raise QueryError(". ".join(verdict.errors[:3]))
        if self._request.unknown_fields == "fail":
            if verdict.unchecked:
                raise QueryError(f"{verdict.unchecked}, and unknown_fields=fail requires that they are")
            if verdict.warnings:
                raise QueryError(". ".join(verdict.warnings[:3]) + " (unknown_fields=fail)")
        if verdict.unchecked:
            verdict.notes.append(f"{verdict.unchecked}. A misspelt field would find nothing, without a warning")
        return verdict

    def about_members(
        self, time_field: str, found_some: bool, request: Optional[SearchRequest] = None, more: Sequence[str] = ()
    ) -> List[str]:
        """Return warnings for a search that has ended: members of indexed objects that no document has.

        The engines do not report such a name. One request, where the search found nothing, or where a part that matches
        nothing may have let everything through. ``request``: with the range that was searched in the end; ``more``:
        members that were asked for beside the query. Raises `QueryError` with ``unknown_fields=fail``.
        """
        request = request or self._request
        members = list(dict.fromkeys([*(self._verdict.members if self._verdict else ()), *more]))
        if not members or request.unknown_fields == "ignore":
            return []
        verdict = self._verdict = self._verdict or Verdict()
        from es_bridge.unmatched.ask import BOUNDS  # as in `_look`: only some searches name a member
        from es_bridge.unmatched.clauses import may_negate

        if found_some and not may_negate(request):
            return []
        # Not exists: OpenSearch 2.19 finds nothing below the first level with it, with a prefix it does.
        filters = {name: {"prefix": {name: ""}} for name in members}
        narrow = range_clause(time_field, request.earliest_ms, request.latest_ms)
        body = {
            "size": 0,
            "track_total_hits": False,
            "query": {"bool": {"filter": [*narrow, *self._access.clauses()]}},
            "aggs": {"members": {"filters": {"filters": filters}}, **self._access.counting()},
        }
        try:
            params = {"allow_partial_search_results": False}
            reply = self._transport.request("POST", (request.index, "_search"), params, body, **BOUNDS).json()
            self._access.check_counted(reply)
            buckets = reply["aggregations"]["members"]["buckets"]
            missing = [name for name in members if not buckets[name]["doc_count"]]
        except Aborted:
            raise
        except (BridgeError, LookupError, TypeError, AttributeError):
            return []
        texts = [
            f"no event of the range has a value under {name!r}, so the query can match nothing there. Check the name "
            "in an event: upper and lower case differ, and an object has no value of its own, only its members have"
            for name in missing
        ]
        if texts and request.unknown_fields == "fail":
            raise QueryError(". ".join(texts[:3]) + " (unknown_fields=fail)")
        verdict.warnings += texts
        return texts

    def _look(self, indices: List[str]) -> Verdict:
        from es_bridge.unmatched.ask import ask  # here, because every import delays the first row
        from es_bridge.unmatched.clauses import Asked
        from es_bridge.unmatched.look import Look

        try:
            asked = Asked(self._request)
            answer = ask(self._transport, self._request, asked, indices)
            return Look(self._transport, self._request, self._access, asked).verdict(answer)
        except Aborted:
            raise
        except BridgeError as exc:
            return Verdict(unchecked=f"the fields of the query were not checked: {_why(self._access.shown(exc))}")
        except (LookupError, TypeError, ValueError, AttributeError):  # a reply of another shape
            return Verdict(
                unchecked="the fields of the query were not checked: the cluster's answer cannot be understood"
            )


def _why(error: BridgeError) -> str:
    status = getattr(error, "status", 0)
    if status == 403:
        return "the account lacks indices:admin/validate/query, or another permission of docs/engines.md"
    if status in (400, 404, 405):
        return "the cluster does not offer _validate/query"
    return one_line(str(error))[:300]
