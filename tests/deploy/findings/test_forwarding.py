"""Findings that appear in a region of the stand-in for AWS arrive in the queue, through the stacks that are shipped."""

from __future__ import annotations

import json
from typing import Any, Dict, List

import pytest

from lab.aws.account import AwsAccount
from lab.aws.stand_in import REGION
from tests.deploy.findings.conftest import ELSEWHERE, EXTERNAL_ID, deploy

#: Product of the stand-in -> detail-type of its events.
PRODUCTS = {
    "guardduty": "GuardDuty Finding",
    "securityhub": "Security Hub Findings - Imported",
    "securityhub_v2": "Findings Imported V2",
    "inspector2": "Inspector2 Finding",
    "macie2": "Macie Finding",
    "accessanalyzer": "Access Analyzer Finding",
}


def received(sqs: Any, url: str) -> List[Dict[str, Any]]:
    found: List[Dict[str, Any]] = []
    while True:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0).get("Messages", [])
        if not messages:
            return found
        found += [json.loads(message["Body"]) for message in messages]


@pytest.mark.parametrize(("choice", "products"), [("yes", set(PRODUCTS)), ("no", {"guardduty"})])
def test_what_is_chosen_arrives_with_the_account_and_region_it_comes_from(
    aws_account: AwsAccount, choice: str, products: set[str]
) -> None:
    stacks = deploy(aws_account.aws, {"ExternalId": EXTERNAL_ID}, choice, aws_account.access_key)
    for product in PRODUCTS:
        for region in (REGION, ELSEWHERE):
            aws_account.enable(product, region)
            aws_account.add(product, region, count=2)
    events = received(stacks.central.client("sqs"), stacks.central.outputs["FindingsQueueUrl"])
    # The central region has no stack of its own here: nothing of it is forwarded.
    assert {(event["account"], event["region"]) for event in events} == {(aws_account.id, ELSEWHERE)}
    counts = {kind: sum(event["detail-type"] == kind for event in events) for kind in PRODUCTS.values()}
    assert counts == {kind: 2 if product in products else 0 for product, kind in PRODUCTS.items()}
    assert len(events) == 2 * len(products)
    undelivered = stacks.region.client("sqs"), stacks.region.outputs["UndeliveredQueueUrl"]
    assert received(*undelivered) == []
