"""The engine is stopped for longer than the queue's patience, and started again."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, Tuple

import pytest

from aws_bridge.queue import Queue
from lab.engine import DEFAULT_ENGINE, EngineUnavailable
from lab.engine.process import Engine, start_node
from tests.account import notification_of, trail_file, trail_key
from tests.collectors.delivery.running import Running, intake_of
from tests.collectors.one_store import DAY, Store, trail_ids

VISIBILITY_S, MAX_RECEIVES = 2, 3


def start(folder: Path, port: int = 0) -> Engine:
    try:
        node, process = start_node(DEFAULT_ENGINE, folder, {}, 512, lambda text: None, True, port or None)
    except EngineUnavailable as exc:
        pytest.skip(f"engine cannot start here: {exc}")
    return Engine(node, process, keep=True)


@pytest.fixture
def first_life(tmp_path) -> Iterator[Tuple[Engine, Path]]:
    folder = tmp_path / "node"
    folder.mkdir()
    engine = start(folder)
    yield engine, folder
    engine.stop()


def test_an_outage_puts_nothing_into_the_dead_letter_queue(account, tmp_path, first_life):
    engine, folder = first_life
    store = Store(engine.url)
    urls = account.new_queue(visibility_s=30, max_receives=MAX_RECEIVES)

    def send(first: int) -> None:
        for number in range(first, first + 15):
            ref = account.put(trail_key(1000 * number), trail_file(1000 * number, 5, DAY))
            account.send(urls, notification_of(ref))

    takers = [intake_of(account, engine.url, tmp_path / "dead") for _ in range(3)]
    with Running(Queue(account.sqs, urls.url), takers, visibility_s=VISIBILITY_S) as running:
        send(0)
        running.until(lambda: account.left(urls.url) == 0)
        engine.stop()
        send(15)
        gate = running.daemon._gate
        # Without being kept hidden, a message would be received once each time its visibility is over.
        running.until(lambda: gate.closed_s() > (MAX_RECEIVES + 1) * VISIBILITY_S)
        assert "127.0.0.1" in running.daemon.not_ready()
        assert running.value("store_available") == 0
        received_meanwhile = running.value("messages_received_total")
        assert received_meanwhile < 30  # a backlog at most, the rest waits in the queue
        second_life = start(folder, int(engine.url.rpartition(":")[2]))
        try:
            running.until(lambda: account.left(urls.url) == 0)
            assert store.ids() == sorted(id for number in range(30) for id in trail_ids(1000 * number, 5))
        finally:
            running.daemon.ask_to_stop()
            running.join()
            second_life.stop()
    assert account.left(urls.dead_url) == 0
    assert running.value("messages_received_total") == 30  # none came a second time
    assert running.value("messages_deleted_total") == 30
    assert [len(running.lines(event)) for event in ("store_unavailable", "store_available")] == [1, 1]
    assert running.value("store_available") == 1
