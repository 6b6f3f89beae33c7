"""What the clauses of a query name, and the same clauses as the engine is asked to explain them.

A clause of ``dsl=`` on a field that is not there loses the field's name, and that of its neighbours, before the engine
explains it. So every leaf of ``dsl=`` is explained beside the others, and its field taken from the JSON.
"""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Iterator, List

from es_bridge.query import Clause, SearchRequest, leaves, query_texts, user_clauses
from es_bridge.unmatched.marker import may_hide_marker, without_marker

#: Default ``indices.query.bool.max_clause_count``.
_MOST_LEAVES = 1000
#: Options that stand where a leaf has its field.
_OPTIONS = frozenset(("boost", "_name", "case_insensitive", "minimum_should_match"))
# fmt: off
_KEYED = frozenset((
    "match", "match_phrase", "match_phrase_prefix", "match_bool_prefix", "term", "terms", "terms_set", "range",
    "prefix", "wildcard", "regexp", "fuzzy", "intervals", "span_term",
))
# fmt: on


class Asked:
    """What a search asks for. ``texts`` are in the query language; ``named`` are fields that ``dsl=`` names.

    ``with_values`` are those of ``named`` that stand beside a value, not beside a text of words.
    """

    def __init__(self, request: SearchRequest) -> None:
        found = [leaf for clause in user_clauses(request) for leaf in leaves(clause)][:_MOST_LEAVES]
        self.texts = [text for leaf in found for text in query_texts(leaf)]
        self.named = list(dict.fromkeys(name for leaf in found for name in named_fields(leaf)))
        self.with_values = {name for leaf in found if not query_texts(leaf) for name in named_fields(leaf)}
        self._masked = [_masked(leaf) for leaf in found]

    def hides_engine_words(self) -> bool:
        """Whether a value reads like the engine's own words, so that no explanation of it can be trusted."""
        return any(map(may_hide_marker, _all_texts(self._masked)))

    def to_explain(self) -> Clause:
        """Return one clause of all, whose explanation tells each of them."""
        # Side by side below "should": in a filter, one that can match nothing would hide the others.
        return self._masked[0] if len(self._masked) == 1 else {"bool": {"should": self._masked}}


def may_negate(request: SearchRequest) -> bool:
    """Whether a part of what is asked may stand below a NOT. Rather yes than no."""
    texts = [request.query, *query_texts(request.dsl)]
    return any(re.search(r"\bNOT\b|!|(?:^|[\s(])-", text) for text in texts) or "must_not" in json.dumps(request.dsl)


def named_fields(leaf: Clause) -> List[str]:
    """Return the fields that a clause names in its JSON; a pattern over all of them is none."""
    ((kind, content),) = leaf.items()
    if kind in _KEYED:
        return [name for name in content if name not in _OPTIONS]
    names = [content.get("field"), content.get("default_field")]
    listed = content.get("fields")
    names += listed if isinstance(listed, list) else [listed]
    return [name.partition("^")[0] for name in names if isinstance(name, str) and name.strip("*")]


def _all_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _all_texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _all_texts(inner)


def _masked(leaf: Clause) -> Clause:
    """Return a clause whose values cannot be taken for the engine's words; its fields and their types are the same.

    ``|`` means much in an explanation; to ``query_string`` only two of them are something.
    """
    ((kind, content),) = leaf.items()
    change: Callable[[str], str] = without_marker
    if kind == "query_string":
        change = lambda text: re.sub(r"(?<!\|)\|(?!\|)", "_", without_marker(text))  # noqa: E731
    elif kind != "simple_query_string":
        change = lambda text: without_marker(text).replace("|", "_")  # noqa: E731
    return {kind: _changed(content, change)}


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: _changed(inner, change) for name, inner in value.items()}
    return [_changed(inner, change) for inner in value] if isinstance(value, list) else value
