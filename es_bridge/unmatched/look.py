"""One look at a query: the engine's explanation of it is read, names are looked up, and what that tells is said.

The engine has explained the user's clauses (`ask`); what it says is taken apart (`explanation`), and names are then
looked up with ``_field_caps``. The text of a query is never parsed here.
"""

from __future__ import annotations

import re
from typing import Dict, List, Mapping, Tuple

from es_bridge.index_access import IndexAccess
from es_bridge.query import SearchRequest
from es_bridge.transport import Transport
from es_bridge.unmatched.ask import Answer, in_range
from es_bridge.unmatched.clauses import Asked
from es_bridge.unmatched.explanation import Explanation, is_network, read, relation
from es_bridge.unmatched.field_names import in_text
from es_bridge.unmatched.field_types import FieldTypes
from es_bridge.unmatched.fields import say_failed, say_lacking, say_not_indexed, say_unnamed
from es_bridge.unmatched.known_fields import KnownFields
from es_bridge.unmatched.members import Members, no_member
from es_bridge.unmatched.verdict import Verdict
from es_bridge.unmatched.words import say_mistakes

#: Texts that one search says of its query.
_MOST_TEXTS = 10


class Look:
    """One look at the query of a search."""

    def __init__(self, transport: Transport, request: SearchRequest, access: IndexAccess, asked: Asked) -> None:
        self._transport = transport
        self._request = request
        self._access = access
        self._asked = asked
        self._field_types = FieldTypes(transport)
        self._said = Verdict()

    def verdict(self, answer: Answer) -> Verdict:
        """Return what is to be said, from what the engine said. Raises the errors of a request."""
        said = self._said
        said.notes += answer.notes
        said.unchecked = answer.unchecked
        if said.unchecked:
            return said
        explained = self._explanations(answer)
        if not explained:
            said.unchecked = "the fields of the query were not checked: the cluster does not explain the query"
            return said
        if not self._is_suspect(explained):
            return said
        if answer.in_range is None:
            with_events = set(in_range(self._transport, self._request, list(explained)) or explained)
            explained = {name: text for name, text in explained.items() if name in with_events} or explained
        self._judge(explained)
        more = len(said.warnings) - _MOST_TEXTS
        if more > 0:
            said.warnings[_MOST_TEXTS:] = [f"{more} more parts of the query can match nothing; correct these first"]
        return said

    def _explanations(self, answer: Answer) -> Dict[str, Explanation]:
        """Return index -> explanation, each text read once."""
        found: Dict[str, Explanation] = {}
        read_once: Dict[str, Explanation] = {}
        for reply in answer.replies:
            for entry in reply.json().get("explanations") or []:
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
