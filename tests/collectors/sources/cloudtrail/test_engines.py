"""What an outsider can choose, on every engine: each record is stored whole, found by its other fields, and marked."""

from __future__ import annotations

import json
from typing import Any, Dict, List
from unicodedata import normalize

import pytest

from aws_bridge.object_ref import ObjectRef
from collectors.records.exact_json import MAX_DEPTH
from collectors.records.json_codec import fastest
from collectors.records.record import Context, Record
from collectors.sinks.contract import STORED
from collectors.sources.cloudtrail.source import records
from collectors.store.object_fields import NOT_INDEXED, OBJECTS, field_type
from es_bridge.dialect import detect
from es_bridge.transport import Transport
from lab.engine import ENGINES
from tests.collectors.on_engine import ready, write

INDEX = "aws-cloudtrail-1998.01.02"
LONG = "긴" * 13_400  # 40 kB of UTF-8
DEEP = '{"a":' * 900 + "1" + "}" * 900
LISTS: Any = "deepest"
for _ in range(150):
    LISTS = [LISTS]
BASE: Dict[str, Any] = {
    "eventVersion": "1.11",
    "userIdentity": {"type": "IAMUser", "userName": "tester"},
    "eventTime": "1998-01-02T03:04:05Z",
    "eventSource": "ec2.amazonaws.com",
    "eventName": "TerminateInstances",
    "awsRegion": "ap-northeast-2",
    "recipientAccountId": "111122223333",
}
#: Each a record of its own, as JSON text behind `BASE`.
HOSTILE = (
    json.dumps({"requestParameters": {"userName": LONG, "instancesSet": {"items": [{"instanceId": "i-1"}]}}}),
    json.dumps({"userAgent": LONG, "errorMessage": LONG, "resources": [{"ARN": LONG}]}),
    json.dumps({"requestParameters": {"k" * 40_000: LONG, "userName": {"a": {"b": "c"}}, "roleName": ["x", {"y": 1}]}}),
    json.dumps({"requestParameters": {f"header-{n}": n for n in range(1_500)}}),
    json.dumps({"requestParameters": "text", "resources": "text", "userIdentity": "text", "aws": {"request": 5}}),
    json.dumps({"url": "text", "http": [1], "dns": {"question": 5}, "rule": None, "network.type": {"x": 1}}),
    '{"requestParameters":{"userName":"a","userName":"b","":{"":1},".":{"..":2}},"eventName":"Second"}',
    r'{"userAgent":"broken \ud83d agent","requestParameters":{"userName":"\udfff","k\udc00":1}}',
    f'{{"requestParameters":{DEEP}}}',
    f'{{"newOfAws":{DEEP},"tlsDetails":{DEEP}}}',
    '{"additionalEventData":{"n":1.10,"m":12345678901234567890123,"o":1E+400},"readOnly":1e99}',
    json.dumps({"userIdentity": {"type": LONG, "x" * 40_000: LONG, "sessionContext": {"attributes": {"new": [{}]}}}}),
    json.dumps({"userIdentity": {"type": LONG, "sessionContext": {"attributes": {"creationDate.x": 1, "": 2}}}}),
    # What engines that index the free-form objects as a whole refuse or stumble over: see `flat`.
    '{"requestParameters":5,"responseElements":true,"additionalEventData":"","serviceEventDetails":["a",[{"b":1}]]}',
    '{"requestParameters":null,"responseElements":[],"additionalEventData":{},"serviceEventDetails":[null,{"a":"listed"}]}',
    json.dumps({"responseElements": LISTS, "newOfAws": LISTS, "userIdentity": {"new": LISTS}, "eventName": LISTS}),
    json.dumps({"responseElements": {"a": LISTS, "b": "found-16"}}),
    json.dumps({"requestParameters": {"nul\0key": {"\0": 1}, "b": "found-17\0", "c": [{"\0": 1}]}}),
    json.dumps({"requestParameters": {"nulls": [None, "found-18", [None, [{"a": None}]], True, 1.5]}}),
    json.dumps(
        {
            "requestParameters": {
                "": "e",
                " ": 1,
                ".a": 1,
                "a.": 1,
                "a.b": 2,
                "a": {"b": 3, "": {"": 4}},
                "b": "found-19",
            }
        }
    ),
    json.dumps({"requestParameters": {"k" * 16_000: {str(n): n for n in range(2_000)}, "b": "found-20"}}),
    json.dumps({"requestParameters": {"text": "x" * 31_900, "text2": "x" * 32_766, "b": "found-21"}}),
    json.dumps({"requestParameters": {"k" * 32_766: None, "l" * 32_760: "v", "b": {"c" * 16_000: "d" * 16_000}}}),
    f'{{"requestParameters":{{"n":[{"9" * 2_000}],"m":0.{"9" * 1_500},"b":"found-23"}},"new":{"9" * 1_001}}}',
    '{"requestParameters":{"a":' + '[{"a":' * 90 + '"found-24"' + "}]" * 90 + "}}",
    json.dumps({"requestParameters": {f"k{n}": [n] for n in range(20_000)}}),
    json.dumps({name: {"b": name} for name in OBJECTS}),
    json.dumps({"timeWindow": {"windowStart": True, "windowEnd": 1e300, "windowSize": [None, 5]}, "accountId": LONG}),
    json.dumps(
        {"summary": {"details": [{"statistics": [{"name": LONG, "value": v} for v in ("x", True, 1.5, None)]}]}}
    ),
    json.dumps({"summary": {"primaryDimension": "text"}, "timeWindow": [5], "eventId": {"a": 1}}),
)


