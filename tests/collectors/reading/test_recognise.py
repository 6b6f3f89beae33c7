"""Which log an object is by its key, also where people chose names that look like another log's."""

from __future__ import annotations

import pytest

from collectors.delivery.dead_letters import UNKNOWN, DeadLetter, DeadLetters
from collectors.delivery.letter_store import FolderLetters
from collectors.reading.recognise import kind_of, passed_over
from collectors.sources.registry import LOGS

WAF = "AWSLogs/111122223333/WAFLogs/eu-west-1/x/2026/11/21/04/50/"


@pytest.mark.parametrize(
    ("key", "dataset"),
    [
        # Whoever may create a web ACL chooses its name, and with it a part of the file's.
        (WAF + "111122223333_waflogs_eu-west-1_x_CloudTrail_y_20261121T0450Z_0a1b2c3d.log.gz", "waf"),
        (WAF + "111122223333_waflogs_eu-west-1_x_CloudTrail-Digest_y_20261121T0450Z_0a1b2c3d.log.gz", "waf"),
        ("111122223333_waflogs_eu-west-1_x_vpcflowlogs_y_20261121T0450Z_0a1b2c3d.log.gz", "waf"),
        ("2026/11/21/04/aws-waf-logs-a_CloudTrail_b-1-2026-11-21-04-50-00-0a1b2c3d", "waf"),
        # Whoever sets a log up chooses the prefix in front.
        ("CloudTrail/AWSLogs/111122223333/vpcflowlogs/eu-west-1/2026/11/21/x.log.gz", "vpc_flow"),
        ("WAFLogs/AWSLogs/111122223333/vpcdnsquerylogs/vpc-1/2026/11/21/x.log.gz", "route53_resolver"),
        ("CloudTrail-Digest/AWSLogs/o-a/111122223333/CloudTrail/eu-west-1/2026/11/21/x.json.gz", "cloudtrail"),
        ("vpcflowlogs/AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/11/21/x.json.gz", "digest"),
        # Without AWS's folders the file's name knows best.
        ("/home/me/CloudTrail/111122223333_vpcflowlogs_eu-west-1_fl-1_20261121T0450Z_0a1b.log.gz", "vpc_flow"),
        ("/home/me/CloudTrail/x.json.gz", "cloudtrail"),
        ("AWSLogs/111122223333/elasticloadbalancing/eu-west-1/x.log.gz", ""),
        # CloudTrail's folders are told by their shape: AWS adds to them.
        ("AWSLogs/111122223333/CloudTrail-NetworkActivity/eu-west-1/2026/11/21/x.json.gz", "cloudtrail"),
        ("AWSLogs/111122223333/CloudTrail-Aggregated/cn-north-1/2026/11/21/x.json.gz", "cloudtrail"),
        ("p/AWSLogs/o-a1b2c3d4e5/111122223333/CloudTrail-Tomorrow/us-gov-west-1/2026/11/21/x.json.gz", "cloudtrail"),
        ("/tmp/copy/111122223333_CloudTrail-Tomorrow_eu-west-1_20261121T0450Z_0a1b.json.gz", "cloudtrail"),
        ("AWSLogs/111122223333/CloudTrails/eu-west-1/2026/11/21/x.json.gz", ""),
        # Firehose below whatever its user chose.
        ("AWSLogs/111122223333/Config/2026/11/21/04/aws-waf-logs-a-1-2026-11-21-04-50-00-0a1b2c3d", "waf"),
        ("AWSLogs/111122223333/Config/x-1-2026-11-21-04-50-00-1e7e4f4e-8d7a-4b51-9f0c-6d0a6f2d1b11.gz", ""),
        ("AWSLogs/111122223333/GuardDuty/111122223333_vpcflowlogs_eu-west-1_fl-1_20261121T0450Z_0a.log.gz", "vpc_flow"),
        ("AWSLogs/111122223333/WAF/eu-west-1/2026/11/21/04/aws-waf-logs-a-1-2026-11-21-04-50-00-0a1b2c3d", "waf"),
        ("year=2026/month=11/day=21/aws-waf-logs-a-1-2026-11-21-04-50-00-0a1b2c3d.gz", "waf"),
        ("AWSLogs/111122223333/CloudTrail-Digest.old/x.log.gz", ""),
        ("AWSLogs/aws-account-id=111122223333/aws-service=vpcflowlogs/aws-region=x/year=2026/x.log.gz", "vpc_flow"),
    ],
)
def test_the_folder_of_the_service_decides(key, dataset):
    assert kind_of(key).dataset == dataset


@pytest.mark.parametrize("dataset", [*LOGS, UNKNOWN])
def test_files_of_the_dead_letter_store_are_told_by_their_names(tmp_path, dataset):
    store = FolderLetters(tmp_path)
    for number in (0, 1, 1001):
        letter = DeadLetter(dataset, "b", WAF + "x", "", number, 0, "a reason", "bad_record", b"", 1)
        DeadLetters(store).add([letter])
    names = list(store.names())
    assert len(names) == 3
    for prefix in ("", "load/", "AWSLogs/111122223333/WAFLogs/load/"):
        assert {kind_of(prefix + name).dataset for name in names} == {"dead_letters"}


