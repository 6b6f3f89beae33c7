"""The deadline: what is done before it stays done, what follows is named, and nothing falls in between."""

from __future__ import annotations

import json
import random
import threading

import pytest

from collectors.delivery.intake import FINISH_WITHIN_S
from collectors.delivery.outcome import DONE, UNFINISHED
from collectors.errors import StoreUnavailable
from es_bridge.config import ClusterConfig
from es_bridge.transport import Transport
from lab.front.server import LocalServer, Reply
from tests.collectors.shelf import Shelf, done, lines, query

RECORDS = 400


class Store(LocalServer):
    """Answers ``_bulk`` as an engine would that is short of room now and then, and refuses every 17th record."""

    def __init__(self, seed=0, full=0.0):
        self.chance, self.full = random.Random(seed), full
        self.ids = set()
        #: These find no room, and whether one of them has come.
        self.stuck, self.met_stuck = set(), False
        self.lock = threading.Lock()
        super().__init__()

    def answer(self, received):
        with self.lock:
            return Reply(200, json.dumps({"items": [*map(self._item, received.body.splitlines()[::2])]}).encode())

    def _item(self, action):
        identity = json.loads(action)["create"]["_id"]
        number = int(identity.rpartition("-")[2])
        self.met_stuck = self.met_stuck or number in self.stuck
        if number in self.stuck or self.chance.random() < self.full:
            return {"create": {"status": 429, "error": {"type": "rejected_execution_exception", "reason": "full"}}}
        if number % 17 == 0:
            return {"create": {"status": 400, "error": {"type": "mapper_parsing_exception", "reason": "no"}}}
        status = 409 if identity in self.ids else 201
        self.ids.add(identity)
        return {"create": {"status": status}}

    def numbers(self):
        return {int(identity.rpartition("-")[2]) for identity in self.ids}


@pytest.mark.parametrize("seed", range(12))
def test_every_record_before_the_next_number_has_its_answer(tmp_path, day, short_waits, seed):
    """Requests of a few documents end in any order; the time ends anywhere, also while some find no room."""
    chance = random.Random(seed)
    bad = set(chance.sample(range(1, RECORDS + 1), 20))
    with Store(seed, full=0.2) as store, Transport(ClusterConfig((store.url,))) as transport:
        shelf = Shelf(tmp_path, transport)
        ref = shelf.put(lines(*("{" if n in bad else query(n, day) for n in range(1, RECORDS + 1))))
        intake = shelf.intake(max_docs=chance.randrange(3, 20), workers=chance.randrange(1, 5))
        first, calls, records = 1, 0, 0
        while True:
            looks = chance.randrange(1, 30)

            def seconds_left():
                nonlocal looks
                looks -= 1
                return 5.0 if looks >= 0 else -2 * FINISH_WITHIN_S

            try:
                result = intake.take(ref, first_number=first, seconds_left=seconds_left)
            except StoreUnavailable:
                continue  # not even the first document found room in time: nothing was claimed
            calls += 1
            records += result.records
            answered = store.numbers() | {letter.number for letter in shelf.dead()}
            if result.outcome == DONE:
                break
            assert result.outcome == UNFINISHED
            assert result.next_number > first, "a call got nothing further"
            assert set(range(1, result.next_number)) <= answered
            first = result.next_number
    refused = {n for n in range(17, RECORDS + 1, 17) if n not in bad}
    assert calls > 1
    assert records >= RECORDS
    assert store.numbers() == set(range(1, RECORDS + 1)) - bad - refused
    assert [letter.number for letter in shelf.dead()] == sorted(bad | refused)


def test_what_finds_no_room_after_the_deadline_is_left_to_the_next_call(tmp_path, day, short_waits):
    with Store() as store, Transport(ClusterConfig((store.url,))) as transport:
        shelf = Shelf(tmp_path, transport)
        ref = shelf.put(lines(*(query(n, day) for n in range(1, 101))))
        store.stuck = {25}
        intake = shelf.intake(max_docs=10, workers=3)
        result = intake.take(ref, seconds_left=lambda: -100.0 if store.met_stuck else 5.0)
        assert (result.outcome, result.next_number) == (UNFINISHED, 25)
        store.stuck = set()
        rest = done(intake.take(ref, first_number=25))
    assert rest["stored"] + rest["already_there"] + rest["dead"] == 76
    assert store.numbers() == {n for n in range(1, 101) if n % 17}


def test_a_store_that_takes_nothing_until_the_deadline_is_unavailable(tmp_path, day, short_waits):
    with Store() as store, Transport(ClusterConfig((store.url,))) as transport:
        shelf = Shelf(tmp_path, transport)
        ref = shelf.put(lines(query(1, day), query(2, day)))
        store.stuck = {1}
        left = iter([5.0, 5.0])
        with pytest.raises(StoreUnavailable, match="nothing was stored in time: HTTP 429"):
            shelf.intake().take(ref, seconds_left=lambda: next(left, -100.0))


def test_a_call_that_begins_in_time_gets_a_batch_further(shelf, day, index):
    """Opening and skipping may take all the time there is: without this an object would never end."""
    ref = shelf.put(lines(*(query(n, day) for n in range(1, 301))))
    intake = shelf.intake(max_docs=50)
    first, calls = 1, 0
    while True:
        left = iter([0.001, 0.001])
        result = intake.take(ref, first_number=first, seconds_left=lambda left=left: next(left, 0.0))
        calls += 1
        if result.outcome == DONE:
            break
        assert (result.outcome, result.next_number) == (UNFINISHED, first + 50)
        first = result.next_number
    assert calls == 7
    assert shelf.stored(index, ref) == list(range(1, 301))
