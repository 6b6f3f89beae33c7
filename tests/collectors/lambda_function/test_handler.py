"""The handlers as Lambda calls them: environment, event and context; moto's services and a real engine behind them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from aws_bridge.object_ref import ObjectRef
from aws_bridge.queue import Queue
from collectors.delivery.dead_letters import DeadLetters
from collectors.delivery.letter_store import letter_store
from collectors.lambda_function.event_source_mapping import EventSourceMapping
from collectors.lambda_function.handler import handler
from collectors.lambda_function.loader import loader
from collectors.lambda_function.resume import NOT_OURS, STILL_OFF, SWITCHED_ON, resume
from lab.front.faults import FaultyServer
from lab.front.server import Reply
from tests.account import BUCKET, notification_of, trail_file, trail_key
from tests.collectors.corpus import log_file
from tests.collectors.lambda_function.conftest import Context, event_of
from tests.collectors.one_store import DAY, trail_ids

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def queue(account, environment) -> Queue:
    return Queue(account.sqs, environment["QUEUE_URL"])


def put(account, number: int, records: int) -> ObjectRef:
    return account.put(trail_key(number), trail_file(number, records, DAY))


def test_a_batch_is_loaded_and_nothing_failed(account, store, queue):
    files = [log_file(number, 20) for number in range(4)]
    for each in files:
        queue.send(notification_of(account.put(each.key, each.content)))
    received = queue.receive(10, 600, wait_s=0)
    assert handler(event_of(received), Context()) == {"batchItemFailures": []}
    assert store.ids() == sorted(id for each in files for id in each.ids)


def test_the_same_event_again_doubles_nothing(account, store, queue):
    queue.send(notification_of(put(account, 0, 20)))
    event = event_of(queue.receive(10, 600, wait_s=0))
    assert [handler(event, Context()) for _ in range(3)] == [{"batchItemFailures": []}] * 3
    assert store.ids() == trail_ids(0, 20)


def test_what_cannot_be_stored_is_an_encrypted_dead_letter_in_the_bucket(account, environment, queue):
    queue.send(notification_of(ObjectRef(BUCKET, "not/there")))
    assert handler(event_of(queue.receive(10, 600, wait_s=0)), Context()) == {"batchItemFailures": []}
    letters = list(DeadLetters(letter_store(environment["DEAD_LETTERS"])).iterate())
    assert [(letter.key, letter.number) for letter in letters] == [("not/there", 0)]
    bucket, _, prefix = environment["DEAD_LETTERS"][len("s3://") :].partition("/")
    keys = [each["Key"] for each in account.s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]]
    assert [account.s3.head_object(Bucket=bucket, Key=key)["ServerSideEncryption"] for key in keys] == ["AES256"]


class Short(Context):
    """A run whose time is over as soon as an object was begun."""

    _asked = 0

    def get_remaining_time_in_millis(self) -> int:
        self._asked += 1
        return 60_000 if self._asked <= 3 else 0


def test_an_object_that_takes_many_runs_ends_complete_and_never_in_the_dead_letter_queue(account, store, queue):
    """Each run has time for one batch of documents; so it would be with 75 MB and a slow cluster."""
    queue.send(notification_of(put(account, 0, 12_500)))
    runs = 0
    while account.left(queue.url):
        received = queue.receive(10, 600, wait_s=0)
        assert [message.receive_count for message in received] == [1] * len(received)
        assert handler(event_of(received), Short()) == {"batchItemFailures": []}
        assert queue.delete(received) == []  # as Lambda does with those that are not in the answer
        runs += 1
        assert runs < 100
    assert runs > 3
    assert store.count() == 12_500


def test_objects_not_begun_when_time_is_over_cost_no_receipt(account, store, queue):
    for number in range(3):
        queue.send(notification_of(put(account, 100 * number, 10)))
    received = queue.receive(10, 600, wait_s=0)
    assert handler(event_of(received), Context(seconds=-1)) == {"batchItemFailures": []}
    queue.delete(received)
    again = queue.receive(10, 600, wait_s=0)
    assert [message.receive_count for message in again] == [1, 1, 1]
    assert handler(event_of(again), Context()) == {"batchItemFailures": []}
    assert len(store.ids()) == 30


def test_an_outage_switches_the_mapping_off_and_resume_switches_it_on_when_the_cluster_is_well(
    account, store, queue, environment, monkeypatch, capsys
):
    function = account.new_function()
    monkeypatch.setenv("AWS_SIEM_BRIDGE_LOADER", function)
    mapping = EventSourceMapping(account.client("lambda"), function)
    for number in range(3):
        queue.send(notification_of(put(account, 100 * number, 10)))
    assert resume({}, None) == {"result": NOT_OURS}
    with FaultyServer(upstream=store.url) as server:
        monkeypatch.setenv("AWS_SIEM_BRIDGE_URL", server.url)
        loader.cache_clear()
        from collectors.lambda_function import resume as resume_module

        resume_module._parts.cache_clear()
        server.faults.extend([Reply(503, b"{}")] * 1000)
        received = queue.receive(10, 600, wait_s=0)
        loader()  # on a busy machine making it takes longer than the run may
        answer = handler(event_of(received), Context(function, seconds=2))
        assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == [each.id for each in received]
        assert mapping.find().is_disabled
        assert account.visible(queue.url) == 0
        assert json.loads(capsys.readouterr().out.splitlines()[-2])["StoreUnavailable"] == 1
        assert resume({}, None)["result"] == STILL_OFF
        assert mapping.find().is_disabled
        server.faults.clear()
        assert resume({}, None) == {"result": SWITCHED_ON}
        assert not mapping.find().is_disabled
        queue.change_visibility([(message, 0) for message in received])
        again = queue.receive(10, 600, wait_s=0)
        assert [message.receive_count for message in again] == [2, 2, 2]
        assert handler(event_of(again), Context(function)) == {"batchItemFailures": []}
    assert len(store.ids()) == 30
    assert resume({}, None) == {"result": NOT_OURS}


def test_an_operator_who_switched_it_off_is_not_overruled(account, environment, monkeypatch):
    function = account.new_function()
    monkeypatch.setenv("AWS_SIEM_BRIDGE_LOADER", function)
    mapping = EventSourceMapping(account.client("lambda"), function)
    account.client("lambda").update_event_source_mapping(UUID=mapping.find().uuid, Enabled=False)
    assert resume({}, None) == {"result": NOT_OURS}
    assert mapping.find().is_disabled


def test_a_password_that_was_changed_is_read_again_once(account, store, queue, monkeypatch):
    client = account.client("secretsmanager")
    text = '{"username": "loader", "password": "new"}'
    monkeypatch.setenv("AWS_SIEM_BRIDGE_SECRET_ARN", client.create_secret(Name="c", SecretString=text)["ARN"])
    queue.send(notification_of(put(account, 0, 10)))
    with FaultyServer([Reply(401, b"Unauthorized")], upstream=store.url) as server:
        monkeypatch.setenv("AWS_SIEM_BRIDGE_URL", server.url)
        loader.cache_clear()
        assert handler(event_of(queue.receive(10, 600, wait_s=0)), Context()) == {"batchItemFailures": []}
    assert store.ids() == trail_ids(0, 10)


def test_importing_the_handlers_reads_nothing_connects_to_nothing_and_loads_no_aws_library():
    program = """
import os, socket, sys
class Environment(type(os.environ)):
    def __getitem__(self, key):
        assert not key.startswith(("AWS", "_HANDLER")), key
        return super().__getitem__(key)
os.environ.__class__ = Environment
def refuse(event, arguments):
    assert event not in ("socket.connect", "subprocess.Popen", "socket.bind"), event
sys.addaudithook(refuse)
import collectors.lambda_function.handler, collectors.lambda_function.resume
heavy = {"boto3", "botocore", "pyarrow", "maxminddb", "prometheus_client", "orjson", "lab", "moto", "tqdm"}
print(sorted(heavy & set(sys.modules)), len(sys.modules) < 400)
"""
    done = subprocess.run([sys.executable, "-S", "-c", _with_paths(program)], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[] True\n", "")


def _with_paths(program: str) -> str:
    """Return the program with the search path of this interpreter: ``-S`` leaves out what ``.pth`` files import."""
    return f"import sys\nsys.path[:0] = {[str(ROOT), *[path for path in sys.path if path]]!r}\n{program}"
