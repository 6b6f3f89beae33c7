"""What a user asks: the request, and the one query clause it becomes.

The user's text goes into the JSON body as a value, never into a URL or into another query's text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, Iterator, List, Mapping, Optional, Tuple

from es_bridge.errors import QueryError
from es_bridge.unmatched import UNKNOWN_FIELDS

Clause = Dict[str, Any]

#: Clause types that only look at the document at hand. Anything else is refused: an unknown type could read another
#: index or run a script. Value: the keys under which it holds further clauses.
COMPOUND: Dict[str, tuple] = {
    "bool": ("must", "filter", "should", "must_not"),
    "constant_score": ("filter",),
    "dis_max": ("queries",),
    "boosting": ("positive", "negative"),
    "nested": ("query",),
    "has_child": ("query",),
    "has_parent": ("query",),
    "span_near": ("clauses",),
    "span_or": ("clauses",),
    "span_first": ("match",),
    "span_not": ("include", "exclude"),
    "span_containing": ("big", "little"),
    "span_within": ("big", "little"),
    "span_multi": ("match",),
    "field_masking_span": ("query",),
    "function_score": ("query",),
}
#: What a function of ``function_score`` may be; beside it, a filter and a weight.
FUNCTIONS = ("random_score", "field_value_factor", "gauss", "linear", "exp")
# fmt: off
LEAF = frozenset((
    "match_all", "match_none", "match", "match_phrase", "match_phrase_prefix", "match_bool_prefix", "multi_match",
    "combined_fields", "query_string", "simple_query_string", "term", "terms", "terms_set", "range", "prefix",
    "wildcard", "regexp", "fuzzy", "exists", "ids", "geo_bounding_box", "geo_distance", "geo_polygon", "geo_grid",
    "geo_shape", "shape", "xy_shape", "intervals", "more_like_this", "parent_id", "distance_feature", "rank_feature",
    "span_term",
))
# fmt: on
#: Options of leaves that also have options which read a stored document or run a script. What is not here is refused,
#: as engines know other spellings, and add new ones.
SHAPE_OPTIONS = frozenset(("shape", "relation", "strategy"))
TERMS_SET_OPTIONS = frozenset(("terms", "minimum_should_match", "minimum_should_match_field", "boost"))
# fmt: off
MORE_LIKE_THIS_OPTIONS = frozenset((
    "fields", "like", "unlike", "max_query_terms", "min_term_freq", "min_doc_freq", "max_doc_freq", "min_word_length",
    "max_word_length", "stop_words", "analyzer", "minimum_should_match", "boost_terms", "include",
    "fail_on_unsupported_field", "boost",
))
# fmt: on
REFUSED = {
    "script": "scripts do not run in a search",
    "script_score": "scripts do not run in a search",
    "percolate": "percolate reads queries stored in another index",
    "wrapper": "a wrapper hides the query it holds",
    "template": "templates are filled in by the engine, with text that cannot be checked here",
    "pinned": "pinned reads documents by index and id",
}
REFUSED_AROUND = {
    "size": "use the option size=",
    "from": "results are paged for you; use size=",
    "sort": "results always come newest first; sort them in SPL",
    "aggs": "aggregate in the engine with | elasticstats, or in SPL with | stats",
    "aggregations": "aggregate in the engine with | elasticstats, or in SPL with | stats",
    "_source": "use the option fields=",
    "fields": "use the option fields=",
    "script_fields": "scripts do not run in a search",
    "runtime_mappings": "runtime fields run scripts",
    "derived": "derived fields run scripts",
    "pit": "the command keeps its own point in time",
    "search_after": "results are paged for you; use size=",
}


@dataclass(frozen=True)
class SearchRequest:
    """One question. Times are epoch milliseconds UTC: earliest inclusive, latest exclusive, ``None`` unbounded."""

    #: Index pattern as the engines read it: names, wildcards, aliases, ``-excluded``, separated by commas.
    index: str
    #: `query_string` text; ``""`` and ``*`` mean every document.
    query: str = ""
    #: One checked query clause (`parse_dsl`); together with ``query`` both must match.
    dsl: Optional[Mapping[str, Any]] = None
    earliest_ms: Optional[int] = None
    latest_ms: Optional[int] = None
    time_field: str = "@timestamp"
    #: Most documents to return; 0 means all.
    size: int = 10_000
    #: Whoever asks chose ``size`` and sees the answer: reaching it is a note, else a warning.
    size_is_meant: bool = False
    #: ``fail``: an incomplete answer is an error. ``allow``: it is a warning.
    partial: str = "fail"
    page_size_docs: int = 5000
    #: The first page is small, so that first rows come early.
    first_page_docs: int = 250
    #: What becomes of a part of the query that can match nothing (`es_bridge.unmatched`): `UNKNOWN_FIELDS`.
    unknown_fields: str = "warn"
    #: Patterns of the indices that whoever asks may read (`es_bridge.index_access`); ``None``: every index.
    allowed_indices: Optional[Tuple[str, ...]] = None

    def __post_init__(self) -> None:
        parts = [part.strip() for part in self.index.split(",") if part.strip()]
        if not parts:
            raise QueryError("no index given: name an index or a pattern, such as index=aws-cloudtrail-*")
        for part in parts:
            # Date math, <aws-{now/d}>, is the one name with a slash.
            if any(c in part for c in "/\\?#\"'\r\n\t") and not part.startswith("<"):
                raise QueryError(f"index={part!r} is not an index pattern: it holds a character no index name has")
        # "a, b" as people write lists; the engines would look for an index called " b".
        object.__setattr__(self, "index", ",".join(parts))
        if self.size < 0:
            raise QueryError(f"size={self.size} must be 0 (all) or more")
        if self.partial not in ("fail", "allow"):
            raise QueryError(f"partial={self.partial!r} is unknown: use fail or allow")
        if self.unknown_fields not in UNKNOWN_FIELDS:
            raise QueryError(f"unknown_fields={self.unknown_fields!r} is unknown: use {', '.join(UNKNOWN_FIELDS)}")
        if not self.time_field:
            raise QueryError("time_field must name the field that holds the time")
        if self.earliest_ms is not None and self.latest_ms is not None and self.earliest_ms >= self.latest_ms:
            raise QueryError("the time range is empty: earliest must be before latest")

    @property
    def included(self) -> str:
        """The pattern without its exclusions (``-name``), which may match nothing without anybody missing it."""
        return ",".join(part for part in self.index.split(",") if not part.strip().startswith("-"))

    @property
    def allow_partial(self) -> bool:
        """Whether an incomplete answer is a warning instead of an error."""
        return self.partial == "allow"

    @property
    def unbounded(self) -> bool:
        """Whether the request has no time range at all (All time)."""
        return self.earliest_ms is None and self.latest_ms is None


def user_clauses(request: SearchRequest) -> List[Clause]:
    """Return the clauses of what the user asked, without the time range."""
    clauses: List[Clause] = []
    if request.query.strip() not in ("", "*", "*:*"):
        clauses.append({"query_string": {"query": request.query}})
    if request.dsl is not None:
        clauses.append(dict(request.dsl))
    return clauses


def leaves(clause: Clause) -> Iterator[Clause]:
    """Yield the clauses of a checked clause that hold no further ones."""
    ((kind, content),) = clause.items()
    if kind not in COMPOUND:
        yield clause
        return
    inner = [content[name] for name in COMPOUND[kind] if name in content]
    if kind == "function_score":
        inner += [function["filter"] for function in [content, *content.get("functions", [])] if "filter" in function]
    for found in inner:
        for each in found if isinstance(found, list) else [found]:
            yield from leaves(each)


def query_texts(clause: Optional[Mapping[str, Any]]) -> List[str]:
    """Return the texts in the query language that a checked clause holds."""
    found = [
        leaf["query_string"].get("query") for leaf in leaves(dict(clause or {"ids": {}})) if "query_string" in leaf
    ]
    return [text for text in found if isinstance(text, str)]


def range_clause(time_field: str, earliest_ms: Optional[int], latest_ms: Optional[int]) -> List[Clause]:
    """Return the time range as no clause or one: earliest inclusive, latest exclusive."""
    bounds: Dict[str, Any] = {}
    if earliest_ms is not None:
        bounds["gte"] = earliest_ms
    if latest_ms is not None:
        bounds["lt"] = latest_ms
    return [{"range": {time_field: {**bounds, "format": "epoch_millis"}}}] if bounds else []


def having_clause(time_field: str) -> Clause:
    """Return the clause for documents that have the time field."""
    return {"exists": {"field": time_field}}


def missing_clause(time_field: str) -> Clause:
    """Return the clause for documents that do not have the time field."""
    return {"bool": {"must_not": [having_clause(time_field)]}}


def parse_dsl(text: str) -> Clause:
    """Return the one query clause in a JSON text, alone or as ``{"query": {...}}``.

    Raises `QueryError` when it is not JSON or holds something that could read other documents than those of the
    pattern, run code, or change paging and order.
    """
    from es_bridge.query_text import check_json_depth  # here: most searches have no dsl=

    check_json_depth(text)  # before anything recurses over it
    try:
        clause = json.loads(text)
    except ValueError as exc:
        raise QueryError(f'dsl= is not JSON ({exc}). Give one query clause, such as {{"term": {{"errorCode": "x"}}}}')
    if isinstance(clause, dict):
        for name, reason in REFUSED_AROUND.items():
            if name in clause:
                raise QueryError(f"dsl= holds {name!r}, which is refused: {reason}. Give one query clause only")
        if set(clause) == {"query"}:
            clause = clause["query"]
    return _checked(clause)


def _checked(clause: Any) -> Clause:
    """Return a clause without its ``_name``s (they would mix with ours), or raise `QueryError`."""
    if not isinstance(clause, dict) or len(clause) != 1:
        raise QueryError(
            f'dsl= must be one query clause {{"<type>": {{...}}}}, not {json.dumps(clause, ensure_ascii=False)[:200]}'
        )
    ((kind, content),) = clause.items()
    if kind in REFUSED:
        raise QueryError(f"dsl= holds a {kind!r} clause, which is refused: {REFUSED[kind]}")
    if kind not in COMPOUND and kind not in LEAF:
        raise QueryError(
            f"dsl= holds a clause of type {kind!r}, which is not supported. Supported: "
            + ", ".join(sorted([*COMPOUND, *LEAF]))
        )
    if not isinstance(content, dict):
        raise QueryError(f"dsl=: the content of {kind!r} must be an object")
    content = {name: value for name, value in content.items() if name != "_name"}
    if "inner_hits" in content:
        raise QueryError("dsl= holds 'inner_hits', which is refused: only whole documents are returned")
    if kind in COMPOUND:
        for name, inner in content.items():
            if name in COMPOUND[kind]:
                content[name] = [_checked(c) for c in inner] if isinstance(inner, list) else _checked(inner)
            elif isinstance(inner, (dict, list)) and kind != "function_score":
                # Engines know clauses under other spellings too (mustNot): what is not checked does not pass.
                raise QueryError(f"dsl= holds {name!r} in {kind!r}, which is not supported there")
        if kind == "function_score":
            _check_functions(content)
    else:
        _check_leaf(kind, content)
    return {kind: content}


def _check_functions(content: Dict[str, Any]) -> None:
    functions = content.get("functions", [])
    if not isinstance(functions, list) or not all(isinstance(function, dict) for function in functions):
        raise QueryError("dsl=: 'functions' in 'function_score' must be a list of objects")
    single = {name: inner for name, inner in content.items() if name not in ("functions", "query")}
    for function in [single, *functions]:
        for name, inner in function.items():
            if name == "script_score":
                raise QueryError("dsl= holds 'script_score', which is refused: scripts do not run in a search")
            if name == "filter":
                function["filter"] = _checked(inner)
            elif isinstance(inner, (dict, list)) and name not in FUNCTIONS:
                raise QueryError(f"dsl= holds {name!r} in 'function_score', which is not supported there")


def _check_leaf(kind: str, content: Dict[str, Any]) -> None:
    for field_name, value in content.items():
        if not isinstance(value, dict):
            continue
        value.pop("_name", None)
        if kind == "terms":
            raise QueryError(f"dsl= holds a terms lookup on {field_name!r}, which is refused: it reads another index")
        if "indexed_shape" in value:
            raise QueryError("dsl= holds 'indexed_shape', which is refused: it reads another index")
        if kind == "terms_set" and "minimum_should_match_script" in value:
            raise QueryError(
                "dsl= holds 'minimum_should_match_script', which is refused: scripts do not run in a search"
            )
        if kind in ("geo_shape", "shape", "xy_shape"):
            _check_options(kind, value, SHAPE_OPTIONS)
        if kind == "terms_set":
            _check_options(kind, value, TERMS_SET_OPTIONS)
    if kind == "intervals" and _holds_key(content, "script"):
        raise QueryError("dsl= holds a script in 'intervals', which is refused: scripts do not run in a search")
    if kind == "more_like_this":
        _check_options(kind, content, MORE_LIKE_THIS_OPTIONS)
        for name in ("like", "unlike"):
            items = content.get(name, [])
            for item in items if isinstance(items, list) else [items]:
                if isinstance(item, dict):
                    raise QueryError(
                        f"dsl= holds more_like_this with a document in {name!r}, which is refused: it reads another "
                        "index. Give text"
                    )


def _check_options(kind: str, options: Mapping[str, Any], known: FrozenSet[str]) -> None:
    for name in options:
        if name not in known:
            raise QueryError(f"dsl= holds {name!r} in {kind!r}, which is not supported there")


def _holds_key(value: Any, key: str) -> bool:
    if isinstance(value, dict):
        return key in value or any(_holds_key(v, key) for v in value.values())
    if isinstance(value, list):
        return any(_holds_key(v, key) for v in value)
    return False
