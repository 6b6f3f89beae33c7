"""A bucket's past into a real engine: every record once, through interruptions at any moment."""

from __future__ import annotations

import signal
import subprocess
import threading
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest

from lab.engine import Engine, EngineUnavailable, start_engine
from lab.front.faults import FaultyServer
from lab.front.server import Reply, forward
from tests.collectors.conftest import Bucket, Cluster, table
from tests.collectors.four_logs import ACCOUNT, LOGS

DAY = ("--since", "1999-12-31", "--until", "2000-01-01")
RECORDS, FILES = 120, 4


class Backfill:
    """The command against one cluster and one bucket, with a cache folder of its own."""

    def __init__(self, cluster: Cluster, bucket: Bucket, cache: Path) -> None:
        self.cluster = cluster
        self.bucket = bucket
        self.environment = {**bucket.environment, "XDG_CACHE_HOME": str(cache)}
        self.cache = cache

    def command(self, *options: str, url: str = "", user: str = "root") -> List[str]:
        return self.cluster.command(f"s3://{self.bucket.name}/AWSLogs/", options=(*DAY, *options), url=url, user=user)

    def run(self, *options: str, url: str = "", **environment: str) -> Any:
        command = self.command(*options, url=url)
        return self.cluster.run(command, environment={**self.environment, **environment})

    def start(self, *options: str, url: str = "") -> subprocess.Popen[str]:
        environment = {**self.cluster.environment(), **self.environment}
        command = self.command(*options, url=url)
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def states(self) -> List[Path]:
        return list(self.cache.rglob("*.state"))


@pytest.fixture
def backfill(cluster, bucket, tmp_path) -> Backfill:
    return Backfill(cluster, bucket, tmp_path / "cache")


def assert_each_once(cluster: Cluster, expected: Dict[str, List[str]]) -> None:
    """Every record of every file is in one index, and nothing else is there."""
    places = cluster.places()
    assert [doc_id for doc_id, indices in places.items() if len(indices) > 1] == []
    for key, ids in expected.items():
        assert ids[0] in places, f"the first record of {key}"
        assert ids[-1] in places, f"the last record of {key}"
    assert places.keys() == {doc_id for ids in expected.values() for doc_id in ids}


class Interrupts(FaultyServer):
    """Passes requests on, and at the ``at``-th bulk request does something to the loader or the engine, once."""

    def __init__(self, upstream: str, at: int, stored: bool, do) -> None:
        super().__init__(upstream=upstream)
        self._at, self._stored, self._do, self._bulks = at, stored, do, 0

    def answer(self, received):
        if received.target.startswith("/_bulk"):
            with self._lock:
                self._bulks += 1
                now = self._bulks == self._at
            if now:
                if self._stored:
                    super().answer(received)
                self._do()
        return super().answer(received)


# --- what is loaded --------------------------------------------------------------------------------------------------


def test_a_period_of_all_four_logs_is_loaded_with_the_ids_that_a_copy_of_the_bucket_has(backfill, cluster, tmp_path):
    expected = backfill.bucket.fill(tmp_path / "copy")
    backfill.bucket.put(next(iter(expected)).replace("1999", "1998"), b"not asked for, or it would be a problem")
    done = backfill.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "objects delivered from 1 hour before it to 6 hours after it are read" in done.stderr
    assert f"{2 * len(LOGS)} objects" in done.stderr
    assert {name: row[1:3] for name, row in table(done.stdout).items()} == {
        "CloudTrail": [100, 100],
        "Route 53 Resolver query logs": [100, 100],
        "VPC Flow Logs": [200, 200],
        "AWS WAF": [100, 100],
    }
    assert_each_once(cluster, expected)
    assert backfill.states() == []
    copied = cluster.load(tmp_path / "copy", options=("--as", f"s3://{backfill.bucket.name}"))
    assert {row[2] for row in table(copied.stdout).values()} == {0}
    assert_each_once(cluster, expected)


