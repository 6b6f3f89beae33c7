"""Reads the table ``mapping.yaml``: what an entry is, and how its expressions read as SPL.

An expression is written once and read in two places. In an event, a calculated field may need what Splunk does not
extract by itself; rows of the command have every field as a column. So ``<path>`` is a look into ``_raw`` in the first
and a column in the second.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Match, Sequence, Set

TABLE = Path(__file__).with_name("mapping.yaml")
#: ``source`` of every event that the inputs write begins with this and the dataset.
SOURCE_PREFIX = "aws_siem_bridge"

_NAMED = re.compile(r"\{(\w+)\}")
_DEEP = re.compile(r"<([^<>=\s]+)>")
_QUOTED = re.compile(r"'([^']*)'")
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_WORD = re.compile(r"(?<![\w'\"])([A-Za-z_]\w*)(?!\w|\()")
_OPERATORS = {"AND", "OR", "NOT", "IN", "LIKE"}


@dataclass(frozen=True)
class Eventtype:
    """Which events of a dataset have tags: all, or those that a search finds."""

    name: str
    tags: Sequence[str]
    search: str = ""


@dataclass(frozen=True)
class Dataset:
    """One entry of the table. ``fields``: name -> expression, names of ``let`` put in, ``<path>`` not yet."""

    name: str
    fields: Mapping[str, str]
    #: Of the events of an input; empty where there are rows only.
    sourcetype: str = ""
    #: Member with the time of an event, last part of its path.
    time: str = ""
    #: Name of the macro for rows, and the expression for their tags; empty where there are events only.
    macro: str = ""
    row_tag: str = ""
    eventtypes: Sequence[Eventtype] = ()
    #: Model of CIM -> required field that may be missing -> why.
    lacks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """Return what the ``source`` of its events begins with, the last colon included."""
        return f"{SOURCE_PREFIX}:{self.name}:"

    def for_events(self) -> Dict[str, str]:
        """Return field -> expression for calculated fields, which are worked out side by side."""
        return {name: _DEEP.sub(_looked_up, text) for name, text in self.fields.items()}

    def for_rows(self) -> Dict[str, str]:
        """Return field -> expression for one ``eval``, which works them out one after the other.

        What an expression reads comes before the field of that name is given its new meaning. Raises `ValueError` where
        that is impossible.
        """
        given = {**self.fields, "tag": self.row_tag}
        plain = {name: _DEEP.sub(r"'\1'", text) for name, text in given.items()}
        left, ordered = dict(plain), {}
        while left:
            free = [name for name in left if not any(name in reads(plain[other]) for other in left if other != name)]
            if not free:
                raise ValueError(f"{self.name}: {', '.join(left)} read each other")
            ordered[free[0]] = left.pop(free[0])
        return ordered


def _looked_up(match: Match[str]) -> str:
    path = match.group(1)
    return f"coalesce('{path}',spath(_raw,\"{path}\"))"


def reads(expression: str) -> Set[str]:
    """Return the fields that an expression reads."""
    bare = _TEXT.sub('""', expression)
    quoted = set(_QUOTED.findall(bare))
    return quoted | {word for word in _WORD.findall(_QUOTED.sub("''", bare)) if word not in _OPERATORS}


def read_table(path: Path = TABLE) -> List[Dataset]:
    """Return the datasets of the table. Raises `ValueError` for an entry that is none."""
    import yaml

    return [_dataset(name, entry) for name, entry in yaml.safe_load(path.read_text("utf-8")).items()]


def _dataset(name: str, entry: Mapping[str, Any]) -> Dataset:
    unknown = set(entry) - {"events", "rows", "let", "fields", "eventtypes", "lacks"}
    if unknown:
        raise ValueError(f"{name}: unknown: {', '.join(sorted(unknown))}")
    named = {key: _one_line(text) for key, text in entry.get("let", {}).items()}
    fields = {key: _put_in(_one_line(text), named) for key, text in entry["fields"].items()}
    events, rows = entry.get("events", {}), entry.get("rows", {})
    eventtypes = [
        Eventtype(f"{SOURCE_PREFIX}_{key}", given["tags"], given.get("search", ""))
        for key, given in entry.get("eventtypes", {}).items()
    ]
    return Dataset(
        name,
        fields,
        events.get("sourcetype", ""),
        events.get("time", ""),
        rows.get("macro", ""),
        _put_in(_one_line(rows.get("tag", "")), named),
        eventtypes,
        entry.get("lacks", {}),
    )


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace(", ", ",")


def _put_in(text: str, named: Mapping[str, str]) -> str:
    def value(match: Match[str]) -> str:
        found = _put_in(named[match.group(1)], named)
        bare = _TEXT.sub("", found)
        return f"({found})" if re.search(r" (AND|OR) |[=<>] ?[^<>]*$", _DEEP.sub("", bare)) else found

    return _NAMED.sub(value, text)
