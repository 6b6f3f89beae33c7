"""EventBridge in the stand-in: what the security services send, where it goes on to, and who may send what."""

from __future__ import annotations

import json
from typing import Any, Dict, List

import pytest

from lab.aws import AwsAccount

HOME, AWAY = "us-east-1", "eu-west-1"
AT = "2026-11-30T10:00:00.000Z"
ALL = json.dumps({"source": [{"prefix": ""}]})


def events(account: AwsAccount, url: str, region: str = HOME) -> List[Dict[str, Any]]:
    """Receive and delete everything in a queue."""
    sqs = account.client("sqs", region)
    found: List[Dict[str, Any]] = []
    while True:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        if not messages:
            return found
        for message in messages:
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def queue(account: AwsAccount, region: str = HOME) -> str:
    return account.client("sqs", region).create_queue(QueueName="events")["QueueUrl"]


def queue_arn(account: AwsAccount, region: str = HOME) -> str:
    return f"arn:aws:sqs:{region}:{account.id}:events"


@pytest.mark.parametrize(
    ("product", "source", "detail_type", "member"),
    [
        ("guardduty", "aws.guardduty", "GuardDuty Finding", "id"),
        ("securityhub", "aws.securityhub", "Security Hub Findings - Imported", "findings"),
        ("securityhub_v2", "aws.securityhub", "Findings Imported V2", "findings"),
        ("inspector2", "aws.inspector2", "Inspector2 Finding", "findingArn"),
        ("macie2", "aws.macie", "Macie Finding", "id"),
        ("accessanalyzer", "aws.access-analyzer", "Access Analyzer Finding", "id"),
    ],
)
def test_each_version_of_a_finding_is_sent_from_its_region(
    aws_account: AwsAccount, product: str, source: str, detail_type: str, member: str
) -> None:
    url = aws_account.rule_to_queue(HOME, AWAY)
    aws_account.enable(product, AWAY)
    ids = aws_account.add(product, AWAY, count=2, at=AT)
    aws_account.update(product, AWAY, ids[:1], at="2026-11-30T11:00:00.000Z")
    found = events(aws_account, url)
    assert len(found) == 3 and len({each["id"] for each in found}) == 3
    for event in found:
        assert (event["source"], event["detail-type"]) == (source, detail_type)
        assert (event["account"], event["region"]) == (aws_account.id, AWAY), "of origin, although forwarded"
        assert event["time"].endswith("Z") and member in event["detail"]
        assert set(event) == {
            *("version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"),
        }


def test_times_of_inspectors_events_are_american_texts(aws_account: AwsAccount) -> None:
    url = aws_account.rule_to_queue(HOME)
    aws_account.enable("inspector2", HOME)
    aws_account.add("inspector2", at="2026-03-05T00:08:05.000Z")
    (event,) = events(aws_account, url)
    assert event["detail"]["updatedAt"] == "Mar 5, 2026, 12:08:05 AM"


def test_a_member_and_its_administrator_both_have_an_event(aws_account: AwsAccount) -> None:
    member = aws_account.another()
    urls = {account.id: account.rule_to_queue(HOME) for account in (aws_account, member)}
    member.enable("guardduty", HOME)
    aws_account.administer("guardduty", [member], HOME)
    member.add("guardduty")
    (own,), (administrators,) = events(member, urls[member.id]), events(aws_account, urls[aws_account.id])
    assert (own["account"], administrators["account"]) == (member.id, aws_account.id)
    assert own["detail"] == administrators["detail"]
    assert own["detail"]["accountId"] == member.id


def test_a_home_region_has_events_of_linked_regions_too(aws_account: AwsAccount) -> None:
    url = aws_account.rule_to_queue(HOME, AWAY)
    aws_account.enable("securityhub", HOME, AWAY)
    aws_account.aggregate("securityhub", HOME, [AWAY])
    aws_account.add("securityhub", AWAY)
    found = events(aws_account, url)
    assert sorted(event["region"] for event in found) == [AWAY, HOME]
    assert {event["detail"]["findings"][0]["Region"] for event in found} == {AWAY}


def test_events_are_lost_where_delivery_is_best_effort(aws_account: AwsAccount) -> None:
    url = aws_account.rule_to_queue(HOME)
    aws_account.enable("macie2", HOME)
    aws_account.lose_events("macie2", 2)
    made = aws_account.add("macie2", count=3)
    assert [event["detail"]["id"] for event in events(aws_account, url)] == made[2:]
    assert len(aws_account.versions()) == 3


def test_an_event_of_another_service_is_made_inside(aws_account: AwsAccount) -> None:
    url = aws_account.rule_to_queue(AWAY)
    made = aws_account.emit("aws.signin", "Sign-in Anomaly Alert", {"severity": "HIGH"}, AWAY)
    (event,) = events(aws_account, url)
    assert (event["id"], event["detail"], event["region"]) == (made, {"severity": "HIGH"}, AWAY)


