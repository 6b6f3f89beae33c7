"""The engine behind a URL is asked who it is once; another one in its place is noticed, and no row is wrong."""

from __future__ import annotations

from typing import Callable, List

import pytest

from lab.engine import Engine
from lab.front.server import LocalServer, Received, Reply, forward
from lab.splunkd import add_cluster

from .conftest import START_MS, Splunk, Store

pytestmark = pytest.mark.splunk_python


class Front(LocalServer):
    """One URL, and now this engine behind it, now that."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        super().__init__()

    def answer(self, received: Received) -> Reply:
        """Answer by the engine that is there now."""
        return forward(self.upstream, received)

    def asked_who(self) -> List[str]:
        """Return the ``GET /`` since the last call."""
        found = [received.target for received in self.received if received.target == "/"]
        self.received.clear()
        return found


def test_another_engine_on_the_same_url(splunk: Splunk, engine_by_id: Callable[[str], Engine]) -> None:
    one, other = engine_by_id("opensearch-2.19"), engine_by_id("elasticsearch-8.15")
    index = Store(one).fill(({"n": n} for n in range(30)), name=f"aws-swap-{START_MS}")
    Store(other).fill(({"n": n} for n in range(50)), name=index)
    line = f"| elasticsearch index={index} size=0"
    with Front(one.url) as front:
        config = Store(one).config
        add_cluster(splunk.splunkd.state, config.__class__((front.url,), name="prod"))
        for asked in ([["/"]], [[]], [[]]):
            ended = splunk.run(line).done
            assert len(ended.rows) == 30 and 'engine="opensearch 2.19' in ended.audit
            assert [front.asked_who()] == asked
        front.upstream = other.url
        for asked in ([["/"]], [[]]):
            ended = splunk.run(line).done
            assert len(ended.rows) == 50 and not ended.texts("WARN")
            assert ended.audit.splitlines()[-1].count('engine="elasticsearch 8.') == 1
            assert [front.asked_who()] == asked
        front.upstream = one.url
        ended = splunk.run(line).done
        assert len(ended.rows) == 30 and ended.audit.splitlines()[-1].count('engine="opensearch 2.19') == 1
    assert Store(one).contexts_left(index) == 0


def test_an_engine_without_a_point_in_time_is_asked_every_time(
    splunk: Splunk, engine_by_id: Callable[[str], Engine]
) -> None:
    old = engine_by_id("opensearch-1.3")
    index = Store(old).fill({"n": n} for n in range(3))
    with Front(old.url) as front:
        add_cluster(splunk.splunkd.state, Store(old).config.__class__((front.url,), name="prod"))
        for _ in range(2):
            assert len(splunk.run(f"| elasticsearch index={index}").done.rows) == 3
            assert front.asked_who() == ["/"]
