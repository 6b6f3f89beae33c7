"""What is said of objects that are indexed as a whole, ``flat_object`` and ``flattened``, and of their members."""

from __future__ import annotations

import re
from typing import Iterable, List, Tuple

from es_bridge.unmatched.clauses import Asked
from es_bridge.unmatched.explanation import Explanation, Term, is_network
from es_bridge.unmatched.field_names import in_text
from es_bridge.unmatched.known_fields import KnownFields
from es_bridge.unmatched.verdict import Verdict

#: Members looked up when a search found nothing.
_MOST_MEMBERS = 100
_HALF_A_RANGE = re.compile(
    r"(?<!ConstantScore\()IndexOrDocValuesQuery\(indexQuery=([^\s()]+)\._valueAndPath:AutomatonQuery "
)


class Members:
    """What is to be said of the members of such objects that a search asks for."""

    def __init__(self, said: Verdict, known: KnownFields, asked: Asked) -> None:
        self._said = said
        self._known = known
        self._asked = asked
        self._members: List[str] = []

    def say(self, explained: Iterable[Explanation]) -> None:
        """Say what an object indexed as a whole does not find, and keep the members it is asked for."""
        for explanation in dict.fromkeys(explained):
            for parent in _HALF_A_RANGE.findall(explanation.rest):
                self._said.warn(
                    f"a range with one end on a member of {parent!r} finds nothing, or is compared as text",
                    "exact values, or compare in SPL",
                )
            if "AutomatonQuery" in explanation.rest:  # OpenSearch 3 does not say of what it asks whether it is there
                guesses = [name for text in self._asked.texts for name in in_text(text)]
                self._members += [name for name in guesses if self._known.is_member(name)]
            for term in explanation.terms():
                parent, _, inner = term.field.rpartition(".")
                if inner == "_value" and parent:
                    if not term.is_word:
                        self._value(parent, term.text, is_range=False)
                    continue
                if inner in ("_valueAndPath", "_keyed") and parent:
                    self._term(parent, inner, term)
                elif self._known.is_member(term.field) or self._is_flat_pattern(term):
                    if term.field.endswith("."):
                        continue  # OpenSearch 2.19 tries an empty regular expression on a member without a name, too
                    self._said.warn(
                        f"{term.field}:{term.text} finds nothing: in an object indexed as a whole this engine finds "
                        "exact values and a wildcard at the end only",
                        f'exact values and {term.field}:beginning*, or dsl={{"wildcard": {{"{term.field}": "*end"}}}}',
                    )
                elif self._is_flat_exists(term):
                    if "." in term.text[len(term.field) + 1 :]:  # OpenSearch 2.19
                        self._said.warn(
                            f"_exists_:{term.text} finds nothing: in an object indexed as a whole this engine knows "
                            "the first level of members only",
                            f'dsl={{"prefix": {{"{term.text}": ""}}}}',
                        )
                    self._members.append(term.text)
        # A name with a space in it cannot be told from two words in an explanation.
        spaced = [name for text in self._asked.texts for name in in_text(text) if " " in name]
        self._members += [name for name in [*self._asked.named, *spaced] if self._known.is_member(name)]
        self._said.members = [name for name in dict.fromkeys(self._members) if "*" not in name][:_MOST_MEMBERS]

    def _term(self, parent: str, inner: str, term: Term) -> None:
        text = term.text
        if inner == "_keyed":
            member, nul, value = text.lstrip("[{").partition("\x00")
            if nul:
                self._members.append(f"{parent}.{member}")
                self._value(f"{parent}.{member}", value, is_range=text[0] in "[{")
            elif text.startswith(("*", "?")):
                self._said.warn(
                    f"a wildcard at the beginning of a value in {parent!r} is compared with every member of it, not "
                    f"only the one named ({text}): it may find too many events",
                    f"exact values and {parent}.member:beginning*",
                )
            elif "*" in text or "?" in text:
                self._said.warn(
                    f"a wildcard in the middle of a value finds nothing in members of {parent!r} ({text})",
                    f"exact values and {parent}.member:beginning*",
                )
            return
        if text == "AutomatonQuery":
            return  # a range with one end, or on OpenSearch 3 a question whether there is one
        path, equals, value = text.lstrip("[{/").partition("=")
        if path == f"{parent}.":
            if term.is_word:
                return  # OpenSearch 2.19 tries a bare word on a member without a name, too
            self._said.warn(*no_member(parent))
        elif equals:
            self._members.append(path)
            self._value(path, value, is_range=text[0] in "[{")

    def _value(self, name: str, value: str, is_range: bool) -> None:
        if is_range and _is_number(value):
            self._said.warn(
                f"the values of {name!r} are compared as text, where 10 comes before 9: a range of numbers finds the "
                "wrong events",
                "exact numbers, or compare in SPL",
            )
        elif is_network(value):
            self._said.warn(
                f"{name!r} holds text, so {value} is compared as text there and finds no address of the network",
                f"{name}:10.* for addresses that begin with 10.",
            )

    def _is_flat_pattern(self, term: Term) -> bool:
        """Whether a term is how OpenSearch looks for a pattern in all members of an object: where no value is."""
        is_flat = "flat_object" in self._known.kinds(term.field)
        return is_flat and not term.is_word and re.search(r"^/|[*?]|~\d$", term.text) is not None

    def _is_flat_exists(self, term: Term) -> bool:
        """Whether a term is how OpenSearch 2.19 asks whether a member is there: ``object:object.member``."""
        is_flat = "flat_object" in self._known.kinds(term.field)
        return is_flat and not term.is_word and term.text.startswith(term.field + ".")


def no_member(parent: str) -> Tuple[str, str]:
    """Return what is said of a pattern for all members of an object, and what to write instead."""
    return f"{parent}.* names no member: it finds nothing", f"{parent}:value, which looks in all of them"


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None
