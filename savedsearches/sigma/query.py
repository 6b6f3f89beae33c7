"""A rule's condition as a query of the store, with what had to be changed on the way.

pySigma's backend for Lucene writes the text; this class gives it our fields, and refuses what would find nothing.
"""

from __future__ import annotations

import re
from typing import Any, List, Set, Tuple

from sigma.backends.elasticsearch.elasticsearch_lucene import LuceneBackend
from sigma.conditions import ConditionFieldEqualsValueExpression
from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule
from sigma.types import (
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaExists,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SpecialChars,
)

from savedsearches.sigma.errors import Refused
from savedsearches.sigma.log_sources import Field, LogSource, field_of, in_one_document

#: What a regular expression of Lucene gives a meaning.
_SPECIAL = frozenset('.?+*|{}[]()"\\#@&<>~^$/-')
#: Escapes of other dialects -> Lucene's.
_CLASSES = {"d": "[0-9]", "w": "[A-Za-z0-9_]", "s": "[ \t]"}


class StoreBackend(LuceneBackend):
    """Writes queries of one log. ``notes`` is what is not quite as the rule has it, ``used`` the fields."""

    requires_pipeline = False
    convert_or_as_in = False

    def __init__(self, source: LogSource) -> None:
        super().__init__()
        self.source = source
        self.notes: List[str] = []
        self.used: Set[str] = set()

    def convert_condition_field_eq_val(self, cond: ConditionFieldEqualsValueExpression, state: Any) -> Any:
        """Return a comparison, in our field's name. Raises `Refused`."""
        field, value = field_of(self.source, cond.field), cond.value
        if isinstance(value, SigmaCIDRExpression):
            if not field.address:
                raise Refused(f"{cond.field} holds texts, not addresses: no network matches it")
            self._note("networks are compared with source.ip")
            self.used.add("source.ip")
            return f'source.ip:"{value.cidr}"'
        self.used.add(field.name)
        self._note(field.note)
        if isinstance(value, SigmaRegularExpression):
            return self._regular_expression(cond.field, field, value)
        if isinstance(value, SigmaString):
            return self._text(cond, field, value, state)
        if isinstance(value, (SigmaNumber, SigmaBool, SigmaNull, SigmaExists)):
            return super().convert_condition_field_eq_val(_renamed(cond, field.name), state)
        raise Refused(f"{cond.field}: comparing with {type(value).__name__} is not supported")

    def convert_condition_val_str(self, cond: Any, state: Any) -> Any:
        """Return a search for a word that names no field. Raises `Refused`."""
        text = cond.value
        if not self.source.keywords:
            raise Refused("it searches for words without a field, and the events of this log are no text")
        parts = [part for part in text.s if isinstance(part, str)]
        inside = text.s[1:-1] if len(text.s) > 2 else ()  # noqa: PLR2004
        if len(parts) != 1 or any(not isinstance(part, str) for part in inside):
            raise Refused(f"{text} has a wildcard inside: lines are indexed word by word")
        self._note("lines are searched for whole words, not for parts of them")
        self.used.add(self.source.keywords)
        quoted = parts[0].replace("\\", "\\\\").replace('"', '\\"')
        return f'{self.source.keywords}:"{quoted}"'

    def convert_condition_val_num(self, cond: Any, state: Any) -> Any:
        """Raise `Refused`: a number in a line is a word of it."""
        raise Refused("it searches for a number without a field")

    def convert_condition_val_re(self, cond: Any, state: Any) -> Any:
        """Raise `Refused`: lines are indexed word by word."""
        raise Refused("it searches lines with a regular expression, and they are indexed word by word")

    def _text(self, cond: Any, field: Field, value: SigmaString, state: Any) -> str:
        cased = isinstance(value, SigmaCasedString)
        if cased:  # the store tells cases apart by itself
            value = _of_parts(value)
            cond = ConditionFieldEqualsValueExpression(cond.field, value)
        has_wildcard = any(isinstance(part, SpecialChars) for part in value.s)
        if field.in_object:
            if has_wildcard:
                raise Refused(f"{cond.field} is in an object that is indexed by whole values: no part of one is found")
            self._note(
                f"{cond.field} is found where the engine indexes objects (OpenSearch 2.19, Elasticsearch 8 or later)"
            )
        if (
            field.free_text
            and not cased
            and any(part.lower() != part.upper() for part in value.s if isinstance(part, str))
        ):
            self._note(f"{cond.field} is compared by a regular expression, so that the case does not matter")
            return f"{field.name}:/{_any_case(value)}/"
        if not value.s or all(part == "" for part in value.s):
            raise Refused(f"{cond.field} is compared with an empty text, which the store does not index")
        return str(super().convert_condition_field_eq_val(_renamed(cond, field.name), state))

    def _regular_expression(self, name: str, field: Field, value: SigmaRegularExpression) -> str:
        if field.in_object:
            raise Refused(f"{name} is in an object that is indexed by whole values: no regular expression finds one")
        if value.flags:
            raise Refused(f"{name}: flags of a regular expression are not supported")
        self._note(f"the regular expression of {name} is written in Lucene's dialect")
        return f"{field.name}:/{_lucene(name, str(value.regexp.to_plain()))}/"

    def _note(self, text: str) -> None:
        if text and text not in self.notes:
            self.notes.append(text)


