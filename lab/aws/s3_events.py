"""How S3 tells of a new object: the events as AWS writes them, and their place in moto.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

import itertools
import json
import secrets
import time
import traceback
from datetime import datetime, timezone
from typing import Any, Dict
from urllib.parse import quote_plus

from es_bridge.terminal import put_error

#: What AWS leaves as it is in the key of a notification, beside letters, digits and ``-_.``.
PLAIN_IN_KEYS = "/*"
#: Events of S3 -> the reason that EventBridge's event gives for them.
REASONS = {
    "ObjectCreated:Put": "PutObject",
    "ObjectCreated:Post": "POST Object",
    "ObjectCreated:Copy": "CopyObject",
    "ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
    "ObjectRemoved:Delete": "DeleteObject",
    "ObjectRemoved:DeleteMarkerCreated": "DeleteObject",
}
_sequence = itertools.count(time.time_ns())


def notification(event_name: str, bucket: Any, key: Any, configuration_id: str) -> Dict[str, Any]:
    """Return the event for a queue or topic; ``event_name`` like ``s3:ObjectCreated:Put``."""
    found: Dict[str, Any] = {
        "key": quote_plus(key.name, safe=PLAIN_IN_KEYS),
        "size": key.size,
        "eTag": key.etag.strip('"'),
        "sequencer": _sequencer(),
    }
    if bucket.is_versioned:
        found["versionId"] = key.version_id
    owner = {"principalId": "A1LABOWNER"}
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": bucket.region_name,
        "eventTime": f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z",
        "eventName": event_name.partition(":")[2],
        "userIdentity": {"principalId": "AWS:AROALABDELIVERY:log-delivery"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": secrets.token_hex(8).upper(), "x-amz-id-2": secrets.token_urlsafe(57)},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration_id,
            "bucket": {"name": bucket.name, "ownerIdentity": owner, "arn": bucket.arn},
            "object": found,
        },
    }
    return {"Records": [record]}


def eventbridge_event(account_id: str, event_name: str, detail_type: str, bucket: Any, key: Any) -> Dict[str, Any]:
    """Return the event for EventBridge. The key is plain here; moto turns ``time`` into text."""
    found: Dict[str, Any] = {"key": key.name, "size": key.size, "etag": key.etag.strip('"'), "sequencer": _sequencer()}
    if bucket.is_versioned:
        found["version-id"] = key.version_id
    return {
        "version": "0",
        "id": f"{secrets.token_hex(4)}-{secrets.token_hex(2)}-{secrets.token_hex(2)}-{secrets.token_hex(2)}-"
        f"{secrets.token_hex(6)}",
        "detail-type": detail_type,
        "source": "aws.s3",
        "account": account_id,
        "time": time.time(),
        "region": bucket.region_name,
        "resources": [bucket.arn],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket.name},
            "object": found,
            "request-id": secrets.token_hex(8).upper(),
            "requester": account_id,
            "source-ip-address": "127.0.0.1",
            "reason": REASONS.get(event_name.partition(":")[2], event_name),
        },
    }


def test_event(bucket_name: str) -> Dict[str, Any]:
    """Return what S3 sends when a bucket's notifications are configured."""
    return {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z",
        "Bucket": bucket_name,
        "RequestId": secrets.token_hex(8).upper(),
        "HostId": secrets.token_urlsafe(57),
    }


def install() -> None:
    """Put these in the place of moto's own."""
    from moto.s3 import notifications

    def to_eventbridge(account_id: str, bucket: Any, event_name: str, key: Any) -> None:
        from moto.events.models import events_backends

        event = eventbridge_event(account_id, event_name, notifications._detail_type(event_name), bucket, key)
        backend = events_backends[account_id][bucket.region_name]
        for rule in backend.event_buses["default"].rules.values():
            if rule.state != "ENABLED":
                continue
            try:
                rule.send_to_targets(event, transform_input=False)
            except Exception:  # on AWS a target that fails is the rule's business, not the writer's
                put_error(*traceback.format_exc().split("\n"))

    def to_topic(account_id: str, event_body: Any, topic_arn: str, region_name: str) -> None:
        from moto.sns.models import sns_backends

        backend = sns_backends[account_id][region_name]
        backend.publish(arn=topic_arn, message=json.dumps(event_body), subject="Amazon S3 Notification")

    notifications._get_s3_event = notification
    notifications._get_test_event = test_event
    notifications._send_sns_message = to_topic
    notifications._send_event_bridge_message = to_eventbridge


def _sequencer() -> str:
    """Return a hexadecimal text that grows with every event: for one key, the longer or greater one is later."""
    return f"00{next(_sequence):016X}"
