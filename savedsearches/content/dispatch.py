"""The range that one run of a detection looks at, as the runner takes it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timezone, tzinfo

from savedsearches.content.detection import Detection, seconds
from savedsearches.runner.moment import Moment

#: How old an event may be by its own time that a search of Splunk's index still finds by its arrival; and how far ahead
#: a clock may be that wrote it.
OLDEST_BY_ARRIVAL, NEWEST_BY_ARRIVAL = "-7d@m", "+1h@m"
_OLDEST_S, _NEWEST_S = 7 * 86_400, 3_600


def selects_by_arrival(detection: Detection) -> bool:
    """Return whether the search begins in an index of Splunk: then its window is one of ``_indextime``."""
    return not detection.search.lstrip().startswith("|")


def moment_at(detection: Detection, scheduled_s: float, zone: tzinfo = timezone.utc) -> Moment:
    """Return the moment of the run that was scheduled for a time, whenever it really runs."""
    latest_s = scheduled_s - seconds(detection.schedule.lag)
    earliest_s = latest_s - seconds(detection.schedule.window)
    if selects_by_arrival(detection):
        oldest_s, newest_s = scheduled_s - _OLDEST_S, scheduled_s + _NEWEST_S
        return Moment(scheduled_s, oldest_s, newest_s, zone, earliest_s, latest_s)
    return Moment(scheduled_s, earliest_s, latest_s, zone)


def moment_of_runs(detection: Detection, first_s: float, last_s: float) -> Moment:
    """Return the range of several runs together, from the first one's beginning to the last one's end."""
    first, last = moment_at(detection, first_s), moment_at(detection, last_s)
    return replace(last, earliest_s=first.earliest_s, index_earliest_s=first.index_earliest_s)
