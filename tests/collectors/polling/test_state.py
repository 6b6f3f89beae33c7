"""What a poll remembers: versions in a file of fixed size, positions, checkpoints, bytes of a day, counts."""

from __future__ import annotations

import json
import os
import random

import pytest

from collectors.errors import CheckpointUnusable
from collectors.polling import count_journal
from collectors.polling import counts as counting
from collectors.polling.budget import DAY_MS, DailyBudget
from collectors.polling.checkpoint import FileCheckpoints
from collectors.polling.count_journal import CountJournal
from collectors.polling.counts import Counts, event
from collectors.polling.memory import Memory, is_version
from collectors.polling.position import Position, Reading, Track
from tests.collectors.polling.listed import NOW_MS, made

pytestmark = pytest.mark.splunk_python

NOW_S = NOW_MS // 1000


def test_a_memory_knows_the_last_version_also_in_another_process(tmp_path):
    memory = Memory(tmp_path / "x" / "seen", entries=64)
    one, two = made("a", NOW_MS), made("a", NOW_MS + 1, severity=8)
    assert memory.find(one) is None
    memory.note(one, NOW_S)
    memory.note(two, NOW_S + 5, 2)
    # Not closed: a killed process closes nothing.
    assert memory.find(one).by_us
    known = Memory(tmp_path / "x" / "seen", entries=64).find(one)
    assert known is not None and is_version(known, two) and not is_version(known, one)
    assert known[1:] == (two.matter, NOW_S + 5, 2, False)


def test_a_memory_never_grows_and_forgets_the_oldest(tmp_path):
    memory = Memory(tmp_path / "seen", entries=256)
    size = os.stat(tmp_path / "seen").st_size
    for number in range(2000):
        memory.note(made(f"f{number}", NOW_MS), NOW_S + number)
    assert os.stat(tmp_path / "seen").st_size == size
    there = [number for number in range(2000) if memory.find(made(f"f{number}", NOW_MS))]
    assert len(there) == 256 and there[0] > 1400 and memory.crowded_out == 2000 - 256


def test_a_damaged_memory_is_made_anew(tmp_path):
    (tmp_path / "seen").write_bytes(b"x" * 100)
    memory = Memory(tmp_path / "seen", entries=64)
    memory.note(made("a", NOW_MS), NOW_S)
    assert memory.find(made("a", NOW_MS))
    assert Memory(tmp_path / "seen", entries=128).find(made("a", NOW_MS)) is None


def test_a_restart_goes_back_by_the_safety_window_and_never_further_than_it_must():
    track = Track()
    for second in range(0, 3600, 10):
        now_ms = NOW_MS + second * 1000
        track.add(now_ms, Position(second), 600_000, now_ms)
    assert len(track.reached) <= 40
    stored = Track.from_json(json.loads(json.dumps(track.as_json())))
    found = stored.resume(NOW_MS + 4000_000, 600_000)
    assert found is not None and 2930 <= found.position.head_ms <= 2990
    assert found.risk == (NOW_MS + found.position.head_ms * 1000, NOW_MS + 4000_000) and found.stopped_ms == 410_000
    assert stored.reached[-1].position == found.position and stored.risks == [found.risk]
    assert Track().resume(NOW_MS, 600_000) is None


def test_what_nobody_has_taken_yet_keeps_a_restart_back():
    track = Track()
    for second in range(0, 3600, 10):
        track.add(NOW_MS + second * 1000, Position(second), 600_000, NOW_MS + min(second, 1800) * 1000)
    found = track.resume(NOW_MS + 3600_000, 600_000)
    assert found is not None and 1130 <= found.position.head_ms <= 1200


def test_times_of_risk_are_few_and_cover_all_of_them():
    track = Track()
    for day in range(0, 200):
        now_ms = NOW_MS + day * 3600_000
        track.add(now_ms, Position(day), 0, now_ms)
        track = Track.from_json(json.loads(json.dumps(track.as_json())))
        assert track.resume(now_ms + 1000, 0)
    assert len(track.risks) == 64
    assert all(
        any(from_ms <= NOW_MS + day * 3600_000 + 500 <= until_ms for from_ms, until_ms in track.risks)
        for day in range(200)
    )


def test_windows_that_are_read_over_several_polls_are_kept():
    position = Position(5, Reading(0, 100, 40), Reading(10, 20, 21))
    track = Track()
    track.add(NOW_MS, position, 1, NOW_MS)
    found = Track.from_json(json.loads(json.dumps(track.as_json()))).resume(NOW_MS, 1)
    assert found is not None and found.position == position
    assert position.backfill is not None and position.backfill.percent == 40 and not position.backfill.done
    assert position.sweep is not None and position.sweep.percent == 100 and position.sweep.done


