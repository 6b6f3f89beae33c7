"""A reply that AWS could not give is an error, and so is a request that it would not take."""

from __future__ import annotations

import io
import re
from typing import Any, Dict, List

import pytest

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


def test_every_answer_names_the_page_it_follows() -> None:
    assert [
        key for key, answer in ANSWERS.items() if "https://docs.aws.amazon.com/" not in (answer.__doc__ or "")
    ] == []
    assert len(ANSWERS) > 40
