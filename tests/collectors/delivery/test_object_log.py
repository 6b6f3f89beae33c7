"""The lines of the log, as a program reads them."""

from __future__ import annotations

import io
import json

import pytest

from aws_bridge.object_ref import ObjectRef
from collectors.delivery.object_log import ObjectLog
from collectors.delivery.outcome import DONE, RETRY, UNFINISHED, ObjectResult
from collectors.reading.recognise import UNKNOWN_KIND


def test_unknown_columns_stand_in_every_objects_line_and_are_warned_of_once():
    stream = io.StringIO()
    log = ObjectLog(stream)
    for columns in (("a", "b"), ("b", "c"), ("a",), ()):
        log.object(ObjectRef("b", "k"), ObjectResult("vpc_flow", unknown_columns=columns), 0.1, as_planned=(DONE,))
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line.get("unknown_columns") for line in lines if line["event"] == "object"] == ["a, b", "b, c", "a", None]
    warnings = [line for line in lines if line["event"] == "unknown_columns"]
    assert [(line["level"], line["columns"]) for line in warnings] == [("warning", "a, b"), ("warning", "c")]


@pytest.mark.parametrize(
    ("result", "level"),
    [
        (ObjectResult("waf", records=1, stored=1), "info"),
        (ObjectResult("digest", passed_over="CloudTrail-Digest"), "info"),
        (ObjectResult("waf", UNFINISHED, "the time was over"), "info"),
        (ObjectResult("waf", records=1, dead=1), "warning"),
        (ObjectResult("waf", reason="the gzip data is cut short", records=1, stored=1), "warning"),
        (ObjectResult("", reason="neither", passed_over=UNKNOWN_KIND), "warning"),
        (ObjectResult("waf", RETRY, "403"), "warning"),
    ],
)
def test_what_left_a_dead_letter_is_a_warning(result, level):
    stream = io.StringIO()
    ObjectLog(stream).object(ObjectRef("b", "k"), result, 0.1, as_planned=(DONE, UNFINISHED))
    assert json.loads(stream.getvalue())["level"] == level
