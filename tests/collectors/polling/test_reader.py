"""All findings of a window come, whatever the list does meanwhile."""

from __future__ import annotations

import random

import pytest

from aws_bridge.errors import CallRejected
from collectors.polling.reader import Step, read
from collectors.records.page import Window
from tests.collectors.polling.listed import NOW_MS, Listed

pytestmark = pytest.mark.splunk_python

DAY = Window(NOW_MS - 86_400_000, NOW_MS)


def ids(steps: list[Step]) -> set[str]:
    return {finding.finding_key.rsplit(":", 1)[-1] for step in steps for finding in step.findings}


@pytest.mark.parametrize("count", [0, 1, 5, 6, 23])
def test_every_finding_of_the_window_and_none_of_another(count):
    listed = Listed()
    for number in range(count):
        listed.put(f"f{number}", DAY.start_ms + number * 1000)
    listed.put("before", DAY.start_ms - 1)
    listed.put("after", DAY.end_ms + 1)
    steps = list(read(listed, DAY))
    assert ids(steps) == {f"f{number}" for number in range(count)}
    assert [step.done for step in steps] == [False] * (len(steps) - 1) + [True]
    assert steps[-1].at_ms == DAY.end_ms and len(listed.pages) <= count // 4 + 1


def test_a_page_that_shifts_while_it_is_read_loses_nothing():
    """A finding of the first page is updated between the pages: by tokens the sixth one would never be seen."""
    listed = Listed()
    for number in range(12):
        listed.put(f"f{number}", DAY.start_ms + number * 1000)
    listed.before_page = lambda number: listed.put("f1", DAY.end_ms + 7, count=2) if number == 1 else None
    assert ids(list(read(listed, DAY))) == {f"f{number}" for number in range(12)}


def test_a_restart_begins_where_a_step_says():
    listed = Listed()
    for number in range(40):
        listed.put(f"f{number}", DAY.start_ms + number // 3)
    seen = set()
    for stop in range(1, 30):
        steps = []
        for step in read(listed, DAY):
            steps.append(step)
            if len(steps) == stop:
                break
        rest = list(read(listed, Window(steps[-1].at_ms, DAY.end_ms))) if not steps[-1].done else []
        seen.add(len(ids(steps) | ids(rest)))
    assert seen == {40}


@pytest.mark.parametrize("ordered", [True, False])
def test_ties_and_a_list_without_order_are_read_until_nothing_new_comes(ordered):
    listed = Listed(ordered=ordered)
    for number in range(31):
        listed.put(f"f{number}", DAY.start_ms + 500)
    for number in range(31, 40):
        listed.put(f"f{number}", DAY.start_ms + 501 + number)

    def change(number: int) -> None:
        if number == 3:
            listed.put("f0", DAY.end_ms + 1, count=2)

    listed.before_page = change
    assert ids(list(read(listed, DAY))) == {f"f{number}" for number in range(40)}


@pytest.mark.parametrize("stuck", [["5"], ["5", "5"], ["10", "5", "10"]])
def test_a_token_that_comes_back_ends_nothing_but_a_pass(stuck):
    listed = Listed()
    for number in range(31):
        listed.put(f"f{number}", DAY.start_ms + 500)
    listed.stuck = list(stuck)
    assert ids(list(read(listed, DAY))) == {f"f{number}" for number in range(31)}


def test_a_list_that_never_ends_is_an_error_and_not_a_loop():
    listed = Listed()
    for number in range(31):
        listed.put(f"f{number}", DAY.start_ms + 500)
    listed.stuck = ["5"] * 1000
    with pytest.raises(CallRejected, match="It is read again at the next poll"):
        list(read(listed, DAY))
    assert len(listed.pages) < 40


def test_what_changed_since_the_page_was_made_is_no_place_to_go_on_from():
    """The last finding of a page got a new time after the page was made; what lies between is not passed over."""
    listed = Listed()
    for number in range(12):
        listed.put(f"f{number}", DAY.start_ms + number * 1000)
    listed.as_of_ms = DAY.start_ms + 20_000
    listed.put("f4", DAY.end_ms - 1, count=2)
    page = listed.page

    def late(window, token):
        found = page(window, token)
        if len(listed.pages) == 1:
            order = sorted([*found.findings[:4], listed.now["f4"]], key=lambda each: each.record.time_ms)
            return found._replace(findings=order)
        return found

    listed.page = late
    assert ids(list(read(listed, DAY))) == {f"f{number}" for number in range(12)}


@pytest.mark.parametrize("seed", range(20))
def test_at_random(seed):
    chance = random.Random(seed)
    listed = Listed(page_size=chance.randint(1, 7))
    for number in range(chance.randint(0, 60)):
        listed.put(f"f{number}", DAY.start_ms + chance.randint(0, 12) * chance.choice([1, 1000]))
    at_first = set(listed.now)

    def change(number: int) -> None:
        if listed.now and chance.random() < 0.3:
            listed.put(chance.choice(sorted(listed.now)), DAY.end_ms + number + 1, count=number + 2)
        if chance.random() < 0.1:
            listed.stuck.append("0")

    moved_before = set()
    listed.before_page = change
    seen = ids(list(read(listed, DAY)))
    # What left the window before its page was made belongs to the next window, and is read there.
    moved_before = {id for id in at_first if listed.now[id].record.time_ms > DAY.end_ms}
    assert seen | moved_before >= at_first