def hostile_documents() -> List[Record]:
    texts = []
    for number, extra in enumerate(HOSTILE):
        base = {key: value for key, value in BASE.items() if key != "userIdentity" or '"userIdentity"' not in extra}
        front = json.dumps({**base, "eventID": f"hostile-{number:02d}"})
        texts.append(front[:-1] + "," + extra[1:])
    data = ('{"Records":[' + ",".join(texts) + "]}").encode()
    return list(records([data], Context(ObjectRef("b", "k"), fastest())))  # type: ignore[arg-type]


@pytest.fixture(params=list(ENGINES))
def transport(request, engine_by_id):
    yield from ready(engine_by_id(request.param), request.param, "cloudtrail", INDEX)


def test_every_hostile_record_is_stored_whole_and_found(transport):
    made = hostile_documents()
    assert [outcome.result for outcome in write(transport, made)] == [STORED] * len(HOSTILE)
    transport.request("POST", (INDEX, "_refresh"))

    def search(query: str, **body: Any) -> Any:
        body = {"size": 100, "query": {"query_string": {"query": query}}, **body}
        return transport.request("POST", (INDEX, "_search"), body=body).json()

    def ids(query: str) -> List[str]:
        return sorted(hit["_id"][8:10] for hit in search(query)["hits"]["hits"])

    everything = [f"{number:02d}" for number in range(len(HOSTILE))]
    assert ids("awsRegion:ap-northeast-2 AND cloud.region:ap-northeast-2") == everything
    stored = {hit["_id"]: hit["_source"] for hit in search("*")["hits"]["hits"]}
    assert stored == {document.identity: json.loads(document.text) for document in made}

    assert ids("aws.request.instanceId:i-1") == ["00"]
    assert ids("aws.request.roleName:x") == ["02"]
    assert ids("aws.request.userName:b AND aws.request.userName:a") == ["06"]
    assert ids("event.oversized:aws.request.userName") == ["00"]
    assert ids("event.oversized:userAgent AND event.oversized:resources.ARN AND event.oversized:errorMessage") == ["01"]
    assert ids("event.oversized:userIdentity.type") == ["11"]
    counted = search("*", size=0, aggs={"names": {"terms": {"field": "aws.request.userName"}}})
    assert {bucket["key"] for bucket in counted["aggregations"]["names"]["buckets"]} >= {"a", "b"}
    mapping = transport.request("GET", (INDEX, "_mapping")).json()[INDEX]["mappings"]["properties"]
    assert "newOfAws" not in mapping
    assert set(OBJECTS) <= mapping.keys()
    if not indexes_objects(transport):
        assert all(mapping[name] == NOT_INDEXED for name in OBJECTS)
        return
    for number in ("16", "17", "18", "19", "20", "21", "23"):
        member = "nulls" if number == "18" else "b"
        assert ids(f"requestParameters.{member}:found\\-{number}* OR responseElements.b:found\\-{number}") == [number]
    assert ids("serviceEventDetails.a:listed") == ["14"]
    assert ids("requestParameters" + ".a" * 91 + ":found\\-24") == ["24"]
    assert ids("requestParameters.k19999:19999") == ["25"]
    for name in OBJECTS:
        assert ids(f"{name}.b:{name}") == ["26"]
    assert "21" in ids("event.oversized:requestParameters.text2")
    assert "20" in ids("event.oversized:requestParameters")


