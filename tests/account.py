"""An AWS account of the moto server (real HTTP, in this process) for the tests of messages: buckets and queues."""

from __future__ import annotations

import io
import itertools
import json
import logging
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, NamedTuple, Optional
from urllib.parse import quote_plus

import boto3
from botocore.config import Config
from moto.server import ThreadedMotoServer

from aws_bridge.object_ref import ObjectRef
from tests import log_records
from tests.log_records import REGION

#: Of these tests alone: every moto server of a process has the same buckets.
BUCKET = "messages-log-archive"
EVENTS = Path(__file__).resolve().parent / "data" / "events"


class QueueUrls(NamedTuple):
    """A queue and the dead-letter queue behind it."""

    url: str
    dead_url: str


@lru_cache(maxsize=1)
def shared_account() -> Account:
    """Return the one account of this process. Its server ends with the process."""
    return Account()


class Account:
    """Buckets and queues; ``environment`` leads any boto3 client here."""

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.WARNING)
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.url = f"http://{host}:{port}"
        self.environment = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "example",
            "AWS_DEFAULT_REGION": REGION,
        }
        self._names = itertools.count()
        self.s3, self.sqs = self.client("s3"), self.client("sqs")

    def new_bucket(self, name: str) -> None:
        """Make a bucket, unless it is there."""
        try:
            self.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        except self.s3.exceptions.BucketAlreadyOwnedByYou:
            pass

    def client(self, service: str, endpoint: str = "") -> Any:
        """Return a client of the account's; one that is led to another ``endpoint`` tries everything once."""
        return boto3.client(
            service,
            endpoint_url=endpoint or self.url,
            region_name=REGION,
            aws_access_key_id="AKIDEXAMPLE",
            aws_secret_access_key="example",
            config=Config(retries={"total_max_attempts": 1 if endpoint else 3}),
        )

    def new_queue(self, visibility_s: int = 30, max_receives: int = 3) -> QueueUrls:
        """Return a queue of its own, with a dead-letter queue."""
        name = f"messages-{next(self._names)}"
        dead = self.sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        attributes = {"AttributeNames": ["QueueArn"]}
        dead_arn = self.sqs.get_queue_attributes(QueueUrl=dead, **attributes)["Attributes"]["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": max_receives})
        settings = {"VisibilityTimeout": str(visibility_s), "RedrivePolicy": redrive}
        return QueueUrls(self.sqs.create_queue(QueueName=name, Attributes=settings)["QueueUrl"], dead)

    def send(self, queue: QueueUrls, body: str) -> str:
        """Put a message into a queue and return its id."""
        return self.sqs.send_message(QueueUrl=queue.url, MessageBody=body)["MessageId"]

    def left(self, url: str) -> int:
        """Return how many messages a queue holds, seen or hidden."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def visible(self, url: str) -> int:
        """Return how many messages a queue would hand out now."""
        name = "ApproximateNumberOfMessages"
        return int(self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])

    def new_function(self) -> str:
        """Return the name of a Lambda function with a mapping of a queue."""
        name = f"messages-loader-{next(self._names)}"
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("handler.py", "")
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole"}]}
        role = self.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
        self.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=role["Arn"],
            Handler="handler.handler",
            Code={"ZipFile": code.getvalue()},
        )
        self.new_mapping(name)
        return name

    def new_mapping(self, function: str) -> str:
        """Map a queue of its own to a function and return the UUID. moto would swallow messages of a mapped queue."""
        url = self.new_queue().url
        arn = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return self.client("lambda").create_event_source_mapping(FunctionName=function, EventSourceArn=arn)["UUID"]

    def put(self, key: str, content: bytes) -> ObjectRef:
        """Store an object."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        return ObjectRef(BUCKET, key, size_bytes=len(content))


def notification_of(*refs: ObjectRef, name: str = "ObjectCreated:Put") -> str:
    """Return S3's own message about objects."""
    return json.dumps({"Records": [_record(ref, name) for ref in refs]})


def _record(ref: ObjectRef, name: str) -> Dict[str, Any]:
    found: Dict[str, Any] = {"key": quote_plus(ref.key, safe="/"), "size": ref.size_bytes}
    if ref.version_id:
        found["versionId"] = ref.version_id
    return {"eventSource": "aws:s3", "eventName": name, "s3": {"bucket": {"name": ref.bucket}, "object": found}}


def trail_key(number: int) -> str:
    """Return a key as CloudTrail writes it."""
    return (
        f"AWSLogs/111122223333/CloudTrail/{REGION}/2026/11/21/"
        f"111122223333_CloudTrail_{REGION}_20261121T0455Z_{number:016d}.json.gz"
    )


def trail_file(first: int, count: int, day: str = "2026-11-21") -> bytes:
    """Return a gzip file of ``count`` small CloudTrail records with ids from ``first`` on."""
    return log_records.trail_file(log_records.cloudtrail(number, day) for number in range(first, first + count))


def event(name: str, ref: Optional[ObjectRef] = None) -> str:
    """Return the sample event ``name``, about ``ref`` in place of the sample's own object where one is given."""
    text = (EVENTS / f"{name}.json").read_text(encoding="utf-8")
    if ref is None:
        return text
    body = json.loads(text)
    inner = json.loads(body["Message"]) if "Message" in body else body
    if "detail" in inner:
        inner["detail"]["bucket"]["name"] = ref.bucket
        inner["detail"]["object"] = {"key": ref.key, "size": ref.size_bytes}
    else:
        inner["Records"] = [_record(ref, "ObjectCreated:Put")]
    if "Message" in body:
        return json.dumps({**body, "Message": json.dumps(inner)})
    return json.dumps(inner)
