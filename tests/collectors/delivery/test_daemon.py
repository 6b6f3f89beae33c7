"""Messages in, documents in a real engine, messages gone: and every way in which that can be disturbed."""

from __future__ import annotations

import gzip
import json
import threading
from typing import Any, Callable, Dict, Iterator, List

import pytest

from aws_bridge.object_ref import ObjectRef
from aws_bridge.queue import Queue
from collectors.delivery import store_gate
from collectors.delivery.dead_letters import DeadLetters
from collectors.delivery.letter_store import letter_store
from collectors.delivery.outcome import UNFINISHED, ObjectResult
from collectors.errors import IntakeStopped
from lab.engine import Engine
from lab.front.faults import FaultyServer
from lab.front.server import Handler, Received, Reply
from tests.account import BUCKET, REGION, Account, event, notification_of, trail_file, trail_key
from tests.collectors.delivery.running import Running, intake_of
from tests.collectors.one_store import DAY, Store, trail_ids


@pytest.fixture
def store(engine: Engine) -> Iterator[Store]:
    found = Store(engine.url)
    found.clear()
    yield found
    found.clear()
    found.transport.close()


@pytest.fixture
def intakes(account: Account, store: Store, tmp_path) -> Callable[[int], List[Any]]:
    """Return a function that gives so many intakes."""
    return lambda count: [intake_of(account, store.url, tmp_path / "dead", give_up_after_s=30) for _ in range(count)]


def put_trail(account: Account, first: int, count: int = 3) -> ObjectRef:
    return account.put(trail_key(first), trail_file(first, count, DAY))


def is_empty(account: Account, *urls: str) -> bool:
    return all(account.left(url) == 0 for url in urls)


