"""The command itself, in a process of its own: stopped with a signal, and killed at random moments."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from collectors.sources.registry import LOGS
from lab.engine import Engine
from tests.account import Account, QueueUrls, notification_of, trail_file, trail_key
from tests.collectors.corpus import log_file
from tests.collectors.one_store import DAY, FOR_EVER_DAYS, OURS, Store, trail_ids

PATIENCE_S = 120.0
#: Of the moments, so that a run can be repeated.
SEED = 20261121
KILLS = 20 if os.environ.get("AWS_SIEM_BRIDGE_FULL") else 6


@pytest.fixture
def store(engine: Engine) -> Iterator[Store]:
    found = Store(engine.url)
    found.clear()
    yield found
    found.clear()
    found.transport.close()


class Running:
    """A daemon of the loader as a process, with its log in a folder."""

    def __init__(self, command: List[str], environment: Dict[str, str], folder: Path) -> None:
        self.log = folder / "daemon.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env={**os.environ, **environment}, stderr=log)

    def lines(self, event: str = "") -> List[Dict[str, Any]]:
        """Return what it has logged; a line that is not whole yet is left out."""
        lines = self.log.read_bytes().split(b"\n")[:-1]
        found = [json.loads(line) for line in lines]
        return [line for line in found if event in ("", line["event"])]

    def until(self, condition: Any) -> None:
        """Wait until ``condition``."""
        give_up_s = time.monotonic() + PATIENCE_S
        while not condition():
            said = self.log.read_text(errors="replace")[-3000:]
            assert self.process.poll() is None, f"it ended with {self.process.returncode}: {said}"
            assert time.monotonic() < give_up_s, said
            time.sleep(0.02)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


class Command(Running):
    """``aws-siem-bridge load --queue`` as a process."""

    def __init__(self, account: Account, store: Store, urls: QueueUrls, folder: Path, *options: str) -> None:
        command = [sys.executable, "-m", "aws_siem_bridge", "load", "--queue", urls.url, "--url", store.url]
        command += ["--dead-letters", str(folder / "dead"), "--no-template", "--long-poll", "1"]
        command += ["--retention-days", FOR_EVER_DAYS, *options]
        super().__init__(command, account.environment, folder)


def put_trail(account: Account, number: int, records: int) -> str:
    return notification_of(account.put(trail_key(number), trail_file(number, records, DAY)))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_an_orderly_way(account, store, tmp_path, number):
    urls = account.new_queue()
    account.send(urls, put_trail(account, 0, 5))
    command = Command(account, store, urls, tmp_path, "--metrics-port", "0")
    command.until(lambda: account.left(urls.url) == 0)
    port = command.lines("serving")[0]["port"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
        assert b"aws_siem_bridge_messages_deleted_total 1.0" in reply.read()
    assert command.end(number) == 0
    assert [line["status"] for line in command.lines("stopped")] == [0]
    assert store.ids() == trail_ids(0, 5)


def test_it_stops_before_the_end_of_its_work_and_leaves_the_rest_to_the_next(account, store, tmp_path):
    urls = account.new_queue(visibility_s=600)
    for number in range(8):
        account.send(urls, put_trail(account, 10_000 * number, 3000))
    first = Command(account, store, urls, tmp_path, "--workers", "1", "--visibility", "600")
    first.until(lambda: first.lines("object"))
    assert first.end() == 0
    left = account.left(urls.url)
    assert 0 < left < 8
    assert account.visible(urls.url) == left  # given back, not left to run out
    assert store.count() == (8 - left) * 3000
    second = Command(account, store, urls, tmp_path)
    second.until(lambda: account.left(urls.url) == 0)
    assert second.end() == 0
    assert store.count() == 8 * 3000


def test_without_a_place_for_dead_letters_it_does_not_start(account, store):
    command = [sys.executable, "-m", "aws_siem_bridge", "load", "--queue", "http://127.0.0.1:1/q", "--url", store.url]
    done = subprocess.run(command, env={**os.environ, **account.environment}, capture_output=True, text=True)
    assert done.returncode == 2
    assert "--queue needs --dead-letters" in done.stderr


def ids_by_dataset(store: Store) -> Dict[str, List[str]]:
    """Return all ids of 2019 for each dataset, as often as they are there."""
    found: Dict[str, List[str]] = {name: [] for name in LOGS}
    store.transport.request("POST", (OURS, "_refresh"))
    body = {"size": 10_000, "_source": False, "query": {"match_all": {}}, "sort": ["_doc"]}
    page = store.transport.request("POST", (OURS, "_search"), {"scroll": "1m"}, body).json()
    while page["hits"]["hits"]:
        assert not page["_shards"]["failed"]
        for hit in page["hits"]["hits"]:
            dataset = next(each for each in LOGS.values() if hit["_index"].startswith(each.index_prefix))
            found[dataset.name].append(hit["_id"])
        scroll = {"scroll": "1m", "scroll_id": page["_scroll_id"]}
        page = store.transport.request("POST", ("_search", "scroll"), body=scroll, idempotent=False).json()
    store.transport.request("DELETE", ("_search", "scroll"), body={"scroll_id": [page["_scroll_id"]]})
    return found


def test_killed_again_and_again_each_record_is_there_once(account, store, tmp_path):
    chance = random.Random(SEED)
    # A crash costs a receipt, and these messages meet many.
    urls = account.new_queue(visibility_s=2, max_receives=1000)
    files = [log_file(number, chance.randint(1, 2500)) for number in range(2 * KILLS)]
    refs = [account.put(each.key, each.content) for each in files]
    # AWS may write the same events into a second file: only CloudTrail's have an id of their own to tell.
    copies = [account.put(f"{each.key}.copy.json.gz", each.content) for each in files if each.dataset == "cloudtrail"]
    for ref in copies:
        account.send(urls, notification_of(ref))
    killed_at_work = 0
    for turn in range(KILLS):
        new = refs[2 * turn : 2 * turn + 2]
        again = chance.sample(refs[: 2 * turn + 2], k=min(2, len(refs)))
        for body in (notification_of(*new), notification_of(new[0]), notification_of(*again)):
            account.send(urls, body)
        command = Command(account, store, urls, tmp_path, "--visibility", "2", "--workers", "2")
        command.until(lambda command=command: command.lines("started"))
        time.sleep(chance.uniform(0.0, 0.6))
        killed_at_work += account.left(urls.url) > 0
        assert command.end(signal.SIGKILL) == -signal.SIGKILL
    last = Command(account, store, urls, tmp_path, "--visibility", "2", "--workers", "2")
    last.until(lambda: account.left(urls.url) == 0)
    assert last.end() == 0
    assert killed_at_work >= KILLS // 2
    assert account.left(urls.dead_url) == 0
    found = ids_by_dataset(store)
    for dataset in LOGS:
        expected = [id for each in files if each.dataset == dataset for id in each.ids]
        assert len(found[dataset]) == len(expected), dataset
        assert Counter(found[dataset]) == Counter(expected), dataset
    assert not list((tmp_path / "dead").rglob("*.gz"))