@pytest.mark.parametrize("stored", [{}, {"form": 2}, {"form": 1, "reached": [[1, None]]}, {"form": 1, "taken_ms": 0}])
def test_another_form_of_checkpoint_is_an_error(stored):
    with pytest.raises(ValueError, match="form|checkpoint"):
        Track.from_json(stored)


def test_checkpoints_in_files(tmp_path):
    checkpoints = FileCheckpoints(tmp_path / "new")
    assert checkpoints.load("a/b:c") is None
    checkpoints.save("a/b:c", {"x": 1})
    checkpoints.save("a/b:c", {"x": 2})
    assert FileCheckpoints(tmp_path / "new").load("a/b:c") == {"x": 2}
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a_b_c.json"]
    for text in ("{", "[]"):
        (tmp_path / "new" / "a_b_c.json").write_text(text)
        with pytest.raises(CheckpointUnusable):
            checkpoints.load("a/b:c")
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointUnusable, match="cannot be written"):
        FileCheckpoints(tmp_path / "file").save("a", {})


def test_a_ceiling_is_warned_of_once_reached_once_and_forgotten_at_midnight():
    midnight = NOW_MS // DAY_MS * DAY_MS
    budget = DailyBudget(1000)
    assert budget.has_room(790, midnight) and not budget.warning(midnight)
    budget.add(midnight, written=800)
    assert budget.warning(midnight).startswith("80% of the daily ceiling of 1,000 bytes")
    budget = DailyBudget(1000, json.loads(json.dumps(budget.as_json())))
    assert not budget.warning(midnight)
    assert budget.has_room(200, midnight) and not budget.has_room(201, midnight)
    assert "is reached. Until midnight UTC" in budget.warning(midnight) and not budget.warning(midnight)
    assert budget.has_room(1000, midnight + DAY_MS) and not budget.warning(midnight + DAY_MS)
    assert (budget.written, budget.withheld) == (0, 0)
    assert DailyBudget(0).has_room(1 << 40, midnight)


def test_counts_outlive_their_process_until_they_have_arrived(tmp_path, monkeypatch):
    monkeypatch.setattr(count_journal, "_MOST_LINES", 5)
    for _ in range(3):  # each is killed
        counts = Counts(CountJournal(tmp_path))
        for number in range(4):
            counts.add(counting.PASSED, "2026-11-30", made(f"f{number}", NOW_MS))
            counts.add(counting.OVER_CEILING, "2026-11-30", made(f"f{number % 2}", NOW_MS, type=f"t{number % 2}"))
    with (tmp_path / "counts.jsonl").open("a") as file:
        file.write('{"key": ["cut')
    ((batch, counted),) = Counts(CountJournal(tmp_path)).batches().items()
    assert sorted(number for _, number in counted) == [6, 6, 12]
    counts = Counts(CountJournal(tmp_path))  # killed, and nobody knows whether the batch arrived
    counts.add(counting.PASSED, "2026-11-30", made("a", NOW_MS))
    both = counts.batches()
    assert len(both) == 2 and both[batch] == counted
    ids = [event(key, number, batch)["count_id"] for batch, each in both.items() for key, number in each]
    assert len(set(ids)) == 4 and event(*counted[0], batch) == event(*both[batch][0], batch)
    counts.arrived(batch)
    assert batch not in Counts(CountJournal(tmp_path)).batches()


def test_counts_add_up_and_stay_small():
    counts = Counts()
    for _ in range(3):
        counts.add(counting.PASSED, "2026-11-30", made("a", NOW_MS))
    counts.add(counting.PASSED, "2026-11-30", made("b", NOW_MS, resource={"resourceType": "Other"}))
    ((key, number),) = counts.take()
    found = dict(event(key, number))
    assert found.pop("count_id") and found == {
        "what": "passed", "day": "2026-11-30", "dataset": "guardduty", "account": "111122223333",
        "region": "eu-west-1", "rule": "Recon:EC2/Portscan", "severity": "unknown", "count": 4,
    }  # fmt: skip
    assert counts.take() == []
    chance = random.Random(1)
    for number in range(30_000):
        one = made("a", NOW_MS)._replace(rule=f"r{number % 20_000}", resource=str(chance.random()))
        counts.add(counting.OVER_CEILING, "2026-11-30", one)
    taken = counts.take()
    assert len(taken) <= 10_001 and sum(number for _, number in taken) == 30_000
