"""The story's four logs together: AWS's layouts and formats, one attack through all of them, every record loadable."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import subprocess
import sys
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

import pytest

from aws_bridge.object_ref import ObjectRef
from collectors.reading.recognise import kind_of
from collectors.reading.unpack import unpacked
from collectors.records.record import Context, Record
from collectors.sources.registry import source_of
from lab.story import cast
from lab.story.addresses import NETWORKS, country_of
from lab.story.files import LOGS, Written, write_story
from lab.story.vpc_flow import COLUMNS

END_MS = 1_795_236_780_000  # 2026-11-21T04:53:00Z
DAY_MS = 86_400_000
ENDING = r"2026112[01]T\d{2}\d{2}Z_[0-9a-f]{8}\.log\.gz"
DAY = r"2026/11/2[01]"
KEYS = {
    "vpc_flow": rf"AWSLogs/(\d+)/vpcflowlogs/([a-z0-9-]+)/{DAY}/\1_vpcflowlogs_\2_fl-[0-9a-f]{{17}}_{ENDING}",
    "route53_resolver": rf"AWSLogs/(\d+)/vpcdnsquerylogs/(vpc-[0-9a-f]+)/{DAY}/\2_vpcdnsquerylogs_\1_{ENDING}",
    "waf": rf"AWSLogs/(\d+)/WAFLogs/([a-z0-9-]+)/(shop-acl)/{DAY}/\d\d/\d\d/\1_waflogs_\2_\3_{ENDING}",
}


class Story(NamedTuple):
    folder: Path
    written: Dict[str, Written]


def files(folder: Path, log: str) -> List[Path]:
    keys = {path: path.relative_to(folder).as_posix() for path in folder.glob("AWSLogs/**/*") if path.is_file()}
    return sorted(path for path, key in keys.items() if kind_of(key).dataset == log)


def lines(path: Path) -> List[str]:
    text = gzip.decompress(path.read_bytes()).decode()
    assert text.endswith("\n")
    return text.splitlines()


def flows(folder: Path) -> List[Dict[str, str]]:
    found = []
    for path in files(folder, "vpc_flow"):
        header, *rest = lines(path)
        assert header == " ".join(COLUMNS)
        for line in rest:
            values = line.split(" ")
            assert len(values) == len(COLUMNS) == 29
            found.append(dict(zip(COLUMNS, values)))
    return found


def json_lines(folder: Path, log: str) -> List[Dict[str, Any]]:
    return [json.loads(line) for path in files(folder, log) for line in lines(path)]


def labelled(folder: Path, log: str) -> Dict[str, List[Any]]:
    """Return the attack's records of a log by step, found by key and number."""
    by_step: Dict[str, List[Any]] = {}
    for text in (folder / "labels.jsonl").read_text("utf-8").splitlines():
        label = json.loads(text)
        if label["log"] != log:
            continue
        found = lines(folder / label["key"])
        if log == "vpc_flow":
            record = dict(zip(COLUMNS, found[label["record"]].split(" ")))  # behind the header
        else:
            record = json.loads(found[label["record"] - 1])
        by_step.setdefault(label["step"], []).append(record)
    return by_step


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("story")
    return Story(folder, write_story(folder, 4_000, 7, END_MS - DAY_MS, END_MS))


def test_other_logs_are_written_in_proportion_or_as_asked(story, tmp_path):
    numbers = {log: done.records for log, done in story.written.items()}
    assert numbers == {"cloudtrail": 4_000, "vpc_flow": 4_000, "route53_resolver": 2_000, "waf": 1_000}
    counts = {"vpc_flow": 77, "waf": 0}
    asked = write_story(tmp_path, 10, 7, END_MS - DAY_MS, END_MS, logs=["waf", "vpc_flow"], counts=counts)
    assert {log: done.records for log, done in asked.items()} == counts
    assert len(flows(tmp_path)) == 77
    assert files(tmp_path, "cloudtrail") == files(tmp_path, "waf") == []


@pytest.mark.parametrize(
    "wrong", [{"logs": ["guardduty"]}, {"logs": []}, {"counts": {"waf": -1}}, {"counts": {"x": 1}}]
)
def test_unknown_logs_and_negative_numbers_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match="must be"):
        write_story(tmp_path, 10, 7, END_MS - DAY_MS, END_MS, **wrong)


@pytest.mark.parametrize("log", KEYS)
def test_keys_are_aws_own_and_say_which_log_it_is(story, log):
    found = files(story.folder, log)
    assert len(found) == story.written[log].files > 200
    for path in found:
        assert re.fullmatch(KEYS[log], path.relative_to(story.folder).as_posix()), path