def test_digests_other_services_and_an_empty_period_are_said(backfill, tmp_path):
    empty = backfill.run()
    assert empty.returncode == 1
    assert "0 objects" in empty.stderr
    backfill.bucket.fill(tmp_path / "copy", files=1, records=2)
    backfill.bucket.put(f"AWSLogs/{ACCOUNT}/CloudTrail-Digest/eu-west-1/1999/12/31/x.json.gz", b"x")
    backfill.bucket.put(f"AWSLogs/{ACCOUNT}/Config/eu-west-1/1999/12/31/ConfigHistory/x.json.gz", b"x")
    done = backfill.run()
    assert done.returncode == 0, done.stderr
    assert "none of the logs: CloudTrail-Digest (1), Config (1)" in done.stderr


def test_what_cannot_be_stored_is_in_the_dead_letter_store_of_s3(backfill, cluster, tmp_path):
    expected = backfill.bucket.fill(tmp_path / "copy", files=1, records=5)
    key = next(iter(expected))
    cut = (tmp_path / "copy" / key).read_bytes()[:-12]
    backfill.bucket.put(key, cut)
    named = backfill.run()
    assert named.returncode == 1
    assert f"s3://{backfill.bucket.name}/{key}: " in named.stdout
    kept = backfill.run("--dead-letters", f"s3://{backfill.bucket.name}/dead/load")
    assert kept.returncode == 0, kept.stdout + kept.stderr
    listed = cluster.run(
        [*cluster.command(name="dlq")[:4], "list", f"s3://{backfill.bucket.name}/dead/load"],
        environment=backfill.environment,
    )
    assert "damaged_file" in listed.stdout


# --- before it starts ------------------------------------------------------------------------------------------------


def test_a_period_that_is_warm_closed_or_older_than_what_is_kept_is_said_before_it_starts(backfill, cluster, tmp_path):
    backfill.bucket.fill(tmp_path / "copy", files=1, records=2)
    assert "older than the" in backfill.run().stderr
    keep = ("--retention-days", "1000000")
    cluster.transport.request("PUT", ("aws-waf-1999.12.31", "_settings"), body={"index.blocks.write": True})
    cluster.transport.request("POST", ("aws-dns-1999.12.31", "_close"))
    done = backfill.run(*keep)
    warnings = [line for line in done.stderr.splitlines() if "1999-12-31" in line]
    assert any("AWS WAF" in line and "read-only" in line for line in warnings)
    assert any("Route 53" in line and "closed" in line for line in warnings)
    assert not any("CloudTrail" in line for line in warnings)
    assert done.returncode == 1
    assert "index not writable" in done.stdout


def test_an_account_that_may_only_create_can_backfill(cluster_by_id, bucket, tmp_path):
    secured = Backfill(cluster_by_id("opensearch-2.19-secured"), bucket, tmp_path / "cache")
    expected = secured.bucket.fill(tmp_path / "copy", files=1, records=3)
    templates = secured.cluster.command("apply", name="templates")
    assert secured.cluster.run(templates).returncode == 0
    command = secured.command("--no-template", user="loader")
    for _ in range(2):
        done = secured.cluster.run(command, "loader", secured.environment)
        assert done.returncode == 0, done.stdout + done.stderr
        assert_each_once(secured.cluster, expected)
    # Asked about indices that are there: where none is, the engine refuses nobody an empty answer.
    assert "cannot be seen with this account" in done.stderr


# --- an end in the middle --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("at", "stored"), [(1, False), (6, True), (13, False), (17, True)])
def test_a_backfill_that_is_killed_goes_on_where_it_was(backfill, cluster, tmp_path, at, stored):
    expected = backfill.bucket.fill(tmp_path / "copy", files=FILES, records=RECORDS)
    killed: List[subprocess.Popen[str]] = []
    with Interrupts(cluster.engine.url, at, stored, lambda: killed[0].kill()) as server:
        state = ("--state", str(tmp_path / "state"), "--workers", "2")
        killed.append(backfill.start(*state, url=server.url))
        killed[0].communicate(timeout=120)
        assert killed[0].returncode == -signal.SIGKILL
        assert cluster.places().keys() < {doc_id for ids in expected.values() for doc_id in ids}
        again = backfill.run(*state, url=server.url)
    assert again.returncode == 0, again.stdout + again.stderr
    assert_each_once(cluster, expected)
    objects = sum(row[0] for row in table(again.stdout).values())
    finished = FILES * len(LOGS) - objects
    # A worker is at most one object behind what it has sent: nothing that is finished is read again.
    assert at - 5 <= finished <= at
    assert (f"{finished} of them were finished by an earlier run" in again.stderr) == (finished > 0)
    assert not (tmp_path / "state").exists()


