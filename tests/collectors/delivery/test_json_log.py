"""The lines of the log, as a program reads them."""

from __future__ import annotations

import io
import json

from collectors.delivery.json_log import JsonLog
from collectors.delivery.outcome import DONE, ObjectResult
from collectors.records import ObjectRef


def test_unknown_columns_stand_in_every_objects_line_and_are_warned_of_once():
    stream = io.StringIO()
    log = JsonLog(stream)
    for columns in (("a", "b"), ("b", "c"), ("a",), ()):
        log.object(ObjectRef("b", "k"), ObjectResult("vpc_flow", unknown_columns=columns), 0.1, as_planned=(DONE,))
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line.get("unknown_columns") for line in lines if line["event"] == "object"] == ["a, b", "b, c", "a", None]
    warnings = [line for line in lines if line["event"] == "unknown_columns"]
    assert [(line["level"], line["columns"]) for line in warnings] == [("warning", "a, b"), ("warning", "c")]