class BlockedTaker:
    """An intake that says when it has begun, and waits until it is let go on."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.begun, self.go_on = threading.Event(), threading.Event()

    def take(self, ref: ObjectRef, **how: Any) -> ObjectResult:
        self.begun.set()
        assert self.go_on.wait(60)
        return self.inner.take(ref, **how)


def test_objects_of_every_wrapper_are_stored_and_their_messages_deleted(account, store, intakes):
    urls = account.new_queue()
    for number, name in enumerate(["s3", "sns_s3", "eventbridge", "sns_eventbridge"]):
        account.send(urls, event(name, put_trail(account, 10 * number)))
    for name in ("s3_test", "sns_s3_test", "eventbridge_deleted"):
        account.send(urls, event(name))
    with Running(Queue(account.sqs, urls.url), intakes(2)) as running:
        running.until(lambda: is_empty(account, urls.url))
    assert store.ids() == sorted(id for first in (0, 10, 20, 30) for id in trail_ids(first, 3))
    assert running.status == 0
    assert running.value("messages_deleted_total") == 7
    source = {"dataset": "cloudtrail", "account": "111122223333", "region": REGION}
    assert running.value("records_total", result="stored", **source) == 12
    assert running.value("objects_total", outcome="done", **source) == 4
    assert running.value("events_ignored_total") == 1
    assert running.value("lag_seconds", **source) > 86_400
    assert is_empty(account, urls.dead_url)
    assert [line["level"] for line in running.lines("any_bucket")] == ["warning"]


@pytest.mark.parametrize("raw", ["false", "true"])
def test_notifications_that_s3_sends_by_sns_are_read_with_and_without_envelope(account, store, intakes, raw):
    urls = account.new_queue()
    arn = account.sqs.get_queue_attributes(QueueUrl=urls.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns = account.client("sns")
    topic = sns.create_topic(Name=f"logs-{raw}")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": raw})
    configuration = {"TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]}
    account.s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=configuration)
    # Signs that a key may have and that each wrapper encodes in its own way.
    account.put(f"{trail_key(1)}/a=b +%20é.json.gz", trail_file(0, 3, DAY))
    account.s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})
    assert account.left(urls.url) == 2  # the test event is the other
    with Running(Queue(account.sqs, urls.url), intakes(1)) as running:
        running.until(lambda: is_empty(account, urls.url))
    assert store.ids() == trail_ids(0, 3)


def test_messages_and_objects_that_come_twice_double_nothing(account, store, intakes):
    urls = account.new_queue()
    first, copy = put_trail(account, 0), account.put(trail_key(999), trail_file(0, 3, DAY))
    for _ in range(3):
        account.send(urls, notification_of(first, copy, first))
    with Running(Queue(account.sqs, urls.url), intakes(2)) as running:
        running.until(lambda: is_empty(account, urls.url))
    assert store.ids() == trail_ids(0, 3)
    source = {"dataset": "cloudtrail", "account": "111122223333", "region": REGION}
    assert running.value("records_total", result="stored", **source) == 3
    assert running.value("records_total", result="already_there", **source) == 24


def test_poison_goes_to_the_dead_letter_queue_and_is_never_deleted(account, store, intakes):
    urls = account.new_queue(max_receives=3)
    account.send(urls, "no notification at all")
    account.send(urls, notification_of(put_trail(account, 0)))
    with Running(Queue(account.sqs, urls.url), intakes(1)) as running:
        running.until(lambda: account.left(urls.dead_url) == 1 and account.left(urls.url) == 0)
    assert store.ids() == trail_ids(0, 3)
    assert running.value("messages_returned_total", why="poison") == 3
    assert running.value("messages_deleted_total") == 1
    assert {line["receive_count"] for line in running.lines("poison")} == {1, 2, 3}
    assert "no notification at all" not in json.dumps(running.lines())


def test_a_message_about_another_bucket_is_refused_loudly_and_nothing_of_it_is_read(account, store, intakes):
    urls = account.new_queue(max_receives=2)
    account.new_bucket("somebody-elses")
    theirs = account.put(trail_key(7), trail_file(500, 3, DAY))._replace(bucket="somebody-elses")
    account.send(urls, notification_of(theirs, put_trail(account, 0)))
    account.send(urls, notification_of(put_trail(account, 10)))
    with Running(Queue(account.sqs, urls.url), intakes(1), expected_buckets=frozenset([BUCKET])) as running:
        running.until(lambda: account.left(urls.dead_url) == 1 and account.left(urls.url) == 0)
    assert store.ids() == sorted(trail_ids(0, 3) + trail_ids(10, 3))
    assert {line["uri"].split("/")[2] for line in running.lines("object")} == {BUCKET}
    poison = running.lines("poison")
    assert [line["level"] for line in poison] == ["error", "error"]
    assert f"it names objects of 'somebody-elses', and expected are {BUCKET}" in poison[0]["reason"]
    assert running.lines("any_bucket") == []


def test_an_object_that_cannot_be_read_now_is_left_to_the_queue_and_the_others_of_its_message_are_stored(
    account, store, intakes
):
    urls = account.new_queue(max_receives=2)
    broken = bytearray(trail_file(100, 3, DAY))
    broken[-5] ^= 0xFF  # in the checksum's last bytes
    broken[-8] ^= 0xFF
    account.send(urls, notification_of(account.put(trail_key(100), bytes(broken)), put_trail(account, 0)))
    with Running(Queue(account.sqs, urls.url), intakes(1)) as running:
        running.until(lambda: account.left(urls.dead_url) == 1)
    assert set(trail_ids(0, 3)) <= set(store.ids())
    assert running.value("messages_returned_total", why="retry") == 2
    assert running.value("messages_deleted_total") == 0
    assert all(trail_key(100) in line["uri"] for line in running.lines("object") if line["outcome"] == "retry")


def test_what_can_never_be_stored_is_a_dead_letter_and_its_message_is_deleted(account, store, intakes, tmp_path):
    urls = account.new_queue()
    text = json.dumps({"Records": ["no event"]}).encode()
    account.send(urls, notification_of(ObjectRef(BUCKET, "not/there"), account.put(trail_key(1), gzip.compress(text))))
    with Running(Queue(account.sqs, urls.url), intakes(1)) as running:
        running.until(lambda: is_empty(account, urls.url))
    letters = list(DeadLetters(letter_store(str(tmp_path / "dead"))).iterate())
    assert sorted((letter.key, letter.number) for letter in letters) == [(trail_key(1), 1), ("not/there", 0)]
    assert running.value("messages_deleted_total") == 1


def test_a_message_that_another_daemon_received_meanwhile_doubles_nothing(account, store, intakes):
    urls = account.new_queue()
    account.send(urls, notification_of(put_trail(account, 0, 50)))
    queue = Queue(account.sqs, urls.url)
    slow = BlockedTaker(intakes(1)[0])
    with Running(queue, [slow]) as first:
        assert slow.begun.wait(30)
        held = first.daemon._inbox.held()
        assert queue.change_visibility([(held[0], 0)]) == []  # as if its time had run out
        with Running(queue, intakes(1)) as second:
            second.until(lambda: account.left(urls.url) == 0)
        slow.go_on.set()
        first.until(lambda: len(first.lines("object")) == 1)
    assert store.ids() == trail_ids(0, 50)
    assert second.value("messages_deleted_total") == 1
    assert first.lines("object")[0]["already_there"] == 50
    assert first.lines("message_lost") or first.lines("delete_failed") or first.value("messages_deleted_total") == 1
    assert is_empty(account, urls.url, urls.dead_url)


class RefusesDeletes(FaultyServer):
    """The queue in front of the account's, which fails to delete until it is told otherwise."""

    refuses = True

    def serve(self, handler: Handler, received: Received) -> None:
        if self.refuses and received.headers.get("x-amz-target", "").endswith("DeleteMessageBatch"):
            failed = {"Code": "InternalError", "Message": "busy", "SenderFault": True}
            failures = [{"Id": entry["Id"], **failed} for entry in json.loads(received.body)["Entries"]]
            handler.send(Reply(200, json.dumps({"Successful": [], "Failed": failures}).encode()))
            return
        super().serve(handler, received)


