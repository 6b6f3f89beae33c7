"""How wide a table's columns are: by default all are the same, and addresses, times and accounts break in two.

A table that has room left gives it to all of its columns in proportion.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping

#: Pixels -> the fields that are given as many.
_FIELDS = {
    280: "todo says error last_said",
    250: "resource",
    200: "subject index domain log input",
    180: "rule eventSource signature search",
    185: "incident",
    175: "target",
    170: "eventName rules kinds instance interface",
    155: "path first_time last_time newest written time host dest",
    140: "last_ok began updated standards standard place part step due",
    135: "vendor_product",
    125: "src region regions vendor_region",
    120: "last_step category clock",
    115: "account accounts vendor_account",
    110: "errors last_result note",
    105: "user",
    100: "severity status result verdict",
    70: "port country mib flows ports",
}
#: All others.
_OTHER_PX = 90
#: What a heading has beside its words: the sign for sorting.
_SORT_PX = 40
WIDTH_PX: Dict[str, int] = {name: width for width, names in _FIELDS.items() for name in names.split()}


#: Numbers that nobody adds up stand on the left, as texts do.
_LEFT = {"account", "accounts", "vendor_account", "dest"}


def widths_px(headings: Mapping[str, str]) -> Dict[str, int]:
    """Return field -> pixels that its column needs: for what stands in it, and for the words of its heading."""
    return {field: max(WIDTH_PX.get(field, _OTHER_PX), _heading_px(words)) for field, words in headings.items()}


def column_format(headings: Mapping[str, str]) -> Dict[str, Dict[str, Any]]:
    """Return heading -> its part of the option ``columnFormat``.

    One column at least has no width: what room there is goes to those. Where all have one, a wide window leaves a gap.
    """
    widths = widths_px(headings)
    free = [field for field in headings if widths[field] == _OTHER_PX] or [min(headings, key=lambda each: widths[each])]
    found: Dict[str, Dict[str, Any]] = {
        words: {} if field in free else {"width": widths[field]} for field, words in headings.items()
    }
    for field in _LEFT.intersection(headings):
        found[headings[field]]["align"] = "left"
    return {words: shown for words, shown in found.items() if shown}


def _heading_px(words: str) -> int:
    """Return what the longest word takes; Korean is broken between any two letters, which nobody wants to read."""
    parts = [words] if any("가" <= letter <= "힣" for letter in words) else words.split()
    return _SORT_PX + max(sum(14 if letter > "\u10ff" else 8 for letter in part) for part in parts)


def columns_of(search: str) -> List[str]:
    """Return the columns that the last ``table`` or ``stats`` of a search names; text in quotes is none."""
    commands = re.sub(r'"[^"]*"', "", search).split("|")
    for command in reversed(commands):
        name, _, rest = command.strip().partition(" ")
        if name == "table":
            return rest.split()
        if name == "stats":
            by = re.split(r"\bBY\b", rest)
            return [*(re.split(r"[\s,]+", by[1].strip()) if len(by) > 1 else []), *re.findall(r"\bAS (\w+)", by[0])]
    return []
