"""All of a real account's CloudTrail files: every event arrives, once, as AWS wrote it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict

import pytest

from tests.collectors.conftest import table

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "data" / "cloudtrail_invictus"


@pytest.fixture(scope="module")
def records() -> Dict[str, Any]:
    """Return every record of the files, by the id its document must have, read by nothing of this project."""
    if not FOLDER.is_dir():
        pytest.skip("the sample data of invictus-ir/aws_dataset is not beside this repository")
    found: Dict[str, Any] = {}
    for path in FOLDER.rglob("*.json"):
        for record in json.loads(path.read_bytes())["Records"]:
            doc_id = f"{record['eventID']}-{record['recipientAccountId']}"
            assert doc_id not in found
            found[doc_id] = record
    assert len(found) == 2_900
    return found


def test_every_event_of_every_file_is_there_once_with_its_content(cluster, records):
    first = cluster.load(FOLDER)
    assert first.returncode == 0, first.stderr
    assert "index template of CloudTrail written" in first.stderr
    assert "2,900 events" in first.stdout
    stored = cluster.sources()
    assert stored.keys() == records.keys()
    for doc_id, record in records.items():
        assert {name: stored[doc_id][name] for name in record} == record
        added = stored[doc_id].keys() - record.keys()
        assert added <= {"@timestamp", "event", "source", "user", "user_agent", "cloud", "aws"}

    second = cluster.load(FOLDER)
    assert second.returncode == 0, second.stderr
    assert "written" not in second.stderr
    assert table(second.stdout) == {"CloudTrail": [55, 2900, 0, 2900, 0]}
    assert cluster.count() == 2_900


def test_what_an_analyst_asks_first_is_found(cluster, records):
    assert cluster.load(FOLDER).returncode == 0

    def ids(condition):
        return sorted(doc_id for doc_id, record in records.items() if condition(record))

    denied = ids(lambda record: record.get("errorCode") == "AccessDenied")
    assert cluster.find("errorCode:AccessDenied") == denied != []
    logins = ids(lambda record: record["eventName"] == "ConsoleLogin")
    assert cluster.find("eventName:ConsoleLogin") == logins != []
    services = ids(lambda record: "." in record["sourceIPAddress"] and record["sourceIPAddress"].endswith(".com"))
    assert cluster.find("sourceIPAddress:*.amazonaws.com") == services != []
    addresses = ids(lambda record: record["sourceIPAddress"].startswith("192.168."))
    assert cluster.find('source.ip:"192.168.0.0/16"') == addresses != []
    roles = ids(lambda record: "stratus" in record["userIdentity"].get("arn", ""))
    assert cluster.find("userIdentity.arn:*stratus*") == roles != []
    assert cluster.find("event.outcome:failure") == ids(lambda record: record.get("errorCode"))
    assert cluster.find("errorMessage.text:(not authorized)") != []


def test_the_mapping_did_not_grow(cluster, records):
    assert cluster.load(FOLDER).returncode == 0
    loaded = cluster.transport.request("GET", ("aws-cloudtrail-2023.07.10", "_mapping")).json()
    (index,) = loaded.values()
    cluster.transport.request("PUT", ("aws-cloudtrail-2023.07.01",))
    created = cluster.transport.request("GET", ("aws-cloudtrail-2023.07.01", "_mapping")).json()
    (empty,) = created.values()
    assert index["mappings"] == empty["mappings"]