def test_a_delete_that_fails_is_counted_and_the_message_comes_again_without_doubling(account, store, intakes):
    urls = account.new_queue(max_receives=100)
    account.send(urls, notification_of(put_trail(account, 0)))
    with RefusesDeletes(upstream=account.url) as server:
        queue = Queue(account.client("sqs", server.url), urls.url)
        with Running(queue, intakes(1), visibility_s=2) as running:
            running.until(lambda: running.value("deletes_failed_total") >= 2)
            server.refuses = False
            running.until(lambda: is_empty(account, urls.url))
    assert store.ids() == trail_ids(0, 3)
    assert running.value("messages_deleted_total") == 1


def test_told_to_stop_it_finishes_the_object_under_way_and_gives_the_rest_back(account, store, intakes):
    urls = account.new_queue()
    for number in range(4):
        account.send(urls, notification_of(put_trail(account, 10 * number)))
    slow = BlockedTaker(intakes(1)[0])
    with Running(Queue(account.sqs, urls.url), [slow]) as running:
        assert slow.begun.wait(30)
        running.daemon.ask_to_stop()
        running.until(lambda: account.visible(urls.url) == 3)  # given back while the first is being worked on
        assert running.daemon.not_ready() == "stopping"
        slow.go_on.set()
        assert running.join() == 0
    assert len(store.ids()) == 3
    assert account.left(urls.url) == 3
    assert running.value("messages_returned_total", why="stopped") == 3
    assert running.daemon.idle


class EndlessTaker:
    """An object without end, which is given up when its time is over."""

    def __init__(self) -> None:
        self.begun = threading.Event()

    def take(self, ref: ObjectRef, *, first_number: int = 1, seconds_left: Callable[[], float] = float) -> ObjectResult:
        self.begun.set()
        while seconds_left() > 0:
            threading.Event().wait(0.02)
        return ObjectResult(outcome=UNFINISHED, next_number=first_number + 1, stored=1)


def test_what_does_not_finish_within_the_grace_is_given_back_at_once(account):
    urls = account.new_queue()
    account.send(urls, notification_of(ObjectRef("b", "k")))
    endless = EndlessTaker()
    with Running(Queue(account.sqs, urls.url), [endless], grace_s=0.3, visibility_s=600) as running:
        assert endless.begun.wait(30)
        running.daemon.ask_to_stop()
        assert running.join() == 0
    assert account.visible(urls.url) == 1
    assert running.daemon.idle


def test_a_fault_of_ours_in_one_object_does_not_end_the_worker(account, store, intakes):
    class Faulty:
        def take(self, ref: ObjectRef, **how: Any) -> ObjectResult:
            if ref.key == "fault":
                raise ZeroDivisionError("a fault of ours")
            return inner.take(ref, **how)

    inner = intakes(1)[0]
    urls = account.new_queue(max_receives=2)
    account.send(urls, notification_of(ObjectRef("b", "fault")))
    account.send(urls, notification_of(put_trail(account, 0)))
    with Running(Queue(account.sqs, urls.url), [Faulty()]) as running:
        running.until(lambda: account.left(urls.dead_url) == 1 and account.left(urls.url) == 0)
        assert running.daemon.dead() == ""
    assert store.ids() == trail_ids(0, 3)
    assert "ZeroDivisionError: a fault of ours" in running.lines("fault")[0]["trace"]


def security_exception() -> Reply:
    reason = "no permissions for [indices:data/write/bulk] and User [name=loader]"
    error = {"type": "security_exception", "reason": reason}
    return Reply(403, json.dumps({"error": {**error, "root_cause": [error]}, "status": 403}).encode())


def test_a_cluster_that_refuses_the_account_stops_the_intake_until_it_lets_it_in(account, store, tmp_path, monkeypatch):
    monkeypatch.setattr(store_gate, "REFUSED_PAUSE_S", 0.2)
    urls = account.new_queue(max_receives=1)
    for number in range(12):
        account.send(urls, notification_of(put_trail(account, 10 * number)))
    with FaultyServer([security_exception()] * 5, upstream=store.url) as server:
        running = Running(Queue(account.sqs, urls.url), [intake_of(account, server.url, tmp_path)])
        with running:
            running.until(lambda: bool(running.daemon.not_ready()))
            assert "permission" in running.daemon.not_ready()
            running.until(lambda: is_empty(account, urls.url))
    assert len(running.lines("intake_stopped")) == 1
    assert len(store.ids()) == 36
    assert is_empty(account, urls.dead_url)
    assert running.value("messages_received_total") == 12


