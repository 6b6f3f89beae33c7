"""The daemon's pages for machines, over HTTP, and what the metrics say."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest

from aws_bridge.object_ref import ObjectRef
from collectors.delivery.health import HealthServer
from collectors.delivery.outcome import ObjectResult
from collectors.delivery.prometheus import DaemonMetrics
from collectors.errors import CollectorError

REF = ObjectRef("b", "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/11/21/x.json.gz")
SOURCE = 'account="111122223333",dataset="cloudtrail",region="eu-west-1"'


class State:
    dead, not_ready = "", ""


@pytest.fixture
def state():
    return State()


@pytest.fixture
def served(state):
    metrics = DaemonMetrics(clock=lambda: 1000.0)
    server = HealthServer("127.0.0.1", 0, metrics, lambda: state.dead, lambda: state.not_ready)
    yield metrics, f"http://127.0.0.1:{server.port}"
    server.close()


def get(url: str):
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as exc:
        return exc.code, exc.read().decode()


def test_health_and_readiness_are_two_questions(served, state):
    _, url = served
    assert get(f"{url}/healthz") == get(f"{url}/readyz") == (200, "ok\n")
    state.not_ready = "the cluster is down"
    assert get(f"{url}/healthz") == (200, "ok\n")
    assert get(f"{url}/readyz") == (503, "the cluster is down\n")
    state.dead = "ended: worker-1"
    assert get(f"{url}/healthz") == (503, "ended: worker-1\n")
    assert get(f"{url}/")[0] == 404


def test_metrics_tell_sources_apart_and_lag_grows_by_itself(served):
    metrics, url = served
    metrics.object_taken(
        REF, ObjectResult("cloudtrail", records=6, stored=3, already_there=2, dead=1, newest_ms=900_000)
    )
    metrics.object_taken(REF, ObjectResult("cloudtrail", records=1, stored=1, newest_ms=400_000))
    metrics.object_taken(ObjectRef("b", "elsewhere"), ObjectResult("", outcome="retry"))
    status, text = get(f"{url}/metrics")
    assert status == 200
    lines = text.splitlines()
    assert f'aws_siem_bridge_records_total{{{SOURCE},result="stored"}} 4.0' in lines
    assert f'aws_siem_bridge_records_total{{{SOURCE},result="already_there"}} 2.0' in lines
    assert f'aws_siem_bridge_records_total{{{SOURCE},result="dead"}} 1.0' in lines
    assert 'aws_siem_bridge_objects_total{account="",dataset="",outcome="retry",region=""} 1.0' in lines
    assert f"aws_siem_bridge_lag_seconds{{{SOURCE}}} 100.0" in lines
    assert "aws_siem_bridge_store_available 1.0" in lines
    metrics._clock = lambda: 1060.0
    assert f"aws_siem_bridge_lag_seconds{{{SOURCE}}} 160.0" in get(f"{url}/metrics")[1].splitlines()


def test_a_port_that_is_taken_is_said(served):
    _, url = served
    port = int(url.rpartition(":")[2])
    with pytest.raises(CollectorError, match=f"127.0.0.1:{port} cannot be served.*Choose another port"):
        HealthServer("127.0.0.1", port, DaemonMetrics(), str, str)


def test_a_port_that_is_none_is_said():
    with pytest.raises(CollectorError, match="127.0.0.1:99999 cannot be served: .*0-65535"):
        HealthServer("127.0.0.1", 99999, DaemonMetrics(), str, str)
