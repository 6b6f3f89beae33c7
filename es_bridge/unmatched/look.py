"""One look at a query: the engine explains it, names are looked up, and what that tells is said.

The engine is asked to explain the user's clauses for the indices that hold documents of the time range (`explanation`);
names are then looked up with ``_field_caps``. The text of a query is never parsed here.
"""

from __future__ import annotations

import re
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from es_bridge.index_access import IndexAccess
from es_bridge.query import SearchRequest
from es_bridge.transport import Transport
from es_bridge.unmatched.clauses import Asked
from es_bridge.unmatched.explanation import Explanation, is_network, read, relation
from es_bridge.unmatched.field_names import in_text
from es_bridge.unmatched.field_types import BOUNDS, FieldTypes, paths
from es_bridge.unmatched.fields import say_failed, say_lacking, say_not_indexed, say_unnamed
from es_bridge.unmatched.known_fields import KnownFields
from es_bridge.unmatched.members import Members, no_member
from es_bridge.unmatched.verdict import Verdict
from es_bridge.unmatched.words import say_mistakes

#: Most indices that are looked at; the newest, by the dates in their names.
MOST_INDICES = 50
#: Texts that one search says of its query.
_MOST_TEXTS = 10
_DATES = re.compile(r"(\d{4})[-._]?(\d{2})(?:[-._]?(\d{2}))?(?!\d)")


class Look:
    """One look at the query of a search."""

    def __init__(self, transport: Transport, request: SearchRequest, access: IndexAccess) -> None:
        self._transport = transport
        self._request = request
        self._access = access
        self._asked = Asked(request)
        self._field_types = FieldTypes(transport, request)
        self._said = Verdict()

    def verdict(self, indices: List[str]) -> Verdict:
        """Return what is to be said, from what the concrete ``indices`` tell. Raises the errors of a request."""
        said = self._said
        here = [name for name in indices if ":" not in name]
        if not here:
            said.unchecked = "the fields of the query were not checked: " + (
                "indices of remote clusters cannot be asked" if indices else "the account may not list the indices"
            )
            return said
        if self._asked.hides_engine_words():
            said.unchecked = (
                "the fields of the query were not checked: a value in it looks like the engine's own answer"
            )
            return said
        in_range: Optional[List[str]] = None
        if len(here) > MOST_INDICES:
            in_range = self._field_types.in_range(here) or here
            if len(in_range) > MOST_INDICES:
                said.notes.append(
                    f"the fields of the query were checked in the {MOST_INDICES} newest of {len(in_range)} indices "
                    "with events of the range"
                )
            here = in_range = newest(in_range)
        explained = self._explain(here)
        if not explained:
            said.unchecked = "the fields of the query were not checked: the cluster does not explain the query"
            return said
        if not self._is_suspect(explained):
            return said
        if in_range is None:
            with_events = set(self._field_types.in_range(here) or here)
            explained = {name: text for name, text in explained.items() if name in with_events} or explained
        self._judge(explained)
        more = len(said.warnings) - _MOST_TEXTS
        if more > 0:
            said.warnings[_MOST_TEXTS:] = [f"{more} more parts of the query can match nothing; correct these first"]
        return said

    def _explain(self, indices: List[str]) -> Dict[str, Explanation]:
        found: Dict[str, Explanation] = {}
        read_once: Dict[str, Explanation] = {}
        params = {"explain": True, "rewrite": False, "ignore_unavailable": True}
        for path in paths(indices):
            reply = self._transport.request(
                "POST",
                (path, "_validate", "query"),
                params,
                {"query": self._asked.to_explain()},
                **BOUNDS,
            ).json()
            for entry in reply.get("explanations") or []:
                text, index = entry.get("explanation"), entry.get("index")
                if isinstance(text, str) and isinstance(index, str) and self._access.may_tell_of(index):
                    if text not in read_once:
                        read_once[text] = read(text)
                    found[index] = read_once[text]
        return found

    def _is_suspect(self, explained: Mapping[str, Explanation]) -> bool:
        """Whether a closer look is worth further requests."""
        if self._asked.named:
            return True
        for explanation in set(explained.values()):
            if explanation.failures or "ConstantScore()" in explanation.rest or "_field_names:" in explanation.rest:
                return True
            if "._valueAndPath:" in explanation.rest or "._keyed:" in explanation.rest:
                return True
            for term in explanation.terms():
                if is_network(term.text) or relation(term.text)[1] or re.search(r"[*?/~]", term.text):
                    return True
                if "." in term.text and term.text.startswith(term.field + "."):
                    return True
        return False

    def _judge(self, explained: Mapping[str, Explanation]) -> None:
        said, named, indices = self._said, self._asked.named, list(explained)
        failures: Dict[Tuple[str, str, str], List[str]] = {}
        for index, explanation in explained.items():
            for failure in explanation.failures:
                failures.setdefault((failure.kind, failure.name, failure.reason), []).append(index)
        unmapped = [name for kind, name, _ in failures if kind == "unmapped" and name]
        guesses = list(dict.fromkeys(name for text in self._asked.texts for name in in_text(text)))
        empty = any("ConstantScore()" in explanation.rest for explanation in explained.values())
        terms = list(dict.fromkeys(term for explanation in set(explained.values()) for term in explanation.terms()))
        related = [name for name, sign in (relation(term.text) for term in terms) if sign and name]
        tried = [term.field for term in terms if not term.is_word or is_network(term.text)]
        known = KnownFields(self._field_types, indices, [*unmapped, *named, *guesses, *related, *tried])
        # A pattern on a field that is not there is reported by the pattern's text, fields= by nothing.
        sure = [name for name in unmapped if name in guesses or name in named or not known.types(name)]
        is_unclear = empty or any(
            kind in ("unmapped", "nameless") and (not name or name not in guesses) for kind, name, _ in failures
        )
        candidates = [name for name in [*named, *(guesses if is_unclear else [])] if not name.startswith("_")]
        candidates = list(dict.fromkeys([*candidates, *(name for name in sure if name in guesses or name in named)]))
        for name in candidates:
            parent = name[:-2] if name.endswith(".*") else ""
            if parent and known.is_whole(parent):
                said.warn(*no_member(parent))
        lacking = {name: known.lacking(name, name in sure) for name in candidates}
        if is_unclear and not any(lacking.values()):
            # A pattern on an object, whose members alone are fields: object:/.../ or object:x*
            lacking.update({name: known.lacking(name, True) for name in guesses if not name.startswith("_")})
        say_lacking(said, known, {name: where for name, where in lacking.items() if where})
        named_any = any(len(where) == len(indices) for where in lacking.values()) or said.warnings
        if not named_any:
            # A pattern for names may lead to fields that no document has: Elasticsearch calls that unmapped, too.
            leading_on = {name for name in guesses if "*" in name and name in known}
            say_unnamed(said, failures, len(indices), empty, leading_on)
        say_failed(said, known, failures, lacking)
        say_not_indexed(said, known, failures, explained)
        say_mistakes(said, known, self._asked, terms)
        Members(said, known, self._asked).say(explained.values())


def newest(indices: Sequence[str]) -> List[str]:
    """Return the newest indices by the dates in their names, then by the names; as many as are looked at."""

    def age(name: str) -> Tuple[Tuple[str, ...], str]:
        dates = _DATES.findall(name)
        return (dates[-1] if dates else ()), name

    return sorted(indices, key=age, reverse=True)[:MOST_INDICES]