def test_there_are_as_many_records_as_said_in_the_order_of_time(story):
    found = flows(story.folder)
    assert len(found) == story.written["vpc_flow"].records
    for path in files(story.folder, "vpc_flow"):
        ends = [int(line.split(" ")[11]) for line in lines(path)[1:]]
        assert ends == sorted(ends)
        assert all((END_MS - DAY_MS) // 1000 <= end < END_MS // 1000 for end in ends)
    for log, field in (("route53_resolver", "query_timestamp"), ("waf", "timestamp")):
        records = json_lines(story.folder, log)
        assert len(records) == story.written[log].records
        assert len({record[field] for record in records}) > len(records) / 3


def test_flows_have_the_variety_of_real_ones(story):
    found = flows(story.folder)
    assert {flow["log-status"] for flow in found} == {"OK", "NODATA", "SKIPDATA"}
    assert {flow["action"] for flow in found} == {"ACCEPT", "REJECT", "-"}
    assert {flow["type"] for flow in found} == {"IPv4", "IPv6", "-"}
    assert {flow["flow-direction"] for flow in found} == {"ingress", "egress", "-"}
    assert {flow["protocol"] for flow in found} == {"1", "6", "17", "-"}
    assert {"S3", "DYNAMODB", "AMAZON"} <= {flow["pkt-dst-aws-service"] for flow in found}
    for flow in found:
        if flow["log-status"] != "OK":
            assert {flow[name] for name in ("srcaddr", "dstport", "bytes", "action", "tcp-flags")} == {"-"}
        else:
            mine = flow["srcaddr"] if flow["flow-direction"] == "egress" else flow["dstaddr"]
            assert mine.startswith("10.20.")
            assert flow["instance-id"].startswith("i-") == (mine in {i.private_ip for i in cast.INSTANCES})
    through_nat = [flow for flow in found if flow["dstaddr"] != flow["pkt-dstaddr"]]
    assert {flow["interface-id"] for flow in through_nat} == {cast.NAT_GATEWAY.eni}


def test_queries_and_requests_have_the_variety_of_real_ones(story):
    queries = json_lines(story.folder, "route53_resolver")
    assert {query["query_type"] for query in queries} == {"A", "AAAA", "PTR", "MX", "TXT"}
    assert {query["rcode"] for query in queries} == {"NOERROR", "NXDOMAIN", "SERVFAIL"}
    assert {len(query["answers"]) for query in queries} == {0, 1, 3}
    assert all(isinstance(query["srcport"], str) for query in queries)
    assert any("firewall_rule_action" in query for query in queries)
    requests = json_lines(story.folder, "waf")
    assert {request["action"] for request in requests} == {"ALLOW", "BLOCK", "CAPTCHA"}
    assert any(request["nonTerminatingMatchingRules"] for request in requests)
    assert any(not request["httpRequest"]["uri"].isascii() for request in requests)
    for request in requests:
        assert request["httpRequest"]["country"] == country_of(request["httpRequest"]["clientIp"])


def test_names_that_were_looked_up_are_the_addresses_that_traffic_goes_to(story):
    answers = {
        query["answers"][0]["Rdata"]
        for query in json_lines(story.folder, "route53_resolver")
        if query["query_type"] == "A" and len(query["answers"]) == 1
    }
    met = {flow["pkt-dstaddr"] for flow in flows(story.folder)}
    assert {host.address for host in cast.OUTSIDE_HOSTS} <= answers & met
    assert cast.CALLBACK_IP in answers & met


def test_the_attack_goes_from_the_request_to_the_shell_in_that_order(story):
    waf, dns, flow = (labelled(story.folder, log) for log in ("waf", "route53_resolver", "vpc_flow"))
    assert {step: len(records) for step, records in waf.items()} == {"probe": 12, "exploit": 1}
    assert {step: len(records) for step, records in dns.items()} == {"callback-lookup": 2}
    assert {step: len(records) for step, records in flow.items()} == {
        "probe": 12,
        "exploit": 1,
        "callback-ldap": 2,
        "reverse-shell": 80,
    }
    assert {request["action"] for request in waf["probe"]} == {"BLOCK"}
    assert all("${jndi:ldap://" in json.dumps(request["httpRequest"]["headers"]) for request in waf["probe"])
    (exploit,) = waf["exploit"]
    assert exploit["action"] == "ALLOW"
    assert "jndi" not in json.dumps(exploit)  # disguised
    assert "ldap" not in json.dumps(exploit)
    assert cast.CALLBACK_HOST in exploit["httpRequest"]["args"]
    question = dns["callback-lookup"][0]
    assert question["query_name"] == cast.CALLBACK_HOST + "."
    assert question["srcids"]["instance"] == cast.WEB_1.id
    assert question["answers"][0]["Rdata"] == cast.CALLBACK_IP
    for step, port in (("callback-ldap", "1389"), ("reverse-shell", "4444")):
        assert {f["instance-id"] for f in flow[step]} == {cast.WEB_1.id}
        outgoing = [f for f in flow[step] if f["flow-direction"] == "egress"]
        assert {(f["srcaddr"], f["dstaddr"], f["dstport"]) for f in outgoing} == {
            (cast.WEB_1.private_ip, cast.CALLBACK_IP, port)
        }
        assert len(outgoing) == len(flow[step]) / 2
    looked_up = question["query_timestamp"]
    assert looked_up == "2026-11-21T01:43:06Z"
    times = [
        exploit["timestamp"] // 1000,
        1_795_225_386,  # looked_up
        int(flow["callback-ldap"][0]["end"]),
        int(flow["reverse-shell"][0]["end"]),
        int(flow["reverse-shell"][-1]["end"]),
    ]
    assert times == sorted(times)
    assert {int(f["end"]) for f in flow["probe"]} == {r["timestamp"] // 1000 for r in waf["probe"]}


def test_only_the_attacker_uses_the_attackers_addresses(story):
    own = Counter(f["srcaddr"] for records in labelled(story.folder, "vpc_flow").values() for f in records)
    everywhere = Counter(flow["srcaddr"] for flow in flows(story.folder))
    for address in (cast.ATTACKER_SCANNER_IP, cast.CALLBACK_IP):
        assert everywhere[address] == own[address] > 0


@pytest.mark.parametrize("log", LOGS)
def test_every_record_becomes_a_document(story, log):
    records = source_of(log).records
    made = 0
    for path in files(story.folder, log):
        ref = ObjectRef("logs", path.relative_to(story.folder).as_posix())
        with path.open("rb") as stream:
            for record in records(unpacked(stream), Context(ref)):
                assert isinstance(record, Record), record
                assert b'"unmapped"' not in record.text
                made += 1
    assert made == story.written[log].records


def test_the_same_arguments_give_the_same_bytes(tmp_path):
    def digest(name: str, seed: int) -> Dict[str, str]:
        write_story(tmp_path / name, 300, seed, END_MS - DAY_MS, END_MS)
        found = [path for path in (tmp_path / name).rglob("*") if path.is_file()]
        return {str(p.relative_to(tmp_path / name)): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}

    first = digest("a", 3)
    assert digest("b", 3) == first
    other = digest("c", 4)
    assert {value for key, value in other.items() if key.startswith("AWSLogs")}.isdisjoint(first.values())


@pytest.mark.slow("memory of many records")
def test_memory_does_not_grow_with_the_number_of_records(tmp_path):
    tracemalloc.start()
    try:
        counts = {"vpc_flow": 30_000, "route53_resolver": 10_000, "waf": 8_000}
        written = write_story(tmp_path, 0, 1, END_MS - 8 * DAY_MS, END_MS, logs=counts, counts=counts)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000 < sum(done.raw_bytes for done in written.values()) / 3


@pytest.mark.parametrize("span_ms", [1_000, 5_000, 600_000])
def test_the_attack_fits_into_any_window(tmp_path, span_ms):
    write_story(tmp_path, 500, 1, END_MS - span_ms, END_MS)
    for flow in flows(tmp_path):
        assert END_MS - span_ms <= int(flow["end"]) * 1000 < END_MS
    for request in json_lines(tmp_path, "waf"):
        assert END_MS - span_ms <= request["timestamp"] < END_MS


@pytest.mark.skipif(sys.version_info < (3, 11), reason="mmdb_writer needs Python 3.11")
def test_the_address_file_knows_every_public_address_of_the_story(story):
    import maxminddb

    with maxminddb.open_database(str(story.folder / "addresses.mmdb")) as database:
        assert database.get(cast.ATTACKER_CLOUD_IP) == {
            "country": {"iso_code": "DE"},
            "autonomous_system_number": 64511,
            "autonomous_system_organization": "Example Virtual Servers",
        }
        addresses = {flow[name] for flow in flows(story.folder) for name in ("srcaddr", "dstaddr")}
        for address in addresses:
            if address == "-" or address.startswith(("10.", "169.254.")):
                continue
            assert database.get(address)["country"]["iso_code"] == country_of(address)
        assert database.get("10.20.11.15") is None
    assert len({network.country for network in NETWORKS}) >= 5


def test_the_command_writes_the_logs_asked_for(tmp_path):
    command = [sys.executable, "-m", "aws_siem_bridge", "lab", "story", "write", str(tmp_path / "s")]
    options = ["--events", "40", "--flows", "70", "--requests", "0", "--logs", "vpc_flow,waf,cloudtrail"]
    done = subprocess.run(
        [*command, *options, "--end", "2026-11-21T04:53:00Z"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "40 CloudTrail events from" in done.stdout
    assert "70 VPC flow records from" in done.stdout
    assert "DNS" not in done.stdout
    assert len(flows(tmp_path / "s")) == 70
    assert files(tmp_path / "s", "route53_resolver") == []
    wrong = subprocess.run([*command, "--logs", "guardduty"], capture_output=True, text=True, timeout=60)
    assert wrong.returncode == 2
    assert "logs must be among cloudtrail, vpc_flow, route53_resolver, waf" in wrong.stderr
