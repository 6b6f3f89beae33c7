"""The lines of the log, as a program reads them."""

from __future__ import annotations

import json
import logging
from io import StringIO

from aws_bridge.functions.json_log import MAX_TEXT, JsonLog


def test_a_line_of_the_log_is_one_json_object_whatever_is_in_it():
    stream = StringIO()
    log = JsonLog(stream)
    log.info("object", uri="s3://b/a\nb\u2028\x7f", records=0, reason="", version=None)
    log.error("fault", trace="x" * 10_000)
    assert stream.getvalue().replace("\n", "").isprintable()
    first, second = (json.loads(line) for line in stream.getvalue().split("\n")[:-1])
    assert first.pop("time").endswith("Z")
    assert first == {"level": "info", "event": "object", "uri": "s3://b/a\nb\u2028\x7f", "records": 0}
    assert len(second["trace"]) == MAX_TEXT + 4


def test_what_is_logged_elsewhere_becomes_lines_of_the_same_log():
    root = logging.getLogger()
    before = root.handlers, root.level
    stream = StringIO()
    try:
        JsonLog(stream).take_over_logging()
        logging.getLogger("a.library").info("nothing to tell")
        logging.getLogger("a.library").warning("slow: %s", "s3")
        try:
            raise ZeroDivisionError("ours")
        except ZeroDivisionError:
            logging.getLogger("b").exception("a fault")
    finally:
        root.handlers, root.level = before
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["level"], first["logger"], first["reason"]) == ("warning", "a.library", "slow: s3")
    assert (second["level"], second["reason"]) == ("error", "a fault")
    assert "ZeroDivisionError: ours" in second["trace"]
