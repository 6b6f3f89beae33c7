"""Lookup tables, as ``transforms.conf`` describes them.

https://help.splunk.com/en/splunk-enterprise/administer/admin-manual/10.0/configuration-file-reference/10.0.0-configuration-file-reference/transforms.conf
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

from savedsearches.runner import functions, values
from savedsearches.runner.conf_files import read_conf
from savedsearches.runner.errors import SplSyntaxError, Unverified
from savedsearches.runner.values import Row

#: Splunk hands out this many matches unless ``max_matches`` says otherwise.
MOST_MATCHES = 1000
#: Settings of a lookup in transforms.conf that the runner heeds, or that change nothing in what is found.
_KNOWN = frozenset(
    {"filename", "external_type", "collection", "fields_list", "match_type", "case_sensitive_match", "max_matches",
     "min_matches", "default_match"}
)  # fmt: skip
_MATCH_TYPE = re.compile(r"(\w+)\(([^)]*)\)")


@dataclass
class Lookup:
    """A table and how its rows are matched. ``match_types``: column -> ``WILDCARD`` or ``CIDR``."""

    rows: List[Row] = field(default_factory=list)
    match_types: Dict[str, str] = field(default_factory=dict)
    case_sensitive: bool = True
    max_matches: int = MOST_MATCHES
    #: With ``min_matches`` above what is found, missing values are this.
    min_matches: int = 0
    default_match: str = ""
    #: Columns that a definition names, also of a table without rows; empty where there is only the table.
    fields_list: Tuple[str, ...] = ()
    _by_key: Dict[Tuple[str, ...], Dict[Tuple[str, ...], List[Row]]] = field(default_factory=dict, repr=False)

    @property
    def columns(self) -> List[str]:
        """Return the columns, those of the definition first, others in the order they are met."""
        return list(dict.fromkeys([*self.fields_list, *(name for row in self.rows for name in row)]))

    def replace(self, rows: List[Row]) -> None:
        """Put other rows in; of a defined table only the columns that the definition names."""
        known = self.fields_list
        self.rows = [{name: row[name] for name in row if name in known} for row in rows] if known else rows
        self._by_key.clear()

    def matches(self, keys: Dict[str, str]) -> List[Row]:
        """Return the rows that have these values in these columns, the first `max_matches` of them."""
        exact = tuple(sorted(name for name in keys if name not in self.match_types))
        candidates = self.rows
        if exact:
            candidates = self._index(exact).get(tuple(self._folded(keys[name]) for name in exact), [])
        others = [name for name in keys if name in self.match_types]
        if others:
            candidates = [row for row in candidates if all(self._fits(row, name, keys[name]) for name in others)]
        return candidates[: self.max_matches]

    def _index(self, columns: Tuple[str, ...]) -> Dict[Tuple[str, ...], List[Row]]:
        index = self._by_key.get(columns)
        if index is None:
            index = self._by_key[columns] = {}
            for row in self.rows:
                key = tuple(self._folded(values.text(row.get(name, ""))) for name in columns)
                index.setdefault(key, []).append(row)
        return index

    def _folded(self, text: str) -> str:
        return text if self.case_sensitive else text.lower()

    def _fits(self, row: Row, column: str, value: str) -> bool:
        wanted = values.text(row.get(column, ""))
        if self.match_types[column].upper() == "CIDR":
            return functions.in_network(wanted, value)
        return functions.like(self._folded(value), self._folded(wanted).replace("%", r"\%").replace("*", "%"))


def read_csv(path: Path, **settings: Any) -> Lookup:
    """Return the table of a CSV file with a header line. Raises `SplSyntaxError` for what is no such table."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        header = next(reader, None)
        if not header:
            raise SplSyntaxError(f"{path} has no header line")
        rows: List[Row] = []
        for cells in reader:
            if len(cells) > len(header):
                raise SplSyntaxError(f"{path}, line {reader.line_num}: more cells than the header line has")
            if cells:  # not an empty line
                rows.append({name: cell for name, cell in zip(header, cells) if cell})
    return Lookup(rows, **settings)


def shipped_lookups(app: Path) -> Dict[str, Lookup]:
    """Return the lookup tables of an unpacked app's ``default/transforms.conf``: files with their rows, collections
    without any, as those that a search writes first. Raises `SplSyntaxError` for a setting that the runner does not
    have.
    """
    stanzas = read_conf(app / "default" / "transforms.conf")
    return {name: _table_of(name, settings, app) for name, settings in stanzas.items()}


def _table_of(name: str, settings: Dict[str, str], app: Path) -> Lookup:
    unknown = set(settings) - _KNOWN
    if unknown:
        raise SplSyntaxError(f"transforms.conf: [{name}]: the runner does not have {', '.join(sorted(unknown))}")
    types = {column: kind.upper() for kind, column in _MATCH_TYPE.findall(settings.get("match_type", ""))}
    how: Dict[str, Any] = {
        "match_types": {column: kind for column, kind in types.items() if kind != "EXACT"},
        "case_sensitive": settings.get("case_sensitive_match", "true").lower() not in ("0", "f", "false"),
        "max_matches": int(settings.get("max_matches", MOST_MATCHES)),
        "min_matches": int(settings.get("min_matches", 0)),
        "default_match": settings.get("default_match", ""),
        "fields_list": tuple(filter(None, (column.strip() for column in settings.get("fields_list", "").split(",")))),
    }
    path = app / "lookups" / settings.get("filename", "")
    return read_csv(path, **how) if path.is_file() else Lookup(**how)


def joined(
    row: Row, table: Lookup, keys: Sequence[Tuple[str, str]], outputs: Sequence[Tuple[str, str]], only_new: bool
) -> Row:
    """Return a row with what the table has for it. ``keys``, ``outputs``: (column, field of the row).

    ``only_new`` leaves fields alone that the row has. A row without one of the keys stays as it is. Raises
    `Unverified` for a key with several values.
    """
    found = {}
    for column, name in keys:
        value = row.get(name)
        if isinstance(value, list):
            raise Unverified(f"lookup: {name} has several values: expand it first with mvexpand")
        if value is None:
            return row
        found[column] = values.text(value)
    matches = table.matches(found)
    changed = dict(row)
    for column, name in outputs:
        if only_new and name in row:
            continue
        texts = [text for match in matches for text in values.texts(match.get(column))]
        missing = table.min_matches - len(texts)
        texts += [table.default_match] * max(0, missing if table.default_match else 0)
        if texts or not only_new:
            values.put(changed, name, values.single(texts))
    return changed
