"""The fields of a pattern's documents, one after the other by name, each with what the engine and documents say of it.

In the order it is asked::

    who is the engine -> which indices, may they be read -> what do the mappings know      (one request each)
    how many documents match, and some whole ones, chosen at random                        (one request)
    documents that have a field, its distinct and most frequent values, for 50 fields at a time

Counting is exact up to `SummaryRequest.sample_docs` matching documents, else a random sample of about so many is
counted, the same documents for every field. Fields that the engine cannot count are counted in the whole documents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from es_bridge.answers import TOTAL, checked
from es_bridge.errors import NotFound, QueryError, ReplyTooLarge, ResponseError
from es_bridge.field_summary import DEFAULT_SAMPLE_DOCS, DEFAULT_TOP, MOST_TOP
from es_bridge.field_summary.aggregates import Counts, answer, fields_together, question, shape
from es_bridge.field_summary.capabilities import CAPABILITIES, WHOLE_OBJECTS, Field, fields_of
from es_bridge.field_summary.documents import Documents, Seen
from es_bridge.limits import Ceilings
from es_bridge.patterns import any_of, check_number_and_length
from es_bridge.pit import page_bytes
from es_bridge.query import Clause, SearchRequest, range_clause, user_clauses
from es_bridge.reply import new_nonce, parse_reply
from es_bridge.summary import Summary
from es_bridge.transport import Transport
from es_bridge.unmatched.field_names import ancestors

#: Whole documents that are looked at.
WHOLE_DOCS = 500
#: Answers that mean a field, and not the cluster, is the reason.
_OF_A_FIELD = ("illegal_argument_exception", "aggregation_execution_exception", "class_cast_exception")
#: Where a field is indexed.
SEARCHABLE, AGGREGATABLE, STORED = "searchable", "aggregatable", "stored only"
WHOLE, MEMBER = "flat object", "member of a flat object"


@dataclass(frozen=True)
class SummaryRequest:
    """Which fields of which documents, and how many values of each."""

    documents: SearchRequest
    #: Patterns of field names, ``*`` as wildcard; empty: all.
    fields: Tuple[str, ...] = ()
    #: Most frequent values of a field.
    top: int = DEFAULT_TOP
    #: Matching documents up to which all are counted, else about so many; 0: always all.
    sample_docs: int = DEFAULT_SAMPLE_DOCS

    def __post_init__(self) -> None:
        check_number_and_length(self.fields, "fields=", QueryError)
        if not 0 <= self.top <= MOST_TOP:
            raise QueryError(f"top={self.top} must be from 0 to {MOST_TOP:,}")
        if self.sample_docs < 0:
            raise QueryError(f"sample={self.sample_docs} must be 0 (count all documents) or more")


class FieldInfo(NamedTuple):
    """One field."""

    name: str
    #: How rows of the search command call it, as far as the whole documents show.
    names_in_rows: Tuple[str, ...]
    #: Its types, by name; empty for one that no mapping has.
    types: Tuple[str, ...]
    #: Where types differ: type -> the indices that have it so.
    types_in: Dict[str, Tuple[str, ...]]
    #: Where it is indexed: `SEARCHABLE`, `AGGREGATABLE`, or one of the others.
    indexed: Tuple[str, ...]
    #: Documents that have it, of ``of_documents`` that were looked at, which are a sample or all.
    documents: int
    of_documents: int
    is_sample: bool
    #: Different values, and whether that is exactly how many there are in all matching documents.
    distinct: Optional[int]
    distinct_is_exact: bool
    #: (value as text, documents that have it), the most frequent first, of ``values_of_documents`` looked at.
    values: Tuple[Tuple[str, int], ...]
    values_of_documents: int
    #: How many documents too few a value may be counted, as shards tell their own most frequent ones only.
    most_missing: int = 0

    @property
    def percent(self) -> Optional[float]:
        """The share of documents that have it."""
        return round(100 * self.documents / self.of_documents, 2) if self.of_documents else None


class _Counted(NamedTuple):
    """What one request counted: of how many documents, and each field; ``None`` for one that could not be counted."""

    documents: int
    counts: Sequence[Optional[Counts]]


class FieldSummary(Summary[FieldInfo]):
    """See `Summary`: lists of `FieldInfo`, by name. ``matched`` is the number of documents."""

    items = "fields"

    def __init__(self, transport: Transport, request: SummaryRequest, ceilings: Optional[Ceilings] = None) -> None:
        super().__init__(transport, request.documents, ceilings)
        self._asked = request
        self._clauses: List[Clause] = []
        self._seed = int(new_nonce()[:7], 16)
        #: The share of matching documents that is counted; 1: all.
        self._share = 1.0
        self._refused: List[str] = []

    def _found(self) -> Iterator[List[FieldInfo]]:
        self._begin_without_context()
        mapped = self._mapped()
        if mapped is None:
            return
        wanted = any_of(self._asked.fields or ("*",))
        documents = self._whole_documents(Documents(wanted))
        total = self.matched or 0
        if self._asked.sample_docs and total > self._asked.sample_docs:
            self._share = self._asked.sample_docs / total
            self.notes.append(
                f"{total} documents match, so fields are counted in a random sample of about "
                f"{self._asked.sample_docs} (sample=0 counts all)"
            )
        names = sorted({*mapped, *documents.fields})
        together = fields_together(self._asked.top)
        for start in range(0, len(names), together):
            yield self._infos(names[start : start + together], mapped, documents)
        self._say_what_was_left_out(documents)

    def _mapped(self) -> Optional[Dict[str, Field]]:
        """Return the fields that the mappings have; ``None`` where there is no index and that is accepted."""
        try:
            time_field = self._resolved()
            if time_field.indices == 0:
                if not self.request.allow_partial:
                    raise self._nothing_matched("no index")
                self.warnings.append(f"index {self.request.index!r} matches no index that this account may read")
                return None
            if self._rows_wait_for_check:
                self._check_fields()
                self._collect_fields(wait=True)
            self._ask_for_messages()
            caps = self._transport.request("GET", (self.request.index, "_field_caps"), {"fields": "*"}).json(
                CAPABILITIES
            )
        except NotFound as exc:
            if exc.error_type == "index_not_found_exception":
                raise self._nothing_matched(exc.reason) from exc
            raise
        # Also of an index that the pattern leads to only since a moment ago.
        self._access.check_indices(caps)
        request = self.request
        self._clauses = [
            *user_clauses(request),
            *range_clause(request.time_field, request.earliest_ms, request.latest_ms),
            *self._access.clauses_if_few(),
        ]
        return fields_of(caps["fields"], self._asked.fields)

    def _whole_documents(self, documents: Documents) -> Documents:
        """Add some documents, chosen at random; learn how many match."""
        size = WHOLE_DOCS
        while True:
            nonce = new_nonce()
            body = {
                "size": size,
                "track_total_hits": True,
                "query": self._at_random({"_name": nonce}),
                "sort": [{"_score": "desc"}, {"_doc": "asc"}],  # by score alone, hits would come without it
            }
            try:
                response = self._send_search(body, page_bytes(size))
            except ReplyTooLarge:
                if size == 1:
                    raise
                size = max(1, size // 10)
                continue
            reply = parse_reply(response.body, nonce, by_time=False, where=response.where)
            checked(reply.head, TOTAL, response.where)
            self._access.check_counted(reply.head)
            self._access.check_hits(reply.hits)
            self.matched = int(reply.head["hits"]["total"]["value"])
            self._check(reply.head)
            try:
                documents.add(hit.source for hit in reply.hits if hit.source)
            except ValueError:
                raise ResponseError(f"{response.where} gave a document that is no JSON object") from None
            if reply.without_source:
                self.warnings.append(
                    f"{reply.without_source} of {len(reply.hits)} documents came without their source: their index "
                    "does not store it, so fields that are not indexed do not show"
                )
            return documents

    def _at_random(self, more: Dict[str, Any], least: Optional[float] = None) -> Clause:
        """Return the query with a random score from 0 to 1 of each document, the same in every request."""
        score: Dict[str, Any] = {
            "query": {"bool": {"filter": self._clauses or [{"match_all": {}}], **more}},
            "functions": [{"random_score": {"seed": self._seed, "field": "_seq_no"}}],
            "boost_mode": "replace",
        }
        if least is not None:
            score["min_score"] = least
        return {"function_score": score}

    def _infos(self, names: Sequence[str], mapped: Dict[str, Field], documents: Documents) -> List[FieldInfo]:
        fields = [mapped[name] for name in names if name in mapped and mapped[name].can_be_counted]
        counted: Dict[str, Tuple[int, Counts]] = {}
        if fields and self.matched:
            for part, found in self._counted(fields):
                counted.update(
                    (field.name, (found.documents, counts)) for field, counts in zip(part, found.counts) if counts
                )
        return [
            _info(
                name,
                mapped.get(name),
                documents.fields.get(name),
                counted.get(name),
                self._is_member(name, mapped),
                documents.count,
                self.matched or 0,
                self._share < 1,
                self._asked.top,
            )
            for name in names
        ]

    def _counted(self, fields: Sequence[Field]) -> Iterator[Tuple[Sequence[Field], _Counted]]:
        """Yield what is counted of some fields, in parts where one of them is refused, or the answer is too large."""
        is_sample = self._share < 1
        query = self._at_random({}, 1 - self._share) if is_sample else {"bool": {"filter": self._clauses}}
        body = {
            "size": 0,
            "track_total_hits": True,
            "query": query,
            "aggs": question(fields, self._asked.top),
        }
        try:
            reply = self._search(body, {**TOTAL, **shape(fields, self._asked.top)})
        except (ReplyTooLarge, ResponseError) as exc:
            if isinstance(exc, ResponseError) and exc.error_type not in _OF_A_FIELD:
                raise
            if len(fields) > 1:
                middle = len(fields) // 2
                yield from self._counted(fields[:middle])
                yield from self._counted(fields[middle:])
                return
            self._refused.append(fields[0].name)
            yield fields, _Counted(0, [None])
            return
        total = reply["hits"]["total"]["value"]
        if "aggregations" not in reply:  # no shard
            yield fields, _Counted(0, [None] * len(fields))
            return
        yield fields, _Counted(total, answer(fields, reply["aggregations"]))

    @staticmethod
    def _is_member(name: str, mapped: Dict[str, Field]) -> bool:
        """Whether a name lies in an object that is indexed as one field."""
        return any(part in mapped and mapped[part].is_whole_object for part in ancestors(name))

    def _say_what_was_left_out(self, documents: Documents) -> None:
        if self._refused:
            self.notes.append(
                f"the engine cannot count {', '.join(self._refused[:5])}"
                f"{' and others' if len(self._refused) > 5 else ''}: taken from {documents.count} documents instead"
            )
        if documents.unreadable:
            self.warnings.append(
                f"{documents.unreadable} of the documents looked at are nested too deeply, or have names too long, to "
                "be taken apart: fields that only they have do not show"
            )
        if documents.left_out:
            self.warnings.append(
                f"{documents.left_out} more names of fields that are not indexed do not show: the documents have too "
                "many. Ask for some of them with fields="
            )


def _info(
    name: str,
    field: Optional[Field],
    seen: Optional[Seen],
    counted: Optional[Tuple[int, Counts]],
    is_member: bool,
    whole_docs: int,
    matched: int,
    is_sample: bool,
    top: int,
) -> FieldInfo:
    """Put together what mapping, engine and documents say of a field."""
    of_documents, counts = counted if counted else (whole_docs, None)
    values: List[Tuple[str, int]] = []
    distinct: Optional[int] = None
    exact, missing, values_of = False, 0, of_documents
    if counts is not None and counts.values is not None:
        values, missing = counts.values, counts.most_missing
    if counts is not None:
        distinct, exact = counts.distinct, counts.distinct_is_exact and not is_sample
    if seen is not None and (counts is None or counts.distinct is None):
        # The most frequent first, ties by value, as engines do.
        values = sorted(seen.values.items(), key=lambda item: (-item[1], item[0]))[:top]
        distinct, exact, values_of = len(seen.values), whole_docs == matched, whole_docs
    documents = counts.documents if counts is not None else seen.documents if seen is not None else 0
    return FieldInfo(
        name,
        tuple(sorted(seen.names_in_rows)) if seen else (),
        tuple(sorted(field.types)) if field else (),
        {kind: where for kind, where in sorted(field.types.items()) if where} if field else {},
        _indexed(field, is_member),
        documents,
        of_documents,
        of_documents < matched,
        distinct,
        exact,
        tuple(values),
        values_of,
        missing,
    )


def _indexed(field: Optional[Field], is_member: bool) -> Tuple[str, ...]:
    if field is None:
        return (MEMBER,) if is_member else (STORED,)
    if any(kind in WHOLE_OBJECTS for kind in field.types):
        return (WHOLE,)
    found = [word for word, holds in ((SEARCHABLE, field.searchable), (AGGREGATABLE, field.aggregatable)) if holds]
    return tuple(found) or (STORED,)
