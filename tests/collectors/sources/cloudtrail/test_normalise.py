"""A record as a document: the table of the module's docstring, and everything that must not get in its way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_bridge.object_ref import ObjectRef
from collectors.errors import InvalidRecord
from collectors.records.addresses import AddressBook
from collectors.records.exact_json import MAX_DEPTH
from collectors.records.json_codec import PLAIN, fastest
from collectors.records.record import BadRecord, Context, Record, record_id
from collectors.records.shape import LONGEST_INDEXED
from collectors.sinks.opensearch.index_names import index_of
from collectors.sources.cloudtrail import normalise
from collectors.sources.cloudtrail.normalise import COMMON, FREE_FORM, MAPPED, described, misfits
from collectors.sources.cloudtrail.request import REQUEST_FIELDS, WITH_FORMS
from collectors.sources.cloudtrail.signin import SIGNIN_FIELDS
from collectors.sources.cloudtrail.source import records
from collectors.store.object_fields import OBJECTS

RECORD: Dict[str, Any] = {
    "eventVersion": "1.11",
    "userIdentity": {
        "type": "AssumedRole",
        "principalId": "AROAWEB:i-0abc",
        "arn": "arn:aws:sts::111122223333:assumed-role/web/i-0abc",
        "accountId": "111122223333",
        "sessionContext": {"sessionIssuer": {"type": "Role", "userName": "web"}},
    },
    "eventTime": "2026-11-21T04:53:07Z",
    "eventSource": "s3.amazonaws.com",
    "eventName": "GetObject",
    "awsRegion": "ap-northeast-2",
    "sourceIPAddress": "203.0.113.66",
    "userAgent": "도구/1.0",
    "requestParameters": {"bucketName": "b", "key": "고객/목록.csv"},
    "responseElements": None,
    "eventID": "0e1f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b",
    "readOnly": True,
    "recipientAccountId": "111122223333",
}
COMMON_OF_RECORD = {
    "@timestamp": "2026-11-21T04:53:07.000Z",
    "event": {
        "dataset": "aws.cloudtrail",
        "id": "0e1f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b",
        "action": "GetObject",
        "provider": "s3.amazonaws.com",
        "outcome": "success",
    },
    "source": {"address": "203.0.113.66", "ip": "203.0.113.66"},
    "user": {"name": "web", "id": "AROAWEB:i-0abc"},
    "user_agent": {"original": "도구/1.0"},
    "cloud": {"provider": "aws", "region": "ap-northeast-2", "account": {"id": "111122223333"}},
    "aws": {
        "request": {"bucketName": "b", "key": "고객/목록.csv"},
        "request_forms": {"key": [normalize("NFD", "고객/목록.csv")]},
    },
}
COMPONENTS = Path(__file__).resolve().parents[4] / "deploy" / "opensearch" / "component_templates"
CONTEXT = Context(ObjectRef("logs", "a.json.gz"))
NEXT = b',{"eventVersion":"1.11","eventID":"next","eventTime":"2026-11-21T04:53:07Z"}'


def document(record: Any) -> Record:
    """Return the document of a record, a dictionary or JSON text; raise `InvalidRecord` for a bad one.

    It is made on each way the reader and either codec offer, which must not differ in one byte.
    """
    text = record if isinstance(record, (str, bytes)) else json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    data = text if isinstance(text, bytes) else text.encode()
    found = [
        next(records([b'{"Records":[' + data + behind + b"]}"], Context(CONTEXT.ref, codec)))
        for codec in (PLAIN, fastest())
        for behind in (NEXT, b"")
    ]
    assert found[1:] == found[:-1]
    if isinstance(found[0], BadRecord):
        raise InvalidRecord(found[0].reason)
    return found[0]


def common_fields(fields: Dict[str, Any]) -> Dict[str, Any]:
    return described(fields, CONTEXT)[2]


def changed(**values: Any) -> Dict[str, Any]:
    record = {**RECORD, **values}
    return {key: value for key, value in record.items() if value is not ...}


def body(record: Any) -> Dict[str, Any]:
    return json.loads(document(record).text)


def test_the_document_is_the_common_fields_then_the_record_as_written():
    made = document(RECORD)
    assert index_of(made) == "aws-cloudtrail-2026.11.21"
    assert made.identity == "0e1f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b-111122223333"
    assert json.loads(made.text) == {**COMMON_OF_RECORD, **RECORD}
    written = json.dumps(RECORD, ensure_ascii=False, separators=(",", ":"))
    assert made.text.endswith(written[1:].encode())
    assert common_fields(RECORD) == COMMON_OF_RECORD


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"sourceIPAddress": "config.amazonaws.com"}, {"source": {"address": "config.amazonaws.com"}}),
        ({"sourceIPAddress": "AWS Internal"}, {"source": {"address": "AWS Internal"}}),
        ({"sourceIPAddress": "2001:db8::1"}, {"source": {"address": "2001:db8::1", "ip": "2001:db8::1"}}),
        ({"sourceIPAddress": "fe80::1%eth0"}, {"source": {"address": "fe80::1%eth0"}}),
        ({"sourceIPAddress": "203.0.113.256"}, {"source": {"address": "203.0.113.256"}}),
        ({"sourceIPAddress": ...}, {"source": None}),
        ({"userAgent": ...}, {"user_agent": None}),
        ({"userIdentity": ...}, {"user": None}),
        ({"userIdentity": {"accountId": "1", "invokedBy": "ec2.amazonaws.com"}}, {"user": None}),
        (
            {"userIdentity": {"type": "IAMUser", "userName": "서연.정", "principalId": "AIDA"}},
            {"user": {"name": "서연.정", "id": "AIDA"}},
        ),
        ({"userIdentity": {"type": "Root", "principalId": "1"}}, {"user": {"name": "root", "id": "1"}}),
        ({"recipientAccountId": ...}, {"cloud": COMMON_OF_RECORD["cloud"]}),
        (
            {"recipientAccountId": ..., "userIdentity": ..., "awsRegion": ...},
            {"cloud": {"provider": "aws"}},
        ),
        (
            {"eventTime": "2026-11-21T04:53:07.123456Z"},
            {"@timestamp": "2026-11-21T04:53:07.123456Z"},
        ),
        ({"eventTime": "2026-11-21T23:59:59+09:00"}, {"@timestamp": "2026-11-21T14:59:59.000Z"}),
        ({"eventTime": "2026-11-21T04:53Z"}, {"@timestamp": "2026-11-21T04:53:00.000Z"}),
        ({"eventTime": "2026-11-21 04:53:07.123 UTC"}, {"@timestamp": "2026-11-21T04:53:07.123Z"}),
        ({"eventTime": "2026-11-21T04:53+0900"}, {"@timestamp": "2026-11-20T19:53:00.000Z"}),
    ],
)
def test_each_common_field_follows_its_source(values, expected):
    found = common_fields(changed(**values))
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("values", "outcome"),
    [
        ({}, "success"),
        ({"errorCode": "AccessDenied"}, "failure"),
        ({"errorMessage": "Failed authentication"}, "failure"),
        ({"responseElements": {"ConsoleLogin": "Failure"}}, "failure"),
        ({"responseElements": {"ConsoleLogin": "Success"}}, "success"),
        ({"errorCode": None, "errorMessage": ""}, "success"),
        ({"errorCode": 0}, "failure"),
    ],
)
def test_outcome(values, outcome):
    assert common_fields(changed(**values))["event"]["outcome"] == outcome


SIGNIN = {"eventSource": "signin.amazonaws.com", "eventType": "AwsConsoleSignIn", "requestParameters": None}
IDENTITY_CENTER = {"eventSource": "sso.amazonaws.com", "eventType": "AwsServiceEvent", "requestParameters": None}


@pytest.mark.parametrize(
    ("values", "refused"),
    [
        ({**SIGNIN, "eventName": "SwitchRole", "responseElements": {"SwitchRole": "Failure"}}, True),
        ({**SIGNIN, "eventName": "SwitchRole", "responseElements": {"SwitchRole": "Success"}}, False),
        ({**SIGNIN, "eventName": "CheckMfa", "responseElements": {"CheckMfa": "Failure"}}, True),
        ({**SIGNIN, "eventName": "CheckMfa", "responseElements": {"CheckMfa": "FAILURE"}}, True),
        ({**SIGNIN, "eventName": "CheckMfa", "responseElements": {"checkMFA": "failure"}}, True),
        ({**SIGNIN, "eventName": "PasswordUpdated", "responseElements": {"PasswordUpdated": "Failure"}}, True),
        ({**SIGNIN, "eventName": "NewOfAws", "responseElements": {"NewOfAws": "Failure"}}, True),
        ({**SIGNIN, "eventName": "NewOfAws", "responseElements": {"Other": "Failure"}}, True),
        ({**SIGNIN, "eventName": "NewOfAws", "responseElements": {"Other": "Failure", "NewOfAws": "Success"}}, False),
        ({**SIGNIN, "responseElements": {"ConsoleLogin": ["Failure"]}}, False),
        ({**SIGNIN, "responseElements": "Failure"}, False),
        ({**IDENTITY_CENTER, "serviceEventDetails": {"CredentialVerification": "Failure"}}, True),
        ({**IDENTITY_CENTER, "serviceEventDetails": {"CredentialVerification": "Success"}}, False),
        ({**IDENTITY_CENTER, "serviceEventDetails": {"UserAuthentication": "Failure"}}, True),
        ({**IDENTITY_CENTER, "responseElements": None, "serviceEventDetails": None}, False),
        ({"eventSource": ..., "eventName": ..., "serviceEventDetails": {"CredentialVerification": "Failure"}}, True),
        ({"eventName": "RunTask", "responseElements": {"RunTask": "Failure"}}, True),
        ({**SIGNIN, "eventName": "CheckMfa", "responseElements": {"CheckMfa": False}}, True),
        ({**SIGNIN, "eventName": "CheckMfa", "responseElements": {"CheckMfa": "false"}}, True),
        ({**SIGNIN, "eventName": "CheckMfa", "responseElements": {"CheckMfa": True, "x": "Failure"}}, False),
        ({**SIGNIN, "eventName": "SwitchRole", "responseElements": {"SwitchRole": "Denied"}}, True),
        ({**SIGNIN, "eventName": "SwitchRole", "responseElements": {"remembered": False, "new": "false"}}, False),
        ({"eventName": "ChangePassword", "responseElements": {"ChangePassword": False}}, True),
        ({"eventName": "ChangePassword", "responseElements": {"isNew": False}}, False),
        # A state in an answer is no refusal of the call.
        ({"eventName": "DescribeJob", "responseElements": {"status": "Failure", "describeJob": {"a": 1}}}, False),
        ({"eventName": ["x"], "responseElements": {"x": "Failure"}}, False),
    ],
)
def test_a_refused_sign_in_without_an_error_is_a_failure(values, refused):
    assert common_fields(changed(**values))["event"]["outcome"] == ("failure" if refused else "success")


@pytest.mark.parametrize(
    ("values", "signin"),
    [
        (
            {
                **SIGNIN,
                "eventName": "ConsoleLogin",
                "responseElements": {"ConsoleLogin": "Success"},
                "additionalEventData": {"MFAUsed": "Yes", "MFAIdentifier": "arn:aws:iam::1:mfa/m", "LoginTo": "x"},
            },
            {"outcome": "Success", "mfaUsed": "Yes", "mfaIdentifier": "arn:aws:iam::1:mfa/m"},
        ),
        (
            {
                **SIGNIN,
                "eventName": "CheckMfa",
                "responseElements": {"CheckMfa": "Failure"},
                "additionalEventData": {"MfaType": "Virtual MFA"},
            },
            {"outcome": "Failure", "mfaType": "Virtual MFA"},
        ),
        (
            {
                **IDENTITY_CENTER,
                "eventName": "CredentialVerification",
                "serviceEventDetails": {"CredentialVerification": "Failure"},
                "additionalEventData": {"CredentialType": "TOTP", "UserName": "u"},
            },
            {"outcome": "Failure", "credentialType": "TOTP"},
        ),
        ({**SIGNIN, "additionalEventData": {"MFAUsed": ["No"], "MFAIdentifier": "", "": 1}}, None),
        ({**SIGNIN, "additionalEventData": "MFAUsed", "responseElements": ["x"]}, None),
        ({"additionalEventData": {"MFAUsed": "Yes"}}, None),
    ],
)
def test_a_sign_in_has_its_outcome_and_factors(values, signin):
    assert common_fields(changed(**values)).get("aws", {}).get("signin") == signin


def test_an_insight_without_identity_source_and_name_is_a_document():
    insight = {
        "eventVersion": "1.08",
        "eventTime": "2026-11-21T04:53:00Z",
        "awsRegion": "us-east-1",
        "eventID": "e",
        "eventType": "AwsCloudTrailInsight",
        "recipientAccountId": "1",
        "sharedEventID": "s",
        "insightDetails": {"state": "Start", "eventName": "RunInstances", "insightContext": {"statistics": {}}},
        "eventCategory": "Insight",
    }
    found = body(insight)
    assert {key: found[key] for key in insight} == insight
    assert found["event"] == {"dataset": "aws.cloudtrail", "id": "e", "outcome": "success"}


def test_what_is_known_about_the_address_is_beside_it():
    def look_up(address):
        return {"geo": {"country_iso_code": "KR"}, "as": {"number": 64_500, "organization": {"name": "서울망"}}}

    context = Context(CONTEXT.ref, addresses=AddressBook(look_up))
    found = described(RECORD, context)[2]["source"]
    assert found == {"address": "203.0.113.66", "ip": "203.0.113.66", **look_up("")}
    private = described(changed(sourceIPAddress="10.0.0.1"), context)[2]["source"]
    assert private == {"address": "10.0.0.1", "ip": "10.0.0.1", "scope": "private"}


@pytest.mark.parametrize("name", ["eventName", "eventSource", "awsRegion", "recipientAccountId"])
@pytest.mark.parametrize("value", [5, 5.5, True, None, "", [], ["5"]])
def test_what_is_no_text_is_not_taken_for_a_text_it_equals(name, value):
    """The members that repeat are remembered, and a number kept as it was written equals its text."""
    unlike = changed(**{name: "5"}), changed(**{name: value})
    texts = [json.dumps(each)[:-1] + ',"x":{"k":1,"k":2}}' for each in (*unlike, *unlike)]
    found = [body(text) for text in texts]
    assert [each["event"] for each in found[:2]] == [each["event"] for each in found[2:]]
    for each in found[1::2]:
        assert "5" not in (each["event"].get("action"), each["event"].get("provider"), each["cloud"].get("region"))
        assert each["cloud"].get("account") != {"id": "5"}


def test_memory_is_bounded():
    normalise._repeated.clear()
    body(changed(eventName="x" * normalise.LONGEST_REMEMBERED))
    assert not normalise._repeated
    body(changed(eventName="x"))
    assert len(normalise._repeated) == 1


# --- identity and index ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "0e1f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b-111122223333"),
        ({"recipientAccountId": "444455556666"}, "0e1f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b-444455556666"),
        ({"recipientAccountId": ..., "userIdentity": {"accountId": "7"}}, "0e1f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b-7"),
        ({"recipientAccountId": ..., "userIdentity": None}, "0e1f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b"),
    ],
)
def test_the_id_is_that_of_the_event_in_its_account(values, expected):
    assert document(changed(**values)).identity == expected


@pytest.mark.parametrize(
    ("time", "index"),
    [
        ("2026-11-21T00:00:00Z", "aws-cloudtrail-2026.11.21"),
        ("2026-11-20T23:59:59.999Z", "aws-cloudtrail-2026.11.20"),
        ("2026-11-21T08:00:00+09:00", "aws-cloudtrail-2026.11.20"),
        ("2026-12-31T20:00:00-0500", "aws-cloudtrail-2027.01.01"),
    ],
)
def test_the_index_is_that_of_the_events_day_in_utc(time, index):
    assert index_of(document(changed(eventTime=time))) == index


@pytest.mark.parametrize(
    "time",
    [
        ...,
        None,
        5,
        "",
        "yesterday",
        "2026-11-21",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-11-21T04:53:00Z\n",
        "0001-01-01T00:00:00+01:00",
        {"a": 1},
    ],
)
def test_a_record_without_a_time_is_invalid(time):
    with pytest.raises(InvalidRecord, match="eventTime"):
        document(changed(eventTime=time))


@pytest.mark.parametrize("event_id", [..., None, "", [], {"a": 1}, True, "x" * 600, "가" * 200])
def test_a_record_without_a_usable_id_is_known_by_its_place(event_id):
    made = document(changed(eventID=event_id))
    assert made.identity == record_id(CONTEXT.ref.identity, 1)
    found = json.loads(made.text)
    assert found["event"] == {key: value for key, value in COMMON_OF_RECORD["event"].items() if key != "id"}
    assert found["@timestamp"] == COMMON_OF_RECORD["@timestamp"]
    kept = found["unmapped"]["eventID"] if "unmapped" in found else found.get("eventID", ...)
    assert kept == event_id


def test_records_of_the_first_format_have_no_id_and_each_has_one_of_its_place():
    old = {
        "eventVersion": "1.0",
        "userIdentity": {"type": "IAMUser", "accountId": "444455556666", "userName": "ada"},
        "eventTime": "2013-12-01T09:08:07Z",
        "eventSource": "ec2.amazonaws.com",
        "eventName": "StartInstances",
        "awsRegion": "us-west-2",
        "sourceIPAddress": "198.51.100.9",
    }
    data = json.dumps({"Records": [old, old, RECORD]}).encode()
    made = list(records([data], CONTEXT))
    assert [each.identity for each in made] == [
        record_id(CONTEXT.ref.identity, 1),
        record_id(CONTEXT.ref.identity, 2),
        "0e1f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b-111122223333",
    ]
    first = json.loads(made[0].text)
    assert (first["event"]["action"], first["cloud"]["account"], first["user"]) == (
        "StartInstances",
        {"id": "444455556666"},
        {"name": "ada"},
    )
    assert index_of(made[0]) == "aws-cloudtrail-2013.12.01"


@pytest.mark.parametrize(
    ("time", "stamp"),
    [
        ("2013-12-01 09:08:07", "2013-12-01T09:08:07.000Z"),
        ("2013-12-01T09:08:07.5", "2013-12-01T09:08:07.500Z"),
        ("2013-12-01 09:08:07+09:00", "2013-12-01T00:08:07.000Z"),
        (1385888887, "2013-12-01T09:08:07.000Z"),
        (1385888887.25, "2013-12-01T09:08:07.250Z"),
        (1385888887123, "2013-12-01T09:08:07.123Z"),
        ("1385888887", "2013-12-01T09:08:07.000Z"),
    ],
)
def test_times_in_other_forms_are_times(time, stamp):
    assert body(changed(eventTime=time))["@timestamp"] == stamp


# --- aggregated events -----------------------------------------------------------------------------------------------

AGGREGATED: Dict[str, Any] = {
    "eventVersion": "1.0",
    "accountId": "444455556666",
    "eventId": "5b1d6f0e-0000-4000-a000-00000000ag01",
    "eventCategory": "Aggregated",
    "eventType": "AwsAggregatedEvent",
    "awsRegion": "eu-north-1",
    "eventSource": "dynamodb.amazonaws.com",
    "timeWindow": {
        "windowStart": "2026-11-20T23:55:00Z",
        "windowEnd": "2026-11-21T00:00:00Z",
        "windowSize": "PT5M",
        "newOfAws": 1,
    },
    "summary": {
        "primaryDimension": {
            "dimension": "eventName",
            "statistics": [{"name": "GetItem", "value": 41}, {"name": "PutItem", "value": 1}],
            "aggregationType": "Count",
        },
        "details": [{"dimension": "errorCodes", "statistics": [{"name": "none", "value": 42}]}],
    },
    "newOfAws": {"a": [1]},
}


def aggregated(**values: Any) -> Dict[str, Any]:
    return {key: value for key, value in {**AGGREGATED, **values}.items() if value is not ...}


def test_an_aggregated_event_is_a_dataset_of_its_own():
    made = document(AGGREGATED)
    assert (index_of(made), made.identity) == ("aws-cloudtrail-2026.11.20", f"{AGGREGATED['eventId']}-444455556666")
    common = {
        "@timestamp": "2026-11-20T23:55:00.000Z",
        "event": {
            "dataset": "aws.cloudtrail.aggregated",
            "id": AGGREGATED["eventId"],
            "provider": "dynamodb.amazonaws.com",
        },
        "cloud": {"provider": "aws", "region": "eu-north-1", "account": {"id": "444455556666"}},
    }
    assert json.loads(made.text) == {**common, **AGGREGATED}


@pytest.mark.parametrize(
    ("values", "stamp"),
    [
        ({"eventCategory": ..., "eventType": ...}, "2026-11-20T23:55:00.000Z"),
        ({"timeWindow": {"windowEnd": "2026-11-21T00:00:00Z"}}, "2026-11-21T00:00:00.000Z"),
        ({"timeWindow": {"windowStart": "2026-11-20 23:50:00"}}, "2026-11-20T23:50:00.000Z"),
        ({"timeWindow": {"windowStart": 5, "windowEnd": "2026-11-21T00:00:00Z"}}, "2026-11-21T00:00:00.000Z"),
        ({"timeWindow": ..., "eventTime": "2026-11-20T23:59:00Z"}, "2026-11-20T23:59:00.000Z"),
        ({"eventID": "x", "eventTime": None}, "2026-11-20T23:55:00.000Z"),
        ({"summary": "text", "accountId": {"a": 1}}, "2026-11-20T23:55:00.000Z"),
        (
            {"summary": {"details": [{"statistics": {"name": {"arn": "x"}, "value": "many"}}]}},
            "2026-11-20T23:55:00.000Z",
        ),
    ],
)
def test_an_aggregated_event_is_known_in_every_form(values, stamp):
    found = body(aggregated(**values))
    assert (found["@timestamp"], found["event"]["dataset"]) == (stamp, "aws.cloudtrail.aggregated")
    kept = {**found, **found.get("unmapped", {})}
    assert {key: kept[key] for key in aggregated(**values)} == aggregated(**values)


def test_the_id_of_an_aggregated_event_falls_back_to_its_place():
    assert document(aggregated(accountId=...)).identity == AGGREGATED["eventId"]
    assert document(aggregated(accountId=..., recipientAccountId="7")).identity == f"{AGGREGATED['eventId']}-7"
    for event_id in (..., None, 5, "", "x" * 600):
        made = document(aggregated(eventId=event_id))
        assert made.identity == record_id(CONTEXT.ref.identity, 1)
        assert "id" not in json.loads(made.text)["event"]


@pytest.mark.parametrize("window", [..., None, "5 minutes", [], {}, {"windowStart": "soon", "windowEnd": {"a": 1}}])
def test_an_aggregated_event_without_a_time_is_invalid(window):
    with pytest.raises(InvalidRecord, match="timeWindow has neither"):
        document(aggregated(timeWindow=window))


# --- what must not refuse, hide or reshape a record ------------------------------------------------------------------


def test_numbers_stay_as_written():
    text = json.dumps(RECORD)[:-1] + ',"additionalEventData":{"big":12345678901234567890123,"price":1.10,"e":1E+05}}'
    assert b'{"big":12345678901234567890123,"price":1.10,"e":1E+05}' in document(text).text
    repeated = text[:-1] + ',"x":{"a":1.10,"a":2.20}}'
    assert b'"x":{"a":1.10,"a#2":2.20}' in document(repeated).text


def test_repeated_keys_keep_every_value():
    text = json.dumps(RECORD)[:-1] + ',"serviceEventDetails":{"k":"1","k":"2"},"eventName":"Second"}'
    found = body(text)
    assert found["serviceEventDetails"] == {"k": "1", "k#2": "2"}
    assert (found["eventName"], found["eventName#2"], found["event"]["action"]) == ("GetObject", "Second", "GetObject")


@pytest.mark.parametrize(
    "values",
    [
        {"userIdentity": "a string"},
        {"userIdentity": ["text"]},
        {"userIdentity": {"type": {"nested": "object"}}},
        {"userIdentity": {"sessionContext": "text"}},
        {"userIdentity": {"sessionContext": {"attributes": [1]}}},
        {"userIdentity": {"sessionContext.sessionIssuer": 5}},
        {"userIdentity": {"": 5}},
        {"resources": "text"},
        {"resources": [{"ARN": "a"}, "text"]},
        {"resources": [{"ARN": {"x": 1}}]},
        {"tlsDetails": 7},
        {"eventName": {"x": 1}},
        {"errorMessage": ["text", {"x": 1}]},
        {"source": {"ip": "x"}},
        {"@timestamp": "yesterday"},
        {"event": 5},
        {"user": None},
        {"unmapped": "already used"},
        {"": 1},
        {" ": 1},
        {".": 1},
        {"userIdentity.type": {"x": 1}},
        {"a..b": 1},
    ],
    ids=str,
)
def test_what_an_engine_would_refuse_moves_aside_whole(values):
    record = changed(**values)
    found = body(record)
    assert found.pop("unmapped") == values
    assert found.keys() - COMMON == record.keys() - values.keys()
    assert misfits(record) == values


LISTS: Any = 1
for _ in range(21):
    LISTS = [LISTS]


@pytest.mark.parametrize(
    "values",
    [
        {"resources": [{"ARN": "a"}, {"ARN": None, "other": {"deep": [1]}}, None]},
        {"userIdentity": None},
        {"userIdentity": {"type": None, "onBehalfOf": {"userId": "u"}, "sessionContext": {"webIdFederationData": {}}}},
        {"readOnly": "true"},
        {"eventName": ["a", ["b", 5]]},
        {"requestParameters": {"a.b": 1, "": {"": 2}, ".": 3, "x" * 20_000: "y" * 10_000, "nul": "\0"}},
        {"requestParameters": None, "responseElements": [{"a": [None, [1, [{"b": 2}]]]}, None], "eventContext": 5},
        {"serviceEventDetails": {}, "additionalEventData": []},
        {"responseElements": {"a": LISTS}, "eventContext": {"a": LISTS}, "aNewFieldOfAws": LISTS[0]},
        {"requestParameters": {f"k{n}": n for n in range(3_000)}},
        {"aNewFieldOfAws": {"anything": [{}]}},
    ],
    ids=lambda values: str(values)[:60],
)
def test_what_an_engine_takes_stays_where_it_is(values):
    record = changed(**values)
    assert misfits(record) == {}
    assert body(record) == {**common_fields(record), **record}


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ({"requestParameters": "text"}, None),
        ({"requestParameters": 17, "responseElements": [1, {"a": 2}], "additionalEventData": True}, None),
        ({"requestParameters": "", "responseElements": [["a"]], "additionalEventData": [[{"a": 1}]]}, None),
        ({"responseElements": LISTS, "aNewFieldOfAws": LISTS, "userIdentity": {"new": {"x": LISTS}}}, None),
        ({"requestParameters": {"a\0b": 1}}, None),
        ({"requestParameters": {"x": [{"a\0b": 1}], "y": 2}}, {"requestParameters": {"y": 2}}),
        ({"requestParameters": {"x": [[{"y": "z" * 32_000}]], "y": 2}}, {"requestParameters": {"y": 2}}),
        ({"requestParameters": {"x": {"y" * 31_990: None}, "y": 2}}, {"requestParameters": {"y": 2}}),
        ({"responseElements": [{"a": 1}, {"x": "긴" * 11_000}]}, None),
        ({"responseElements": {"x": "z" * 32_000}, "requestParameters": {"a": 1}}, {"requestParameters": {"a": 1}}),
        # 33 kB in the file, 100 MB of terms
        (
            {"requestParameters": {"k" * 16_000: {f"{n}": n for n in range(2_000)}, "y": 2}},
            {"requestParameters": {"y": 2}},
        ),
        ({"requestParameters": {"k" * 15_000 + f"{n}": [1] * 10 for n in range(10)}}, None),
    ],
    ids=lambda values: str(values)[:60],
)
def test_what_cannot_be_indexed_by_its_name_moves_aside_and_the_rest_stays(values, kept):
    record = changed(**values)
    found = body(record)
    moved = found.pop("unmapped")
    kept = kept or {}
    for name, value in values.items():
        assert found.get(name) == kept.get(name)
        if isinstance(value, dict):
            assert {**moved.get(name, {}), **kept.get(name, {})} == value
        else:
            assert moved[name] == value
    assert found.items() >= {key: record[key] for key in record.keys() - values.keys()}.items()


@pytest.mark.parametrize("number", ["9" * 1_001, "-0." + "9" * 1_000, "1" + "0" * 5_000])
def test_a_number_longer_than_engines_read_is_text(number):
    text = (
        json.dumps(changed(requestParameters=...))[:-1]
        + f',"requestParameters":{{"n":[{number}],"m":{"9" * 1_000}}},"new":{number}}}'
    )
    made = document(text)
    assert json.loads(made.text, parse_int=str)["requestParameters"] == {"n": [number], "m": "9" * 1_000}
    assert json.loads(made.text, parse_int=str)["new"] == number
    assert made.text.count(f'"{number}"'.encode()) == 2


LONG = "긴" * 13_400  # 40 kB of UTF-8


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"userAgent": "a" * 8191}, None),
        ({"userAgent": "a" * 8192}, ["userAgent", "user_agent.original"]),
        ({"userAgent": "\U0001f600" * 4095 + "a"}, None),
        ({"userAgent": "\U0001f600" * 4096}, ["userAgent", "user_agent.original"]),
        ({"errorMessage": LONG, "requestParameters": {"a": LONG}}, ["errorMessage", "requestParameters.a"]),
        (
            {"requestParameters": {"userName": [LONG, "b"], "a": 1}},
            ["aws.request.userName", "requestParameters.userName"],
        ),
        ({"resources": [{"ARN": LONG}]}, ["resources.ARN"]),
        (
            {"userIdentity": {"sessionContext": {"sourceIdentity": LONG}}},
            ["userIdentity.sessionContext.sourceIdentity"],
        ),
        ({"userIdentity": {"x" * 40_000: LONG, "userName": LONG}}, ["user.name", "userIdentity.userName"]),
        ({"requestParameters": {"k" * 40_000: 1}, "newOfAws": LONG}, ["requestParameters"]),
        ({"requestParameters": {"a": "b" * 30_000}}, None),
        ({"responseElements": [{"a": LONG}]}, ["responseElements"]),
        ({"edgeDeviceDetails": {"a": LONG}}, None),
        ({"eventName": {"x": LONG}}, None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_text_that_is_not_indexed_is_named(values, names):
    record = changed(**values)
    found = body(record)
    assert found["event"].get("oversized") == names
    moved = found.get("unmapped", {})
    for name in FREE_FORM:
        if isinstance(moved.get(name), dict):
            moved[name].update(found.get(name, {}))
    assert {**found, **moved}.items() >= record.items()


def nested(levels: int) -> str:
    return '{"a":[' * (levels // 2) + '"\\u0000}{"' + "]}" * (levels // 2)


@pytest.mark.parametrize("levels", [100, MAX_DEPTH - 2])
def test_nesting_up_to_the_limit_stays_as_it_is(levels):
    text = json.dumps(RECORD)[:-1] + f',"serviceEventDetails":{nested(levels)}}}'
    assert document(text).text.endswith(nested(levels).encode() + b"}")
    assert body(text[:-1] + ',"event":[]}')["unmapped"] == {"event": []}


@pytest.mark.parametrize("levels", [MAX_DEPTH, 300, 960, 1_020, 100_000])
@pytest.mark.parametrize("extra", ["", ',"event":{"a":1,"a":2},"\\ud800":1'])
def test_deeper_nesting_goes_on_as_text(levels, extra):
    text = json.dumps(RECORD)[:-1] + f',"edgeDeviceDetails":{nested(levels)}{extra}}}'
    value, depth = body(text)["edgeDeviceDetails"], 1
    while not isinstance(value, str):
        value = value["a"] if isinstance(value, dict) else value[0]
        depth += 1
    assert depth == MAX_DEPTH
    assert value in nested(levels)
    assert value.count("{") + value.count("[") == levels + 2 - MAX_DEPTH  # one of them is in the string


def test_a_record_of_nothing_but_brackets_is_read_to_its_end():
    with pytest.raises(InvalidRecord, match="eventTime"):  # of an object that has no time either
        document('{"a":' + nested(200_000) + "}")


def test_lone_surrogates_in_values_stay_the_escapes_they_are():
    text = json.dumps({**RECORD, "userAgent": "broken \ud83d agent", "requestParameters": {"k": "\udfff \U0001f600"}})
    made = document(text).text
    assert made.count(rb"broken \ud83d agent") == 2
    assert rb'{"k": "\udfff \ud83d\ude00"}' in made
    made.decode("ascii")


def test_lone_surrogates_in_keys_become_replacement_characters_and_no_value_is_lost():
    tail = r',"serviceEventDetails":{"k\udc00":1,"k\uD83D":[{"\udfff":1.50}],"whole \ud83d\ude00":2},"\udfff":3}'
    found = body(json.dumps(RECORD)[:-1] + tail)
    assert found["serviceEventDetails"] == {"k�": 1, "k�#2": [{"�": 1.5}], "whole \U0001f600": 2}
    assert found["�"] == 3
    assert {name: found[name] for name in COMMON_OF_RECORD} == COMMON_OF_RECORD


def test_bytes_that_are_no_utf8_do_not_move_what_follows():
    first, second, third = (json.dumps(changed(eventID=name), separators=(",", ":")).encode() for name in "abc")
    data = b'{"Records":[' + b",".join([first.replace(b"i-0abc", b"\xff\xfe"), second, third]) + b"]}"
    assert [made.identity[0] for made in records([data], CONTEXT)] == [*"abc"]


def test_bytes_that_are_no_utf8_become_replacement_characters():
    text = json.dumps(changed(requestParameters={"key": "HERE"})).encode().replace(b"HERE", b"caf\xe9 \xff")
    assert body(text)["requestParameters"] == {"key": "caf� �"}


@given(
    st.dictionaries(
        st.sampled_from(sorted([*MAPPED, *FREE_FORM, *COMMON, "new", "", ".", "a.b"])) | st.text(max_size=6),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["type", "ARN", "sessionContext", "a.b", ""]) | st.text(max_size=4), inner
            ),
            max_leaves=10,
        ),
        max_size=6,
    )
)
def test_no_value_is_lost_and_nothing_that_stays_misfits(values):
    record = {**values, "eventID": "e", "eventTime": "2026-11-21T04:53:07Z"}
    found = body(json.dumps(record))
    moved = found.pop("unmapped", {})
    kept = {key: value for key, value in found.items() if key in record and (key in FREE_FORM or key not in moved)}
    assert misfits(kept) == {}
    for key in kept.keys() & moved.keys():
        kept[key].update(moved.pop(key))
    assert {**kept, **moved} == record


# --- the table of mapped fields is the template's --------------------------------------------------------------------


def properties(name: str) -> Dict[str, Any]:
    return json.loads((COMPONENTS / name).read_bytes())["template"]["mappings"]["properties"]


def leaves(mapping: Dict[str, Any], path: Tuple[str, ...] = ()) -> Iterator[Tuple[Tuple[str, ...], Dict[str, Any]]]:
    for name, entry in mapping.items():
        if "properties" in entry:
            yield from leaves(entry["properties"], (*path, name))
        else:
            yield (*path, name), entry


def shape(table: Any, path: Tuple[str, ...] = ()) -> Iterator[Tuple[str, ...]]:
    if table is None:
        yield path
    else:
        for name, inner in table.items():
            yield from shape(inner, (*path, name))


def test_the_template_maps_what_the_module_checks():
    mapped = dict(leaves(properties("aws-cloudtrail-mappings.json")))
    assert tuple(properties("aws-cloudtrail-objects.json")) == OBJECTS
    free = {(name,): {"type": "object", "enabled": False} for name in FREE_FORM if name not in OBJECTS}
    assert mapped.items() >= free.items()
    requests = {("aws", "request", name) for name in REQUEST_FIELDS}
    signins = {("aws", "signin", name) for name in SIGNIN_FIELDS}
    forms = {("aws", "request_forms", name) for name in WITH_FORMS}
    assert mapped.keys() == {*shape(MAPPED), *free, *requests, *signins, *forms}


def test_every_name_of_the_common_template_is_kept_for_the_common_fields():
    assert set(COMMON) == {*properties("aws-common-mappings.json"), "aws"}


def test_every_common_field_is_mapped():
    common = dict(leaves({**properties("aws-common-mappings.json"), **properties("aws-cloudtrail-mappings.json")}))
    assert common.keys() >= {*_paths(COMMON_OF_RECORD), ("event", "oversized")}


def _paths(value: Any, path: Tuple[str, ...] = ()) -> Iterator[Tuple[str, ...]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _paths(inner, (*path, name))
    else:
        yield path


def test_no_keyword_can_exceed_the_longest_term():
    for path, entry in leaves(properties("aws-cloudtrail-mappings.json")):
        if entry["type"] == "keyword" and entry.get("index", True):
            assert entry["ignore_above"] == LONGEST_INDEXED, path
            assert entry["ignore_above"] * 4 <= 32_766
