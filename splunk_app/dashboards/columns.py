"""How wide a table's columns are: by default all are the same, and addresses, times and accounts break in two.

A table that has room left gives it to all of its columns in proportion.
"""

from __future__ import annotations

import re
from typing import Dict, List

#: Pixels -> the fields that are given as many.
_FIELDS = {
    280: "todo says resource error last_said",
    200: "subject signature rule index domain log input finding_key eventSource",
    190: "first_time last_time newest written",
    170: "path eventName rules kinds incident search",
    150: "_time host interface",
    140: "last_ok began updated standards standard instance place note part",
    145: "vendor_account vendor_region vendor_product target",
    135: "account accounts dest account_name",
    125: "src region regions category",
    105: "requests blocked counted rejected severity outcome status rcode owner user verdict last_result "
    "last_step action step result severity_id errors resources documents indices questions nxdomain "
    "lifecycle_failed ingest_lag_s behind_min written_min isolations report_24h report_72h silent_min "
    "unreadable",
}
WIDTH_PX: Dict[str, int] = {name: width for width, names in _FIELDS.items() for name in names.split()}


def column_format(search: str) -> Dict[str, Dict[str, int]]:
    """Return the option ``columnFormat`` of the table of a search: column -> its width."""
    return {name: {"width": WIDTH_PX[name]} for name in columns_of(search) if name in WIDTH_PX}


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
