"""AWS's published ranges and build dates of address files: what a file is taken for, and its way into the KV store."""

from __future__ import annotations

import csv
import gzip
import json
import time
from pathlib import Path
from typing import Any, Dict

import pytest

from collectors.enrichment.aws_ranges import read_ranges
from collectors.errors import CollectorError
from lab.splunkd import SplunkdStandIn, User
from tests import command_line

pytest.importorskip("boto3")
pytest.importorskip("maxminddb")
from lab.story.addresses import write_mmdb

#: As AWS writes it: a range once for each service.
FILE: Dict[str, Any] = {
    "syncToken": "1795136651",
    "createDate": "2026-11-20-01-04-11",
    "prefixes": [
        {"ip_prefix": "203.0.113.0/24", "region": "eu-west-1", "service": "AMAZON", "network_border_group": "x"},
        {"ip_prefix": "203.0.113.0/24", "region": "eu-west-1", "service": "S3", "network_border_group": "x"},
        {"ip_prefix": "198.51.100.0/25", "region": "us-east-1", "service": "AMAZON", "network_border_group": "x"},
        {"ip_prefix": "198.51.100.0/25", "region": "us-east-1", "service": "EC2", "network_border_group": "x"},
        {"ip_prefix": "192.0.2.0/24", "region": "GLOBAL", "service": "AMAZON", "network_border_group": "GLOBAL"},
    ],
    "ipv6_prefixes": [
        {"ipv6_prefix": "2001:DB8::/32", "region": "us-east-1", "service": "EC2", "network_border_group": "x"},
    ],
}
BUILT_S = 1_795_136_651


def test_a_range_has_one_row_with_all_its_services() -> None:
    found = read_ranges(json.dumps(FILE).encode())
    assert found.built_s == BUILT_S
    assert {row["cidr"]: (row["services"], row["customers"], row["region"]) for row in found.rows} == {
        "203.0.113.0/24": ("S3", "no", "eu-west-1"),
        "198.51.100.0/25": ("EC2", "yes", "us-east-1"),
        "192.0.2.0/24": ("AMAZON", "no", "GLOBAL"),
        "2001:db8::/32": ("EC2", "yes", "us-east-1"),
    }
    assert all(row["built"] == BUILT_S for row in found.rows)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"{}", b'{"createDate": "2026-11-20-01-04-11", "prefixes": []}', b'{"prefixes": ' + b"[" * 100_000,
        json.dumps({**FILE, "createDate": "yesterday"}).encode(),
        json.dumps({**FILE, "prefixes": [{"ip_prefix": "203.0.113.0/99", "region": "x", "service": "S3"}]}).encode(),
        json.dumps({**FILE, "prefixes": [], "ipv6_prefixes": []}).encode(),
        json.dumps(FILE).encode()[:-40],
    ],
)  # fmt: skip
def test_what_is_not_the_whole_file_is_refused(content: bytes) -> None:
    with pytest.raises(CollectorError, match=r"it is not AWS's ip-ranges\.json"):
        read_ranges(content)


def run(capsys: Any, *argv: str) -> tuple[int, str]:
    status, _, err = command_line.run(capsys, "enrichment", "import", *argv)
    return status, err


def kept(splunkd: SplunkdStandIn, collection: str, key: str) -> Dict[str, Dict[str, Any]]:
    return {each[key]: each for each in splunkd.state.collections.find(collection, {})}