def indexes_objects(transport: Transport) -> bool:
    """Return whether the engine has a type for that."""
    return bool(field_type(detect(transport)))


def test_a_value_below_the_depth_limit_is_an_object_there_and_text_below(transport):
    (document,) = (made for made in hostile_documents() if made.identity.startswith("hostile-08"))
    assert [outcome.result for outcome in write(transport, [document])] == [STORED]
    found = transport.request("GET", (INDEX, "_doc", document.identity)).json()["_source"]["requestParameters"]
    levels = 1
    while isinstance(found, dict):
        found, levels = found["a"], levels + 1
    assert levels == MAX_DEPTH
    assert found == '{"a":' * (901 - MAX_DEPTH) + "1" + "}" * (901 - MAX_DEPTH)


def test_sign_ins_addresses_and_letters_are_found(transport):
    name = "\uace0\uac1d.csv"
    events = [
        {
            **BASE,
            "eventID": f"signin-{number:02d}",
            "eventName": "ConsoleLogin",
            "eventSource": "signin.amazonaws.com",
            **values,
        }
        for number, values in enumerate(
            (
                {"responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "No"}},
                {"responseElements": {"ConsoleLogin": "Success"}, "additionalEventData": {"MFAUsed": "Yes"}},
                {"eventSource": "sso.amazonaws.com", "serviceEventDetails": {"CredentialVerification": "Failure"}},
                {"sourceIPAddress": "203.0.113.200", "tlsDetails": {"clientProvidedHostHeader": "S3.Example"}},
                {"sourceIPAddress": "cloudtrail.amazonaws.com", "eventSource": "s3.amazonaws.com"},
                {"eventSource": "s3.amazonaws.com", "requestParameters": {"key": normalize("NFC", name)}},
                {"eventSource": "s3.amazonaws.com", "requestParameters": {"key": normalize("NFD", name)}},
                {"additionalEventData": {"MFAUsed": LONG}, "responseElements": {"ConsoleLogin": "Failure"}},
            )
        )
    ]
    data = json.dumps({"Records": events}).encode()
    made = list(records([data], Context(ObjectRef("b", "k"), fastest())))
    assert [outcome.result for outcome in write(transport, made)] == [STORED] * len(events)
    transport.request("POST", (INDEX, "_refresh"))

    def numbers(query: str) -> List[int]:
        body = {"size": 100, "query": {"query_string": {"query": query}}}
        hits = transport.request("POST", (INDEX, "_search"), body=body).json()["hits"]["hits"]
        return sorted(int(hit["_id"][7:9]) for hit in hits)

    assert numbers("aws.signin.mfaUsed:No AND aws.signin.outcome:Failure") == [0]
    assert numbers("aws.signin.mfaUsed:Yes") == [1]
    assert numbers("event.outcome:failure") == [0, 2, 7]
    assert numbers("event.oversized:aws.signin.mfaUsed") == [7]
    assert numbers('sourceIPAddress.ip:"203.0.113.192/26" AND source.ip:"203.0.113.0/24"') == [3]
    assert numbers("sourceIPAddress:cloudtrail.amazonaws.com AND source.address:cloudtrail*") == [4]
    assert numbers("tlsDetails.clientProvidedHostHeader:s3.example") == [3]
    for form in ("NFC", "NFD"):
        written = normalize(form, name)
        assert numbers(f"aws.request.key:{written}") == numbers(f"aws.request.key:{written[:-4]}*") == [5, 6]
        assert not {5, 6} & set(numbers(f"NOT aws.request.key:{written}"))
