"""When an object was delivered, as its key says: by the time in its name, else by the folder of its day.

Periods are from a first moment, inclusive, to an end, exclusive, in epoch milliseconds.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Optional, Tuple

HOUR_MS = 3_600_000

_DATE_FOLDERS = re.compile(
    r"(?:^|/)(?:year=)?((?:19|20)\d\d)(?:/(?:month=)?(0[1-9]|1[0-2])(?:/(?:day=)?([0-3]\d))?)?(?=/)"
)
_STAMP = re.compile(r"_(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)Z_|-(\d{4})-(\d\d)-(\d\d)-(\d\d)-(\d\d)-\d\d-[0-9a-f]{8}-[^/]*$")


def folder_period(folder: str) -> Optional[Tuple[int, int]]:
    """Return the year, month or day that the objects of a folder are of, or None if its path says nothing.

    Without ``AWSLogs`` in front a year alone is not believed: somebody may have filed away by years what has AWS's own
    folders below.
    """
    found = _last(_DATE_FOLDERS, folder)
    if found is None or ("AWSLogs/" not in folder[: found.start(1)] and not found.group(3)):
        return None
    return span(found)


def span(found: re.Match[str]) -> Optional[Tuple[int, int]]:
    """Return the year, month or day that three groups name; None if there is no such day."""
    year, month, day = (int(part) if part else 0 for part in found.groups())
    try:
        first = datetime(year, month or 1, day or 1, tzinfo=timezone.utc)
    except ValueError:  # the 31st of February
        return None
    if day:
        end = first + timedelta(days=1)
    elif month:
        end = (first + timedelta(days=31)).replace(day=1)
    else:
        end = first.replace(year=year + 1)
    return ms(first), ms(end)


def key_period(key: str) -> Optional[Tuple[int, int]]:
    """Return from when to when an object was delivered as its key says, or None."""
    stamp = _last(_STAMP, key)
    if stamp:
        parts = [int(part) for part in stamp.groups() if part]
        try:
            first = ms(datetime(*parts, tzinfo=timezone.utc))  # type: ignore[misc,arg-type]
        except ValueError:
            pass
        else:
            return first, first + 60_000
    folder = key.rpartition("/")[0] + "/"
    dated = folder_period(folder)
    return dated if day_is_known(dated) else None


def _last(pattern: re.Pattern[str], text: str) -> Optional[re.Match[str]]:
    found = list(pattern.finditer(text))
    return found[-1] if found else None


def day_is_known(dated: Optional[Tuple[int, int]]) -> bool:
    """Whether a period is no longer than a day."""
    return dated is not None and dated[1] - dated[0] <= 24 * HOUR_MS


def ms(moment: datetime) -> int:
    """Return a moment in epoch milliseconds."""
    return int(moment.timestamp() * 1000)
