"""The audit on a real engine: what is not there, twice there, or a dead letter, and nothing else, is told."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any, Dict, List

import pytest

from collectors.errors import CollectorError
from collectors.loading.files import FileObjects, find_files
from collectors.verify.audit import Audit
from collectors.verify.presence import BATCH, Found, Presence
from es_bridge.config import ClusterConfig
from es_bridge.errors import PartialResult
from es_bridge.transport import Transport
from lab.front.faults import FaultyServer
from lab.front.server import Reply
from tests.collectors.conftest import event, write_log
from tests.collectors.four_logs import BUCKET, DAY, LOGS, write_all


@pytest.fixture
def loaded(cluster, tmp_path) -> Dict[str, List[str]]:
    """Load two files of each log as a copy of a bucket; return the ids by key."""
    expected = write_all(tmp_path / "copy")
    done = cluster.load(tmp_path / "copy", options=("--as", f"s3://{BUCKET}"))
    assert done.returncode == 0, done.stdout + done.stderr
    return expected


def audit(cluster, *options: str, path: object = "", user: str = "root", environment: Any = None):
    """Run the command; return it and what it printed about each object, by key."""
    command = cluster.command(path, options=("--format", "jsonl", *options), name="audit", user=user)
    done = cluster.run(command, user, environment)
    assert "Traceback" not in done.stderr
    found = {}
    for line in done.stdout.splitlines():
        about = json.loads(line)
        found[about["uri"].partition(f"s3://{BUCKET}/")[2] or about["uri"]] = about
    return done, found


def audit_copy(cluster, tmp_path: Path, *options: str, user: str = "root"):
    return audit(cluster, "--as", f"s3://{BUCKET}", *options, path=tmp_path / "copy", user=user)


def numbers(about: Dict[str, Any]) -> List[int]:
    return [about[name] for name in ("records", "stored", "dead", "missing", "doubled")]


def test_a_complete_load_is_found_complete_in_every_log_and_from_the_bucket_too(cluster, bucket, tmp_path):
    expected = bucket.fill(tmp_path / "copy")
    done = cluster.load(tmp_path / "copy", options=("--as", f"s3://{bucket.name}"))
    assert done.returncode == 0, done.stdout + done.stderr
    since = ("--since", DAY, "--until", "2000-01-01")
    done, found = audit(cluster, *since, path=f"s3://{bucket.name}/", environment=bucket.environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [numbers(about) for about in found.values()] == [[50, 50, 0, 0, 0]] * len(expected)
    assert f"{len(expected)} objects, {50 * len(expected)} records: all accounted for, once" in done.stderr


def test_records_that_are_gone_are_named_with_number_and_id(cluster, loaded, tmp_path):
    gone = {}
    for key, ids in loaded.items():
        log = next(log for log in LOGS if key.startswith(log.folder))
        gone[key] = [0, 17, 49]
        for position in gone[key]:
            path = (log.index, "_doc", ids[position])
            cluster.transport.request("DELETE", path, {"refresh": "true"})
    done, found = audit_copy(cluster, tmp_path, "--named", "2")
    assert done.returncode == 1
    assert found.keys() == loaded.keys()
    for key, about in found.items():
        assert numbers(about) == [50, 47, 0, 3, 0]
        assert [(gap["number"], gap["id"]) for gap in about["gaps"]] == [(1, loaded[key][0]), (18, loaded[key][17])]
        assert not about["complete"]
    table = cluster.run(cluster.command(tmp_path / "copy", options=("--as", f"s3://{BUCKET}"), name="audit"))
    assert table.returncode == 1
    assert f"missing: record 18 {loaded[key][17]}: not in " in table.stdout


def test_what_no_refresh_has_made_searchable_is_there(cluster, tmp_path):
    write_log(tmp_path / "a.json", [event(n) for n in range(3)])
    assert cluster.load(tmp_path / "a.json").returncode == 0
    settings = {"index": {"refresh_interval": "-1"}}
    cluster.transport.request("PUT", ("aws-cloudtrail-1999.12.31", "_settings"), body=settings)
    document = {
        "create": {"_index": "aws-cloudtrail-1999.12.31", "_id": "00000000-0000-4000-a000-000000000003-111122223333"}
    }
    lines = b"\n".join((json.dumps(document).encode(), b"{}", b""))
    cluster.transport.request("POST", ("_bulk",), body=lines, content_type="application/x-ndjson")
    write_log(tmp_path / "a.json", [event(n) for n in range(4)])
    done, found = audit(cluster, path=tmp_path / "a.json")
    assert done.returncode == 0, done.stdout
    assert [numbers(about) for about in found.values()] == [[4, 4, 0, 0, 0]]


def test_the_same_record_in_two_indices_is_told(cluster, loaded, tmp_path):
    key = next(key for key in loaded if "vpcdnsquerylogs" in key)
    cluster.transport.request("PUT", ("aws-dns-2000.01.01", "_doc", loaded[key][4]), {"refresh": "true"}, {"a": 1})
    done, found = audit_copy(cluster, tmp_path)
    assert done.returncode == 1
    assert numbers(found[key]) == [50, 50, 0, 0, 1]
    twice = {"number": 5, "id": loaded[key][4], "indices": ["aws-dns-1999.12.31", "aws-dns-2000.01.01"]}
    assert found[key]["doubles"] == [twice]
    assert [key for key, about in found.items() if not about["complete"]] == [key]


def test_records_of_a_closed_index_are_missing_with_that_reason(cluster, loaded, tmp_path):
    cluster.transport.request("POST", ("aws-waf-1999.12.31", "_close"))
    done, found = audit_copy(cluster, tmp_path)
    assert done.returncode == 1
    waf = [about for about in found.values() if about["dataset"] == "waf"]
    assert [about["missing"] for about in waf] == [50, 50]
    assert "closed" in waf[0]["gaps"][0]["reason"]
    assert all(about["complete"] for about in found.values() if about["dataset"] != "waf")


def test_dead_letters_count_for_their_records_and_for_damaged_objects(cluster, tmp_path):
    write_log(tmp_path / "copy" / "bad.json", [event(0), "no event", event(2)])
    whole = gzip.compress(write_log(tmp_path / "x", [event(n) for n in range(100, 400)]).read_bytes())
    (tmp_path / "copy" / "cut.json.gz").write_bytes(whole[:-200])
    (tmp_path / "copy" / "other.json").write_text('{"configurationItems": []}')
    (tmp_path / "copy" / "digest.json").write_text('{"awsAccountId": "1", "digestStartTime": "1999-12-31T00:00:00Z"}')
    dead = ("--dead-letters", str(tmp_path / "dead"))
    assert cluster.load(tmp_path / "copy", options=("--as", f"s3://{BUCKET}", *dead)).returncode == 0

    known, found = audit_copy(cluster, tmp_path, *dead)
    assert known.returncode == 0, known.stdout
    assert numbers(found["bad.json"]) == [3, 2, 1, 0, 0]
    assert "cut short" in found["cut.json.gz"]["problem"]
    assert found["cut.json.gz"]["problem_is_known"]
    assert found["other.json"]["problem_is_known"]
    assert found["digest.json"]["complete"]

    unknown, found = audit_copy(cluster, tmp_path)
    assert unknown.returncode == 1
    assert numbers(found["bad.json"]) == [3, 2, 0, 1, 0]
    assert "not a JSON object" in found["bad.json"]["gaps"][0]["reason"]
    assert sorted(key for key, about in found.items() if not about["complete"]) == [
        "bad.json",
        "cut.json.gz",
        "other.json",
    ]


def test_nothing_loaded_is_everything_missing_and_nothing_there_is_said(cluster, tmp_path):
    write_all(tmp_path / "copy", files=1, records=1500)
    done, found = audit_copy(cluster, tmp_path)
    assert done.returncode == 1
    assert {tuple(numbers(about)) for about in found.values()} == {(1500, 0, 0, 1500, 0)}
    (tmp_path / "empty").mkdir()
    empty, _ = audit(cluster, path=tmp_path / "empty")
    assert empty.returncode == 1
    assert "no object is there" in empty.stderr


def test_a_reader_may_audit_and_a_loader_is_told_that_it_may_not(cluster_by_id, tmp_path):
    cluster = cluster_by_id("opensearch-2.19-secured")
    write_all(tmp_path / "copy", files=1, records=5)
    assert cluster.load(tmp_path / "copy", options=("--as", f"s3://{BUCKET}")).returncode == 0
    done, _ = audit_copy(cluster, tmp_path, user="reader")
    assert done.returncode == 0, done.stdout + done.stderr
    refused, _ = audit_copy(cluster, tmp_path, user="loader")
    assert refused.returncode == 1
    assert "403" in refused.stderr


@pytest.mark.parametrize(
    "reply",
    [
        {"timed_out": False, "_shards": {"failed": 1}, "hits": {"total": {"value": 0}}},
        {"timed_out": True, "_shards": {"failed": 0}, "hits": {"total": {"value": 0}}},
        {"timed_out": False, "_shards": {"failed": 0}, "hits": {"total": {"value": 3}, "hits": []}},
    ],
)
def test_half_an_answer_is_no_answer(tmp_path, reply):
    (log,) = find_files([write_log(tmp_path / "a.json", [event(0)])]).logs
    with FaultyServer([Reply(200, json.dumps(reply).encode())]) as server:
        transport = Transport(ClusterConfig((server.url,)))
        with pytest.raises(PartialResult):
            Audit(FileObjects([log]), Presence(transport)).compare(log.ref)
        transport.close()


def test_an_audit_that_is_stopped_compares_no_further_batch(tmp_path):
    (log,) = find_files([write_log(tmp_path / "a.json", [event(number) for number in range(2 * BATCH)])]).logs
    asked = []

    class StoppedAtOnce(Presence):
        def find(self, dataset, documents):
            asked.append(len(documents))
            audit.stop()
            return Found({}, {})

    audit = Audit(FileObjects([log]), StoppedAtOnce(Transport(ClusterConfig(("http://127.0.0.1:1",)))))
    with pytest.raises(CollectorError, match="stopped"):
        audit.compare(log.ref)
    assert asked == [BATCH]
