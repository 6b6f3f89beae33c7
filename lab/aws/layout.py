"""Lays out in the stand-in what a log archive has: buckets, topic, queues, notifications, and AWS's log files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

from lab.aws.stand_in import ACCOUNT, REGION, AwsStandIn

#: The ways a bucket's notifications reach the queue.
DIRECT, SNS, EVENTBRIDGE = "s3", "sns", "eventbridge"
MAX_RECEIVES = 5


class Queues(NamedTuple):
    """A queue and where its poison goes."""

    url: str
    arn: str
    dlq_url: str
    dlq_arn: str


class Layout:
    """Creates one thing after the other; names are the caller's."""

    def __init__(self, aws: AwsStandIn) -> None:
        self.aws = aws
        self.s3, self.sqs, self.sns = aws.client("s3"), aws.client("sqs"), aws.client("sns")

    def bucket(self, name: str, *, versioned: bool = False, must_encrypt: bool = False) -> str:
        """Create a bucket; ``must_encrypt`` refuses objects without encryption headers. Return its name."""
        self.s3.create_bucket(Bucket=name)
        if versioned:
            self.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        if must_encrypt:
            self.aws.require_encryption(name)
        return name

    def queue(self, name: str, *, visibility_s: int = 30, max_receives: int = MAX_RECEIVES) -> Queues:
        """Create a queue whose messages go to a queue ``<name>-dlq`` when they are received once too often."""
        dlq_url = self.sqs.create_queue(QueueName=f"{name}-dlq")["QueueUrl"]
        dlq_arn = self._arn(dlq_url)
        redrive = json.dumps({"deadLetterTargetArn": dlq_arn, "maxReceiveCount": max_receives})
        attributes = {"VisibilityTimeout": str(visibility_s), "RedrivePolicy": redrive}
        url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return Queues(url, self._arn(url), dlq_url, dlq_arn)

    def topic(self, name: str, queues: Queues) -> str:
        """Create a topic that the queue has subscribed to; return its ARN."""
        arn = self.sns.create_topic(Name=name)["TopicArn"]
        self.sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queues.arn)
        return arn

    def notify(self, bucket: str, queues: Queues, through: str = DIRECT, prefix: str = "") -> None:
        """Let a bucket announce new objects below ``prefix`` to the queue: directly, by SNS or by EventBridge."""
        configuration: Dict[str, Any] = {}
        events = {"Events": ["s3:ObjectCreated:*"]}
        filters = {"Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}}} if prefix else {}
        if through == EVENTBRIDGE:
            configuration["EventBridgeConfiguration"] = {}
            self._rule(bucket, queues, prefix)
        elif through == SNS:
            topic = self.topic(f"{bucket}-objects", queues)
            configuration["TopicConfigurations"] = [{"Id": "objects", "TopicArn": topic, **events, **filters}]
        elif through == DIRECT:
            configuration["QueueConfigurations"] = [{"Id": "objects", "QueueArn": queues.arn, **events, **filters}]
        else:
            raise ValueError(f"notifications go through {DIRECT}, {SNS} or {EVENTBRIDGE}, not {through!r}")
        self.s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)

    def put_logs(self, folder: Path, bucket: str, prefix: str = "") -> List[str]:
        """Let AWS deliver the log files of a story below ``folder``; return their keys, in order."""
        paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.gz"))
        return self.aws.deliver(folder, paths, bucket, prefix)

    def waiting(self, url: str) -> int:
        """Return how many messages a queue holds: visible, hidden and delayed."""
        names = [f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed")]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def _arn(self, queue_url: str) -> str:
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue_url.rpartition('/')[2]}"

    def _rule(self, bucket: str, queues: Queues, prefix: str) -> None:
        events = self.aws.client("events")
        pattern: Dict[str, Any] = {
            "source": ["aws.s3"],
            "detail-type": ["Object Created"],
            "detail": {"bucket": {"name": [bucket]}},
        }
        if prefix:
            pattern["detail"]["object"] = {"key": [{"prefix": prefix}]}
        events.put_rule(Name=f"{bucket}-objects", EventPattern=json.dumps(pattern))
        events.put_targets(Rule=f"{bucket}-objects", Targets=[{"Id": "queue", "Arn": queues.arn}])
