"""What was passed over as none of the logs, in words that are the same for every command and every way in."""

from __future__ import annotations

from typing import Collection, Mapping, Sequence

from collectors.reading.recognise import UNKNOWN_KIND
from es_bridge.cli.table import cell

NOT_A_LOG = "not loaded, because it is none of the logs"
UNKNOWN = (
    "passed over, because neither key nor content is that of a log: {count:,}. Check whether they are logs in another "
    "format; --dataset says which log they are"
)


def known(counts: Mapping[str, int], and_more: Collection[str] = ()) -> str:
    """Return what is known to be none of the logs with its counts, ``""`` if nothing was; ``and_more`` has more."""
    return ", ".join(
        f"{name} ({count:,}{' or more' if name in and_more else ''})"
        for name, count in sorted(counts.items())
        if name != UNKNOWN_KIND
    )


def examples(names: Sequence[str], count: int) -> str:
    """Return some names of a count of objects on one line: whoever may write an object chose its name."""
    shown = ", ".join(cell(name, "") for name in names[:3])
    return shown + (", ..." if count > len(names[:3]) else "")