def test_a_caller_sends_events_of_its_own_but_none_of_aws(aws_account: AwsAccount) -> None:
    url = queue(aws_account)
    client = aws_account.client("events")
    client.put_rule(Name="all", EventPattern=ALL)
    client.put_targets(Rule="all", Targets=[{"Id": "queue", "Arn": queue_arn(aws_account)}])
    entries = [{"Source": source, "DetailType": "x", "Detail": '{"a": 1}'} for source in ("aws.guardduty", "shop")]
    said = client.put_events(Entries=entries)
    assert (said["FailedEntryCount"], said["Entries"][0]["ErrorCode"]) == (1, "NotAuthorizedForSourceException")
    (event,) = events(aws_account, url)
    assert (event["source"], event["account"], event["region"]) == ("shop", aws_account.id, HOME)


@pytest.mark.parametrize("principal", ["", "member", "*"])
def test_a_bus_lets_in_whom_its_policy_names(aws_account: AwsAccount, principal: str) -> None:
    member = aws_account.another()
    url = queue(aws_account)
    central = aws_account.client("events")
    central.create_event_bus(Name="security")
    central.put_rule(Name="all", EventBusName="security", EventPattern=ALL)
    target = {"Id": "queue", "Arn": queue_arn(aws_account)}
    central.put_targets(Rule="all", EventBusName="security", Targets=[target])
    if principal:
        who = member.id if principal == "member" else principal
        given = {"EventBusName": "security", "Action": "events:PutEvents", "StatementId": "in", "Principal": who}
        central.put_permission(**given)
    theirs = member.client("events", AWAY)
    theirs.put_rule(Name="all", EventPattern=ALL)
    bus = f"arn:aws:events:{HOME}:{aws_account.id}:event-bus/security"
    theirs.put_targets(Rule="all", Targets=[{"Id": "bus", "Arn": bus}])
    member.emit("aws.guardduty", "GuardDuty Finding", {"id": "1"}, AWAY)
    found = [(event["account"], event["region"]) for event in events(aws_account, url)]
    assert found == ([(member.id, AWAY)] if principal else [])


@pytest.mark.parametrize(
    ("more", "body"),
    [
        ({"InputPath": "$.detail"}, {"id": "1"}),
        ({"Input": '{"fixed": true}'}, {"fixed": True}),
        (
            {"InputTransformer": {"InputPathsMap": {"id": "$.detail.id"}, "InputTemplate": '{"found": "<id>"}'}},
            {"found": "1"},
        ),
    ],
)
def test_a_target_may_have_another_input(aws_account: AwsAccount, more: Dict[str, Any], body: Dict[str, Any]) -> None:
    url = queue(aws_account)
    client = aws_account.client("events")
    client.put_rule(Name="all", EventPattern=ALL)
    client.put_targets(Rule="all", Targets=[{"Id": "queue", "Arn": queue_arn(aws_account), **more}])
    aws_account.emit("aws.macie", "Macie Finding", {"id": "1"})
    assert events(aws_account, url) == [body]


def test_a_target_that_cannot_be_reached_does_not_stop_the_next(aws_account: AwsAccount) -> None:
    url = queue(aws_account)
    client = aws_account.client("events")
    client.put_rule(Name="all", EventPattern=ALL)
    elsewhere = f"arn:aws:sqs:{AWAY}:{aws_account.id}:events"  # a rule reaches queues of its region alone
    function = f"arn:aws:lambda:{HOME}:{aws_account.id}:function:f"
    arns = (elsewhere, function, queue_arn(aws_account))
    client.put_targets(Rule="all", Targets=[{"Id": str(number), "Arn": arn} for number, arn in enumerate(arns)])
    said = client.put_events(Entries=[{"Source": "shop", "DetailType": "x", "Detail": "{}"}])
    assert said["FailedEntryCount"] == 0
    assert [event["source"] for event in events(aws_account, url)] == ["shop"]


@pytest.mark.parametrize(("most", "arrives"), [("262144", 0), ("1048576", 1)])
def test_a_large_event_needs_a_queue_that_takes_it(aws_account: AwsAccount, most: str, arrives: int) -> None:
    sqs = aws_account.client("sqs")
    url = sqs.create_queue(QueueName="events", Attributes={"MaximumMessageSize": most})["QueueUrl"]
    client = aws_account.client("events")
    client.put_rule(Name="all", EventPattern=ALL)
    client.put_targets(Rule="all", Targets=[{"Id": "queue", "Arn": queue_arn(aws_account)}])
    aws_account.emit("aws.guardduty", "GuardDuty Finding", {"large": "x" * 500_000})
    assert len(events(aws_account, url)) == arrives
