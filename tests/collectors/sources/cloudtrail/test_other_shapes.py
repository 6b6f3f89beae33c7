"""CloudTrail records of another shape, from a folder and from its bucket, and audited."""

from __future__ import annotations

from pathlib import Path

import pytest

from aws_bridge.object_ref import ObjectRef
from collectors.records.record import record_id
from tests.collectors.conftest import event, table, write_log

KEY = "AWSLogs/444455556666/CloudTrail/us-west-2/1999/12/31/444455556666_CloudTrail_us-west-2_19991231T2020Z_0a.json"
CASES = Path(__file__).resolve().parents[4].parent / "shared" / "cases"
OLD = {key: value for key, value in event(1).items() if key not in ("eventID", "recipientAccountId")}
SUM = {
    "eventVersion": "1.0",
    "accountId": "444455556666",
    "eventId": "sum-1",
    "eventCategory": "Aggregated",
    "eventType": "AwsAggregatedEvent",
    "awsRegion": "us-west-2",
    "eventSource": "s3.amazonaws.com",
    "timeWindow": {"windowStart": "1999-12-31T19:20:00Z", "windowEnd": "1999-12-31T19:25:00Z", "windowSize": "PT5M"},
    "summary": {"primaryDimension": {"dimension": "eventName", "statistics": [{"name": "PutObject", "value": 7}]}},
}


def test_from_a_folder_and_from_its_bucket_they_are_stored_once_and_audit_counts_them(cluster, bucket, tmp_path):
    path = write_log(tmp_path / "copy" / KEY, [event(0), SUM, {**OLD, "eventVersion": "1.0"}, SUM])
    bucket.put(KEY, path.read_bytes())
    address = f"s3://{bucket.name}"
    done = cluster.load(tmp_path / "copy", options=("--as", address))
    assert (done.returncode, table(done.stdout)) == (0, {"CloudTrail": [1, 4, 3, 1, 0]}), done.stdout + done.stderr
    environment = {**cluster.environment(), **bucket.environment}
    again = cluster.run(cluster.command(f"{address}/AWSLogs/"), environment=environment)
    assert (again.returncode, table(again.stdout)) == (0, {"CloudTrail": [1, 4, 0, 4, 0]}), again.stderr
    place = record_id(ObjectRef(bucket.name, KEY).identity, 3)
    assert sorted(cluster.sources()) == sorted(
        ["00000000-0000-4000-a000-000000000000-111122223333", "sum-1-444455556666", place]
    )
    assert cluster.find(
        "event.dataset:aws.cloudtrail.aggregated AND summary.primaryDimension.statistics.name:PutObject"
    ) == ["sum-1-444455556666"]
    assert cluster.find("timeWindow.windowStart:[1999-12-31T19:00:00Z TO 1999-12-31T20:00:00Z]") == [
        "sum-1-444455556666"
    ]
    audit = cluster.run(cluster.command(f"{address}/AWSLogs/", name="audit"), environment=environment)
    assert audit.returncode == 0, audit.stdout + audit.stderr
    assert "4 records: all accounted for" in audit.stderr


def test_the_first_format_of_the_shared_cases_is_stored(cluster, tmp_path):
    folder = CASES / "queries" / "AWSLogs" / "222233334444" / "CloudTrail" / "us-east-1" / "2014"
    if not folder.is_dir():
        pytest.skip("../shared/cases is not there")
    done = cluster.load(folder)
    assert (done.returncode, table(done.stdout)) == (0, {"CloudTrail": [1, 1, 1, 0, 0]}), done.stdout + done.stderr
