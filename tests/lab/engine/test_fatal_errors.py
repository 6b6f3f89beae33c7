"""A node that meets a fatal error ends, with the exit status that the engine's own distribution ends with.

Without that a test could not see that a query ends nodes: the Java machine itself outlives a thread without stack.
"""

from __future__ import annotations

import http.client
import time
import urllib.error
from typing import Any

import pytest

from lab.engine import start_engine

#: The engines' parsers recurse over each parenthesis, on the one megabyte of stack that a thread has.
LETHAL = {"query": {"query_string": {"query": "-(" * 10_000 + "a" + ")" * 10_000}}}
#: One engine of each main class in ``lab/engine/java``.
FAMILIES = [
    "opensearch-2.19",
    *(
        pytest.param(engine_id, marks=pytest.mark.full)
        for engine_id in ("elasticsearch-7.10.2", "elasticsearch-8.15", "elasticsearch-9.0")
    ),
]


@pytest.mark.parametrize("engine_id", FAMILIES)
def test_a_node_without_stack_ends_with_126(engine_id: str, call: Any) -> None:
    with start_engine(engine_id) as engine:
        assert call(engine, "PUT", "/x/_doc/1?refresh=true", {"a": 1})[0] == 201
        assert engine.exit_status is None
        try:
            call(engine, "POST", "/x/_search", LETHAL)
        except (urllib.error.URLError, http.client.HTTPException, OSError):
            pass  # whoever asked reads no answer
        for _ in range(600):  # it writes down why, then it ends
            if engine.exit_status is not None:
                break
            time.sleep(0.1)
        assert engine.exit_status == 126
        assert "fatal error in thread" in engine.log_file.read_text("utf-8")
