"""Threat lists: what a line is taken for, and a list's way into the KV store and out of it."""

from __future__ import annotations

import csv
import gzip
import io
import time
from pathlib import Path
from typing import Any, Dict, List

import pytest

from collectors.errors import InvalidRecord
from collectors.threat_lists.entries import kind_and_value
from collectors.threat_lists.reading import Bad, Good, values
from lab.splunkd import SplunkdStandIn, User
from tests import command_line

pytest.importorskip("boto3")
COLLECTION = "aws_threat_list"
SHA256 = "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("203.0.113.9", "ip", "203.0.113.9"),
        ("203.0.113.9/32", "ip", "203.0.113.9"),
        ("203.0.113.9/24", "ip", "203.0.113.0/24"),
        ("203[.]0[.]113[.]9", "ip", "203.0.113.9"),
        ("2001:DB8:0::1", "ip", "2001:db8::1"),
        ("2001:db8::/32", "ip", "2001:db8::/32"),
        ("Evil.Example.", "domain", "evil.example"),
        ("*.evil.example", "domain", "evil.example"),
        ("evil[.]example", "domain", "evil.example"),
        ("Bücher.example", "domain", "xn--bcher-kva.example"),
        ("_dmarc.evil.example", "domain", "_dmarc.evil.example"),
        (SHA256.upper(), "hash", SHA256),
        ("44d88612fea8a8f36de82e1278abb02f", "hash", "44d88612fea8a8f36de82e1278abb02f"),
        ("3395856ce81f2b7382dee72602f798b642f14140", "hash", "3395856ce81f2b7382dee72602f798b642f14140"),
    ],
)
def test_a_value_is_recognised_and_brought_into_one_form(text: str, kind: str, value: str) -> None:
    assert kind_and_value(text) == (kind, value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("https://evil.example/x", "it is a URL"),
        ("10.0.0.1", "not public (private)"),
        ("192.168.0.0/16", "not public (private)"),
        ("127.0.0.1", "not public (loopback)"),
        ("0.0.0.0/0", "larger than /8"),
        ("2000::/3", "larger than /19"),
        ("203.0.113.300", "no address and no network"),
        ("1.2.3", "no address and no network"),
        ("evil", "it is no address, network, domain or hash"),
        ("evil example", "it is no address, network, domain or hash"),
        ("-evil.example", "it is no address, network, domain or hash"),
        ("a" * 64 + ".example", "it is no address, network, domain or hash"),
        ("275a021bbfb6489e54d4", "it is no address, network, domain or hash"),
        ("x|y.example", "it is no address, network, domain or hash"),
    ],
)
def test_what_is_none_says_why(text: str, says: str) -> None:
    with pytest.raises(InvalidRecord) as error:
        kind_and_value(text)
    assert says in str(error.value)


def test_another_kind_than_the_lists_is_bad() -> None:
    with pytest.raises(InvalidRecord, match="it is of the kind domain, and the list is one of ip"):
        kind_and_value("evil.example", "ip")


def test_lines_comments_and_columns() -> None:
    text = "\ufeff# a list\n203.0.113.9\n\n203.0.113.0/24 ; SBL1\r\nevil.example # c2\n; none\nno such\n" + "x" * 30_000
    found = list(values(io.BytesIO(text.encode())))
    assert found[:3] == [Good("ip", "203.0.113.9"), Good("ip", "203.0.113.0/24"), Good("domain", "evil.example")]
    assert [(each.line, each.reason) for each in found[3:] if isinstance(each, Bad)] == [
        (7, "it is no address, network, domain or hash (MD5, SHA-1, SHA-256)"),
        (8, "the line is too long for a value"),
    ]
    table = b'# made today\nid,"ioc",note\n1,evil.example,"a, b"\n2,\n3,10.0.0.1,x\n'
    good, bad = values(io.BytesIO(table), column="ioc")
    assert good == Good("domain", "evil.example")
    assert isinstance(bad, Bad) and (bad.line, bad.text) == (5, "10.0.0.1")


def run(capsys: Any, *argv: str) -> tuple[int, str]:
    status, _, err = command_line.run(capsys, "threats", "import", *argv)
    return status, err


def kept(splunkd: SplunkdStandIn) -> Dict[str, Dict[str, Any]]:
    return {each["value"]: each for each in splunkd.state.collections.find(COLLECTION, {})}


