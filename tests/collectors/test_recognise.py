"""Which log an object is by its key, also where people chose names that look like another log's."""

from __future__ import annotations

import pytest

from collectors.delivery.dead_letters import UNKNOWN, DeadLetter, DeadLetters
from collectors.delivery.letter_store import FolderLetters
from collectors.reading import SOURCES
from collectors.recognise import kind_of

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
    ],
)
def test_the_folder_of_the_service_decides(key, dataset):
    assert kind_of(key).dataset == dataset


@pytest.mark.parametrize("dataset", [*SOURCES, UNKNOWN])
def test_files_of_the_dead_letter_store_are_told_by_their_names(tmp_path, dataset):
    store = FolderLetters(tmp_path)
    for number in (0, 1, 1001):
        letter = DeadLetter(dataset, "b", WAF + "x", "", number, 0, "a reason", "bad_record", b"", 1)
        DeadLetters(store).add([letter])
    names = list(store.names())
    assert len(names) == 3
    for prefix in ("", "load/", "AWSLogs/111122223333/WAFLogs/load/"):
        assert {kind_of(prefix + name).dataset for name in names} == {"dead_letters"}
