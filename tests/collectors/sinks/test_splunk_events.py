"""Events as splunkd reads them from a modular input's standard output."""

from __future__ import annotations

import io
import json
import os
import xml.etree.ElementTree as ElementTree
from typing import List

import pytest

from collectors.errors import StoreUnavailable
from collectors.records.record import Origin, Record
from collectors.sinks.contract import STORED
from collectors.sinks.splunk_events.sink import COUNT, HEALTH, Placing, SplunkEvents

pytestmark = pytest.mark.splunk_python

ORIGIN = Origin("111122223333", "eu-west-1")


def event(text: str, dataset: str = "guardduty") -> Record:
    return Record(dataset, 1_796_032_805_678, "v", text.encode("utf-8", "surrogatepass"), 0, ORIGIN)


def events(text: bytes) -> List[ElementTree.Element]:
    return list(ElementTree.fromstring(text))  # noqa: S314 - our own


def test_an_event_has_its_place_and_exactly_its_text():
    stream = io.BytesIO()
    sink = SplunkEvents(stream, Placing('aws_guardduty://a "b" <&>'))
    text = json.dumps({"title": 'a <b> & "c" \x7f \uffff 웹 ]]> \x00'}, ensure_ascii=False)
    answers = list(sink.write([event(text), event('{"x":1}', "securityhub_v2")]))
    assert [answer.result for answer in answers] == [STORED] * 2
    sink.close()
    one, other = events(stream.getvalue())
    assert one.attrib == {"stanza": 'aws_guardduty://a "b" <&>', "unbroken": "1"}
    found = {each.tag: each.text for each in one}
    assert json.loads(found.pop("data")) == json.loads(text)
    assert found == {
        "time": "1796032805.678",
        "source": "aws_siem_bridge:guardduty:111122223333:eu-west-1",
        "sourcetype": "aws:cloudwatch:guardduty",
        "host": "111122223333",
        "done": None,
    }
    assert one[-1].tag == "done" and other.findtext("sourcetype") == "aws:siem_bridge:securityhub:ocsf"


def test_settings_replace_what_may_be_replaced():
    stream = io.BytesIO()
    sink = SplunkEvents(stream, Placing("s", index="aws", source="prod", host="hub"))
    list(sink.write([event("{}")]))
    sink.say(HEALTH, 1000, {"status": "ok"})
    sink.say(COUNT, 1000, {"what": "passed"})
    sink.close()
    found = events(stream.getvalue())
    assert [each.findtext("source") for each in found] == [
        "aws_siem_bridge:guardduty:prod", "aws_siem_bridge:health:prod", "aws_siem_bridge:count:prod",
    ]  # fmt: skip
    assert {(each.findtext("index"), each.findtext("host")) for each in found} == {("aws", "hub")}
    assert [each.findtext("sourcetype") for each in found[1:]] == ["aws:siem_bridge:health", "aws:siem_bridge:count"]


def test_what_is_written_is_taken_when_somebody_has_read_the_pipe_and_in_a_file_always():
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as stream:
        sink = SplunkEvents(stream, Placing("s"))
        assert sink.taken_until_ms(1000) == 1000
        list(sink.write([event("{}")]))
        assert sink.taken_until_ms(2000) == 1000 and not sink.settle(0)
        os.read(reading, 1 << 16)
        assert sink.settle(0) and sink.taken_until_ms(3000) == 3000
    os.close(reading)
    assert SplunkEvents(io.BytesIO(), Placing("s")).taken_until_ms(1000) == 1000


def test_nobody_reads_any_more():
    reading, writing = os.pipe()
    os.close(reading)
    with pytest.raises(StoreUnavailable, match="does not read this input's events any more"):
        list(SplunkEvents(os.fdopen(writing, "wb", buffering=0), Placing("s")).write([event("{}")]))


def test_many_are_flushed_in_parts():
    class Counting(io.BytesIO):
        flushes = 0

        def flush(self) -> None:
            self.flushes += 1

    stream = Counting()
    sink = SplunkEvents(stream, Placing("s"))
    assert len(list(sink.write(event("x" * 20_000) for _ in range(130)))) == 130
    assert 3 <= stream.flushes <= 5
    sink.close()
    assert len(events(stream.getvalue())) == 130
