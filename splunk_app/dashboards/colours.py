"""Colours with a meaning: the same for a word on every page, as a column of a chart or as a cell."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple

_SEVERITIES = {
    "critical": "#D41F1F", "high": "#EC7A2E", "medium": "#E3B23C", "low": "#5B9E5F", "informational": "#6B8FB3",
}  # fmt: skip
_GOOD, _BAD, _WARN, _OTHER = "#5B9E5F", "#D41F1F", "#E3B23C", "#6B8FB3"
#: Name of a series -> its colour.
SERIES: Mapping[str, str] = {
    **_SEVERITIES,
    "passed": _GOOD, "counted": _WARN, "challenged": _OTHER, "blocked": _BAD,
    "ACCEPT": _GOOD, "REJECT": _BAD,
    "NOERROR": _GOOD, "NXDOMAIN": _WARN, "SERVFAIL": _BAD, "REFUSED": "#EC7A2E",
}  # fmt: skip
#: Columns whose cells have them.
_COLUMNS = {"severity": _SEVERITIES}


class Colours(NamedTuple):
    """Heading -> what its ``columnFormat`` gets, and the ``context`` to which that refers."""

    columns: Dict[str, Dict[str, str]]
    context: Dict[str, List[Dict[str, Any]]]

    def __bool__(self) -> bool:
        return bool(self.columns)


def column_colours(headings: Mapping[str, str]) -> Colours:
    """Return the colours of a table with these columns: field -> heading."""
    found = Colours({}, {})
    for field, colours in _COLUMNS.items():
        if field in headings:
            name = f"{field}Colours"
            source = f'> table | seriesByName("{headings[field]}") | matchValue({name})'
            found.columns[headings[field]] = {"rowBackgroundColors": source}
            # A tint: the text above it may have the colour of a link, dark or light as the page is.
            found.context[name] = [{"match": value, "value": f"{colour}55"} for value, colour in colours.items()]
    return found