def test_ranges_take_the_place_of_those_before_and_build_dates_are_noted(
    splunkd: SplunkdStandIn, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    now_s = BUILT_S + 2 * 86_400
    monkeypatch.setattr(time, "time", lambda: now_s)
    ranges, addresses = tmp_path / "ip-ranges.json", tmp_path / "country.mmdb"
    ranges.write_text(json.dumps(FILE))
    write_mmdb(addresses)
    status, said = run(capsys, str(ranges), str(addresses), "--splunk-url", splunkd.uri)
    assert status == 0, said
    assert "ip-ranges.json: 4 ranges of AWS, built 2026-11-20, 2 days ago" in said
    assert "country.mmdb: address file " in said
    assert len(kept(splunkd, "aws_ip_ranges", "cidr")) == 4
    state = kept(splunkd, "aws_enrichment", "name")
    assert set(state) == {"aws_ip_ranges", "country"}
    assert state["aws_ip_ranges"]["built"] == BUILT_S and state["aws_ip_ranges"]["entries"] == 4
    import maxminddb

    with maxminddb.open_database(addresses) as reader:
        assert state["country"]["built"] == reader.metadata().build_epoch
    # A week later a range is gone; what AWS made is noted, and not when it was imported.
    monkeypatch.setattr(time, "time", lambda: now_s + 7 * 86_400)
    ranges.write_bytes(gzip.compress(json.dumps({**FILE, "ipv6_prefixes": []}).encode()))
    assert run(capsys, str(ranges), "--splunk-url", splunkd.uri)[0] == 0
    assert set(kept(splunkd, "aws_ip_ranges", "cidr")) == {"203.0.113.0/24", "198.51.100.0/25", "192.0.2.0/24"}
    assert kept(splunkd, "aws_enrichment", "name")["aws_ip_ranges"]["built"] == BUILT_S


def test_from_s3(splunkd: SplunkdStandIn, aws_account: Any, monkeypatch: Any, capsys: Any) -> None:
    for name, value in aws_account.environment("us-east-1").items():
        monkeypatch.setenv(name, value)
    s3 = aws_account.client("s3")
    s3.create_bucket(Bucket="reference")
    s3.put_object(Bucket="reference", Key="ip-ranges.json", Body=json.dumps(FILE).encode())
    assert run(capsys, "s3://reference/ip-ranges.json", "--splunk-url", splunkd.uri)[0] == 0
    assert len(kept(splunkd, "aws_ip_ranges", "cidr")) == 4
    status, said = run(capsys, "s3://reference/none.json", "--splunk-url", splunkd.uri)
    assert status == 1 and "s3://reference/none.json" in said


def test_what_fails_changes_nothing_and_says_so(
    splunkd: SplunkdStandIn, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    to = ("--splunk-url", splunkd.uri)
    broken, other = tmp_path / "broken.json", tmp_path / "notes.txt"
    broken.write_text("{}")
    other.write_text("these are notes")
    assert "it is not AWS's ip-ranges.json" in run(capsys, str(broken), *to)[1]
    status, said = run(capsys, str(other), *to)
    assert status == 1 and "notes.txt: the address database is no MMDB file" in said
    assert run(capsys, str(tmp_path / "none"), *to)[0] == 1
    good = tmp_path / "ip-ranges.json"
    good.write_text(json.dumps(FILE))
    monkeypatch.setenv("AWS_SIEM_BRIDGE_SPLUNK_TOKEN", splunkd.state.users.session(User("jo", ("user",))))
    status, said = run(capsys, str(good), *to)
    assert status == 1 and "needs write access" in said
    assert not kept(splunkd, "aws_ip_ranges", "cidr") and not kept(splunkd, "aws_enrichment", "name")


@pytest.mark.parametrize("argv", ["a", "a --dry-run --csv b", "a --splunk-url host:8089"])
def test_wrong_usage(capsys: Any, argv: str, monkeypatch: Any) -> None:
    monkeypatch.delenv("AWS_SIEM_BRIDGE_SPLUNK_TOKEN", raising=False)
    assert run(capsys, *argv.split())[0] == 2


def test_a_lookup_file(tmp_path: Path, capsys: Any) -> None:
    ranges = tmp_path / "ip-ranges.json"
    ranges.write_text(json.dumps(FILE))
    assert run(capsys, str(ranges), "--csv", str(tmp_path / "t.csv"))[0] == 0
    with (tmp_path / "t.csv").open(newline="") as file:
        assert [row["cidr"] for row in csv.DictReader(file)][0] == "203.0.113.0/24"
