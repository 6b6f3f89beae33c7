"""Template and hostile records on every engine of the catalogue: no value refuses, hides or reshapes a record."""

from __future__ import annotations

import json

import pytest

from collectors.sources.registry import LOGS
from collectors.store.templates import pieces, write
from lab.engine import ENGINES
from tests.collectors.conftest import Cluster, event, write_log
from tests.collectors.four_logs import BUCKET, write_all
from tests.zstd import lacks_zstd, without_zstd

LONG = "긴" * 13_400  # 40 kB of UTF-8

#: What an outsider can choose: parameters, names, agents. Each a record that must be stored and found by its id.
HOSTILE = {
    "long values": {"userAgent": LONG, "errorMessage": LONG, "requestParameters": {"a": LONG}},
    "long key": {"requestParameters": {"k" * 40_000: 1}},
    "long words": {"userAgent": "x" * 40_000, "eventName": "y" * 40_000, "sourceIPAddress": "z" * 40_000},
    "scalar parameters": {"requestParameters": 17, "responseElements": "text", "additionalEventData": True},
    "list parameters": {"requestParameters": [1, {"a": 2}, [3]], "serviceEventDetails": [[]]},
    "keys with dots": {"requestParameters": {"a.b": 1, "a": {"b": 2}, ".": 3, "..": 4, "a.": 5, ".a": 6}},
    "empty keys": {"requestParameters": {"": {"": {"": 1}}, " ": 2}},
    "many keys": {"requestParameters": {f"header-{n}": n for n in range(1_500)}},
    "object in one, scalar in another": {"responseElements": {"role": {"name": "x"}}},
    "scalar in one, object in another": {"responseElements": {"role": "x"}},
    "deep": {"requestParameters": json.loads('{"a":' * 200 + "1" + "}" * 200)},
    "identity is text": {"userIdentity": "someone"},
    "identity members are objects": {"userIdentity": {"type": {"x": 1}, "arn": [{"y": 2}]}},
    "identity keys with dots": {"userIdentity": {"sessionContext.attributes": 1, "": 2}},
    "own names of ours": {"event": "x", "source": [1], "@timestamp": "never", "user": {"name": {"x": 1}}},
    "top-level oddities": {"": 1, ".": 2, "a..b": 3, "userIdentity.type": {"z": 1}, "newField": {"any": [{"t": 1}]}},
    "numbers": {"additionalEventData": {"big": 10**30, "small": 1e-300}, "readOnly": "perhaps", "apiVersion": 20231110},
    "address is nearly one": {"sourceIPAddress": "999.1.1.1"},
    "address with a zone": {"sourceIPAddress": "fe80::1%eth0"},
    "control characters": {"userAgent": "a\u0000b\u001f\u007f\u2028", "requestParameters": {"\u0000": "\n"}},
    "query syntax": {"userAgent": '${jndi:ldap://x/a} "quotes" {braces} \\back'},
}
#: The same in forms that only JSON text has.
HOSTILE_TEXTS = {
    "lone surrogates": '"userAgent":"broken \\ud83d agent","requestParameters":{"k\\udc00":"\\udfff"}',
    "repeated keys": '"requestParameters":{"a":1,"a":{"b":2},"a":[3]}',
    "repeated at the top": '"eventName":"First","eventName":"Second"',
    "numbers as written": '"requestParameters":{"n":1.10,"m":12345678901234567890123,"o":1E+05}',
}


def hostile_log(folder):
    records = [event(number, **values) for number, values in enumerate(HOSTILE.values())]
    texts = []
    for number, tail in enumerate(HOSTILE_TEXTS.values(), start=len(records)):
        base = event(number)
        base.pop("eventName")
        texts.append(json.dumps(base)[:-1] + "," + tail + "}")
    return write_log(folder / "hostile_CloudTrail_.json", [*records, *texts]), records


def unfolded(value):
    """Return a stored value with what is nested too deeply to be kept as such, and was written as text, put back."""
    if isinstance(value, dict) and value.keys() == {"a"}:
        return {"a": unfolded(value["a"])}
    return json.loads(value) if isinstance(value, str) and value.startswith('{"a":') else value


@pytest.fixture(params=list(ENGINES))
def any_cluster(request, cluster_by_id) -> Cluster:
    """Every engine of the catalogue in turn.

    One that lacks zstd has templates that its administrator has changed, which the loader leaves alone.
    """
    cluster = cluster_by_id(request.param)
    if lacks_zstd(request.param):
        for dataset in LOGS:
            for piece in pieces(dataset):
                write(cluster.transport, without_zstd(piece))
    return cluster


def test_every_hostile_record_is_stored_with_all_its_values(any_cluster, tmp_path):
    path, records = hostile_log(tmp_path)
    done = any_cluster.load(path)
    assert done.returncode == 0, done.stdout + done.stderr
    stored = any_cluster.sources()
    assert len(stored) == len(HOSTILE) + len(HOSTILE_TEXTS)
    for record in records:
        found = stored[f"{record['eventID']}-111122223333"]
        moved = found.get("unmapped", {})
        for name, value in record.items():
            assert unfolded(moved[name] if name in moved else found[name]) == value
    texts = [stored[f"{event(number)['eventID']}-111122223333"] for number in range(len(records), len(stored))]
    assert texts[0]["userAgent"] == "broken \ud83d agent"
    assert texts[0]["requestParameters"] == {"k\ufffd": "\udfff"}
    assert texts[1]["requestParameters"] == {"a": 1, "a#2": {"b": 2}, "a#3": [3]}
    assert (texts[2]["eventName"], texts[2]["eventName#2"]) == ("First", "Second")

    # Each is found by a field that no hostile value has touched.
    assert len(any_cluster.find("awsRegion:ap-northeast-2")) == len(stored)
    assert any_cluster.find('user_agent.original:"${jndi:ldap://x/a} \\"quotes\\" {braces} \\\\back"') != []

    again = any_cluster.load(path)
    assert again.returncode == 0, again.stdout + again.stderr
    assert any_cluster.count() == len(stored)


def test_a_load_creates_indices_by_its_templates_and_writes_these_once(any_cluster, tmp_path):
    path = write_log(tmp_path / "a.json", [event(1), event(2, errorCode="AccessDenied", readOnly=True)])
    done = any_cluster.load(path)
    assert done.returncode == 0, done.stderr
    settings = any_cluster.transport.request("GET", ("aws-cloudtrail-1999.12.31", "_settings")).json()
    index = settings["aws-cloudtrail-1999.12.31"]["settings"]["index"]
    assert index["sort"]["field"] == ["@timestamp"]
    assert len(any_cluster.find("errorCode:AccessDenied AND readOnly:true AND event.outcome:failure")) == 1
    assert len(any_cluster.find("errorCode:Access")) == 0
    assert "written" not in any_cluster.load(path).stderr


def test_all_four_logs_are_loaded_and_audited_on_every_engine(any_cluster, tmp_path):
    expected = write_all(tmp_path, files=1, records=20)
    copy = ("--as", f"s3://{BUCKET}")
    done = any_cluster.load(tmp_path, options=copy)
    assert done.returncode == 0, done.stdout + done.stderr
    assert any_cluster.places().keys() == {doc_id for ids in expected.values() for doc_id in ids}
    audited = any_cluster.run(any_cluster.command(tmp_path, options=copy, name="audit"))
    assert audited.returncode == 0, audited.stdout + audited.stderr