def test_a_cluster_that_refuses_the_account_ends_the_daemon_where_that_is_wanted(account):
    class Refused:
        def take(self, ref: ObjectRef, **how: Any) -> ObjectResult:
            raise IntakeStopped("ask for the permission to create documents in aws-*")

    urls = account.new_queue()
    for number in range(5):
        account.send(urls, notification_of(ObjectRef("b", str(number))))
    running = Running(Queue(account.sqs, urls.url), [Refused()], exit_when_refused=True, visibility_s=600)
    with running:
        assert running.join() == 3
    assert account.visible(urls.url) == 5
    assert running.lines("intake_stopped")[0]["reason"] == "ask for the permission to create documents in aws-*"


def test_a_queue_that_is_not_there_ends_the_daemon_with_a_reason(account):
    running = Running(Queue(account.sqs, f"{account.url}/123456789012/none"), [EndlessTaker()])
    with running:
        assert running.join() == 1
    assert "Check the queue's URL" in running.lines("queue_refused")[0]["reason"]


class Unwell(FaultyServer):
    """The account's queue, which fails every call while it is unwell."""

    unwell = False

    def serve(self, handler: Handler, received: Received) -> None:
        if self.unwell:
            handler.send(Reply(503, b'{"__type":"ServiceUnavailable","message":"unwell"}'))
        else:
            super().serve(handler, received)


def test_a_queue_that_is_unwell_for_a_while_is_waited_for(account, store, intakes):
    urls = account.new_queue(max_receives=100)
    with Unwell(upstream=account.url) as server:
        queue = Queue(account.client("sqs", server.url), urls.url)
        with Running(queue, intakes(1)) as running:
            running.until(lambda: len(server.received) > 0)
            server.unwell = True
            running.until(lambda: "unwell" in running.daemon.not_ready())
            account.send(urls, notification_of(put_trail(account, 0)))
            server.unwell = False
            running.until(lambda: is_empty(account, urls.url))
            assert running.daemon.not_ready() == ""
    assert store.ids() == trail_ids(0, 3)


def test_an_extension_that_fails_is_counted_and_the_work_goes_on(account, store, intakes):
    class Unextending(FaultyServer):
        def serve(self, handler: Handler, received: Received) -> None:
            if received.headers.get("x-amz-target", "").endswith("ChangeMessageVisibilityBatch"):
                handler.send(Reply(503, b'{"__type":"ServiceUnavailable","message":"unwell"}'))
            else:
                super().serve(handler, received)

    urls = account.new_queue(max_receives=100)
    account.send(urls, notification_of(put_trail(account, 0)))
    slow = BlockedTaker(intakes(1)[0])
    with Unextending(upstream=account.url) as server:
        queue = Queue(account.client("sqs", server.url), urls.url)
        with Running(queue, [slow], visibility_s=2) as running:
            running.until(lambda: running.value("messages_lost_total") == 1)
            slow.go_on.set()
            running.until(lambda: is_empty(account, urls.url))
    assert running.value("visibility_extensions_failed_total") > 0
    assert store.ids() == trail_ids(0, 3)


def test_a_message_that_was_lost_before_its_turn_is_left_to_whoever_has_it(account, store, intakes):
    urls = account.new_queue(max_receives=100)
    for number in range(3):
        account.send(urls, notification_of(put_trail(account, 10 * number)))
    queue = Queue(account.sqs, urls.url)
    slow = BlockedTaker(intakes(1)[0])
    with Running(queue, [slow], visibility_s=2) as running:
        assert slow.begun.wait(30)
        account.sqs.purge_queue(QueueUrl=urls.url)  # their receipts are not valid any more
        running.until(lambda: running.value("messages_lost_total") == 3)
        slow.go_on.set()
        running.until(lambda: len(running.lines("object")) == 1)
    assert len(running.lines("object")) == 1
    assert len(store.ids()) == 3


def counts(running: Running) -> Dict[str, float]:
    return {name: running.value(name) for name in ("messages_in_hand", "oldest_message_in_hand_seconds")}


def test_messages_in_hand_are_shown_with_the_age_of_the_oldest(account, intakes, store):
    urls = account.new_queue()
    for number in range(3):
        account.send(urls, notification_of(put_trail(account, 10 * number)))
    slow = BlockedTaker(intakes(1)[0])
    with Running(Queue(account.sqs, urls.url), [slow]) as running:
        assert slow.begun.wait(30)
        running.until(lambda: counts(running)["oldest_message_in_hand_seconds"] > 0)
        assert counts(running)["messages_in_hand"] == 3
        slow.go_on.set()
        running.until(lambda: is_empty(account, urls.url))
        assert counts(running) == {"messages_in_hand": 0, "oldest_message_in_hand_seconds": 0}
