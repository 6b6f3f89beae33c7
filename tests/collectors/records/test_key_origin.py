"""Account and region out of AWS's keys."""

from __future__ import annotations

import pytest

from collectors.records.key_origin import origin_of


@pytest.mark.parametrize(
    ("key", "account", "region"),
    [
        ("AWSLogs/111122223333/CloudTrail/eu-west-1/2026/11/21/x.json.gz", "111122223333", "eu-west-1"),
        ("p/AWSLogs/o-a1b2c3d4e5/111122223333/CloudTrail/us-gov-west-1/2026/x", "111122223333", "us-gov-west-1"),
        ("AWSLogs/111122223333/CloudTrail-Insight/ap-northeast-2/2026/x", "111122223333", "ap-northeast-2"),
        ("AWSLogs/111122223333/vpcflowlogs/eu-west-1/2026/11/21/x.log.gz", "111122223333", "eu-west-1"),
        (
            "AWSLogs/aws-account-id=111122223333/aws-service=vpcflowlogs/aws-region=us-east-1/year=2026/x",
            "111122223333",
            "us-east-1",
        ),
        ("AWSLogs/111122223333/vpcdnsquerylogs/vpc-0a1b/2026/11/21/x.log.gz", "111122223333", ""),
        ("AWSLogs/111122223333/WAFLogs/cloudfront/acl/2026/11/21/x.log.gz", "111122223333", "cloudfront"),
        ("AWSLogs/111122223333/WAF/eu-west-1/2026/11/28/10/aws-waf-logs-x-1-2026", "111122223333", "eu-west-1"),
        ("AWSLogs/111122223333/CloudTrail-NetworkActivity/cn-north-1/2026/x", "111122223333", "cn-north-1"),
        (
            "p/AWSLogs/o-a1b2c3d4e5/111122223333/CloudTrail-Later/eusc-de-east-1/2026/x",
            "111122223333",
            "eusc-de-east-1",
        ),
        ("2026/11/21/04/aws-waf-logs-web-1-2026-11-21-04-55-00-0a1b2c3d", "", ""),
        ("AWSLogs/1111/CloudTrail/nowhere/x", "", ""),
        ("AWSLogs/١١١١٢٢٢٢٣٣٣٣/CloudTrail/eu-west-1/x", "", "eu-west-1"),
        (
            "aws-account-id=111122223333/aws-service=vpcflowlogs/aws-region=us-iso-east-1/x",
            "111122223333",
            "us-iso-east-1",
        ),
        ("vpcflowlogs/eu-west-1/2026/x", "", "eu-west-1"),
        ("CloudTrail/us-east-1/AWSLogs/111122223333/vpcflowlogs/eu-west-1/2026/x", "111122223333", "eu-west-1"),
    ],
)
def test_the_key_says_who_wrote(key, account, region):
    assert origin_of(key) == (account, region)
