"""A reply that AWS could not give is an error, and so is a request that it would not take."""

from __future__ import annotations

import io
import json
import re
from typing import Any, Dict, List

import pytest

from lab.aws import AwsAccount
from lab.aws.services import answering, wire
from lab.aws.services.contract import ANSWERS

GUARDDUTY = wire.operation("guardduty", "ListFindings")
MACIE = wire.operation("macie2", "GetMacieSession")
HUB = wire.operation("securityhub", "GetFindings")
ASFF = {
    "SchemaVersion": "2018-10-08",
    "Id": "1",
    "ProductArn": "arn",
    "GeneratorId": "g",
    "AwsAccountId": "123456789012",
    "CreatedAt": "2026-11-30T10:00:00Z",
    "UpdatedAt": "2026-11-30T10:00:00Z",
    "Title": "t",
    "Description": "d",
    "Resources": [{"Type": "Other", "Id": "r"}],
}


@pytest.mark.parametrize(
    ("model", "reply", "says"),
    [
        (GUARDDUTY, {"findingIds": ["1"], "nextToken": ""}, ""),
        (GUARDDUTY, {}, "findingIds is missing"),
        (GUARDDUTY, {"FindingIds": ["1"]}, "has no member FindingIds"),
        (GUARDDUTY, {"findingIds": [1]}, r"findingIds\[0\] is no text: 1"),
        (GUARDDUTY, {"findingIds": "1"}, "findingIds is no list"),
        (GUARDDUTY, {"findingIds": ["1"] * 51}, r"findingIds is outside of 0\.\.50: 51"),
        (MACIE, {"createdAt": "2026-11-30T10:00:00.000Z", "status": "ENABLED"}, ""),
        (MACIE, {"createdAt": 1796032800}, "createdAt is no ISO time"),
        (MACIE, {"status": "ON"}, "status is none of its enumeration: 'ON'"),
        (HUB, {"Findings": [ASFF]}, ""),
        (HUB, {"Findings": [{**ASFF, "Confidence": True}]}, "Confidence is no integer"),
        (HUB, {"Findings": [{**ASFF, "Confidence": 1.5}]}, "Confidence is no integer"),
        (HUB, {"Findings": [{**ASFF, "Sample": "no"}]}, "Sample is no boolean"),
        (HUB, {"Findings": [{**ASFF, "ProductFields": []}]}, "ProductFields is no object"),
        (HUB, {"Findings": [{**ASFF, "ProductFields": {"a": 1}}]}, "ProductFields.a is no text"),
    ],
)
def test_a_reply_is_held_to_its_description(model: Any, reply: Dict[str, Any], says: str) -> None:
    problems = wire.problems_of_output(model, reply)
    assert bool(problems) is bool(says), problems
    assert not says or re.search(says, problems[0])


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ({"DetectorId": "1", "MaxResults": 50, "SortCriteria": {"unknown": 1}}, []),
        ({"MaxResults": 50}, ["DetectorId is missing"]),
        ({"DetectorId": "1", "MaxResults": 0}, ["MaxResults is outside of 1..50: 0"]),
        ({"DetectorId": "1", "MaxResults": "5"}, ["MaxResults is no integer: '5'"]),
    ],
)
def test_a_request_is_held_to_its_description(given: Dict[str, Any], problems: List[str]) -> None:
    assert wire.problems_of_input(GUARDDUTY, given) == problems


def test_a_reply_that_aws_could_not_give_reaches_no_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ANSWERS, ("guardduty", "ListFindings"), lambda request: {"FindingIds": []})
    environ = {"wsgi.input": io.BytesIO(b"{}"), "CONTENT_LENGTH": "2", "PATH_INFO": "/detector/1/findings"}
    status, headers, body = answering.answer("guardduty", "ListFindings", "200000000000", "us-east-1", environ)
    assert (status, dict(headers)["x-amzn-ErrorType"]) == (501, "StandInError")
    assert b"AWS could not say this: ListFindings has no member FindingIds" in body


def test_what_moto_answers_of_the_inputs_calls_fits_as_well(aws_account: AwsAccount) -> None:
    """Null for a token that is not there is moto's way, and an SDK does not see it."""
    said: Dict[str, Any] = {}

    def keep(http_response: Any, model: Any, **more: Any) -> None:
        said[model.name] = (model.service_model.service_name, json.loads(http_response.content))

    def client(service: str) -> Any:
        made = aws_account.client(service)
        made.meta.events.register("after-call", keep)
        return made

    detector = aws_account.enable("guardduty", "us-east-1")["us-east-1"]
    member = aws_account.another().id
    aws_account.organization({"member": member, "name": "payments", "unit": "production", "tags": {"owner": "shop"}})
    client("guardduty").get_detector(DetectorId=detector)
    organizations, sqs = client("organizations"), client("sqs")
    organizations.list_tags_for_resource(ResourceId=member)
    unit = organizations.list_parents(ChildId=member)["Parents"][0]["Id"]
    organizations.describe_organizational_unit(OrganizationalUnitId=unit)
    organizations.describe_organization()
    url = sqs.create_queue(QueueName="events")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    entries = [{"Id": "1", "ReceiptHandle": message["ReceiptHandle"]}]
    sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    assert len(said) == 10
    for name, (service, reply) in said.items():
        given = {key: value for key, value in reply.items() if value is not None}
        assert wire.problems_of_output(wire.operation(service, name), given) == [], name


def test_every_answer_names_the_page_it_follows() -> None:
    assert [
        key for key, answer in ANSWERS.items() if "https://docs.aws.amazon.com/" not in (answer.__doc__ or "")
    ] == []
    assert len(ANSWERS) > 40