def test_ctrl_c_ends_it_in_order_with_what_is_left(backfill, cluster, tmp_path):
    expected = backfill.bucket.fill(tmp_path / "copy", files=FILES, records=RECORDS)
    started: List[subprocess.Popen[str]] = []
    with Interrupts(cluster.engine.url, 5, True, lambda: started[0].send_signal(signal.SIGINT)) as server:
        started.append(backfill.start("--workers", "2", url=server.url))
        printed, said = started[0].communicate(timeout=120)
        assert started[0].returncode == 130
        assert "Traceback" not in said
        assert "stopping" in said
        objects_done = int(printed.split()[0])
        assert f"not finished: {FILES * len(LOGS) - objects_done} objects are left" in said
        assert 0 < objects_done < FILES * len(LOGS)
        assert len(backfill.states()) == 1
        again = backfill.run("--workers", "2", url=server.url)
    assert again.returncode == 0, again.stdout + again.stderr
    assert f"{objects_done} of them were finished by an earlier run" in again.stderr
    assert_each_once(cluster, expected)


class RefusesOne(FaultyServer):
    """S3 that refuses one key until it is opened."""

    def __init__(self, upstream: str, key: str) -> None:
        super().__init__(upstream=upstream)
        self.key = key
        self.opened = False

    def answer(self, received):
        if self.opened or self.key not in received.target:
            return forward(self.upstream, received)
        return Reply(403, b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>")


def test_an_object_that_cannot_be_read_now_is_left_for_the_next_run(backfill, cluster, tmp_path):
    expected = backfill.bucket.fill(tmp_path / "copy", files=1, records=5)
    with RefusesOne(backfill.bucket.url, next(iter(expected))) as s3:
        first = backfill.run(AWS_ENDPOINT_URL=s3.url)
        assert first.returncode == 1
        assert "AccessDenied" in first.stdout
        assert "s3:GetObject" in first.stdout
        assert "1 objects are left" in first.stderr
        s3.opened = True
        second = backfill.run(AWS_ENDPOINT_URL=s3.url)
    assert second.returncode == 0, second.stdout + second.stderr
    assert "1 of 1 objects" in second.stdout
    assert_each_once(cluster, expected)


def test_what_was_only_named_on_the_terminal_is_named_again_by_the_run_that_goes_on(backfill, tmp_path):
    expected = backfill.bucket.fill(tmp_path / "copy", files=1, records=5)
    refused, damaged, *_ = expected
    backfill.bucket.put(damaged, (tmp_path / "copy" / damaged).read_bytes()[:-12])
    with RefusesOne(backfill.bucket.url, refused) as s3:
        assert backfill.run(AWS_ENDPOINT_URL=s3.url).returncode == 1
        s3.opened = True
        again = backfill.run(AWS_ENDPOINT_URL=s3.url)
    assert again.returncode == 1
    assert "2 of 2 objects" in again.stdout
    assert damaged in again.stdout


def test_a_restart_of_the_engine_in_the_middle_loses_and_doubles_nothing(bucket, tmp_path):
    engines: List[Optional[Engine]] = []
    restarted = threading.Event()

    def restart() -> None:
        engines[-1].kill()
        engines.append(start_engine("opensearch-2.19", tmp_path / "engine"))
        server.upstream = engines[-1].url
        restarted.set()

    try:
        engines.append(start_engine("opensearch-2.19", tmp_path / "engine"))
    except EngineUnavailable as exc:
        pytest.skip(f"no engine here: {exc}")
    try:
        cluster = Cluster(engines[0])
        backfill = Backfill(cluster, bucket, tmp_path / "cache")
        expected = backfill.bucket.fill(tmp_path / "copy", files=FILES, records=RECORDS)
        with Interrupts(engines[0].url, 7, True, restart) as server:
            done = backfill.run("--workers", "2", url=server.url)
        cluster.transport.close()
        assert restarted.is_set()
        assert done.returncode == 0, done.stdout + done.stderr
        after = Cluster(engines[-1])
        assert_each_once(after, expected)
        after.transport.close()
    finally:
        engines[-1].stop()
