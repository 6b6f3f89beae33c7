"""Who is polled when lists show each other's findings, and where a place goes on that was not polled."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Set

import pytest

from collectors.polling.checkpoint import FileCheckpoints
from collectors.polling.coverage import Coverage, Seat
from collectors.polling.handover import first_position, hand_over, is_handed_over
from collectors.polling.memory import Memory
from collectors.polling.position import Position
from collectors.records.record import Origin
from collectors.records.shown import enabled, linked
from tests.collectors.polling.listed import NOW_MS, made
from tests.collectors.polling.test_poller import HOUR_MS, Input, world  # noqa: F401 - a fixture

pytestmark = pytest.mark.splunk_python


@pytest.mark.parametrize(
    ("shows", "rest"),
    [
        ({"a": "bc", "b": "", "c": ""}, {"b": "a", "c": "a"}),
        # A member that rests shows nobody: what it alone would show is polled.
        ({"a": "bc", "b": "d", "c": "", "d": ""}, {"b": "a", "c": "a"}),
        # Two that show each other do not both rest.
        ({"a": "b", "b": "a"}, {"b": "a"}),
        ({"a": "a"}, {}),
        ({"a": "", "b": ""}, {}),
    ],
)
def test_who_rests(shows: Dict[str, str], rest: Dict[str, str]):
    def place(name: str) -> Origin:
        return Origin(name, "eu-west-1")

    coverage = Coverage()
    for name, others in shows.items():
        coverage.found(Seat("guardduty", place(name)), frozenset(map(place, others)))
        coverage.found(Seat("macie", place(name)), frozenset())  # another kind is another question
    found = {name: coverage.shown_by(Seat("guardduty", place(name))) for name in shows}
    assert {name: by.place.account for name, by in found.items() if by} == rest
    assert not [name for name in shows if coverage.shown_by(Seat("macie", place(name)))]
    coverage.found(Seat("guardduty", place("a")), frozenset())
    assert coverage.shown_by(Seat("guardduty", place("c"))) is None


READ = ["eu-west-1", "eu-west-2", "us-east-1"]


@pytest.mark.parametrize(
    ("mode", "named", "found"),
    [
        ("ALL_REGIONS", [], {"eu-west-2", "us-east-1"}),
        ("ALL_REGIONS_EXCEPT_SPECIFIED", ["us-east-1"], {"eu-west-2"}),
        ("SPECIFIED_REGIONS", ["us-east-1", "sa-east-1"], {"us-east-1"}),
        ("NO_REGIONS", [], set()),
        ("A_MODE_OF_TOMORROW", ["us-east-1"], set()),
    ],
)
def test_which_regions_are_linked(mode: str, named: list[str], found: Set[str]):
    assert set(linked(mode, named, "eu-west-1", READ)) == found


def test_only_who_is_enrolled_is_a_member():
    members = [{"id": "1", "status": "Enabled"}, {"id": "2", "status": "Invited"}, {"id": "3", "status": "ENABLED"}, {}]
    assert enabled(iter(members), "id", "status") == ["1", "3"]


def test_a_place_goes_on_where_the_other_one_was(world: Input):  # noqa: F811
    checkpoints = FileCheckpoints(world.folder)
    name = "guardduty/111122223333/eu-west-1"
    assert first_position(NOW_MS, NOW_MS - HOUR_MS).backfill is not None
    hand_over(checkpoints, name, "the administrator", Position(NOW_MS), NOW_MS)
    assert is_handed_over(checkpoints.load(name)) and not is_handed_over(None)
    for minute in range(60):
        world.listed.put(f"f{minute}", NOW_MS + minute * 60_000)
    world.now_ms = NOW_MS + HOUR_MS
    poller = world.start()
    assert poller.handed_over
    poller.turn()
    assert set(world.identities()) == set(world.listed.versions)
    assert not is_handed_over(checkpoints.load(name)) and not world.start().handed_over


def test_a_version_is_claimed_by_one_thread_at_a_time(tmp_path: Path):
    memory, finding = Memory(tmp_path / "seen", 1024), made("a", NOW_MS)
    assert memory.claim(finding) and not memory.claim(finding)
    memory.release([finding.record.identity])
    assert memory.claim(finding)