def query_of(rule: SigmaRule, source: LogSource) -> Tuple[str, List[str]]:
    """Return the query of a rule, and what of it was rewritten. Raises `Refused`."""
    backend = StoreBackend(source)
    try:
        queries = backend.convert_rule(rule)
    except SigmaError as exc:
        raise Refused(f"{exc}") from exc
    except NotImplementedError as exc:
        raise Refused(f"it uses what a query of the store cannot say: {exc}") from exc
    if len(queries) != 1:
        raise Refused(f"it has {len(queries)} conditions")
    in_one_document(source, frozenset(backend.used - {source.keywords}))
    return str(queries[0]), backend.notes


def _renamed(cond: Any, name: str) -> Any:
    return ConditionFieldEqualsValueExpression(name, cond.value)


def _of_parts(value: SigmaString) -> SigmaString:
    plain = SigmaString()
    plain.s = value.s
    return plain


def _any_case(value: SigmaString) -> str:
    """Return a regular expression that is met whatever the case of letters."""
    made = []
    for part in value.s:
        if isinstance(part, SpecialChars):
            made.append(".*" if part is SpecialChars.WILDCARD_MULTI else ".")
            continue
        for letter in part:
            if letter.lower() != letter.upper():
                made.append(f"[{letter.lower()}{letter.upper()}]")
            else:
                made.append(f"\\{letter}" if letter in _SPECIAL else letter)
    return "".join(made)


def _lucene(name: str, text: str) -> str:
    """Return a regular expression in Lucene's dialect, which is anchored at both ends. Raises `Refused`."""
    if re.search(r"\(\?|\\[bBAZzpPkGDWS0-9]|[*+?}]\?|[*+?}]\+", text):
        raise Refused(f"the regular expression of {name} uses what Lucene has not: {text}")
    start, end = text.startswith("^"), text.endswith("$") and not text.endswith("\\$")
    inner = text[1 if start else 0 : -1 if end else None]
    if "^" in re.sub(r"\[\^|\\\^", "", inner) or "$" in inner.replace("\\$", ""):
        raise Refused(f"the regular expression of {name} has an anchor in its middle: {text}")
    inner = re.sub(r"\\([dws])", lambda found: _CLASSES[found[1]], inner)
    inner = re.sub(r'(?<!\\)(["#@&<>~/])', r"\\\1", inner)
    # An alternative at the top would take the wildcards of one side only.
    inner = f"({inner})" if "|" in inner else inner
    return f"{'' if start else '.*'}{inner}{'' if end else '.*'}"