def test_a_list_is_stored_renewed_replaced_and_expires(
    splunkd: SplunkdStandIn, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    to = ("--splunk-url", splunkd.uri, "--insecure")
    listed = tmp_path / "drop.txt"
    listed.write_text("203.0.113.9\n203.0.113.9\nevil.example\n10.0.0.1\nnonsense\n")
    now_s = int(time.time())
    status, said = run(capsys, str(listed), "--expires", "7d", *to)
    assert status == 0
    assert "drop.txt, line 4: '10.0.0.1': it is in a range that is not public (private)" in said
    assert "drop.txt, line 5: 'nonsense': it is no address, network" in said
    assert "drop.txt: 2 values of 'drop.txt' (1 domain, 1 ip), 2 bad lines" in said
    first = kept(splunkd)
    assert set(first) == {"203.0.113.9", "evil.example"}
    assert first["203.0.113.9"]["kind"] == "ip" and first["203.0.113.9"]["source"] == "drop.txt"
    assert abs(first["evil.example"]["expires"] - now_s - 7 * 86_400) < 60
    # The next day: one is gone from the list, one is new, one is renewed in its place.
    later = now_s + 86_400
    monkeypatch.setattr(time, "time", lambda: later)
    listed.write_text("evil.example\n203.0.113.10\n")
    assert run(capsys, str(listed), "--expires", "7d", *to)[0] == 0
    assert set(kept(splunkd)) == {"203.0.113.9", "evil.example", "203.0.113.10"}
    assert kept(splunkd)["evil.example"]["expires"] == later + 7 * 86_400
    assert run(capsys, str(listed), "--expires", "7d", "--replace", *to)[0] == 0
    assert set(kept(splunkd)) == {"evil.example", "203.0.113.10"}
    # Another source of the same value is another entry; what has expired goes with any import.
    monkeypatch.setattr(time, "time", lambda: later + 8 * 86_400)
    other = tmp_path / "other.txt"
    other.write_text("evil.example\n")
    assert run(capsys, str(other), *to)[0] == 0
    assert [(each["value"], each["source"]) for each in splunkd.state.collections.find(COLLECTION, {})] == [
        ("evil.example", "other.txt")
    ]


def test_2_500_values_go_in_batches_and_many_bad_lines_are_counted(
    splunkd: SplunkdStandIn, tmp_path: Path, capsys: Any
) -> None:
    listed = tmp_path / "many.txt.gz"
    lines = [f"h{number}.evil.example" for number in range(2500)] + ["nonsense"] * 13
    listed.write_bytes(gzip.compress("\n".join(lines).encode()))
    status, said = run(capsys, str(listed), "--source", "feed", "--splunk-url", splunkd.uri)
    assert status == 0
    assert len(kept(splunkd)) == 2500 and "3 more bad lines" in said and "13 bad lines" in said


def test_from_s3(splunkd: SplunkdStandIn, aws_account: Any, monkeypatch: Any, capsys: Any) -> None:
    for name, value in aws_account.environment("us-east-1").items():
        monkeypatch.setenv(name, value)
    s3 = aws_account.client("s3")
    s3.create_bucket(Bucket="intel-lists")
    s3.put_object(Bucket="intel-lists", Key="c2.csv", Body=b"ioc,seen\nevil.example,today\n")
    to = ("--column", "ioc", "--splunk-url", splunkd.uri)
    assert run(capsys, "s3://intel-lists/c2.csv", *to)[0] == 0
    assert kept(splunkd)["evil.example"]["source"] == "c2.csv"
    status, said = run(capsys, "s3://intel-lists/none.csv", *to)
    assert status == 1 and "s3://intel-lists/none.csv" in said


def test_what_fails_changes_nothing_and_says_so(
    splunkd: SplunkdStandIn, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    to = ("--splunk-url", splunkd.uri)
    empty = tmp_path / "empty.txt"
    empty.write_text("# nothing\nnonsense\n")
    status, said = run(capsys, str(empty), "--replace", *to)
    assert status == 1 and "no line holds a value, nothing is changed" in said
    status, said = run(capsys, str(tmp_path / "none.txt"), *to)
    assert status == 1 and "none.txt cannot be read" in said
    table = tmp_path / "a.csv"
    table.write_text("a,b\n1,2\n")
    status, said = run(capsys, str(table), "--column", "ioc", *to)
    assert status == 1 and "the file has no column 'ioc': a, b" in said
    good = tmp_path / "good.txt"
    good.write_text("evil.example\n")
    monkeypatch.setenv("AWS_SIEM_BRIDGE_SPLUNK_TOKEN", splunkd.state.users.session(User("jo", ("user",))))
    status, said = run(capsys, str(good), *to)
    assert status == 1 and "needs write access" in said and "/batch_save: 403" in said
    assert kept(splunkd) == {}


@pytest.mark.parametrize(
    "argv",
    ["a", "a --dry-run --csv b", "a b --source c --dry-run", "a --expires 7 --dry-run", "a --splunk-url host:8089"],
)
def test_wrong_usage(capsys: Any, argv: str, monkeypatch: Any) -> None:
    monkeypatch.delenv("AWS_SIEM_BRIDGE_SPLUNK_TOKEN", raising=False)
    assert run(capsys, *argv.split())[0] == 2


def test_a_lookup_file(tmp_path: Path, capsys: Any) -> None:
    listed = tmp_path / "a.txt"
    listed.write_text("evil.example\n203.0.113.9\n")
    assert run(capsys, str(listed), "--csv", str(tmp_path / "t.csv"))[0] == 0
    rows: List[Dict[str, str]] = list(csv.DictReader((tmp_path / "t.csv").open(newline="")))
    assert [(row["value"], row["kind"], row["source"]) for row in rows] == [
        ("evil.example", "domain", "a.txt"),
        ("203.0.113.9", "ip", "a.txt"),
    ]
    assert all(int(row["expires"]) - int(row["added"]) == 30 * 86_400 for row in rows)
