"""The gate between the queue and a cluster that takes nothing, with a clock that the test turns."""

from __future__ import annotations

import threading

import pytest

from collectors.delivery.store_gate import PAUSES, REFUSED_PAUSE_S, Stopped, StoreGate


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_it_is_open_until_the_cluster_takes_nothing():
    gate = StoreGate()
    assert gate.enter() is False
    assert gate.close("no room") is True
    assert gate.close("still no room") is False
    assert gate.reason == "still no room"
    assert gate.open() is True
    assert gate.open() is False
    assert gate.enter() is False


def test_one_at_a_time_tries_again():
    clock = Clock()
    gate = StoreGate(clock)
    gate.close("no room")
    clock.now_s += 1
    assert gate.enter() is True
    entered = []
    other = threading.Thread(target=lambda: entered.append(gate.enter()))
    other.start()
    other.join(0.2)
    assert entered == []  # it waits for how the attempt ends
    gate.open(attempt=True)
    other.join(10)
    assert entered == [False]


def test_the_pauses_grow_to_a_ceiling():
    clock = Clock()
    gate = StoreGate(clock)
    gate.close("no room")
    pauses = []
    for _ in range(8):
        started_s = clock.now_s
        clock.now_s = gate._next_attempt_s
        pauses.append(clock.now_s - started_s)
        assert gate.enter() is True
        gate.close("no room", attempt=True)
    assert pauses == [1, 2, 4, 8, 16, *[PAUSES.longest_s] * 3]
    assert gate.closed_s() == sum(pauses)


def test_a_worker_whose_object_fails_later_changes_nothing_about_the_next_attempt():
    clock = Clock()
    gate = StoreGate(clock)
    gate.close("no room")
    clock.now_s += 1
    assert gate.enter() is True
    gate.close("another worker's object")
    assert gate._attempt_under_way
    gate.close("no room", attempt=True)
    clock.now_s += 2
    assert gate.enter() is True


def test_after_a_refusal_the_pause_is_long_from_the_beginning():
    clock = Clock()
    gate = StoreGate(clock)
    gate.close("not allowed", refused=True)
    assert gate._next_attempt_s == clock.now_s + REFUSED_PAUSE_S


def test_whoever_waits_is_sent_home_when_it_stops():
    gate = StoreGate()
    gate.close("no room", refused=True)
    ended = []

    def wait(how):
        with pytest.raises(Stopped):
            how()
        ended.append(how.__name__)

    threads = [threading.Thread(target=wait, args=(how,)) for how in (gate.enter, gate.wait_until_open)]
    for thread in threads:
        thread.start()
    gate.stop()
    for thread in threads:
        thread.join(10)
    assert sorted(ended) == ["enter", "wait_until_open"]
