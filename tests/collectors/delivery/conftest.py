"""The account and the clusters that deliveries are tested with."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from pathlib import Path
from typing import Iterator

import pytest

from collectors.sources.registry import LOGS
from es_bridge import bulk as bulk_module
from es_bridge import transport as transport_module
from es_bridge.backoff import Backoff
from es_bridge.config import ClusterConfig
from es_bridge.transport import Transport
from lab.engine import Engine
from tests.collectors.shelf import KEY_INDEX, Shelf

_days = itertools.count()


@pytest.fixture
def day() -> date:
    """Return a day that no other test uses, nor the one after it: their indices are this test's alone."""
    return date(2050, 1, 1) + timedelta(days=2 * next(_days))


@pytest.fixture
def index(day: date) -> str:
    """Return the Resolver's index of that day."""
    return f"{LOGS['route53_resolver'].index_prefix}{day:%Y.%m.%d}"


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let retries follow each other at once: what refuses here recovers at once."""
    for module in (bulk_module, transport_module):
        monkeypatch.setattr(module, "BACKOFF", Backoff(0.001, 0.01))


@pytest.fixture
def shelf(tmp_path: Path, engine: Engine, index: str) -> Iterator[Shelf]:
    """Return a shelf before the default engine; the test's indices are removed at its end."""
    with Transport(ClusterConfig((engine.url,))) as transport:
        yield Shelf(tmp_path, transport)
        transport.request("PUT", (index, "_settings"), body={"index.blocks.write": False}, accept_status=(400, 404))
        for name in (index, KEY_INDEX):
            transport.request("DELETE", (name,), accept_status=(404,))
