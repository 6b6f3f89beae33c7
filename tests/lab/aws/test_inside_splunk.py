"""The calls of the inputs, made as inside Splunk: its Pythons, the botocore of `lib.lock`, the shipped descriptions."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Tuple

import botocore
import pytest

from aws_bridge.service_models import FOLDER, SERVICES
from aws_bridge.service_models.renew import renew
from lab.aws import AwsAccount

ROOT = Path(__file__).resolve().parents[3]
REGION = "us-east-1"
#: No description of botocore's own is there: what is called must be among the shipped ones.
PROGRAM = """
import json, sys
import botocore, botocore.session
from aws_bridge import service_models
session = botocore.session.get_session()
service_models.use(session)
session.get_component("data_loader").search_paths[1:] = [folder for folder in sys.argv[1:]]
clients, said = {}, []
for service, call, given in json.load(sys.stdin):
    if service not in clients:
        clients[service] = session.create_client(service)
    reply = getattr(clients[service], call)(**given)
    del reply["ResponseMetadata"]
    said.append([call, reply])
print(json.dumps([botocore.__version__, said], default=str))
"""


def splunks_python(version: str) -> str:
    """Return an environment with what the app brings, as script/setup makes it."""
    python = ROOT / f".venv-splunk-{version}" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no environment for Python {version}: script/setup makes it")
    return str(python)


def bare_data(folder: Path) -> Path:
    """Return botocore's data as the app has it: what describes partitions, and no service."""
    data = Path(botocore.__file__).parent / "data"
    for path in data.glob("*.json"):
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_every_call_of_the_inputs(aws_account: AwsAccount, version: str, tmp_path: Path) -> None:
    python = splunks_python(version)
    found = {product: aws_account.enable(product, REGION)[REGION] for product in (
        "guardduty", "securityhub", "securityhub_v2", "inspector2", "macie2", "accessanalyzer", "shield")}  # fmt: skip
    made = {product: aws_account.add(product) for product in found}
    aggregators = {product: aws_account.aggregate(product, REGION, []) for product in ("securityhub", "securityhub_v2")}
    member = aws_account.another()
    aws_account.organization({"member": member.id, "name": "payments"})
    aws_account.administer("inspector2", [member], REGION)
    everywhere = {"RoleArn": aws_account.role(), "AllAwsRegions": True}
    aws_account.client("config").put_configuration_aggregator(
        ConfigurationAggregatorName="all", OrganizationAggregationSource=everywhere
    )
    query = "SELECT resourceId WHERE resourceType = 'AWS::EC2::VPC'"
    bucket = f"inside-splunk-{aws_account.id}"
    aws_account.client("s3").create_bucket(Bucket=bucket)
    aws_account.client("s3").put_object(Bucket=bucket, Key="k", Body=b"12")
    url = aws_account.client("sqs").create_queue(QueueName="inside-splunk")["QueueUrl"]
    aws_account.client("sqs").send_message(QueueUrl=url, MessageBody="{}")
    window = {"Start": "2026-01-01T00:00:00Z", "End": "2036-01-01T00:00:00Z"}
    dates = {"FieldName": "finding_info.modified_time_dt", "Filter": window}
    detector = {"DetectorId": found["guardduty"]}
    export = {
        "Destination": {
            "S3": {
                "BucketArn": f"arn:aws:s3:::{bucket}",
                "KmsKeyArn": f"arn:aws:kms:{REGION}:{aws_account.id}:key/0f1e2d3c-0000-4000-8000-000000000000",
            }
        },
        "OutputConfiguration": {"Findings": {"Format": "OCSF_JSON"}},
    }
    outside = aws_account.client("securityhub")
    cancelled = outside.start_export_job_v2(**export)["ExportJobId"]
    outside.cancel_export_job_v2(ExportJobId=cancelled)
    asff = {"FindingIdentifiers": [{"Id": made["securityhub"][0], "ProductArn": "arn:aws:securityhub:::product/x/y"}]}
    calls: List[Tuple[str, str, Dict[str, Any]]] = [
        ("guardduty", "list_detectors", {}),
        ("guardduty", "get_detector", detector),
        ("guardduty", "list_members", {**detector, "OnlyAssociated": "true"}),
        ("guardduty", "get_administrator_account", detector),
        ("guardduty", "list_findings", {**detector, "FindingCriteria": {"Criterion": {"updatedAt": {"Gte": 1}}}}),
        ("guardduty", "get_findings", {**detector, "FindingIds": made["guardduty"]}),
        ("guardduty", "archive_findings", {**detector, "FindingIds": made["guardduty"]}),
        ("securityhub", "describe_hub", {}),
        ("securityhub", "get_enabled_standards", {}),
        ("securityhub", "list_members", {"OnlyAssociated": True}),
        ("securityhub", "get_administrator_account", {}),
        ("securityhub", "list_finding_aggregators", {}),
        ("securityhub", "get_finding_aggregator", {"FindingAggregatorArn": aggregators["securityhub"]}),
        ("securityhub", "get_findings", {"Filters": {"UpdatedAt": [window]}, "MaxResults": 100}),
        ("securityhub", "batch_update_findings", {**asff, "Workflow": {"Status": "NOTIFIED"}}),
        ("securityhub", "describe_security_hub_v2", {}),
        ("securityhub", "list_aggregators_v2", {}),
        ("securityhub", "get_aggregator_v2", {"AggregatorV2Arn": aggregators["securityhub_v2"]}),
        ("securityhub", "get_findings_v2", {"Filters": {"CompositeFilters": [{"DateFilters": [dates]}]}}),
        ("securityhub", "batch_update_findings_v2", {"MetadataUids": made["securityhub_v2"], "StatusId": 2}),
        ("securityhub", "start_export_job_v2", export),
        ("securityhub", "get_export_job_v2", {"ExportJobId": cancelled}),
        ("inspector2", "list_findings", {"maxResults": 100}),
        ("inspector2", "batch_get_account_status", {}),
        ("inspector2", "get_delegated_admin_account", {}),
        ("inspector2", "list_members", {"onlyAssociated": True}),
        ("macie2", "get_macie_session", {}),
        ("macie2", "get_administrator_account", {}),
        ("macie2", "list_members", {"onlyAssociated": "true"}),
        ("macie2", "list_findings", {}),
        ("macie2", "get_findings", {"findingIds": made["macie2"]}),
        ("accessanalyzer", "list_analyzers", {}),
        ("accessanalyzer", "list_findings_v2", {"analyzerArn": found["accessanalyzer"]}),
        ("accessanalyzer", "get_finding_v2", {"analyzerArn": found["accessanalyzer"], "id": made["accessanalyzer"][0]}),
        ("shield", "get_subscription_state", {}),
        ("shield", "list_attacks", {}),
        ("shield", "describe_attack", {"AttackId": made["shield"][0]}),
        ("organizations", "list_accounts", {}),
        ("account", "list_regions", {}),
        ("ec2", "describe_regions", {"AllRegions": True}),
        ("ec2", "describe_vpcs", {}),
        ("sts", "get_caller_identity", {}),
        ("sts", "assume_role", {"RoleArn": aws_account.role(), "RoleSessionName": "reader", "ExternalId": "given"}),
        ("sqs", "get_queue_attributes", {"QueueUrl": url, "AttributeNames": ["All"]}),
        ("sqs", "receive_message", {"QueueUrl": url}),
        ("s3", "get_object", {"Bucket": bucket, "Key": "k"}),
        ("s3", "list_objects_v2", {"Bucket": bucket, "Prefix": "k"}),
        ("elbv2", "describe_load_balancers", {}),
        ("wafv2", "list_web_acls", {"Scope": "REGIONAL"}),
        ("iam", "list_users", {}),
        ("rds", "describe_db_instances", {}),
        ("lambda", "list_functions", {}),
        ("eks", "list_clusters", {}),
        ("iam", "list_account_aliases", {}),
        ("organizations", "list_parents", {"ChildId": aws_account.id}),
        ("organizations", "list_tags_for_resource", {"ResourceId": aws_account.id}),
        ("config", "describe_configuration_aggregators", {}),
        ("config", "select_aggregate_resource_config", {"Expression": query, "ConfigurationAggregatorName": "all"}),
        ("events", "list_rules", {}),
    ]
    assert {service for service, *_ in calls} == set(SERVICES)
    done = subprocess.run(
        [python, "-c", PROGRAM, str(bare_data(tmp_path))],
        cwd=ROOT,
        env={**aws_account.environment(), "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        input=json.dumps(calls),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    botocore_version, said = json.loads(done.stdout)
    assert f"botocore=={botocore_version} " in (ROOT / "splunk_app" / "builder" / "lib.lock").read_text("utf-8")
    replies = dict(said)
    assert len(said) == len(calls)
    assert replies["get_findings_v2"]["Findings"][0]["metadata"]["uid"] == made["securityhub_v2"][0]
    assert replies["get_export_job_v2"]["Status"] == "CANCELLED"
    assert replies["start_export_job_v2"]["ExportJobId"] != cancelled
    assert [each["AttackId"] for each in replies["list_attacks"]["AttackSummaries"]] == made["shield"]
    assert len(replies["list_accounts"]["Accounts"]) == 2
    assert replies["receive_message"]["Messages"][0]["Body"] == "{}"


def test_every_service_is_described_and_no_other() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*SERVICES, "NOTICE"}
    for service in SERVICES:
        assert list(FOLDER.glob(f"{service}/*/service-2.json.gz")), service


@pytest.mark.full
def test_the_descriptions_are_those_of_the_locked_botocore(tmp_path: Path) -> None:
    renew(tmp_path)
    files = {path.relative_to(FOLDER): path for path in FOLDER.rglob("*") if path.is_file()}
    assert {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()} == set(files)
    for name, path in files.items():
        read = gzip.decompress if path.suffix == ".gz" else bytes
        assert read((tmp_path / name).read_bytes()) == read(path.read_bytes()), name
