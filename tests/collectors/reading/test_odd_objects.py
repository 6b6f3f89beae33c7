"""Nothing is not a fault, what is none of the logs is counted, and no log is missed: by folder, bucket and audit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Dict, List, Mapping

import pytest

from tests.collectors.conftest import Bucket, Cluster, table
from tests.collectors.four_logs import ACCOUNT, write_all
from tests.collectors.odd_objects import (
    FOLDER_KEYS,
    UNKNOWN,
    none_of_them,
    nothing,
    where_nobody_expects_them,
)

CASES = Path(__file__).resolve().parents[4] / "shared" / "cases"
DAY = ("--since", "1999-12-31", "--until", "2000-01-01")
ALL_FOUND = "all accounted for, once"


class Roads:
    """The same objects as a folder and as a bucket."""

    def __init__(self, cluster: Cluster, bucket: Bucket, folder: Path) -> None:
        self.cluster, self.bucket, self.folder = cluster, bucket, folder / "copy"
        self.letters = folder / "letters"
        self.environment = {**bucket.environment, "XDG_CACHE_HOME": str(folder / "cache")}

    def put(self, objects: Mapping[str, bytes]) -> None:
        for key, content in objects.items():
            self.bucket.put(key, content)
            if not key.endswith("/"):
                path = self.folder / key
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)

    def run(self, command: str, road: str, *options: str, prefix: str = ""):
        place, more = f"s3://{self.bucket.name}/{prefix}", ()
        if road == "folder":
            place, more = str(self.folder / prefix), ("--as", f"s3://{self.bucket.name}/{prefix}")
        line = self.cluster.command(place, options=(*more, *options), name=command)
        done = self.cluster.run(line, environment=self.environment)
        assert "Traceback" not in done.stderr
        assert "\x1b" not in done.stdout + done.stderr
        return done

    def load(self, road: str, *options: str, prefix: str = ""):
        return self.run("load", road, *options, prefix=prefix)

    def audit(self, road: str, *options: str, prefix: str = ""):
        return self.run("audit", road, *options, prefix=prefix)


@pytest.fixture
def roads(cluster, bucket, tmp_path) -> Roads:
    return Roads(cluster, bucket, tmp_path)


ROADS = pytest.mark.parametrize("road", ["folder", "bucket"])


def events(printed: str) -> Dict[str, int]:
    return {title: row[1] for title, row in table(printed).items()}


@ROADS
def test_of_nothing_there_are_no_events_no_fault_and_no_letter(roads, road):
    objects = nothing()
    roads.put(objects)
    for options in ((), ("--dead-letters", str(roads.letters))):
        done = roads.load(road, *options)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"{len(objects)} of {len(objects)}" in done.stdout
        assert set(events(done.stdout).values()) == {0}
        assert len(events(done.stdout)) == 4
        assert "problem" not in done.stdout
        assert "empty objects (1)" in done.stdout
    assert not roads.letters.exists() or not [path for path in roads.letters.rglob("*") if path.is_file()]
    done = roads.audit(road)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(objects)} objects, 0 records: {ALL_FOUND}" in done.stderr


@ROADS
@pytest.mark.parametrize("dataset", ["cloudtrail", "vpc_flow", "route53_resolver", "waf"])
def test_nothing_is_no_fault_of_a_named_log_either(roads, road, dataset):
    roads.put({"odd/a.gz": b"", "odd/b": b"\n", "odd/c.parquet": b""})
    done = roads.load(road, "--dataset", dataset)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(events(done.stdout).values()) == {0}


@ROADS
def test_what_is_none_of_the_logs_is_counted_and_changes_no_status(roads, road):
    expected = write_all(roads.folder, files=1, records=2, bucket=roads.bucket.name)
    roads.put({**{key: (roads.folder / key).read_bytes() for key in expected}, **dict(none_of_them())})
    roads.put(dict.fromkeys(FOLDER_KEYS, b""))
    loaded = roads.load(road)
    assert loaded.returncode == 0, loaded.stdout + loaded.stderr
    audited = roads.audit(road)
    assert audited.returncode == 0, audited.stdout + audited.stderr
    assert f"{len(expected)} objects, {2 * len(expected)} records: {ALL_FOUND}" in audited.stderr
    for said in (loaded.stdout + loaded.stderr, audited.stderr):
        (line,) = [line for line in said.splitlines() if "is none of the logs: " in line]
        counted = line.rpartition("none of the logs: ")[2].split(", ")
        placeholders = 1 + (road == "bucket") * len(FOLDER_KEYS)
        assert sorted(counted) == sorted(
            [
                "CloudTrail-Digest (1)",
                "Config (2)",
                "S3 access logs (1)",
                "elasticloadbalancing (1)",
                f"folder placeholders ({placeholders})",
                "other files (1)",
                "test files (1)",
            ]
        )
    assert roads.cluster.places().keys() == {doc_id for ids in expected.values() for doc_id in ids}


@ROADS
def test_what_might_be_a_log_is_named_and_no_audit_calls_it_accounted_for(roads, road):
    expected = write_all(roads.folder, files=1, records=2, bucket=roads.bucket.name)
    roads.put({**{key: (roads.folder / key).read_bytes() for key in expected}, **UNKNOWN})
    for _ in range(2):
        done = roads.load(road)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "passed over, because neither key nor content is that of a log: 4. " in done.stdout
        assert "NewService/eu-west-1/1999/12/31/x.json.gz" in done.stdout
    audited = roads.audit(road)
    assert audited.returncode == 4
    assert ALL_FOUND not in audited.stderr
    assert (
        f"{len(expected) + 4} objects, {2 * len(expected)} records: accounted for, once, but 4 objects"
        in audited.stderr
    )
    assert "neither key nor content is that of a log: 4. " in audited.stderr
    assert "NewService/eu-west-1/1999/12/31/x.json.gz" in audited.stderr
    as_json = [json.loads(line) for line in roads.audit(road, "--format", "jsonl").stdout.splitlines()]
    assert sorted(about["passed_over"] for about in as_json) == [""] * len(expected) + ["of unknown kind"] * 4
    # In the dead-letter store they are not lost out of sight: then they are accounted for.
    letters = ("--dead-letters", str(roads.letters))
    assert roads.load(road, *letters).returncode == 0
    assert roads.audit(road, *letters).returncode == 0


@ROADS
def test_where_nothing_is_a_log_the_status_says_so(roads, road):
    roads.put(UNKNOWN)
    done = roads.load(road)
    assert done.returncode == 1
    assert "neither key nor content is that of a log: 4. " in done.stdout
    assert roads.audit(road).returncode == 4


def test_a_file_that_is_given_by_name_and_is_no_log_is_a_problem(cluster, tmp_path):
    for name in ("notes.txt", "README.md", "ELBAccessLogTestFile"):
        (tmp_path / name).write_text("hello")
        done = cluster.load(tmp_path / name)
        assert done.returncode == 1, name
        assert "none of the logs" in done.stdout
        assert "files with a problem: 1" in done.stdout


@ROADS
def test_logs_in_folders_that_no_list_has_are_loaded_and_audited(roads, road):
    objects = where_nobody_expects_them()
    roads.put({key: content for key, (content, _) in objects.items()})
    expected: Dict[str, int] = {}
    for _, title in objects.values():
        expected[title] = expected.get(title, 0) + 2
    period = DAY if road == "bucket" else ()
    done = roads.load(road, *period)
    assert done.returncode == 0, done.stdout + done.stderr
    assert events(done.stdout) == expected
    assert len(roads.cluster.places()) == 2 * len(objects)
    audited = roads.audit(road, *period)
    assert audited.returncode == 0, audited.stdout + audited.stderr
    assert f"{len(objects)} objects, {2 * len(objects)} records: {ALL_FOUND}" in audited.stderr
    only = roads.load(road, *period, "--dataset", "waf", prefix="AWSLogs/")
    assert only.returncode == 1  # one file in a folder nobody knows: asked for as WAF, and it is none
    assert "VPC Flow Logs, not asked for (1)" in only.stdout + only.stderr


@ROADS
@pytest.mark.parametrize("prefix", ["AWSLogs/", f"AWSLogs/{ACCOUNT}/WAF/"])
@pytest.mark.parametrize("options", [(), ("--dataset", "waf")], ids=["", "dataset"])
def test_waf_by_firehose_below_an_account(roads, road, prefix, options):
    key, (content, _) = next(iter(where_nobody_expects_them().items()))
    roads.put({key: content})
    for period in ((), DAY) if road == "bucket" else ((),):
        done = roads.load(road, *options, *period, prefix=prefix)
        assert done.returncode == 0, done.stdout + done.stderr
        assert table(done.stdout)["AWS WAF"][:2] == [1, 2]
        audited = roads.audit(road, *options, *period, prefix=prefix)
        assert audited.returncode == 0
        assert f"1 objects, 2 records: {ALL_FOUND}" in audited.stderr
    assert len(roads.cluster.places()) == 2


# --- the cases from the field ----------------------------------------------------------------------------------------


def cases() -> List[str]:
    return ["zero", "gzip_of_nothing", "records_empty", "header_only"]


def copy_of(case: Path) -> Dict[str, bytes]:
    if not case.is_dir():
        pytest.skip(f"the cases from the field are not beside this checkout: {case}")
    return {path.relative_to(case).as_posix(): path.read_bytes() for path in case.rglob("*") if path.is_file()}


@ROADS
@pytest.mark.parametrize("case", cases())
def test_empty_objects_from_the_field(roads, road, case):
    objects = copy_of(CASES / "empty_objects" / case)
    roads.put({**objects, **dict.fromkeys(FOLDER_KEYS, b"")})
    done = roads.load(road, "--dead-letters", str(roads.letters))
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(events(done.stdout).values()) == {0}
    assert roads.audit(road).returncode == 0
    assert not [path for path in roads.letters.rglob("*") if path.is_file()]


@pytest.mark.parametrize("prefix", ["AWSLogs/", "AWSLogs/111122223333/WAF/"])
@pytest.mark.parametrize("options", [(), ("--dataset", "waf")], ids=["", "dataset"])
def test_waf_by_firehose_from_the_field(roads, prefix, options):
    roads.put(copy_of(CASES / "waf_by_firehose"))
    done = roads.load("bucket", *options, prefix=prefix)
    assert done.returncode == 0, done.stdout + done.stderr
    assert table(done.stdout)["AWS WAF"][:2] == [1, 2]
    audited = roads.audit("bucket", *options, prefix=prefix)
    assert f"1 objects, 2 records: {ALL_FOUND}" in audited.stderr
