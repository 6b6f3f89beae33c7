"""``script/demo``: what a new user runs first, from the engine's start to its stop."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.engine import Engine
from lab.engine.cache import cache_dir

SCRIPT = Path(__file__).resolve().parents[2] / "script" / "demo"


@pytest.fixture
def own_cache(tmp_path: Path) -> Path:
    """A cache with everything downloaded, but with running engines of its own."""
    folder = tmp_path / "cache"
    folder.mkdir()
    for shared in ("artifacts", "homes", "java"):
        (cache_dir() / shared).mkdir(parents=True, exist_ok=True)
        (folder / shared).symlink_to(cache_dir() / shared)
    return folder


def demo(cache: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "AWS_SIEM_BRIDGE_CACHE": str(cache)}
    return subprocess.run(
        [str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        timeout=280,
        env=environment,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the stand-in for AWS needs Python 3.11")
@pytest.mark.usefixtures("engine")  # what it needs is downloaded
def test_tour_on_an_engine_of_its_own(own_cache: Path) -> None:
    kept = demo(own_cache, "--non-interactive", "--keep", "--events", "3000")
    try:
        assert kept.returncode == 0, kept.stdout + kept.stderr
        assert '| elasticsearch index="*cloudtrail*" query="errorCode:AccessDenied"' in kept.stdout
        assert kept.stdout.count("job DONE") == 8
        assert kept.stdout.count("job FAILED") == 1
        assert "203.0.113.66" in kept.stdout, "the thief is not in the table"
        assert "3,000 events" in kept.stdout
        for log, records in {"CloudTrail": "3,000", "VPC Flow Logs": "3,000", "AWS WAF": "750"}.items():
            assert f"{log}: {records} of {records} records" in kept.stderr
        assert "BLOCK" in kept.stdout, "no request the WAF stopped"
        assert "cdn-update.example.net." in kept.stdout, "no look-up of the attacker's host"
        assert "Example Virtual Servers" in kept.stdout, "nobody says whose the shell's address is"
        assert "INFO: 3000 documents match, the newest 3 are returned" in kept.stdout
        again = demo(own_cache, "--non-interactive")
        assert again.returncode == 0, again.stdout + again.stderr
        assert "3,000 events" in again.stdout, "the kept engine was filled again"
    finally:
        stopped = demo(own_cache, "--stop")
    assert "the engine is stopped" in stopped.stderr
    assert "no engine is running" in demo(own_cache, "--stop").stderr


def test_tour_on_a_users_cluster_writes_nothing(own_cache: Path, engine: Engine) -> None:
    from es_bridge.config import ClusterConfig
    from es_bridge.transport import Transport

    def names() -> set[str]:
        with Transport(ClusterConfig((engine.url,))) as transport:
            return {row["index"] for row in transport.request("GET", ("_cat", "indices"), {"format": "json"}).json()}

    before = names()
    done = demo(own_cache, "--non-interactive", "--url", engine.url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert names() == before
    assert not (own_cache / "running").exists()
