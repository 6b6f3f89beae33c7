"""Both Security Hubs: findings, changes without their time, what passed."""

from __future__ import annotations

import pytest

from lab.aws import AwsAccount
from tests.splunk_app.inputs.conftest import COUNT, HEALTH, QUICK, of
from tests.splunk_app.inputs.test_failures import now

REGION = "eu-west-1"


@pytest.mark.parametrize(
    ("product", "dataset", "sourcetype"),
    [
        ("cspm", "securityhub", "aws:securityhub:finding"),
        ("ocsf", "securityhub_v2", "aws:siem_bridge:securityhub:ocsf"),
    ],
)
def test_findings_and_what_a_person_changes_without_their_time(
    input_of, aws_account: AwsAccount, product: str, dataset: str, sourcetype: str
):
    aws_account.enable(dataset, REGION)
    aws_account.speed(50)
    ids = aws_account.add(dataset, REGION, count=130, at="2026-11-28T10:00:00.123Z", step_ms=0)
    settings = {"product": product, "regions": REGION, "start_date": "9d", "sweep_every_s": 2, "overlap_s": 5}
    running = input_of("aws_security_hub").run("prod", **settings, **{**QUICK, "passed_findings": "write"})
    running.wait_for(lambda events: len(of(events, sourcetype)) >= 130)
    client = aws_account.client("securityhub", REGION)
    chosen = next(version for version in aws_account.versions() if version["id"] == ids[7])["finding"]
    if product == "cspm":
        identifier = {"Id": chosen["Id"], "ProductArn": chosen["ProductArn"]}
        client.batch_update_findings(FindingIdentifiers=[identifier], Workflow={"Status": "SUPPRESSED"})
    else:
        client.batch_update_findings_v2(MetadataUids=[chosen["metadata"]["uid"]], StatusId=3)
    running.wait_for(lambda events: len(of(events, sourcetype)) >= 131)
    assert running.stop() == 0 and running.stderr == ""
    found = of(running.events, sourcetype)
    assert len({each["version_key"] for each in found}) == len(found) == len(aws_account.versions())
    assert len({each["finding_key"] for each in found}) == 130
    (told,) = [each for each in of(running.events, HEALTH) if each["status"] != "ok"]
    assert (told["what"], told["how"]) == ("back-fill", "by paging")


def test_controls_that_passed_are_counted_when_the_input_ends(input_of, aws_account: AwsAccount):
    aws_account.enable("securityhub", REGION)
    passed = {"Compliance": {"Status": "PASSED", "SecurityControlId": "S3.8"}}
    aws_account.add("securityhub", REGION, count=12, at=now(), changes=passed)
    aws_account.add("securityhub", REGION, count=1, at=now(), changes={"Compliance": {"Status": "FAILED"}})
    running = input_of("aws_security_hub").run("prod", regions=REGION, start_date="1d", **QUICK)
    running.wait_for(lambda events: len(of(events, "aws:securityhub:finding")) == 1)
    assert running.stop() == 0
    counted = of(running.events, COUNT)
    assert sum(each["count"] for each in counted) == 12
    assert {(each["what"], each["rule"], each["region"]) for each in counted} == {("passed", "S3.8", REGION)}


#: More than AWS's filter takes: 20 values of an attribute.
MANY = [f"Product {number:02d}" for number in range(45)]


@pytest.mark.parametrize(
    ("product", "dataset", "sourcetype", "name"),
    [
        ("cspm", "securityhub", "aws:securityhub:finding", "ProductName"),
        ("ocsf", "securityhub_v2", "aws:siem_bridge:securityhub:ocsf", "metadata.product.name"),
    ],
)
def test_more_products_than_a_filter_takes_are_all_read_and_others_left_out(
    input_of, aws_account: AwsAccount, product: str, dataset: str, sourcetype: str, name: str
):
    aws_account.enable(dataset, REGION)
    aws_account.speed(50)
    for each in (*MANY, "GuardDuty", "Prowler"):
        aws_account.add(dataset, REGION, at=now(), changes={name: each})
    aws_account.add(dataset, REGION, count=120, at=now(), changes={name: MANY[30]})
    running = input_of("aws_security_hub").run(
        "prod", product=product, regions=REGION, start_date="1d", products=",".join([*MANY, "prowler"]), **QUICK
    )
    running.wait_for(lambda events: len(of(events, sourcetype)) >= 166)
    assert running.stop() == 0 and running.stderr == ""
    found = [
        each["ProductName"] if product == "cspm" else each["metadata"]["product"]["name"]
        for each in of(running.events, sourcetype)
    ]
    assert set(found) == {*MANY, "Prowler"} and len(found) == 166
    assert not [each for each in of(running.events, HEALTH) if each["status"] == "failing"]


