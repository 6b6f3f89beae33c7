"""What one question may be: how deep, which always holds, and how long and how costly, which an administrator sets.

A closed connection stops an engine's work only where it looks for that, while it collects documents. What it does
before, it does to the end: every wildcard is compiled for every field that the text is looked for in (a millisecond
each; without a field's name for every field of the index), and a thousand of them keep a node busy long after the
search is gone. So their number is bounded before they are sent, in ``query=`` and in every text of ``dsl=``.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Iterator, List, Mapping, Tuple

from es_bridge.errors import QueryError
from es_bridge.limits import Ceilings
from es_bridge.query import COMPOUND, Clause, SearchRequest
from es_bridge.query_text import (
    MAX_JSON_DEPTH,
    Cost,
    begins_with_anything,
    check_json_depth,
    cost_of_query_string,
    cost_of_text,
    pattern_wildcards,
    regex_wildcards,
)

#: Options that multiply what a clause costs, in lower case without underscores -> the most that is allowed.
MOST_OF_OPTION = {
    "maxdeterminizedstates": 10_000,
    "maxexpansions": 1_000,
    "fuzzymaxexpansions": 1_000,
    "maxqueryterms": 1_000,
}
#: Clause types whose texts are compared as they are: a ``*`` in one is a letter like any other.
# fmt: off
_LITERAL = frozenset((
    "match_all", "match_none", "match", "match_phrase", "multi_match", "combined_fields", "more_like_this", "term",
    "terms", "terms_set", "range", "ids", "exists", "parent_id", "span_term",
))
# fmt: on
#: Clause types, and rules of ``intervals``, that compare their text with the terms of the field one by one.
_SCANNING = frozenset(("prefix", "wildcard", "regexp", "fuzzy", "match_phrase_prefix", "match_bool_prefix"))
#: Clause types whose one text is one term.
_ONE_TERM = frozenset(("term", "terms", "terms_set", "range", "ids", "exists", "parent_id", "span_term"))
#: Clause types that have options where others have the name of a field.
_WITHOUT_A_FIELD = frozenset(
    (*COMPOUND, "query_string", "simple_query_string", "multi_match", "combined_fields", "more_like_this")
)
#: Options that hold a text which is not looked for.
# fmt: off
_NOT_LOOKED_FOR = frozenset((
    "operator", "default_operator", "analyzer", "quote_analyzer", "search_analyzer", "type", "rewrite",
    "fuzzy_rewrite", "fuzziness", "flags", "minimum_should_match", "minimum_should_match_field", "zero_terms_query",
    "relation", "format", "time_zone", "score_mode", "boost_mode", "path", "quote_field_suffix", "use_field", "boost",
    "validation_method", "distance_type", "ignore_unmapped",
))
# fmt: on


def check_question(request: SearchRequest, ceilings: Ceilings, cluster: str) -> None:
    """Raise `QueryError` when a question is nested too deeply, or costs more than the ceilings of the cluster allow."""
    dsl = _as_text(request.dsl) if request.dsl else ""
    cost = cost_of_query_string(request.query, "query=") + _cost_of_dsl(request.dsl)
    length = len(request.query) + len(dsl)
    found = (
        ("max_query_chars", length, f"{length} characters", "Split it, or look its values up with | lookup"),
        ("max_query_clauses", cost.clauses, f"up to {cost.clauses} clauses (words, values, conditions)", "Split it"),
        (
            "max_query_wildcards",
            cost.wildcards,
            f"up to {cost.wildcards} wildcards (* ? ~ and what is special in regular expressions)",
            "Name whole values, or split it",
        ),
    )
    for name, count, told, instead in found:
        if count > getattr(ceilings, name):
            raise QueryError(
                f"the query is too large: it has {told}, more than {ceilings.told(name, cluster)}. {instead}"
            )
    if cost.leading and not ceilings.leading_wildcards:
        raise QueryError(
            f"the query holds {cost.leading[:60]!r}, which leaves open how the value begins. That is more than "
            f"{ceilings.told('leading_wildcards', cluster)}. Write how the value begins"
        )


def _as_text(dsl: Mapping[str, Any]) -> str:
    """Return a clause as it is sent. Raises `QueryError` when it is nested too deeply, whoever made it."""
    try:
        text = json.dumps(dsl, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        raise QueryError(f"dsl= is nested deeper than {MAX_JSON_DEPTH} brackets: write clauses side by side") from None
    check_json_depth(text)
    return text


def _cost_of_dsl(clause: Any) -> Cost:
    total = Cost()
    for kind, content in _clauses(clause):
        total += Cost(clauses=1)
        fields = 1
        words = 0
        is_fuzzy = kind == "multi_match" and str(content.get("type", "")).endswith("prefix")
        for path, value in _values(content):
            name = str(path[-1])
            _check_option(name, value)
            if name == "fuzziness":
                is_fuzzy = True
            if not isinstance(value, str):
                continue
            # Below a field's name come options; a field may be called like one.
            is_option = len(path) > 1 or kind in _WITHOUT_A_FIELD
            if path == ("fields",) and kind in _WITHOUT_A_FIELD:
                fields += 1
                total += Cost(wildcards=value.count("*"))
            elif not (is_option and name in _NOT_LOOKED_FOR):
                cost = _cost_of_value(kind, path, value)
                words += cost.clauses
                total += Cost(0, cost.wildcards, cost.leading)
        if kind in ("multi_match", "combined_fields", "more_like_this"):
            words *= fields
        total += Cost(words, words if is_fuzzy else 0)
    return total


def _cost_of_value(kind: str, path: Tuple[str, ...], text: str) -> Cost:
    """Return what one text of a clause costs: the clauses beside the clause itself, and the wildcards."""
    where = f"dsl= ({kind})"
    if kind == "query_string":
        return cost_of_query_string(text, where)
    rule = kind if kind in _SCANNING else next((name for name in reversed(path) if name in _SCANNING), "")
    if kind != "intervals" and kind not in _SCANNING:
        rule = ""
    if rule == "regexp":
        return Cost(0, regex_wildcards(text, where), text if begins_with_anything(text) else "")
    cost = cost_of_text(text, where)
    if rule:
        leading = text if rule == "wildcard" and text[:1] in ("*", "?") else ""
        wildcards = pattern_wildcards(text) if rule == "wildcard" else cost.wildcards
        return Cost(0 if kind in _SCANNING else cost.clauses, max(1, wildcards), leading)
    if kind in _LITERAL:
        return Cost(0 if kind in _ONE_TERM else cost.clauses, 0)
    return cost


def _check_option(name: str, value: Any) -> None:
    most = MOST_OF_OPTION.get(name.replace("_", "").lower())
    if most is None:
        return
    try:
        is_allowed = int(value) <= most
    except (TypeError, ValueError, OverflowError):
        is_allowed = False
    if not is_allowed:
        raise QueryError(
            f"dsl= holds {name} = {str(value)[:20]}; at most {most} is allowed, because it multiplies the work"
        )


def _clauses(clause: Any) -> Iterator[Tuple[str, Dict[str, Any]]]:
    """Yield (type, content without further clauses) of every clause within a checked one."""
    waiting: List[Clause] = [clause] if clause else []
    while waiting:
        ((kind, content),) = waiting.pop().items()
        own: Dict[str, Any] = {}
        for name, value in content.items():
            if name in COMPOUND.get(kind, ()):
                waiting += value if isinstance(value, list) else [value]
            elif kind == "function_score" and name == "filter":
                waiting.append(value)
            elif kind == "function_score" and name == "functions":
                waiting += [function["filter"] for function in value if "filter" in function]
            else:
                own[name] = value
        yield kind, own


def _values(content: Mapping[str, Any]) -> Iterator[Tuple[Tuple[str, ...], Any]]:
    """Yield (keys that lead there, value) of every value in a clause's content that holds no others."""
    waiting: List[Tuple[Tuple[str, ...], Any]] = [((), content)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [((*path, name), inner) for name, inner in value.items()]
        elif isinstance(value, list):
            waiting += [(path, inner) for inner in value]
        else:
            yield path, value
