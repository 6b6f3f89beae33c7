"""What an engine's explanation of a query says: the parts that can match nothing, and terms that look like mistakes.

The text is the ``explanation`` of ``_validate/query?explain=true&rewrite=false``: Lucene's own words for the query, the
same on OpenSearch 1.3 to 3.8 and Elasticsearch 7.10 to 9.0 but for details (``tests/es_bridge/test_explanation.py`` has
the texts of each). It is no interface: values stand in it as they are, without quotes or escapes. So only these things
are taken from it:

- ``MatchNoDocsQuery("<why>")``, Lucene's word for a part that matches nothing. No value may hold that word: whoever
  asks takes it out first (`es_bridge.unmatched.marker`);
- ``( A | B )``, one word tried on several fields. An alternative that fails is normal there: a word is no number;
- ``<field>:<text>`` where the text is of a kind that no sensible value has (`Term`).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import FrozenSet, Iterator, List, Sequence, Tuple

from es_bridge.unmatched.marker import MARKER

#: Stands for a failed part in the rest of the text.
_GAP = "\ue000"
#: What can follow a part of a query.
_NEXT = r"(?=$|[\s)^|,])"
_END = re.compile(r'"\)' + _NEXT)
#: The reasons that quote a value end with its bracket.
_END_OF_QUOTING = re.compile(r'\]"\)' + _NEXT)
_QUOTING = ("unmapped fields [", "failed [", "Value [")
_WRAPPED = re.compile(rf"(?:ConstantScore)?\({_GAP}\)(?:\^[0-9.E+-]+)?")
_DEAD_GROUP = re.compile(rf"\({_GAP}(?: \| {_GAP})+\)")
_UNMAPPED = re.compile(r"unmapped fields \[(.*)\]|unmapped field: ?(.*)", re.DOTALL)
_FAILED = re.compile(r"failed \[(.*?)\] query, caused by \w+:\[(.*)\]", re.DOTALL)
_NO_SUCH_VALUE = re.compile(r"(?:Value \[.*\]|All values) (?:has|have|is|are) .*", re.DOTALL)
#: What a clause on a field that is not there becomes before the engine explains it: its field is not named any more.
_NAMELESS = re.compile(r'User requested "match_none" query\.|The "\w+" query +.*')
_BYTES = re.compile(r"\[\[((?:[0-9a-f]{1,2} ?)+)\]\]")
#: A term or several of a field: ``e:a``, ``ConstantScore(e:a)``, ``+e:a``, ``e:(a b)``, ``(e:a | f:a)``.
_TERM = re.compile(rf"(?:^|(?<=[\s(+\-#|]))(?P<field>[^\s():|\"{_GAP}]+):(?P<text>\([^()]*\)|/\S*/|[^\s)^]+)")
_MORE_WORDS = re.compile(r"(?P<words>(?: [^\s|()]+){0,100})(?P<after>\)* \| |\)|$)")
_RELATION = re.compile(r"([^\s=<>!:]*)(==?|[<>]=?)|([^\s=<>!:]+)(:)")


@dataclass(frozen=True)
class Failure:
    """A part that matches nothing, and why.

    ``kind`` is ``unmapped`` (``name``: the field as asked for; for a pattern on it, the pattern), ``not_indexed``,
    ``value`` (the field's type cannot hold it; ``name`` may be empty), ``nameless`` (a clause on a field that is not
    there, or one that asks for nothing) or ``other``.
    """

    kind: str
    name: str
    reason: str


@dataclass(frozen=True)
class Term:
    """A term of the query as the engine reads it. ``is_word``: tried on several fields, because none was named."""

    field: str
    text: str
    is_word: bool


@dataclass(frozen=True)
class Explanation:
    """What one explanation says. ``rest`` is its text without the failed parts."""

    failures: Tuple[Failure, ...]
    rest: str

    def terms(self) -> Iterator[Term]:
        """Yield the terms of the query, as far as a text without quotes lets them be told apart."""
        for found in _TERM.finditer(self.rest):
            before = self.rest[max(0, found.start() - 20) : found.start()]
            # Several bare words are one text to a field that is not analysed.
            more = _MORE_WORDS.match(self.rest, found.end())
            after = more["after"] if more else ""
            is_wrapped = before.endswith("ConstantScore(")
            is_word = before.removesuffix("ConstantScore(").endswith(" | ") or after.endswith(" | ")
            if after.startswith(")") and not is_wrapped and not before.endswith(" | "):
                is_word = False  # the words of a text, which is analysed
            field = found["field"].lstrip("+-#")
            if field.startswith("dvQuery="):  # the same once more, for the engine to choose from
                continue
            field = field.removeprefix("indexQuery=")
            texts = found["text"]
            words = texts[1:-1].split() if texts.startswith("(") else [texts]
            for text in words + (more["words"].split() if more and is_word else []):
                yield Term(field, text, is_word)


def read(text: str) -> Explanation:
    """Return what an explanation says. Reads any text; what it does not know is left out."""
    pieces: List[str] = []
    reasons: List[str] = []
    text = text.replace(_GAP, "?")
    start = 0
    while True:
        found = text.find(MARKER + '("', start)
        if found < 0:
            break
        begin = found + len(MARKER) + 2
        ending = _END_OF_QUOTING if text.startswith(_QUOTING, begin) else _END
        end = ending.search(text, begin) or _END.search(text, begin)
        if end is None:
            break
        reasons.append(text[begin : end.end() - 2])
        pieces.append(text[start:found].removesuffix("Span") + _GAP)
        start = end.end()
    rest = "".join(pieces) + text[start:]
    while True:
        plain = _WRAPPED.sub(_GAP, rest)
        if plain == rest:
            break
        rest = plain
    failures = []
    dead = _dead(rest)
    for place, reason in zip(_places(rest), reasons):
        failure = _failure(reason)
        if failure.kind == "unmapped" and failure.name == "*":
            continue  # a bare word, in an index of Elasticsearch without documents
        is_alternative = rest[max(0, place - 3) : place] == " | " or rest[place + 1 : place + 4] == " | "
        # A field that is not there is never one of those a bare word is tried on: somebody named it.
        if not is_alternative or place in dead or failure.kind == "unmapped":
            failures.append(failure)
    return Explanation(tuple(dict.fromkeys(failures)), rest)


def is_network(text: str) -> bool:
    """Whether a text is an address with a mask: ``10.0.0.0/8``."""
    address, slash, bits = text.rpartition("/")
    if not slash or not bits.isdigit():
        return False
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def relation(text: str) -> Tuple[str, str]:
    """Return (name, sign) of a text that reads ``<name>=...``, or ``("", "")``. The name may be empty: ``=x``.

    A colon is a sign, too: in a term it was escaped or in quotes.
    """
    found = _RELATION.match(text)
    return (found[1] or found[3] or "", found[2] or found[4]) if found else ("", "")


def _places(rest: str) -> Sequence[int]:
    return [at for at, character in enumerate(rest) if character == _GAP]


def _dead(rest: str) -> FrozenSet[int]:
    """Return the places of failed parts in groups where nothing else is left."""
    return frozenset(
        group.start() + at
        for group in _DEAD_GROUP.finditer(rest)
        for at, character in enumerate(group[0])
        if character == _GAP
    )


def _failure(reason: str) -> Failure:
    unmapped = _UNMAPPED.fullmatch(reason)
    if unmapped:
        name = unmapped[1] if unmapped[1] is not None else unmapped[2]
        return Failure("unmapped", "" if name == "null" else name, reason)
    failed = _FAILED.fullmatch(reason)
    if failed:
        is_stored = failed[2].startswith("Cannot search on field") and "not indexed" in failed[2]
        return Failure("not_indexed" if is_stored else "value", failed[1], _BYTES.sub(_decoded, failed[2]))
    if _NO_SUCH_VALUE.fullmatch(reason):
        return Failure("value", "", _BYTES.sub(_decoded, reason))
    return Failure("nameless" if _NAMELESS.fullmatch(reason) else "other", "", reason)


def _decoded(found: re.Match[str]) -> str:
    return "[" + bytes(int(byte, 16) for byte in found[1].split()).decode("utf-8", "replace") + "]"
