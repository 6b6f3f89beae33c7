"""Clients of AWS and what is said of a refusal."""

from __future__ import annotations

import subprocess
import sys

import pytest
from botocore.exceptions import ClientError

from aws_bridge.clients import client, code_and_status, said, without_secrets
from aws_bridge.errors import AwsError


@pytest.fixture(autouse=True)
def account(monkeypatch, tmp_path):
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")


def test_a_client_has_the_environments_endpoint_and_its_own_limits(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    made = client("sqs", "eu-west-1", retry_mode="adaptive", attempts=2, read_timeout_s=25, connections=3)
    assert made.meta.endpoint_url == "http://127.0.0.1:1"
    assert made.meta.region_name == "eu-west-1"
    config = made.meta.config
    assert config.retries == {"mode": "adaptive", "total_max_attempts": 2}
    assert (config.read_timeout, config.max_pool_connections) == (25, 3)


def test_a_service_that_cannot_be_reached_is_said_after_so_many_attempts(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://user:hidden@127.0.0.1:1")
    with pytest.raises(Exception, match="127.0.0.1") as failed:
        client("s3", "eu-west-1", attempts=1).list_buckets()
    assert code_and_status(failed.value) == ("", 0)
    assert "hidden" not in said(failed.value)


def test_without_a_region_the_user_is_told():
    with pytest.raises(AwsError, match="no client for sqs can be made: You must specify a region"):
        client("sqs")


def test_an_endpoint_that_is_no_url_is_said(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "localhost")
    with pytest.raises(AwsError, match="no client for s3 can be made: Invalid endpoint: localhost"):
        client("s3", "eu-west-1")


def test_without_boto3_the_user_is_told_what_to_install():
    program = """
import sys
sys.modules["boto3"] = None
from aws_bridge.clients import client
from aws_bridge.errors import AwsError
try:
    client("s3")
except AwsError as exc:
    print(exc)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "pip install '.[loader]' in the clone" in ran.stdout, ran.stderr


def test_a_refusal_is_said_with_code_status_and_message():
    answer = {"Error": {"Code": "AccessDenied", "Message": "no\n way"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
    refusal = ClientError(answer, "GetObject")
    assert code_and_status(refusal) == ("AccessDenied", 403)
    assert said(refusal) == "AccessDenied (HTTP 403): no way"
    assert said(ValueError()) == "ValueError"


@pytest.mark.parametrize(
    "text",
    [
        "https://b.s3.amazonaws.com/k?X-Amz-Signature=SECRET01&X-Amz-Date=20261121",
        "https://b.s3.amazonaws.com/k?X-Amz-Security-Token=SECRET01",
        "https://name:SECRET01@proxy.example:3128 refused",
        '{"aws_secret_access_key": "SECRET01"}',
        "<AWSAccessKeyId>SECRET01</AWSAccessKeyId>",
        "The key AKIASECRET01SECRET01 is not known",
        "Credential=x, Signature=SECRET01",
    ],
)
def test_secrets_are_left_out(text):
    told = without_secrets(text)
    assert "SECRET01" not in told
    assert "(secret left out)" in told


def test_everything_else_stays():
    text = "User: arn:aws:sts::111122223333:assumed-role/loader/x is not authorized to perform: s3:GetObject"
    assert without_secrets(text) == text
