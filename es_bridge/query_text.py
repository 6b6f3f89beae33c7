"""How deep and how costly a text is, counted before it is sent to an engine that reads it by recursion.

There is no parser here: what is counted is an upper bound. A text may be less than it looks like, never more. Nothing
here recurses, whatever the text.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from es_bridge.errors import QueryError

#: Nested brackets, ``{`` and ``[``, in dsl=. A ``bool`` in a list of a ``bool`` takes three. Nodes of OpenSearch 2.19
#: ended at 250 to 600 of them, whatever the clause, those of the other engines not earlier (tried from cold, with the
#: engines' own default stack).
MAX_JSON_DEPTH = 60
#: Nested parentheses in one text, or prefix operators (``+ - ! NOT``) in a row. Nodes of Elasticsearch 8.15 and 9.0
#: ended at 500 to 1,000 parentheses, the others later.
MAX_TEXT_DEPTH = 50
#: States that a regular expression grows to before it is reduced, estimated: see `regex_wildcards`.
MAX_REGEX_STATES = 20_000

#: A string without its end goes to the end of the text, so that no text is gone through twice.
_STRING = re.compile(r'"(?:[^"\\]|\\.?)*(?:"|\Z)', re.DOTALL)
#: The tokens of Lucene's classic query syntax; a quote or a slash that has no end is `other`.
_TOKEN = re.compile(
    r"""(?P<quoted>"(?:[^"\\]|\\.)*")
      |(?P<regex>/(?:\\/|[^/])*/)
      |(?P<range>[\[{]\ *(?:"[^"\\]*"|[^\s"\]}]+)\ +TO\ +(?:"[^"\\]*"|[^\s"\]}]+)\ *[\]}])
      |(?P<term>(?:\\.|[^\s()\[\]{}"!^~:/\\])+)
      |(?P<other>.)""",
    re.DOTALL | re.VERBOSE,
)
_ESCAPED = r"(?s)\\."
_PREFIX_OPERATORS = re.compile(r"(?:(?:[-+!]|NOT(?=[\s(]))\s*)+")
_OPERATORS = frozenset(("AND", "OR", "NOT", "TO", "&&", "||", "+", "-"))
_WILDCARDS = r"[*?~]"
#: Words as analyzers make them at most: each sign of Chinese and Japanese is one.
_WORD = r"[\u2e80-\u9fff\uf900-\ufaff]|[^\W\u2e80-\u9fff\uf900-\ufaff]+"
#: Compiled where a text has an open place: that takes a millisecond.
_PLACES = r"""(?xs)
      (?P<any>(?:\[(?:\\.|[^\]\\])*\]|\.)(?:[*+?]|\{(?P<times>\d+)[^}]*\})?)
      |(?P<literal>\\.|[^*+\[.?{}()|])
      |(?P<other>.)"""
_REPEAT = r"\{(\d+)(?:,(\d*))?\}"


class Cost(NamedTuple):
    """What a text, or a clause, is made of at most."""

    clauses: int = 0
    #: Wildcards, fuzzy terms and regular expressions: what has to be compared with the terms of a field one by one.
    wildcards: int = 0
    #: The first word that begins with a wildcard, for whoever has to look for it; ``""``: there is none.
    leading: str = ""

    def __add__(self, other: Cost) -> Cost:  # type: ignore[override]  # not of tuples
        return Cost(self.clauses + other.clauses, self.wildcards + other.wildcards, self.leading or other.leading)


def check_json_depth(text: str) -> None:
    """Raise `QueryError` when the text of dsl= is nested deeper than is safe to decode, and to send."""
    depth = deepest = 0
    for bracket in re.findall(r"[\[\]{}]", _STRING.sub("", text)):
        depth = depth + 1 if bracket in "[{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    if deepest > MAX_JSON_DEPTH:
        raise QueryError(
            f"dsl= is nested {deepest} brackets deep; {MAX_JSON_DEPTH} are allowed, because deeper ones can end nodes "
            "of the cluster. Write fewer levels: clauses side by side in one bool, not a bool in a bool in a bool"
        )


def cost_of_query_string(text: str, where: str) -> Cost:
    """Return what a text in Lucene's query syntax costs. Raises `QueryError` when it could end a node.

    ``where`` names the text in the error.
    """
    depth = deepest = clauses = wildcards = 0
    leading = ""
    for token in _TOKEN.finditer(text):
        kind, said = token.lastgroup, token.group()
        if kind == "term":
            if said in _OPERATORS:
                continue
            clauses += not text.startswith(":", token.end())
            plain = re.sub(_ESCAPED, "x", said).lstrip("+-")
            if plain != "*":  # alone it stands for any value, and is compared with none
                wildcards += pattern_wildcards(plain)
                leading = leading or (said if plain.startswith(("*", "?")) else "")
        elif kind == "regex":
            pattern = said[1:-1]
            clauses += 1
            wildcards += regex_wildcards(pattern, where)
            deepest = max(deepest, depth + pattern.count("("))
            leading = leading or (said if begins_with_anything(pattern) else "")
        elif kind in ("quoted", "range"):
            clauses += 1
        elif said == "(":
            depth += 1
            deepest = max(deepest, depth)
        elif said in ("[", "{"):  # a range in a form that is not known here: what is quoted behind it is uncertain
            cost = cost_of_text(text, where, closes=False)
            return cost + Cost(wildcards=regex_wildcards(text, where), leading=leading or _leading_anywhere(text))
        elif said == ")":
            depth = max(0, depth - 1)
        elif said == "~":
            wildcards += 1
    _check_text_depth(max(deepest, _prefix_operators(text)), where)
    return Cost(clauses, wildcards, leading)


def cost_of_text(text: str, where: str, closes: bool = True) -> Cost:
    """Return what a text of another syntax costs, or of none. Raises `QueryError` when it could end a node."""
    # What is quoted or escaped depends on the syntax; where something may be, no parenthesis is taken for closed.
    closes = closes and not any(sign in text for sign in '"\\/[')
    depth = deepest = 0
    for sign in re.findall(r"[()]", text):
        depth = depth + 1 if sign == "(" else max(0, depth - closes)
        deepest = max(deepest, depth)
    _check_text_depth(deepest, where)
    return Cost(len(re.findall(_WORD, text)), len(re.findall(_WILDCARDS, text)))


def pattern_wildcards(pattern: str) -> int:
    """Return how many wildcards the pattern of a wildcard query counts as."""
    return len(re.findall(_WILDCARDS, pattern)) + _open_places(pattern.replace(".", "x").replace("?", "."))


def regex_wildcards(pattern: str, where: str) -> int:
    """Return how many wildcards a regular expression counts as. Raises `QueryError` when it could end a node.

    The engines write out what is repeated before they bound its size: ``((a{1000}){1000}){1000}`` takes the heap.
    """
    plain, nested = len(pattern), 1
    for repeat in re.finditer(_REPEAT, pattern):
        times = max(int(repeat[1][:9]), int((repeat[2] or "0")[:9]), 1)
        if pattern[repeat.start() - 1 : repeat.start()] in tuple(")}*+?"):  # a group, or what is repeated already
            nested *= times
        else:
            plain += times
    if plain * nested > MAX_REGEX_STATES:
        raise QueryError(
            f"a regular expression in {where} repeats too much: /{pattern[:60]}/ grows to some {plain * nested} "
            f"states; {MAX_REGEX_STATES} are allowed, because more can end nodes of the cluster. Write smaller numbers "
            "in braces, or * and +"
        )
    _check_text_depth(pattern.count("("), where)
    return 1 + len(re.findall(r"[*+?|&~{<@#]", re.sub(_ESCAPED, "", pattern))) + _open_places(pattern)


def _open_places(pattern: str) -> int:
    """Return how many wildcards a pattern counts as for the places in it that may be anything, behind a ``*``.

    ``.*a.{12}``, or ``*a????????????``, has to remember for each of twelve places whether an ``a`` was there: 2^12
    states, half a second for each field. A longer word than ``a`` overlaps with itself less.
    """
    if "*" not in pattern and "+" not in pattern:
        return 0
    places = word = 0
    is_open = False
    for token in re.finditer(_PLACES, pattern):
        kind, said = token.lastgroup, token.group()
        times = int(token["times"][:4]) if token["times"] else 1
        if said[0] in "*+" or (kind == "any" and said[-1] in "*+"):
            is_open = True
        elif is_open and kind == "any" and word:
            places += times
        elif is_open and kind == "literal" and not places:
            word += 1
    states = (1 + 1 / max(word, 1)) ** min(places, 64)
    return int(min(states, 1e9) / 10)


def begins_with_anything(pattern: str) -> bool:
    """Whether a regular expression leaves open how a term begins."""
    plain = re.sub(_ESCAPED, "x", pattern)
    return "|" in plain or plain[:1] in tuple('.[({~<@#"*?+&^') or plain[1:2] in ("*", "?", "{")


def _leading_anywhere(text: str) -> str:
    found = re.search(r"(?<![^\s(:+\-!\"/])[*?]+[^\s)*?]+|/", text)
    return found[0] if found else ""


def _prefix_operators(text: str) -> int:
    """Return the most prefix operators in a row, outside of quotes."""
    runs = _PREFIX_OPERATORS.findall(_STRING.sub('""', text))
    return max((len(re.findall(r"[-+!]|NOT", run)) for run in runs), default=0)


def _check_text_depth(depth: int, where: str) -> None:
    if depth > MAX_TEXT_DEPTH:
        raise QueryError(
            f"{where} is nested {depth} parentheses or operators deep; {MAX_TEXT_DEPTH} are allowed, because deeper "
            "ones can end nodes of the cluster. Write fewer levels; put a value that holds parentheses in quotes, or a "
            "backslash before each of them"
        )