def test_what_has_another_road_and_other_standards_are_left_out_and_counted(input_of, aws_account: AwsAccount):
    aws_account.enable("securityhub", REGION)
    for name in ("GuardDuty", "Amazon GuardDuty", "Inspector"):
        aws_account.add("securityhub", REGION, at=now(), changes={"ProductName": name, "Compliance": {}})
    for standard in ("standards/pci-dss/v/4.0.1", "ruleset/cis-aws-foundations-benchmark/v/1.2.0"):
        compliance = {
            "Status": "FAILED",
            "SecurityControlId": "S3.8",
            "AssociatedStandards": [{"StandardsId": standard}],
        }
        aws_account.add("securityhub", REGION, at=now(), changes={"Compliance": compliance})
    running = input_of("aws_security_hub").run(
        "prod",
        regions=REGION,
        start_date="1d",
        products_left_out="guardduty",
        standards="cis",
        sweep_every_s=0,
        **QUICK,
    )
    running.wait_for(lambda events: of(events, HEALTH) and len(of(events, "aws:securityhub:finding")) == 2)
    running.wait_for(lambda events: any(each.get("left_out") for each in of(events, HEALTH)))
    assert running.stop() == 0
    found = of(running.events, "aws:securityhub:finding")
    assert {each["ProductName"] for each in found} == {"Inspector", "Security Hub"} and len(found) == 2


OCSF = "aws:siem_bridge:securityhub:ocsf"


@pytest.mark.parametrize("bucket_is_there", [True, False])
def test_a_backfill_by_export_and_by_paging_where_the_export_fails(
    input_of, aws_account: AwsAccount, bucket_is_there: bool
):
    aws_account.enable("securityhub_v2", REGION)
    aws_account.speed(50)
    aws_account.add("securityhub_v2", REGION, count=230, at="2026-11-28T10:00:00.123Z", step_ms=1)
    bucket, client = f"exports-{aws_account.id}", aws_account.client("securityhub", REGION)
    if bucket_is_there:
        aws_account.client("s3").create_bucket(Bucket=bucket)
    key = f"arn:aws:kms:{REGION}:{aws_account.id}:key/0f1e2d3c-0000-4000-8000-000000000000"
    other = client.start_export_job_v2(
        Destination={"S3": {"BucketArn": "arn:aws:s3:::other", "KmsKeyArn": key}},
        OutputConfiguration={"Findings": {"Format": "OCSF_JSON"}},
    )["ExportJobId"]
    running = input_of("aws_security_hub").run(
        "prod", product="ocsf", regions=REGION, start_date="9d", backfill_by="export", sweep_every_s=0,
        export_bucket=bucket, export_key_arns=f"arn:aws:kms:us-east-1:{aws_account.id}:key/1,{key}", **QUICK,
    )  # fmt: skip

    def told(events) -> list[str]:
        return [each["how"] for each in of(events, HEALTH) if each.get("what") == "back-fill"]

    running.wait_for(lambda events: told(events))
    aws_account.add("securityhub_v2", REGION, count=1, at=now())
    running.wait_for(lambda events: len(of(events, OCSF)) == 1)  # a new one does not wait for a job
    client.cancel_export_job_v2(ExportJobId=other)
    running.wait_for(lambda events: len(of(events, OCSF)) >= 231 and len(told(events)) == 3)
    assert running.stop() == 0 and running.stderr == ""
    found = of(running.events, OCSF)
    assert len({each["version_key"] for each in found}) == len(found) == 231
    ending = "by the export job is done" if bucket_is_there else "goes on by paging"
    assert told(running.events) == [
        "waits for another export job of the account: AWS runs one at a time", "by an export job", ending
    ]  # fmt: skip
    assert {each["status"] for each in of(running.events, HEALTH)} == {"ok", "notice"}
