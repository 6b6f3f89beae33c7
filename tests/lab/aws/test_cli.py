"""``aws-siem-bridge lab aws start``: what it prints leads a user's own programs to it, until Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from typing import Dict, Iterator

import pytest

pytestmark = [
    pytest.mark.skipif(sys.version_info < (3, 11), reason="the stand-in for AWS needs Python 3.11"),
    pytest.mark.slow("the stand-in for AWS"),
]


@pytest.fixture
def started() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "aws_siem_bridge", "lab", "aws", "start", "--through", "sns", "--story", "50"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield process
        if process.poll() is None:
            process.kill()


def test_the_printed_exports_lead_to_a_bucket_and_its_queue(started: subprocess.Popen[str]) -> None:
    assert started.stdout and started.stderr
    exports: Dict[str, str] = {}
    for line in started.stdout:
        found = re.fullmatch(r"export (\w+)=(.*)\n", line)
        if not found:
            break
        exports[found[1]] = found[2]
    while "Ctrl-C ends it" not in started.stderr.readline():
        pass
    program = """
import os, boto3
keys = boto3.client("s3").list_objects_v2(Bucket=os.environ["BUCKET"])["KeyCount"]
queue = boto3.client("sqs").get_queue_attributes(QueueUrl=os.environ["QUEUE_URL"], AttributeNames=["All"])
events = boto3.client("sqs").get_queue_attributes(QueueUrl=os.environ["EVENTS_QUEUE_URL"], AttributeNames=["All"])
role = boto3.client("sts").assume_role(RoleArn=os.environ["FINDINGS_ROLE_ARN"], RoleSessionName="reader")["Credentials"]
guardduty = boto3.client("guardduty", os.environ["FINDINGS_REGION"], aws_access_key_id=role["AccessKeyId"],
    aws_secret_access_key=role["SecretAccessKey"], aws_session_token=role["SessionToken"])
(detector,) = guardduty.list_detectors()["DetectorIds"]
found = len(guardduty.list_findings(DetectorId=detector)["FindingIds"])
count = "ApproximateNumberOfMessages"
print(keys, queue["Attributes"][count], events["Attributes"][count], found)
"""
    environment = {**os.environ, **exports}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    keys, messages, events, found = map(int, done.stdout.split())
    assert 0 < keys == messages - 1, "one message is S3's test event"
    assert events > found > 5, "an event for each version, and of each service"
    started.send_signal(signal.SIGINT)
    assert started.wait(30) == 0
