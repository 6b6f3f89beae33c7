"""The story's findings in the stand-in: in the account and region they are about, as events on its bus as well."""

from __future__ import annotations

import json
from itertools import groupby
from typing import List, Sequence

from lab.aws.account import AwsAccount
from lab.aws.stand_in import ACCOUNT, REGION, AwsStandIn
from lab.story import cast
from lab.story.findings import findings
from lab.story.labelled import LabelledFinding

PRODUCTS = ("guardduty", "inspector2", "securityhub", "securityhub_v2")


def story_account(aws: AwsStandIn, products: Sequence[str] = PRODUCTS) -> AwsAccount:
    """Return the account that the story is about, with these products on in its region."""
    account = AwsAccount(aws, cast.PRODUCTION)
    for product in products:
        account.enable(product, cast.REGION, detector_id=cast.DETECTOR if product == "guardduty" else "")
    return account


def put_findings(
    account: AwsAccount, start_ms: int, end_ms: int, products: Sequence[str] = PRODUCTS
) -> List[LabelledFinding]:
    """Let the findings of a story appear there, version after version; return them."""
    told = [labelled for labelled in findings(start_ms, end_ms) if labelled.product in products]
    for product, group in groupby(told, key=lambda labelled: labelled.product):
        account.add(product, cast.REGION, findings=[labelled.finding for labelled in group])
    return told


def send_events_to_a_queue(aws: AwsStandIn) -> str:
    """Lay EventBridge from the story's region and account to a bus and queue of the caller's own; return its URL."""
    central, sqs = aws.client("events"), aws.client("sqs")
    url = sqs.create_queue(QueueName="security-events")["QueueUrl"]
    pattern = json.dumps({"source": [{"prefix": "aws."}]})
    central.create_event_bus(Name="security")
    given = {"Action": "events:PutEvents", "Principal": cast.PRODUCTION, "StatementId": "production"}
    central.put_permission(EventBusName="security", **given)
    central.put_rule(Name="to-queue", EventBusName="security", EventPattern=pattern)
    queue = {"Id": "queue", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:security-events"}
    central.put_targets(Rule="to-queue", EventBusName="security", Targets=[queue])
    theirs = AwsAccount(aws, cast.PRODUCTION).client("events", cast.REGION)
    theirs.put_rule(Name="security", EventPattern=pattern)
    bus = {"Id": "bus", "Arn": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/security"}
    theirs.put_targets(Rule="security", Targets=[bus])
    return url
