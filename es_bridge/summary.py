"""A question that is answered by some requests together, without a search context: what fields, or indices, there are.

An `Inquiry` that yields lists, each request of which is bounded and checked.
"""

from __future__ import annotations

from typing import Any, Dict, Generic, Iterator, List, Mapping, Optional, TypeVar

from es_bridge.answers import SEARCH, checked
from es_bridge.dialect import Dialect, detect
from es_bridge.errors import BridgeError, CeilingReached, PartialResult
from es_bridge.http_response import Response
from es_bridge.inquiry import Inquiry
from es_bridge.limits import Ceilings
from es_bridge.pit import problems
from es_bridge.query import SearchRequest
from es_bridge.query_bounds import check_question
from es_bridge.transport import MAX_REPLY_BYTES, Transport

Item = TypeVar("Item")


class Summary(Inquiry, Generic[Item]):
    """Iterate over it for lists of what it finds, once. A subclass says in `_found` what there is.

    The request's ``size`` is the most of them; 0: all.
    """

    #: What is found, in the plural, for messages.
    items = "rows"

    def __init__(self, transport: Transport, request: SearchRequest, ceilings: Optional[Ceilings] = None) -> None:
        super().__init__(transport, request, ceilings or Ceilings())
        self._left_out = f"{self.items.capitalize()} may be missing"
        #: How many were handed out.
        self.emitted = 0

    def _found(self) -> Iterator[List[Item]]:
        """Yield what there is, in lists that are as long as they come."""
        raise NotImplementedError

    def _answers(self) -> Iterator[List[Item]]:
        """Yield what is found, until a ceiling is reached."""
        cluster = self._transport.config.name
        most = self._ceilings.rows(self.request.size)
        too_much: Optional[CeilingReached] = None
        for items in self._found():
            if too_much:  # said only now: what needed nothing more is complete
                raise too_much
            is_cut = bool(most) and self.emitted + len(items) > most
            if is_cut:
                items = items[: most - self.emitted]
            self.emitted += len(items)
            self._collect_fields(wait=False)
            if items:
                yield items
            if is_cut:
                told = self._ceilings.told("max_rows", cluster)
                self.warnings.append(f"the first {self.emitted} {self.items} are returned, as many as {told}")
                return
            too_much = self._beyond_a_ceiling()

    def _say_what_is_missing(self) -> None:
        self._collect_fields(wait=True)
        if self._beyond is not None:
            warnings, notes = self._beyond.result()
            self.warnings += warnings
            self.notes += notes
        self.warnings += self._fields.about_members(self.request.time_field, found_some=bool(self.matched))

    def _begin_without_context(self) -> Dialect:
        """Refuse what can be refused without asking, and ask the engine who it is."""
        if self.request.query or self.request.dsl:
            check_question(self.request, self._ceilings, self._transport.config.name)
        self._access.check_request()
        self._dialect = detect(self._transport)
        return self._dialect

    def _search(self, body: Dict[str, Any], shape: Mapping[str, Any]) -> Dict[str, Any]:
        """Return the decoded reply to a search over the request's pattern, which is whole or allowed not to be.

        Without a shard it has no aggregations.
        """
        response = self._send_search(body)
        reply: Dict[str, Any] = response.json(SEARCH)
        self._access.check_counted(reply)
        if reply["_shards"]["total"]:
            checked(reply, shape, response.where)
        self._check(reply)
        return reply

    def _send_search(self, body: Dict[str, Any], max_body_bytes: int = MAX_REPLY_BYTES) -> Response:
        """Return the response to a search over the request's pattern; `IndexAccess.check_counted` is the caller's."""
        limit = self._time_limit()
        aggs = {**body.get("aggs", {}), **self._access.counting()}
        return self._transport.request(
            "POST",
            (self.request.index, "_search"),
            {"allow_partial_search_results": self.request.allow_partial, **limit.params},
            {**body, **limit.body, **({"aggs": aggs} if aggs else {})},
            max_body_bytes=max_body_bytes,
        )

    def _check(self, head: Dict[str, Any]) -> None:
        """Raise `PartialResult` for an incomplete reply, or warn where the request allows that."""
        # OpenSearch 3.8 says so of every aggregation over all documents, with whole counts (measured).
        head.pop("terminated_early", None)
        for problem in problems(head, self.request.index, self._transport, self._access):
            if not self.request.allow_partial:
                raise PartialResult(
                    f"{problem}. Ask again, name fewer indices, or set partial=allow to accept an incomplete answer",
                    failed_shards=head.get("_shards", {}).get("failed"),
                )
            if problem not in self.warnings:
                self.warnings.append(problem)

    def _cause(self, error: Exception) -> Exception:
        found = super()._cause(error)
        if isinstance(found, BridgeError) and not self._access.has_passed:
            return self._access.shown(found)
        return found
