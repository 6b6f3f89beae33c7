"""Records as AWS documents them, and 2,900 of a real account: what becomes of each, and that every field survives.

``tests/data/cloudtrail`` holds files in AWS's layout, written after
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html and the services' own pages;
``tests/golden/cloudtrail`` the documents, changed by ``pytest --update-golden`` alone.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

import pytest

from aws_bridge.object_ref import ObjectRef
from collectors.errors import DigestFile
from collectors.records.addresses import AddressBook
from collectors.records.json_codec import PLAIN, fastest
from collectors.records.record import Context, Record
from collectors.sinks.opensearch.index_names import index_of
from collectors.sources.cloudtrail.source import records

SAMPLES = Path(__file__).resolve().parents[3] / "data" / "cloudtrail"
NAMES = sorted(path.stem for path in SAMPLES.glob("*.json") if path.stem != "digest")
INVICTUS = Path(__file__).resolve().parents[5] / "shared" / "data" / "cloudtrail_invictus"
REF = ObjectRef("trail-logs", "AWSLogs/111122223333/CloudTrail/us-east-1/2026/11/21/sample.json.gz")
COUNTRIES = {"203.0.113.66": "KR", "2001:db8::66": "NL"}


def look_up(address: Any) -> Dict[str, Any]:
    """Stand for an MMDB file."""
    country = COUNTRIES.get(str(address))
    return {"geo": {"country_iso_code": country}} if country else {}


def made(path: Path) -> List[Record]:
    """Return the documents of a file, the same with either codec."""
    plain, fast = (
        list(records([path.read_bytes()], Context(REF, codec, AddressBook(look_up)))) for codec in (PLAIN, fastest())
    )
    assert plain == fast
    return plain


def written(path: Path) -> List[str]:
    """Return each record of a file as it is written there."""
    text = path.read_text(encoding="utf-8")
    position, found = text.index("[") + 1, []
    while text[position] != "]":
        _, end = json.JSONDecoder().raw_decode(text, position)
        found.append(text[position:end])
        position = end + (text[end] == ",")
    return found


@pytest.mark.parametrize("name", NAMES)
def test_documents_of_each_kind_of_event(name, golden):
    path = SAMPLES / f"{name}.json"
    found = made(path)
    golden(
        f"cloudtrail/{name}.json",
        [{"_index": index_of(each), "_id": each.identity, "_source": json.loads(each.text)} for each in found],
    )
    for document, text in zip(found, written(path)):
        assert document.text.endswith(text[1:].encode())  # numbers and all, as AWS wrote it
    assert len(found) == len(written(path))


def test_there_is_a_sample_of_every_kind():
    categories, types, identities = set(), set(), set()
    for name in NAMES:
        for record in json.loads((SAMPLES / f"{name}.json").read_bytes())["Records"]:
            categories.add(record.get("eventCategory"))
            types.add(record.get("eventType"))
            identities.add(record.get("userIdentity", {}).get("type"))
    assert categories == {"Management", "Data", "Insight", "NetworkActivity", None}
    assert types == {
        "AwsApiCall",
        "AwsServiceEvent",
        "AwsConsoleSignIn",
        "AwsCloudTrailInsight",
        "AwsVpceEvent",
        None,
    }
    assert identities >= {"Root", "IAMUser", "AssumedRole", "SAMLUser", "WebIdentityUser", "AWSAccount", None}


def test_a_digest_has_no_documents():
    with pytest.raises(DigestFile):
        made(SAMPLES / "digest.json")


def test_every_field_of_a_real_account_survives_with_its_exact_text():
    if not INVICTUS.is_dir():
        pytest.skip("the sample data of invictus-ir/aws_dataset is not beside this repository")
    count = 0
    for path in sorted(INVICTUS.rglob("*.json")):
        found, texts = made(path), written(path)
        assert len(found) == len(texts)
        for document, text in zip(found, texts):
            record = json.loads(text)
            assert document.text.endswith(text[1:].encode())
            assert document.identity == f"{record['eventID']}-{record['recipientAccountId']}"
            assert json.loads(document.text).items() >= record.items()
        count += len(found)
    assert count == 2_900
