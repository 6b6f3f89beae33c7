"""The stand-in for splunkd's scheduler: cron lines, ranges, suppression, and what outlives a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Tuple
from zoneinfo import ZoneInfo

import pytest

from lab.splunkd.scheduler import Scheduler
from lab.splunkd.scheduler.cron import Cron
from lab.splunkd.scheduler.saved_search import saved_search
from savedsearches.runner.moment import Moment

#: 2026-11-20 00:00 UTC, a Friday.
DAY = 1_795_132_800
SEARCH = {
    "search": "| s", "enableSched": "1", "cron_schedule": "*/5 * * * *", "realtime_schedule": "0",
    "dispatch.earliest_time": "-20m@m", "dispatch.latest_time": "-5m@m",
    "alert.suppress": "1", "alert.suppress.fields": "user", "alert.suppress.period": "1h",
}  # fmt: skip
UTC, KST = ZoneInfo("UTC"), ZoneInfo("Asia/Seoul")


class Store:
    """Rows by the time they arrived; a run sees those within its range."""

    def __init__(self, *rows: Tuple[float, str]) -> None:
        self.rows = rows
        self.runs: List[Moment] = []

    def run(self, search: str, moment: Moment) -> List[Dict[str, Any]]:
        self.runs.append(moment)
        first, last = moment.earliest_s, moment.latest_s
        assert first is not None and last is not None
        return [{"user": user} for time, user in self.rows if first <= time < last]


def ticks(scheduler: Scheduler, *times: float) -> List[Tuple[float, str]]:
    """Return (scheduled time, user) of each row raised."""
    alerts = [alert for time in times for alert in scheduler.tick(time)]
    return [(alert.scheduled_s - DAY, str(row["user"])) for alert in alerts for row in alert.rows]


@pytest.mark.parametrize(
    ("line", "zone", "times"),
    [
        ("2-59/20 * * * *", UTC, [120, 1320, 2520, 3720]),
        ("7 3 * * *", UTC, [3 * 3600 + 420]),
        ("7 12 * * *", KST, [3 * 3600 + 420]),
        ("0 0 * * 6", KST, [15 * 3600]),
        ("0 0 * * 6", UTC, []),
        ("0 4,5 20 11 *", UTC, [4 * 3600, 5 * 3600]),
        ("0 4 1 * 5", UTC, [4 * 3600]),
        ("0 4 1 * 4", UTC, []),
        ("1 1-23/12 * * *", UTC, [3660, 13 * 3600 + 60]),
    ],
)
def test_cron_lines(line: str, zone: ZoneInfo, times: List[int]) -> None:
    until = DAY + (3600 * 24 - 1 if times != [120, 1320, 2520, 3720] else 3720)
    assert [time - DAY for time in Cron(line).between(DAY - 1, until, zone)] == times


@pytest.mark.parametrize("line", ["* * * *", "60 * * * *", "* 24 * * *", "5-1 * * * *", "*/0 * * * *"])
def test_what_is_no_cron_line(line: str) -> None:
    with pytest.raises(ValueError, match="cron"):
        Cron(line)


def test_ranges_count_from_the_scheduled_time(tmp_path: Path) -> None:
    store = Store()
    Scheduler({"a": SEARCH}, store.run, tmp_path / "state", began_s=DAY).tick(DAY + 900)
    assert [(run.earliest_s, run.latest_s) for run in store.runs] == [
        (DAY + time - 1200, DAY + time - 300) for time in (300, 600, 900)
    ]


def test_a_row_is_raised_again_only_after_the_period(tmp_path: Path) -> None:
    store = Store(*((DAY + 600 * n, "eve") for n in range(1, 20)), (DAY + 600, "ann"))
    scheduler = Scheduler({"a": SEARCH}, store.run, tmp_path / "state", began_s=DAY)
    raised = ticks(scheduler, *(DAY + 300 * n for n in range(1, 30)))
    assert raised == [(1200, "eve"), (1200, "ann"), (4800, "eve"), (8400, "eve")]


def test_without_fields_all_rows_are_one_alert(tmp_path: Path) -> None:
    store = Store((DAY + 600, "eve"), (DAY + 600, "ann"), (DAY + 1500, "bob"))
    search = {**SEARCH, "alert.suppress.fields": ""}
    scheduler = Scheduler({"a": search}, store.run, tmp_path / "state", began_s=DAY)
    assert ticks(scheduler, *(DAY + 300 * n for n in range(1, 12))) == [(1200, "eve"), (1200, "ann")]


@pytest.mark.parametrize(
    ("realtime", "period", "raised"),
    [
        ("0", "4h", [(1200, "eve"), (3000, "ann")]),
        ("1", "4h", [(1200, "eve")]),
        # Windows overlap, and the period ended while it was down: what was raised just before comes again.
        ("0", "1h", [(1200, "eve"), (1800, "eve"), (3000, "ann")]),
    ],
)
def test_a_continuous_search_makes_up_for_what_it_missed(
    tmp_path: Path, realtime: str, period: str, raised: List[Tuple[float, str]]
) -> None:
    store = Store((DAY + 600, "eve"), (DAY + 2400, "ann"))
    search = {**SEARCH, "realtime_schedule": realtime, "alert.suppress.period": period}
    state = tmp_path / "state"
    first = ticks(Scheduler({"a": search}, store.run, state, began_s=DAY), *(DAY + 300 * n for n in range(1, 6)))
    # The search head is down for an hour, and another one takes over its state.
    later = Scheduler({"a": search}, store.run, state, began_s=DAY + 5400)
    assert first + ticks(later, DAY + 5400, DAY + 5700) == raised


def test_a_search_that_is_skipped_stays_due(tmp_path: Path) -> None:
    store = Store((DAY + 600, "eve"))
    busy = {DAY + 1200: 2}

    def may_run(name: str, scheduled_s: float) -> bool:
        busy[int(scheduled_s)] = busy.get(int(scheduled_s), 0) - 1
        return busy[int(scheduled_s)] < 0

    scheduler = Scheduler({"a": SEARCH}, store.run, tmp_path / "state", began_s=DAY, may_run=may_run)
    assert ticks(scheduler, *(DAY + 300 * n for n in range(1, 12))) == [(1200, "eve")]
    assert len(store.runs) == 11 and len(set(store.runs)) == 11


def test_what_is_off_does_not_run_and_what_is_left_out_is_said(tmp_path: Path) -> None:
    assert saved_search("a", {**SEARCH, "disabled": "1"}) is None
    assert saved_search("a", {**SEARCH, "enableSched": "0"}) is None
    with pytest.raises(ValueError, match="only alerts on any row"):
        saved_search("a", {**SEARCH, "counttype": "custom"})
