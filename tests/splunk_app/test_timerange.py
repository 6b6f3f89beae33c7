"""What a user of another time zone is told of times that are rounded in UTC."""

from __future__ import annotations

import pytest
from search_command.options import Question
from search_command.timerange import utc_notes

NOW_MS = 1_795_953_600_000  # 2026-11-29T12:00Z


@pytest.mark.parametrize(
    ("question", "zone", "notes"),
    [
        (Question(start_time="now/d"), "Asia/Seoul", 1),
        (Question(start_time="now/d", end_time="now/d"), "Asia/Seoul", 1),
        (Question(start_time="now-1d/d", end_time="now/d"), "Asia/Seoul", 2),
        (Question(start_time="now/d"), "UTC", 0),
        (Question(start_time="now-1d"), "Asia/Seoul", 0),
        (Question(), "Asia/Seoul", 0),
        (Question(start_time="now/d"), "No/Where", 0),
    ],
)
def test_utc_notes(question: Question, zone: str, notes: int) -> None:
    said = utc_notes(question, NOW_MS, zone)
    assert len(said) == notes
    assert all("is rounded in UTC" in text for text in said)
