r"""What a query text that an engine cannot read becomes: the place and the likely mistake.

The engines' parser answers with its tokens (``Encountered " ":" ": "" at line 1, column 6. Was expecting ...``), in the
same words on all of them. From these only the place is taken; the hints look at the characters around it and read
nothing else of the query's language.
"""

from __future__ import annotations

import re
from typing import Iterator, List, Optional, Tuple

from es_bridge.errors import BridgeError, RejectedQuery
from es_bridge.query import SearchRequest, query_texts
from es_bridge.unmatched.verdict import one_line

_PLACE = re.compile(r"at line \d+, column (\d+)")
_SHOWN_CHARACTERS = 60
_OPERATOR_AT_END = re.compile(r"(?:^|[\s(])(?:AND|OR|NOT|&&|\|\|)\s*$|[!+]\s*$|(?:^|\s)-\s*$")


def explained(error: BridgeError, request: SearchRequest) -> BridgeError:
    """Return an error about a text that cannot be read in words that help; any other error as it is."""
    if not isinstance(error, RejectedQuery) or "Failed to parse query [" not in error.reason:
        return error
    where, text = _text_of(error.reason, request)
    # Only in the engine's own words: the text, which it quotes, may say anything.
    said = error.reason.replace(f"[{text}]", "").replace(f"'{text}'", "")
    place = _PLACE.search(said)
    if place is None or text is None:
        # Too many clauses, a leading wildcard that is not allowed and the like: the engine's reason says it.
        return error if text is None or len(text) <= _SHOWN_CHARACTERS else _shortened(error, where, text)
    at = min(int(place[1]), len(text))
    if "Lexical error" in said:
        at, mistake = _unreadable(text, at)
    elif at >= len(text):
        mistake = _ends_too_early(text)
    else:
        mistake = _unexpected(text, at)
    before, after = text[max(0, at - _SHOWN_CHARACTERS) : at], text[at : at + _SHOWN_CHARACTERS]
    shown = f"after {one_line(before)!r}" + (f", before {one_line(after)!r}" if after else ", at its end")
    return RejectedQuery(
        f"{where} cannot be read at character {at + 1} ({shown}): {mistake}",
        status=error.status,
        error_type=error.error_type,
        reason=error.reason,
    )


def _shortened(error: RejectedQuery, where: str, text: str) -> RejectedQuery:
    begin = text[:_SHOWN_CHARACTERS] + "..."
    return RejectedQuery(
        f"{where} is refused by the engine: {one_line(error.reason.replace(text, begin))[:1000]}",
        status=error.status,
        error_type=error.error_type,
        reason=error.reason,
    )


def _text_of(reason: str, request: SearchRequest) -> Tuple[str, Optional[str]]:
    texts: List[Tuple[str, str]] = list(_texts(request))
    for where, text in texts:
        if f"Failed to parse query [{text}]" in reason:
            return where, text
    return texts[0] if len(texts) == 1 else ("query=", None)


def _texts(request: SearchRequest) -> Iterator[Tuple[str, str]]:
    yield "query=", request.query
    for text in query_texts(request.dsl):
        yield "the query text in dsl=", text


def _unreadable(text: str, at: int) -> Tuple[int, str]:
    """Say where something begins that has to be closed, and is not."""
    plain = re.sub(r"\\.", "__", text, flags=re.DOTALL)
    if plain.count('"') % 2:
        return plain.rindex('"'), 'a quote (") is opened and not closed. A quote inside a value is written \\"'
    bare = re.sub(r'"[^"]*"', lambda quoted: "_" * len(quoted[0]), plain)
    if "/" in bare:
        begin = bare.rindex("/")
        return begin, "a / begins a regular expression. In a value write \\/, or put the value in quotes"
    if plain.endswith("\\"):
        return len(text) - 1, "a \\ at the end escapes nothing. A \\ in a value is written \\\\"
    return at, "what stands here is not closed or not a number. Put a value with special characters in quotes"


def _ends_too_early(text: str) -> str:
    plain = re.sub(r'\\.|"[^"]*"', "", text, flags=re.DOTALL)
    if _OPERATOR_AT_END.search(plain):
        return "it ends with an operator that needs something after it"
    if plain.rstrip().endswith(":"):
        return "a field has no value. field:* finds every event that has the field"
    if plain.count("[") + plain.count("{") > plain.count("]") + plain.count("}"):
        return "a range has two ends and a bracket after them: field:[1 TO 5]"
    if plain.count("(") > plain.count(")"):
        return "a parenthesis ( is opened and not closed"
    return "it ends in the middle"


def _unexpected(text: str, at: int) -> str:
    character = text[at]
    if character == ":":
        if text[max(0, at - 2) : at] == ".*":
            return (
                "a * in the name of a field is written \\*. Of an object indexed as a whole, object:value looks in all "
                "members"
            )
        if text[at - 1 : at] == '"':
            return "a field's name is written without quotes: field:value"
        if text[at - 1 : at] in ("*", "?"):
            return f"a {text[at - 1]} in the name of a field is written \\{text[at - 1]}"
        return "a colon inside a value is written \\:, or the value is put in quotes"
    if character == ")":
        return "a parenthesis ) has no ( before it, or nothing inside"
    if character in "]}":
        return "a range has two ends: field:[1 TO 5]"
    if re.match(r"(?:AND|OR|&&|\|\|)(?:\s|$)", text[at:]):
        return "an operator has nothing in front of it"
    if character in "^~":
        return f"a {character} has nothing in front of it"
    return f"{character!r} is not expected here. Put a value with special characters in quotes, or \\ before each"
