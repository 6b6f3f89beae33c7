"""Records without a time of their own are stored under their object's time, say so, and keep their ids; what is no
record at all is stored as text once its dead letter is replayed."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
from datetime import date, datetime, timezone

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

import aws_siem_bridge
from aws_bridge.object_ref import ObjectRef
from aws_bridge.objects import S3Objects
from collectors.delivery.dead_letters import BAD_RECORD, DeadLetter
from collectors.delivery.redrive import redrive
from collectors.reading.reading import Reading
from collectors.records.json_codec import PLAIN, fastest
from collectors.records.object_time import object_time, written_ms
from collectors.records.record import BadRecord, Context, Record, record_id
from collectors.sinks.opensearch.index_names import index_of
from collectors.verify.audit import Audit
from collectors.verify.presence import Presence
from tests.collectors.four_logs import ACCOUNT, LOGS, event_id
from tests.collectors.shelf import BUCKET, KEY, KEY_INDEX, done, lines, query

NAMES = [f"{log.dataset} {log.name[-7:]}" for log in LOGS]
#: Of `LOGS`' names: 1999-12-31T00:05Z.
KEY_TIME = "1999-12-31T00:05:00.000Z"
#: 1999-12-31T07:08:09Z, in seconds.
WRITTEN_S = 946_624_089
TIMES = {
    "cloudtrail": [rb',?"eventTime":"[^"]*"'],
    "vpc_flow": [],
    "route53_resolver": [rb',?"query_timestamp":"[^"]*"'],
    "waf": [rb'"timestamp":\d+,'],
}


def without_times(log, count=2):
    """Return the content of an object of this log, unpacked, whose records have no time."""
    content = log.content(0, count)
    if log.name.endswith(".parquet"):
        import pyarrow.parquet

        out = io.BytesIO()
        pyarrow.parquet.write_table(pyarrow.parquet.read_table(io.BytesIO(content)).drop(["start", "end"]), out)
        return out.getvalue()
    text = gzip.decompress(content)
    if log.dataset == "vpc_flow":
        return re.sub(rb"(?m)^(2 .*) \d+ \d+ (ACCEPT)", rb"\1 - - \2", text)
    for pattern in TIMES[log.dataset]:
        text, changed = re.subn(pattern, b"", text)
        assert changed == count
    return text


def made_of(content, key, dataset="", codec=PLAIN, written=0):
    context = Context(ObjectRef(BUCKET, key), codec, written_ms=written)
    return list(Reading(io.BytesIO(content), context, dataset))


@pytest.mark.parametrize("codec", [PLAIN, fastest()], ids=["plain", "fast"])
@pytest.mark.parametrize("log", LOGS, ids=NAMES)
def test_a_record_without_a_time_has_that_of_the_key_and_says_so(log, codec):
    key = f"{log.folder}/{log.name.format('a')}"
    found = made_of(without_times(log), key, codec=codec)
    with_times = made_of(log.content(0, 2), key, codec=codec)
    assert [each.identity for each in found] == [each.identity for each in with_times]
    for made, usual in zip(found, with_times):
        assert index_of(made) == log.index
        fields, before = json.loads(made.text), json.loads(usual.text)
        assert (fields["@timestamp"], fields["event"].pop("time_from")) == (KEY_TIME, "object_key")
        assert "time_from" not in before["event"]
        assert fields["event"] == before["event"]
        assert made.text.startswith(b'{"@timestamp":"1999-12-31T00:05:00.000Z","event":{')  # where ingested is put in
        assert set(before) - set(fields) <= {"eventTime", "query_timestamp", "timestamp", "start", "end"}


@pytest.mark.parametrize("log", LOGS, ids=NAMES)
def test_where_the_key_says_nothing_it_is_when_the_object_was_written(log):
    (made, _) = made_of(without_times(log), "a", log.dataset, written=WRITTEN_S * 1000)
    fields = json.loads(made.text)
    assert index_of(made) == log.index
    assert (fields["@timestamp"], fields["event"]["time_from"]) == ("1999-12-31T07:08:09.000Z", "object_written")
    found = made_of(without_times(log), "a", log.dataset)
    assert [type(each) for each in found] == [BadRecord, BadRecord]  # nobody knows a time: none is made up


def test_times_that_only_some_tools_write_are_times():
    for text in ("2026-11-21 04:53:00", "2026-11-21T04:53Z", "1795236780"):
        line = json.dumps({"query_timestamp": text, "query_name": "a."}).encode()
        (made,) = made_of(line, KEY)
        assert made.text.startswith(b'{"@timestamp":"2026-11-2'), text
        assert b"time_from" not in made.text
    (made,) = made_of(b'{"timestamp":"1795236780000","webaclId":"a","httpRequest":{}}', "a", "waf")
    assert index_of(made) == "aws-waf-2026.11.21"


@pytest.mark.parametrize(
    ("dataset", "content"),
    [
        ("cloudtrail", b'{"Records":[{},{ }]}'),
        ("route53_resolver", b"{}\n{ }"),
        ("waf", b"{}\n{ }"),
        ("vpc_flow", b"version srcaddr start end\n- - - -\n- - - -"),
    ],
)
def test_a_record_of_nothing_is_none(dataset, content):
    found = made_of(content, "x_20261121T0455Z_x", dataset)
    assert [type(each) for each in found] == [BadRecord, BadRecord]


@pytest.mark.parametrize(
    ("event", "when"),
    [
        ({"eventId": "a", "accountId": ACCOUNT, "eventCategory": "Aggregated", "timeWindow": {}}, KEY_TIME),
        ({"eventVersion": "1.0", "eventName": "x", "eventTime": "soon"}, KEY_TIME),
        ({"eventID": "a" * 600, "eventTime": None}, KEY_TIME),
        ({"eventTime": "2026-11-21T04:53:00Z", "repeated": 1}, "2026-11-21T04:53:00.000Z"),
    ],
)
def test_cloudtrails_other_shapes(event, when):
    text = json.dumps(event).replace('"repeated": 1', '"repeated": 1, "repeated": 2')
    (made,) = made_of(b'{"Records":[' + text.encode() + b"]}", f"{LOGS[0].folder}/{LOGS[0].name.format('a')}")
    assert isinstance(made, Record)
    fields = json.loads(made.text)
    assert fields["@timestamp"] == when
    assert fields["event"].get("time_from") == ("object_key" if when == KEY_TIME else None)


def test_a_record_that_has_an_event_of_its_own_keeps_the_mark():
    (made,) = made_of(b'{"event":{"time_from":"x"},"query_name":"a."}', KEY)
    fields = json.loads(made.text)
    assert fields["event"] == {"time_from": "object_key", "dataset": "aws.route53_resolver"}
    assert fields["unmapped"] == {"event": {"time_from": "x"}}


def test_the_time_of_an_object(tmp_path):
    assert object_time("a", 0) is None
    assert object_time("x_99999999T0455Z_x", 0) is None
    for name in ("aws-waf-logs-a-1-2026-11-21-04-53-07-" + "0" * 8 + "-a", "x_20261121T0453Z_x.gz"):
        assert object_time(name, 7)[0].stamp == "2026-11-21T04:53:00.000Z"
    assert object_time("AWSLogs/1/WAFLogs/r/a/2026/11/21/x", 7)[0].stamp == "2026-11-21T00:00:00.000Z"
    path = tmp_path / "a"
    path.write_bytes(b"")
    os.utime(path, (0, WRITTEN_S))
    with path.open("rb") as stream:
        assert written_ms(stream) == WRITTEN_S * 1000
    assert written_ms(io.BytesIO()) == 0


def test_what_s3_says_of_an_object():
    client = boto3.client("s3", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    answers = Stubber(client)
    moment = datetime(1999, 12, 31, 7, 8, 9, tzinfo=timezone.utc)
    answers.add_response(
        "get_object", {"Body": StreamingBody(io.BytesIO(b"x"), 1), "ContentLength": 1, "LastModified": moment}
    )
    with answers, S3Objects(client).open(ObjectRef(BUCKET, "a")) as stream:
        assert written_ms(stream) == WRITTEN_S * 1000


# --- in the store ----------------------------------------------------------------------------------------------------


def hits(shelf, index, text):
    shelf.transport.request("POST", (index, "_refresh"))
    body = {"query": {"query_string": {"query": text}}, "size": 100, "sort": [{"_doc": "asc"}]}
    return shelf.transport.request("POST", (index, "_search"), body=body).json()["hits"]["hits"]


@pytest.fixture
def templates(shelf):
    """Put our index templates into the cluster."""
    argv = ["templates", "apply", "--url", shelf.transport.config.hosts[0]]
    assert aws_siem_bridge.main(argv) == 0


BROKEN = {
    "cloudtrail": (b'{"Records":[17,"text",%s]}', [17, "text"]),
    "vpc_flow": (b"version srcaddr end\n1 2\n\xff\x00 3\n%s", []),
    "route53_resolver": (b'{"query_name":\n\x1f\x8b\xff\n%s', []),
    "waf": (b'{"timestamp":1,\nnonsense \xf0\x9f\n%s', []),
}
GOOD = {
    "cloudtrail": json.dumps({"eventID": event_id(1), "recipientAccountId": ACCOUNT, "eventName": "x"}).encode(),
    "vpc_flow": b"2 10.0.0.1 -",
    "route53_resolver": b'{"query_name":"a.example."}',
    "waf": b'{"webaclId":"a","httpRequest":{}}',
}


@pytest.mark.parametrize("log", [log for log in LOGS if not log.name.endswith("parquet")], ids=lambda log: log.dataset)
def test_after_redrive_no_letter_is_left_and_everything_is_found(shelf, templates, log):
    content = BROKEN[log.dataset][0].replace(b"%s", GOOD[log.dataset])
    ref = shelf.put(gzip.compress(content), f"{log.folder}/{log.name.format('a')}")
    try:
        assert done(shelf.take(ref)) == {"stored": 1, "already_there": 0, "dead": 2}
        audit = Audit(shelf.objects, Presence(shelf.transport), shelf.letters)
        before = shelf.dead()
        assert (audit.compare(ref).stored, audit.compare(ref).dead) == (1, 2)
        (answer,) = redrive(shelf.letters.iterate(), shelf.letters, shelf.intake())
        assert (answer.letters, answer.stored, answer.refused, answer.kept, answer.texts) == (2, 2, 0, 0, 2)
        assert shelf.dead() == []
        found = hits(shelf, log.index, "event.kind:pipeline_error AND event.time_from:object_key")
        assert [hit["_id"] for hit in found] == [f"{record_id(ref.identity, n)}-text" for n in (1, 2)]
        for hit, letter in zip(found, before):
            fields = hit["_source"]
            assert fields["@timestamp"] == KEY_TIME
            assert fields["event"]["original"] == letter.excerpt.decode("utf-8", "replace")
            assert fields["error"]["message"] == letter.reason
            assert fields["log"] == {"file": {"path": ref.uri}, "offset": letter.offset}
            assert fields["event"]["ingested"]
        (record,) = hits(shelf, log.index, "event.time_from:object_key AND NOT event.kind:pipeline_error")
        assert record["_source"]["event"]["dataset"] == fields["event"]["dataset"]
        about = audit.compare(ref)
        assert (about.stored, about.dead, about.missing, about.is_complete) == (3, 0, 0, True)
        # Loaded again, the letters are there again; replaying them stores nothing twice.
        assert done(shelf.take(ref)) == {"stored": 0, "already_there": 1, "dead": 2}
        (answer,) = redrive(shelf.letters.iterate(), shelf.letters, shelf.intake())
        assert (answer.stored, answer.texts, shelf.dead()) == (2, 2, [])
        assert len(hits(shelf, log.index, "*")) == 3
    finally:
        shelf.transport.request("DELETE", (log.index,))


def test_a_text_that_is_missing_in_the_store_is_found_by_the_audit(shelf, day, index):
    ref = shelf.put(lines(query(1, day), "{broken"))
    shelf.take(ref)
    list(redrive(shelf.letters.iterate(), shelf.letters, shelf.intake()))
    audit = Audit(shelf.objects, Presence(shelf.transport), shelf.letters)
    assert audit.compare(ref).is_complete
    shelf.transport.request("DELETE", (KEY_INDEX, "_doc", f"{ref.identity}-00000000002-text"))
    about = audit.compare(ref)
    assert (about.stored, about.missing, about.is_complete) == (1, 1, False)
    assert about.gaps[0].number == 2 and "not JSON" in about.gaps[0].reason


def test_an_object_that_is_mended_after_its_text_was_stored_is_stored_as_well(shelf, index):
    day = date(2026, 11, 21)  # that of the key: text and record meet in one index
    ref = shelf.put(lines(query(1, day), "{broken"))
    shelf.take(ref)
    list(redrive(shelf.letters.iterate(), shelf.letters, shelf.intake()))
    shelf.put(lines(query(1, day), query(2, day)))
    assert done(shelf.take(ref)) == {"stored": 1, "already_there": 1, "dead": 0}


def test_a_letter_of_an_older_version_about_a_record_without_time_is_replayed(shelf, index):
    ref = shelf.put(lines('{"query_name":"a.example."}'))
    shelf.letters.add([DeadLetter("route53_resolver", *ref[:3], 1, 0, "no usable time", BAD_RECORD, b"{", 1)])
    (answer,) = redrive(shelf.letters.iterate(), shelf.letters, shelf.intake())
    assert (answer.stored, answer.texts, shelf.dead()) == (1, 0, [])
