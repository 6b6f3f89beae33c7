"""The SAM template, expanded as CloudFormation would, and created in the stand-in for AWS."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest

pytest.importorskip("moto", reason="the stand-in for AWS needs Python 3.11")

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from lab.aws.stand_in import ACCOUNT, REGION, AwsStandIn
from tests.deploy.stacks import Stack, create_stack

TEMPLATE = Path(__file__).resolve().parents[3] / "deploy" / "serverless" / "template.yaml"
ARCHIVE = "777788889999"
CODE = "code-of-the-stack"
#: A domain that is signed to, encrypted buckets of a log-archive account, a topic there, EventBridge, a VPC, Parquet,
#: addresses: every condition but the secret's is true.
SIGNED = {
    "StoreUrl": "https://search-siem.example",
    "StoreDomainArn": f"arn:aws:es:{REGION}:{ACCOUNT}:domain/siem",
    "LogBucketArns": "arn:aws:s3:::org-log-archive,arn:aws:s3:::aws-waf-logs-shop",
    "LogKeyArns": f"arn:aws:kms:{REGION}:{ARCHIVE}:key/3f2c9a10-5b6d-4c7e-8f90-a1b2c3d4e5f6",
    "CloudTrailTopicArn": f"arn:aws:sns:us-east-1:{ARCHIVE}:org-trail",
    "VpcFlowTopicArn": f"arn:aws:sns:{REGION}:{ARCHIVE}:flow",
    "ResolverTopicArn": f"arn:aws:sns:{REGION}:{ARCHIVE}:dns",
    "WafTopicArn": f"arn:aws:sns:{REGION}:{ARCHIVE}:waf",
    "UseEventBridge": "yes",
    "SubnetIds": "subnet-0a1b2c3d4e5f60011",
    "SecurityGroupIds": "sg-0a1b2c3d4e5f60010",
    "ParquetLayer": "yes",
    "AddressDatabaseUris": "s3://org-addresses/city.mmdb",
    "AddressDatabaseArns": "arn:aws:s3:::org-addresses/city.mmdb",
    "AlarmTopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:alarms",
}
#: A cluster with a password and one bucket: every condition that can be false is.
PASSWORD = {
    "StoreUrl": "https://search.example:9200",
    "LoaderSecretArn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:siem/loader-Xa1b2C",
    "LogBucketArns": "arn:aws:s3:::org-log-archive",
}


def source() -> Dict[str, Any]:
    """Return the template as it is written, intrinsic functions in their long form."""
    return yaml_parse(TEMPLATE.read_text("utf-8"))


def expanded() -> Dict[str, Any]:
    """Return the template after the SAM transform, its code in a bucket as ``sam package`` puts it."""
    template = source()
    template["Globals"]["Function"]["CodeUri"] = f"s3://{CODE}/loader.zip"
    template["Resources"]["Parquet"]["Properties"]["ContentUri"] = f"s3://{CODE}/parquet.zip"
    return Translator({}, Parser(), boto_session=boto3.session.Session(region_name=REGION)).translate(template, {})


@pytest.fixture(scope="module", params=["signed", "password"])
def stack(request) -> Iterator[Stack]:
    """The stack with each set of parameters in turn."""
    with AwsStandIn() as aws:
        yield create(aws, {"signed": SIGNED, "password": PASSWORD}[request.param])


def create(aws: AwsStandIn, parameters: Dict[str, str]) -> Stack:
    """Create the stack in the stand-in, as ``sam deploy`` does."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=CODE)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("nothing.py", "")
    for name in ("loader.zip", "parquet.zip"):
        s3.put_object(Bucket=CODE, Key=name, Body=packed.getvalue())
    return create_stack(aws, expanded(), parameters, "siem")
