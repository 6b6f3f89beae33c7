"""The pool that test sessions borrow their engines from (`tests.engine_pool`)."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Iterator, List

import pytest

from lab.engine import EngineUnavailable
from tests import engine_pool
from tests.lab.engine.conftest import Call


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "pool"
    yield folder
    engine_pool.stop(folder)


def refusing_starts(monkeypatch: pytest.MonkeyPatch) -> List[str]:
    """Let no engine start any more; return a list that gets the places where one would have."""
    started: List[str] = []

    def start(engine_id: str, folder: Path, *_: object, **__: object) -> None:
        started.append(folder.name)
        raise EngineUnavailable("no more of them")

    monkeypatch.setattr(engine_pool, "start_node", start)
    return started


@pytest.mark.slow("an engine that is borrowed twice")
def test_who_borrows_gets_the_same_engine_empty_and_a_new_one_for_one_that_died(
    pool: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    lent = engine_pool.borrow(pool, "opensearch-2.19")
    kept = {"index_patterns": ["left-*"], "composed_of": ["left"]}
    for path, body in (
        ("/_component_template/left", {"template": {"settings": {}}}),
        ("/_index_template/left", kept),
        ("/_template/older", {"index_patterns": ["older-*"]}),
        ("/left-1/_doc/1?refresh=true", {"a": 1}),
        ("/left-2", {"settings": {"index.hidden": True}}),
        ("/_cluster/settings", {"persistent": {"search.max_buckets": 7}}),
    ):
        assert call(lent, "PUT", path, body)[0] in (200, 201), path
    assert call(lent, "POST", "/left-1/_search/point_in_time?keep_alive=1h")[0] == 200
    lent.stop()

    again = engine_pool.borrow(pool, "opensearch-2.19")
    assert again.pid == lent.pid and again.running
    for path in ("/_component_template/left", "/_index_template/left", "/_template/older", "/left-1", "/left-2"):
        assert call(again, "GET", path)[0] == 404, path
    assert call(again, "GET", "/_cluster/settings")[1] == {"persistent": {}, "transient": {}}
    assert call(again, "GET", "/_search/point_in_time/_all")[1] == {"pits": []}

    again.stop()
    os.kill(again.pid, signal.SIGKILL)
    started = refusing_starts(monkeypatch)
    with pytest.raises(EngineUnavailable, match="no more"):
        engine_pool.borrow(pool, "opensearch-2.19")
    assert started == ["opensearch-2.19.1"]


def test_what_is_lent_is_lent_to_nobody_else(pool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pool.mkdir()
    lent = [engine_pool.lease_of(pool / f"opensearch-3.{number}") for number in (1, 2)]
    assert all(lent)
    started = refusing_starts(monkeypatch)
    with pytest.raises(EngineUnavailable, match="no more"):
        engine_pool.borrow(pool, "opensearch-3")
    assert started == ["opensearch-3.3"]
