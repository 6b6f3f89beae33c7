"""Tokens of Dashboard Studio in a text: ``$account|u$``, ``$row.src.value|u$``, and how Splunk puts values in.

What people typed, what a link brought and what stands in a row may come from an attacker. In a search such a value is
always written as in a URL (filter ``u``, JavaScript's ``encodeURIComponent``): no quote, backslash, bracket, pipe,
blank or backtick is left of it. ``| elasticstats equals=`` takes it like that, elsewhere ``urldecode("...")`` does.
Splunk's filter ``s``, quotes around a JSON text, would leave backticks, and Splunk puts macros in wherever they stand.
"""

from __future__ import annotations

import re
from typing import Callable, List, Mapping, NamedTuple
from urllib.parse import quote

#: Letters of a token's name, as Splunk's ``TokenRegExp`` has them; what is no token stays as it is.
_TOKEN = re.compile(r"\$((?:[ \w.-]+:)?[\w.-](?:[\w .-]*[\w.-])?)((?:\|[a-zA-Z]+)*)\$", re.ASCII)
#: Names of Splunk's filters -> what they do.
FILTERS: Mapping[str, Callable[[str], str]] = {"u": lambda value: quote(value, safe="-_.!~*'()")}


class Token(NamedTuple):
    """One occurrence."""

    name: str
    filters: List[str]


def tokens_of(text: str) -> List[Token]:
    """Return the tokens of a text in their order."""
    return [Token(name, [each for each in filters.split("|") if each]) for name, filters in _TOKEN.findall(text)]


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return a text with its tokens replaced. A value is put in once and not read for tokens again.

    Raises `KeyError` for a token without a value, and for another filter than `FILTERS`.
    """

    def value(match: re.Match[str]) -> str:
        found = values[match.group(1)]
        for name in dict.fromkeys(each for each in match.group(2).split("|") if each):  # Splunk applies each once
            found = FILTERS[name](found)
        return found

    return _TOKEN.sub(value, text)
