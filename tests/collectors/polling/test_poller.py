"""Turns of a poll: what is written, what is withheld and counted, and where a killed process goes on."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List

import pytest

from aws_bridge.errors import Throttled
from collectors.errors import CheckpointUnusable
from collectors.polling import counts as counting
from collectors.polling.budget import DailyBudget
from collectors.polling.checkpoint import FileCheckpoints
from collectors.polling.count_journal import CountJournal
from collectors.polling.counts import Counts
from collectors.polling.memory import Memory
from collectors.polling.poller import Poller, PollSettings
from collectors.polling.writer import Rules
from collectors.records.record import Record
from collectors.sinks.contract import STORED, Answer
from collectors.sources.securityhub.source import finding as asff
from tests.collectors.polling.listed import NOW_MS, ORIGIN, Listed, stamp

pytestmark = pytest.mark.splunk_python

HOUR_MS = 3_600_000


class Kept:
    """A sink that keeps what it was given; what was not taken can be lost."""

    batch_records = 1

    def __init__(self) -> None:
        self.records: List[Record] = []
        self.taken, self.taken_ms = True, 0

    def write(self, records, **_):
        for record in records:
            self.records.append(record)
            yield Answer(record, STORED)

    def taken_until_ms(self, now_ms: int) -> int:
        if self.taken:
            self.taken_ms = now_ms
        return self.taken_ms

    def place_of(self, record: Record) -> str:
        return "here"

    def say(self, *_: Any) -> None: ...


class Input:
    """What outlives a process."""

    def __init__(self, folder) -> None:
        self.folder, self.listed, self.kept, self.swept = folder, Listed(), Kept(), None
        self.now_ms = NOW_MS
        self.ceiling = 0
        self.settings: Dict[str, Any] = {}

    def start(self) -> Poller:
        self.budget, self.counts = DailyBudget(self.ceiling), Counts(CountJournal(self.folder / "counts"))
        return Poller(
            "guardduty/111122223333/eu-west-1", self.listed, self.kept, Memory(self.folder / "seen", 1024),
            FileCheckpoints(self.folder), self.budget, self.counts, PollSettings(**self.settings),
            lambda: self.now_ms, self.swept,
        )  # fmt: skip

    def identities(self) -> List[str]:
        return [record.identity for record in self.kept.records]


@pytest.fixture
def world(tmp_path) -> Input:
    return Input(tmp_path)


def test_what_is_new_is_written_once_although_windows_overlap(world: Input):
    poller = world.start()
    for minute in range(30):
        world.now_ms += 60_000
        world.listed.put(f"f{minute}", world.now_ms - 30_000)
        world.listed.put("growing", world.now_ms - 20_000, service={"count": minute})
        poller.turn()
    assert world.identities() == world.listed.versions
    assert poller.last.known > 0 and poller.last.lag_ms == 3000


def test_what_aws_shows_late_is_found_in_the_overlap(world: Input):
    poller = world.start()
    world.now_ms += 600_000
    poller.turn()
    world.listed.put("late", NOW_MS + 1000)
    world.now_ms += 60_000
    assert poller.turn().written == 1


def test_a_backfill_goes_on_in_shares_and_new_findings_do_not_wait(world: Input):
    world.settings = {"backfill_from_ms": NOW_MS - 48 * HOUR_MS, "pages_a_turn": 3}
    for number in range(50):
        world.listed.put(f"old{number}", NOW_MS - 48 * HOUR_MS + number * HOUR_MS // 2)
    poller = world.start()
    world.now_ms += 60_000
    world.listed.put("new", NOW_MS + 1000)
    turns = [poller.turn()]
    assert world.kept.records[0].identity == world.listed.now["new"].record.identity
    assert turns[0].more and poller.position.backfill is not None and 10 < poller.position.backfill.percent < 40
    poller = world.start()  # killed in the middle
    while turns[-1].more:
        turns.append(poller.turn())
    assert set(world.identities()) == set(world.listed.versions) and poller.position.backfill.done
    assert not poller.turn().more


def test_what_was_written_shortly_before_a_stop_is_written_again_and_nothing_older(world: Input):
    poller = world.start()
    for minute in range(60):
        world.now_ms += 60_000
        world.listed.put(f"f{minute}", world.now_ms - 30_000)
        poller.turn()
    lost = [record.identity for record in world.kept.records[-9:]]
    del world.kept.records[-9:]  # they were in the pipe
    before = len(world.kept.records)
    world.now_ms += 2 * HOUR_MS
    poller = world.start()
    assert poller.resumed is not None and poller.resumed.stopped_ms == 2 * HOUR_MS
    poller.turn()
    assert set(world.identities()) == set(world.listed.versions) and set(lost) <= set(world.identities()[before:])
    assert len(world.kept.records) - before <= 12


@pytest.mark.parametrize("turns", [1, 3])
def test_a_kill_while_what_a_kill_lost_is_read_again_loses_nothing(world: Input, turns: int):
    world.settings = {"backfill_from_ms": NOW_MS - 48 * HOUR_MS, "pages_a_turn": 2}
    for number in range(90):
        world.listed.put(f"old{number}", NOW_MS - 48 * HOUR_MS + number * HOUR_MS // 2)
    poller = world.start()
    for _ in range(6):
        world.now_ms += 40_000
        poller.turn()
    world.kept.records.clear()
    world.now_ms += 2 * HOUR_MS
    poller = world.start()
    for _ in range(turns):  # it is killed when it has read a part of it
        world.now_ms += 700_000
        poller.turn()
    world.now_ms += 2 * HOUR_MS
    poller = world.start()
    while poller.turn().more:
        world.now_ms += 1_000
    assert set(world.identities()) == set(world.listed.versions)


def test_a_first_start_after_a_reset_writes_everything_again(world: Input):
    world.settings = {"backfill_from_ms": NOW_MS - HOUR_MS}
    world.listed.put("a", NOW_MS - 1000)
    world.start().turn()
    for path in world.folder.glob("*.json"):
        path.unlink()
    world.now_ms += 60_000
    world.start().turn()
    assert len(world.kept.records) == 2


def test_a_call_that_fails_keeps_what_was_read_and_the_next_turn_goes_on(world: Input):
    world.settings = {"overlap_s": 0}
    poller = world.start()
    for number in range(23):
        world.listed.put(f"f{number}", NOW_MS + number * 1000)
    world.now_ms += HOUR_MS

    def fail_at_the_third(number: int) -> None:
        world.listed.fail = Throttled("slow down", call="guardduty:ListFindings") if number == 2 else None

    world.listed.before_page = fail_at_the_third
    with pytest.raises(Throttled):
        poller.turn()
    assert len(world.kept.records) == 9 and poller.position.head_ms == NOW_MS + 8_000
    world.listed.before_page = lambda number: setattr(world.listed, "fail", None)
    poller.turn()
    assert set(world.identities()) == set(world.listed.versions) and len(world.kept.records) == 23


def test_a_checkpoint_that_cannot_be_read_stops_the_poll_instead_of_beginning_anew(world: Input):
    world.start().turn()
    (path,) = world.folder.glob("*.json")
    path.write_text('{"name": "x", "content": {"form": 99}}')
    with pytest.raises(CheckpointUnusable, match="Reset it to begin at the start date again"):
        world.start()


class Hub(Listed):
    """Findings in ASFF."""

    def put(self, id: str, time_ms: int, status: str = "FAILED", **more: object) -> None:
        fields = {"ProductArn": "p", "Id": id, "UpdatedAt": stamp(time_ms), "RecordState": "ACTIVE",
                  "Compliance": {"Status": status, "SecurityControlId": "S3.8"}, **more}  # fmt: skip
        self.now[id] = asff(fields, ORIGIN)
        self.versions.append(self.now[id].record.identity)


@pytest.fixture
def hub(world: Input) -> Input:
    world.listed = world.swept = Hub()
    return world


def test_what_is_counted_is_counted_once_also_when_its_process_is_killed(hub: Input):
    hub.ceiling = 1  # nothing fits
    for number in range(9):
        hub.listed.put(f"passed{number}", NOW_MS + number, status="PASSED")
        hub.listed.put(f"failed{number}", NOW_MS + number)
    for _ in range(3):
        hub.now_ms += 20_000
        hub.start().turn()
    (counted,) = hub.counts.batches().values()
    assert {(key.what, key.resource == "", number) for key, number in counted if key.what == counting.PASSED} == {
        (counting.PASSED, True, 9)
    }
    assert sum(number for key, number in counted if key.what == counting.OVER_CEILING) == 9


def test_a_version_in_which_only_times_moved_is_withheld_and_its_bytes_are_counted(hub: Input):
    poller = hub.start()
    for hour in range(1, 4):
        hub.now_ms = NOW_MS + hour * HOUR_MS
        hub.listed.put("control", hub.now_ms - 60_000)
        turn = poller.turn()
    assert (len(hub.kept.records), turn.only_times) == (1, 1)
    assert hub.budget.withheld == 2 * hub.budget.written > 0
    hub.now_ms += HOUR_MS
    hub.listed.put("control", hub.now_ms - 60_000, status="WARNING")
    assert poller.turn().written == 1
    hub.settings = {"rules": Rules(only_what_matters=False)}
    poller = hub.start()
    hub.now_ms += HOUR_MS
    hub.listed.put("control", hub.now_ms - 60_000, status="WARNING")
    assert poller.turn().written >= 1


def test_controls_that_passed_are_counted_once_a_day_and_a_change_to_passed_is_written(hub: Input):
    poller = hub.start()
    states = {"always": ["PASSED"] * 4, "mended": ["FAILED", "PASSED", "PASSED", "FAILED"]}
    for hour in range(4):
        hub.now_ms = NOW_MS + hour * 1_800_000 + 1
        for id, each in states.items():
            hub.listed.put(id, hub.now_ms - 10_000, status=each[hour])
        poller.turn()
    written = [json.loads(record.text) for record in hub.kept.records]
    assert [(each["Id"], each["Compliance"]["Status"]) for each in written] == [
        ("mended", "FAILED"), ("mended", "PASSED"), ("mended", "FAILED"),
    ]  # fmt: skip
    ((key, number),) = hub.counts.take()
    assert (key.what, key.rule, number) == (counting.PASSED, "S3.8", 1)
    hub.now_ms += 24 * HOUR_MS
    hub.listed.put("always", hub.now_ms - 10_000, status="PASSED")
    poller.turn()
    assert [number for _, number in hub.counts.take()] == [1]


def test_a_sweep_finds_what_changed_without_its_time(hub: Input):
    hub.settings = {"sweep_every_s": 3600, "overlap_s": 30, "pages_a_turn": 2}
    poller = hub.start()
    hub.now_ms += 60_000
    for number in range(12):
        hub.listed.put(f"f{number}", NOW_MS + number)
    while poller.turn().more:
        pass
    assert len(hub.kept.records) == 12
    hub.now_ms += 1_800_000
    hub.listed.put("f3", NOW_MS + 3, Workflow={"Status": "SUPPRESSED"})
    assert poller.turn().written == 0
    hub.now_ms += 1_860_000
    turns = [poller.turn()]
    while turns[-1].more:
        turns.append(poller.turn())
    assert sum(turn.written for turn in turns) == 1 and len(turns) > 1
    assert json.loads(hub.kept.records[-1].text)["Workflow"] == {"Status": "SUPPRESSED"}


def test_beyond_the_ceiling_findings_are_counted_and_written_when_they_change_on_another_day(world: Input):
    poller = world.start()
    world.listed.put("f0", NOW_MS - 1000)
    world.now_ms += 10_000
    poller.turn()
    world.ceiling = 3 * world.budget.written + 10
    poller = world.start()
    for number in range(1, 9):
        world.listed.put(f"f{number}", NOW_MS + number)
    world.now_ms += 10_000
    turn = poller.turn()
    assert turn.over_ceiling == 6 and sum(number for _, number in world.counts.take()) == 6
    assert "is reached" in world.budget.warning(world.now_ms)
    assert poller.turn().over_ceiling == 0
    world.now_ms += 24 * HOUR_MS
    world.listed.put("f8", world.now_ms - 10_000)
    assert poller.turn().written == 1


@pytest.mark.parametrize("kill", range(1, 40, 3))
def test_killed_anywhere_nothing_is_missing(world: Input, kill: int, monkeypatch):
    """A process ends before the ``kill``-th record is written, or its position saved; what it wrote last is lost."""

    class Killed(BaseException):
        pass

    world.settings = {"backfill_from_ms": NOW_MS - 5 * HOUR_MS, "safety_s": 60, "pages_a_turn": 2}
    for number in range(40):
        world.listed.put(f"f{number}", NOW_MS - 5 * HOUR_MS + number // 4 * 60_000)
    steps = [0]

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def counting_call(*arguments: Any, **named: Any) -> Any:
            steps[0] += 1
            if steps[0] == kill:
                raise Killed
            world.now_ms += 1000
            return call(*arguments, **named)

        return counting_call

    monkeypatch.setattr(Memory, "note", counted(Memory.note))
    monkeypatch.setattr(FileCheckpoints, "save", counted(FileCheckpoints.save))
    try:
        poller = world.start()
        while poller.turn().more:
            pass
    except Killed:
        del world.kept.records[-7:]
        poller = world.start()
        while poller.turn().more:
            pass
    assert set(world.identities()) == set(world.listed.versions)
