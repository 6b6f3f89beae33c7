"""What is said of terms that look like mistakes: ``field=value``, an escaped colon, a network, a regular expression."""

from __future__ import annotations

import re
from typing import Sequence

from es_bridge.unmatched.clauses import Asked
from es_bridge.unmatched.explanation import Term, is_network, relation
from es_bridge.unmatched.known_fields import KnownFields
from es_bridge.unmatched.verdict import Verdict


def say_mistakes(said: Verdict, known: KnownFields, asked: Asked, terms: Sequence[Term]) -> None:
    """Say which terms look for a text that nobody means."""
    texts = "\n".join(asked.texts)
    # A bare word is tried on fields with a lowercase normalizer too: the same word, in their letters.
    lowered = {term.text.lower() for term in terms if term.is_word and term.text.lower() != term.text}
    for term in terms:
        if term.field.endswith(("._valueAndPath", "._value", "._keyed")) or term.field.startswith("_"):
            continue
        if term.is_word and term.text in lowered:
            continue
        quoted = f"{term.field}:{term.text}"
        kinds = known.kinds(term.field)
        if is_network(term.text) and kinds and not kinds & {"ip", "ip_range"} and quoted not in texts:
            if term.is_word and known.has_addresses():
                continue  # one of the fields a bare word is tried on knows addresses
            said.warn(
                f"{term.field!r} holds text, so {term.text} is compared as text there and finds no address of the "
                "network",
                known.addresses(term.field),
            )
        if re.match(r"/\^|/.*\$/$", term.text, re.DOTALL):
            said.warn(
                f"{term.field}:{term.text} can match nothing: a regular expression is compared with the whole "
                "value, and ^ and $ are plain characters in it",
                "the same without ^ and $, and .* where any text may stand",
            )
        name, sign = relation(term.text)
        if not sign or f"{term.field}:" in texts or (term.field in asked.with_values and not term.is_word):
            continue
        if term.is_word or asked.texts:
            _say_mistaken_sign(said, known, term, name, sign)


def _say_mistaken_sign(said: Verdict, known: KnownFields, term: Term, name: str, sign: str) -> None:
    is_field = known.is_field(name)
    meant = name if is_field else next(iter(known.same_letters(name)), "") if name else ""
    value = term.text[len(name) + len(sign) :] or "value"
    if sign == ":":
        if is_field and term.is_word:
            said.warn(
                f"the colon in {term.text!r} is plain text, because it is escaped or in quotes: {name!r} is not "
                f'taken as a field. Write {name}:"..." with quotes or \\ in the value only'
            )
    elif not name:
        if term.is_word:
            said.warn(
                f"{term.text!r} in the query is looked for as a word. A field and its value are written "
                "field:value; other values: NOT field:value"
            )
    elif meant:
        written = f"{meant}:{sign}{value}" if sign[0] in "<>" else f"{meant}:{value}"
        said.warn(
            f"{term.text!r} in the query is looked for as one word, and {name!r} is not taken as a field. "
            f"Write {written}"
        )