@pytest.mark.parametrize(
    ("key", "called"),
    [
        ("AWSLogs/111122223333/ELBAccessLogTestFile", "test files"),
        ("p/AWSLogs/111122223333/ELBConnectionLogTestFile", "test files"),
        ("AWSLogs/111122223333/Config/ConfigWritabilityCheckFile", "Config"),
        ("AWSLogs/111122223333/Config/eu-west-1/2026/11/2/ConfigHistory/x.json.gz", "Config"),
        ("AWSLogs/o-a1b2c3d4e5/111122223333/Config/eu-west-1/2026/11/2/ConfigHistory/x.json.gz", "Config"),
        ("copy/111122223333_Config_eu-west-1_ConfigSnapshot_20261121T000000Z_a-b.json.gz", "Config"),
        ("AWSLogs/111122223333/elasticloadbalancing/eu-west-1/2026/11/21/x.log.gz", "elasticloadbalancing"),
        ("copy/111122223333_elasticloadbalancing_eu-west-1_app.x.1_20261121T0000Z_1.log.gz", "elasticloadbalancing"),
        ("copy/conn_log.111122223333_elasticloadbalancing_eu-west-1_app.x.1.log.gz", "elasticloadbalancing"),
        ("AWSLogs/111122223333/CloudTrail-Lake/Query/2026/11/21/a/result_1.csv.gz", "CloudTrail-Lake"),
        ("AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/11/21/x.json.gz", "CloudTrail-Digest"),
        ("access/2026-11-21-04-50-00-0123456789ABCDEF", "S3 access logs"),
        ("out/_SUCCESS", "other files"),
        ("AWSLogs/111122223333/CloudTrail/eu-west-1/._111122223333_CloudTrail_eu-west-1_x.json.gz", "other files"),
        ("AWSLogs/.DS_Store", "other files"),
        ("AWSLogs/111122223333/CloudTrail_$folder$", "folder placeholders"),
        # Names that people choose: the log is one all the same.
        ("Config/AWSLogs/111122223333/CloudTrail/eu-west-1/2026/11/21/x.json.gz", ""),
        ("elasticloadbalancing/2026/11/21/04/aws-waf-logs-a-1-2026-11-21-04-50-00-0a1b2c3d", ""),
        (WAF.replace("/x/", "/Config/") + "111122223333_waflogs_eu-west-1_Config_20261121T0450Z_0a1b2c3d.log.gz", ""),
        # Of what nothing is known, nothing is said.
        ("AWSLogs/111122223333/NewService/eu-west-1/2026/11/21/x.gz", ""),
        ("some/object", ""),
    ],
)
def test_what_is_known_to_be_none_of_the_logs(key, called):
    assert kind_of(key).passed_over == called
    assert passed_over(key) == called


def test_with_a_dataset_the_other_logs_are_passed_over_and_not_what_the_key_says_nothing_of():
    assert passed_over(WAF + "x.log.gz", "vpc_flow") == "AWS WAF, not asked for"
    assert passed_over(WAF + "x.log.gz", "waf") == ""
    assert passed_over("some/object.parquet", "waf") == ""
    assert passed_over("AWSLogs/111122223333/ELBAccessLogTestFile", "waf") == "test files"


@pytest.mark.parametrize("name", ["README.md", "labels.jsonl", "findings.jsonl", "x.crc"])
def test_a_name_that_people_give_is_overruled_by_the_content(name):
    flow = b"version srcaddr dstaddr start end\n2 10.0.0.1 10.0.0.2 1 2\n"
    assert kind_of(name, b"hello").passed_over == "other files"
    assert kind_of(name, flow)[:3] == ("vpc_flow", "text", "")


@pytest.mark.parametrize("folder", ["CloudTrail", "CloudTrail-Tomorrow", "vpcflowlogs", "vpcdnsquerylogs", "WAFLogs"])
def test_in_a_logs_folder_what_has_no_name_of_aws_is_told_by_its_content(folder):
    flow = b"version srcaddr dstaddr start end\n2 10.0.0.1 10.0.0.2 1 2\n"
    for name in ("notes.txt", "AccessCheck", "index.html"):
        key = f"AWSLogs/111122223333/{folder}/eu-west-1/{name}"
        assert kind_of(key).by_key
        assert kind_of(key, b"\n").by_key  # nothing, or not read yet
        assert kind_of(key, b"hello") == ("", "", "", False)
        assert kind_of(key, flow) == ("vpc_flow", "text", "", False)
    for name in ("x.json.gz", "x.log", "111122223333_vpcflowlogs_x", "aws-waf-logs-x-1"):
        assert kind_of(f"AWSLogs/111122223333/{folder}/eu-west-1/{name}", b"hello").by_key


@pytest.mark.parametrize(
    ("head", "dataset"),
    [
        (b'[ {"eventVersion":"1.11","eventID":"e"}]', "cloudtrail"),
        (b'\n{ "eventVersion":"1.11","eventID":"e"}\n{"eventVersion":', "cloudtrail"),
        (b'[{"eventversion":"1.11"}]', ""),
        (b"2 123456789010 eni-1 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1 2 ACCEPT OK\r\n2 ", "vpc_flow"),
        (b"2 123456789010 eni-1 - - - - - - - 1431280876 1431280934 - NODATA", "vpc_flow"),
        (b"2 of 3 are here", ""),
    ],
)
def test_what_tools_made_of_a_log_is_told_by_its_beginning(head, dataset):
    assert kind_of("copies/some file", head).dataset == dataset


@pytest.mark.parametrize("key", ["", "/", "a//b", "AWSLogs/", "AWSLogs//CloudTrail//", "\udcff\x1b", "AWSLogs/" * 500])
@pytest.mark.parametrize("head", [b"", b"\0" * 100, b"{" * 70_000, b"\xff\xfe{\0", b"PAR1"])
def test_odd_keys_and_contents_end_nothing(key, head):
    assert kind_of(key, head).dataset in {"", "cloudtrail", "vpc_flow"}
