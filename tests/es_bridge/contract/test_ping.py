"""`ping` on every engine of the catalogue."""

from __future__ import annotations

import pytest

from es_bridge.ping import ping

from .conftest import ASKED_FOR, each_of

pytestmark = pytest.mark.fast
cluster = each_of(ASKED_FOR)


def test_ping_knows_the_engine_its_clock_and_what_it_offers(cluster):
    index = cluster.create()
    report = ping(cluster.transport, index)
    product, version = cluster.engine.product, cluster.engine.version
    assert report.engine == f"{product} {version}"
    assert report.supported
    assert report.can_search
    outcomes = {check.name: check.outcome for check in report.checks}
    assert outcomes == {
        "identify": "ok",
        "field capabilities": "ok",
        "query check": "ok",
        "search": "ok",
        "point in time": "ok" if cluster.has_pit else "failed",
        "scroll": "ok",
    }
    # Engine and test run on one machine, so the clocks agree; the rest is the time of the request.
    assert report.clock_skew_ms is not None
    assert abs(report.clock_skew_ms) < 5_000
