"""Objects that hold nothing or are none of the logs, by queue, Lambda and redrive: no fault, no letter, but counted."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from aws_bridge.object_ref import ObjectRef
from aws_bridge.queue import Queue
from collectors.delivery.dead_letters import NOT_THIS_LOG, DeadLetter, DeadLetters
from collectors.delivery.letter_store import letter_store
from collectors.delivery.object_log import ObjectLog
from collectors.delivery.outcome import DONE, ObjectResult
from collectors.delivery.redrive import redrive
from collectors.lambda_function.batch import Batch
from collectors.lambda_function.object_metrics import emit_object
from tests.account import BUCKET, notification_of
from tests.collectors.delivery.running import Running, intake_of
from tests.collectors.odd_objects import FOLDER_KEYS, NONE_OF_THEM, UNKNOWN, none_of_them, nothing
from tests.collectors.shelf import done

CASES = Path(__file__).resolve().parents[4] / "shared" / "cases" / "empty_objects"


def test_nothing_is_done_without_a_letter_for_every_log(shelf):
    datasets = set()
    for key, content in nothing().items():
        result = shelf.take(shelf.put(content, key))
        assert (done(result), result.reason) == ({"stored": 0, "already_there": 0, "dead": 0}, ""), key
        datasets.add(result.dataset)
    assert datasets == {"", "cloudtrail", "vpc_flow", "route53_resolver", "waf"}
    assert shelf.dead() == []


def test_what_is_known_to_be_none_of_the_logs_is_not_even_read(shelf):
    for key, called in NONE_OF_THEM.items():
        ref = ObjectRef(BUCKET, key)  # there is no such object: reading it would make a letter
        if called == "other files":  # a name that people give: the content is asked
            ref = shelf.put(b"\x00{", key)
        result = shelf.take(ref)
        assert (result.outcome, result.records, result.reason, result.passed_over) == (DONE, 0, "", called), key
    for key in FOLDER_KEYS:
        result = shelf.take(ObjectRef(BUCKET, key, size_bytes=0))
        assert (result.outcome, result.passed_over) == (DONE, "folder placeholders")
    assert shelf.dead() == []


def test_letters_of_an_earlier_version_about_nothing_are_done_by_redrive(shelf):
    for key, content in list(nothing().items())[::9]:
        ref = shelf.put(content, key)
        letter = DeadLetter("cloudtrail", ref.bucket, key, "", 0, -1, "the file is empty", NOT_THIS_LOG, b"", 1)
        shelf.letters.add([letter])
    assert shelf.dead()
    assert {each.kept + each.refused for each in redrive(shelf.dead(), shelf.letters, shelf.intake())} == {0}
    assert shelf.dead() == []


def put_all(account):
    """Store everything odd under the account's bucket; return the references, those of placeholders too."""
    objects = {**dict(list(nothing().items())[::6]), **dict(none_of_them()), **UNKNOWN}
    refs = [account.put(key, content) for key, content in objects.items()]
    return [*refs, *(account.put(key, b"") for key in FOLDER_KEYS)]


def letters_in(folder):
    return sorted(letter.key for letter in DeadLetters(letter_store(str(folder))).iterate())


def test_a_queue_deletes_their_messages_counts_them_and_keeps_a_letter_of_what_might_be_a_log(
    account, engine, tmp_path
):
    urls = account.new_queue()
    for ref in put_all(account):
        account.send(urls, notification_of(ref))
    with Running(Queue(account.sqs, urls.url), [intake_of(account, engine.url, tmp_path / "dead")]) as running:
        running.until(lambda: account.left(urls.url) == 0)
    assert account.left(urls.dead_url) == 0
    assert running.value("messages_returned_total", why="retry") == 0
    assert letters_in(tmp_path / "dead") == sorted(UNKNOWN)
    assert running.value("objects_passed_over_total", what="of unknown kind") == len(UNKNOWN)
    assert running.value("objects_passed_over_total", what="Config") == 2
    assert running.value("objects_passed_over_total", what="folder placeholders") == 1 + len(FOLDER_KEYS)
    warned = [line["passed_over"] for line in running.lines("object") if line["level"] == "warning"]
    assert warned == ["of unknown kind"] * len(UNKNOWN)
    assert {line["passed_over"] for line in running.lines("object") if "Config" in line["uri"]} == {"Config"}


@pytest.mark.parametrize("case", ["zero", "gzip_of_nothing", "records_empty", "header_only"])
def test_empty_objects_from_the_field_by_a_queue(account, engine, tmp_path, case):
    folder = CASES / case
    if not folder.is_dir():
        pytest.skip(f"the cases from the field are not beside this checkout: {folder}")
    urls = account.new_queue()
    paths = [path for path in folder.rglob("*") if path.is_file()]
    for path in paths:
        account.send(urls, notification_of(account.put(path.relative_to(folder).as_posix(), path.read_bytes())))
    with Running(Queue(account.sqs, urls.url), [intake_of(account, engine.url, tmp_path / "dead")]) as running:
        running.until(lambda: account.left(urls.url) == 0)
    assert account.left(urls.dead_url) == 0
    assert [line["records"] for line in running.lines("object")] == [0] * len(paths)
    assert letters_in(tmp_path / "dead") == []


def test_the_metric_of_a_function_counts_what_is_passed_over_and_makes_no_source_of_it():
    lines = io.StringIO()
    emit_object(ObjectRef("b", "AWSLogs/111122223333/Config/x"), ObjectResult(passed_over="Config"), 0.0, lines)
    line = json.loads(lines.getvalue())
    assert (line["What"], line["PassedOver"]) == ("Config", 1)
    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["What"]]


def test_a_function_does_the_same(account, engine, tmp_path):
    urls = account.new_queue()
    account.send(urls, notification_of(*put_all(account)))
    queue = Queue(account.sqs, urls.url)
    taker = intake_of(account, engine.url, tmp_path / "dead")
    batch = Batch(taker, queue, ObjectLog(), lambda: 600.0)
    assert batch.run(queue.receive(10, 600)) == {"batchItemFailures": []}
    assert letters_in(tmp_path / "dead") == sorted(UNKNOWN)
