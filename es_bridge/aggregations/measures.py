"""``stats=`` and ``by=`` as the user writes them: Splunk's words for it, taken apart and never sent on as text."""

from __future__ import annotations

import re
from typing import List, NamedTuple, Tuple

from es_bridge.errors import QueryError
from es_bridge.patterns import LONGEST_PATTERN

FUNCTIONS = ("count", "dc", "estdc", "sum", "min", "max", "avg", "values", "earliest", "latest")
#: More columns would make requests of any size.
MOST_MEASURES = 50
MOST_BY = 10
_LONGEST_TEXT = 10_000

_QUOTED = r'"((?:[^"\\]|\\.)*)"' + r"|'((?:[^'\\]|\\.)*)'"
_MEASURE = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)(?:\s*(\())?")
_FIELD = re.compile(rf"\s*(?:{_QUOTED}|([^()\"',]*?))\s*\)", re.DOTALL)
_AS = re.compile(rf"\s+as\s+(?:{_QUOTED}|([^\s,()\"']+))", re.IGNORECASE | re.DOTALL)
_NAME = re.compile(rf"\s*(?:{_QUOTED}|([^\s,\"']+))", re.DOTALL)
_COMMA = re.compile(r"\s*(?:,\s*|\s|$)")


class Measure(NamedTuple):
    """One result column: ``function`` of ``field`` (``""``: of the events themselves)."""

    function: str
    field: str
    column: str


def parse_measures(text: str) -> Tuple[Measure, ...]:
    """Return the columns of ``stats=``. Raises `QueryError`, which names what there is."""
    _check_length("stats=", text)
    found: List[Measure] = []
    at = 0
    text = text.strip()
    while at < len(text):
        match = _MEASURE.match(text, at)
        if match is None:
            raise QueryError(f"stats= cannot be read at {text[at : at + 40]!r}. {_valid()}")
        name, function, opened = match[1], match[1].lower(), match[2]
        if function not in FUNCTIONS:
            raise QueryError(f"stats= holds {name!r}, which is no function here.{_meant(function)} {_valid()}")
        at = match.end()
        field = ""
        if opened:
            inner = _FIELD.match(text, at)
            if inner is None:
                raise QueryError(
                    f"stats= cannot be read at {text[match.start() :][:60].strip()!r}: one field in parentheses, such "
                    "as dc(userName); expressions such as eval() are SPL's, after this command"
                )
            field, at = _unescaped(inner), inner.end()
            if not field and function != "count":
                raise QueryError(f"stats= holds {name}() without a field")
            if field:
                check_field("stats=", field)
        elif function != "count":
            raise QueryError(f"stats= holds {name} without a field: write {function}(field)")
        column = f"{name}({field})" if field else "count"
        named = _AS.match(text, at)
        if named is not None:
            column, at = _unescaped(named), named.end()
            if not column:
                raise QueryError("stats= holds 'as' with an empty name")
        found.append(Measure(function, field, column))
        after = _COMMA.match(text, at)
        if after is None:
            raise QueryError(f"stats= cannot be read at {text[at : at + 40]!r}: separate columns by commas")
        if after.end() == len(text) and "," in after[0]:
            raise QueryError("stats= ends with a comma")
        at = after.end()
    if not found:
        raise QueryError('stats= is empty: say what to compute, such as stats="count, dc(userName) as users"')
    if len(found) > MOST_MEASURES:
        raise QueryError(f"stats= holds {len(found)} columns: at most {MOST_MEASURES} are allowed")
    return tuple(found)


def parse_by(text: str) -> Tuple[str, ...]:
    """Return the fields of ``by=``, separated by commas or spaces. Raises `QueryError`."""
    _check_length("by=", text)
    found: List[str] = []
    at = 0
    text = text.strip()
    while at < len(text):
        match = _NAME.match(text, at)
        if match is None:
            raise QueryError(f"by= cannot be read at {text[at : at + 40]!r}: field names, separated by commas")
        name = _unescaped(match)
        check_field("by=", name)
        if name == "_time":
            raise QueryError("by= holds _time: use span=, such as span=5m, which makes steps of it")
        found.append(name)
        after = _COMMA.match(text, match.end())
        if after is None:
            raise QueryError(f"by= cannot be read at {text[match.end() :][:40]!r}: field names, separated by commas")
        at = after.end()
    if len(found) > MOST_BY:
        raise QueryError(f"by= holds {len(found)} fields: at most {MOST_BY} are allowed")
    return tuple(found)


def check_columns(columns: Tuple[str, ...]) -> None:
    """Raise `QueryError` if two columns have one name, or one has Splunk's names for its own."""
    for name in columns:
        if columns.count(name) > 1:
            raise QueryError(f"two columns would be called {name!r}: name one of them with 'as'")
        if name.startswith("__mv_"):
            raise QueryError(f"a column cannot be called {name!r}: Splunk hides such names")


def check_field(option: str, name: str) -> None:
    """Raise `QueryError` for what is no name of one field."""
    if not name or "*" in name or "," in name or any(ord(letter) < 32 for letter in name):
        raise QueryError(
            f"{option} holds {name[:40]!r}, which is no name of one field: wildcards are not possible here"
        )
    if len(name) > LONGEST_PATTERN:
        raise QueryError(f"{option} holds a name of {len(name)} characters: at most {LONGEST_PATTERN} are allowed")


def _check_length(option: str, text: str) -> None:
    if len(text) > _LONGEST_TEXT:
        raise QueryError(f"{option} has {len(text)} characters: at most {_LONGEST_TEXT} are allowed")


def _unescaped(match: re.Match[str]) -> str:
    double, single, plain = match.groups()[-3:]
    if plain is not None:
        return plain.strip()
    return re.sub(r"\\(.)", r"\1", double if double is not None else single, flags=re.DOTALL)


def _valid() -> str:
    return f'Functions: {", ".join(FUNCTIONS)}, such as stats="count, dc(userName) as users"'


def _meant(function: str) -> str:
    same = {"distinct_count": "dc", "c": "count", "mean": "avg", "first": "latest", "last": "earliest"}
    if function in same:
        return f" Use {same[function]}."
    import difflib  # only for a word that is misspelt

    close = difflib.get_close_matches(function, FUNCTIONS, 1)
    return f" Did you mean {close[0]!r}?" if close else ""
