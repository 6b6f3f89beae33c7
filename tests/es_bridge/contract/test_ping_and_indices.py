"""`ping` and `list_indices` on every engine of the catalogue."""

from __future__ import annotations

import pytest

from es_bridge.errors import NothingMatched
from es_bridge.indices import IndexInfo, list_indices
from es_bridge.ping import ping

pytestmark = pytest.mark.fast


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


def test_indices_with_and_without_documents_and_the_time_field(cluster):
    dated = cluster.create(properties={"@timestamp": {"type": "date"}})
    nanos = cluster.create(properties={"@timestamp": {"type": "date_nanos"}})
    timeless = cluster.create(properties={})
    empty = cluster.create()
    cluster.fill(
        dated, [("a", {"@timestamp": "2026-11-20T00:00:00Z"}), ("b", {"@timestamp": "2026-11-21T00:00:00.5Z"})]
    )
    cluster.fill(nanos, [("a", {"@timestamp": "2026-11-21T00:00:00.123456789Z"})])
    cluster.fill(timeless, [("a", {"n": 1}), ("b", {"n": 2}), ("c", {"n": 3})])
    pattern = ",".join([dated, nanos, timeless, empty])
    found = {info.name: info for info in list_indices(cluster.transport, pattern)}
    assert found == {
        dated: IndexInfo(dated, 2, "date", 1795132800000, 1795219200500),
        nanos: IndexInfo(nanos, 1, "date_nanos", 1795219200123, 1795219200123),
        timeless: IndexInfo(timeless, 3, "", None, None),
        empty: IndexInfo(empty, 0, "date", None, None),
    }
    assert list(found) == sorted(found)


def test_indices_of_nothing(cluster):
    with pytest.raises(NothingMatched, match="names no index"):
        list_indices(cluster.transport, "aws-nothing-of-this-name-*")
