"""``script/build-response``: ``dist/lambda/response``, of which ``deploy/response/template.yaml`` is deployed."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import List, Optional

from aws_bridge.functions.packing import Package, build_from_command_line

#: Services of AWS that the functions call, as the SDK names them.
SERVICES = frozenset(
    (
        "autoscaling",
        "cloudfront",
        "dynamodb",
        "ec2",
        "elb",
        "elbv2",
        "guardduty",
        "iam",
        "identitystore",
        "kms",
        "lambda",
        "organizations",
        "s3",
        "secretsmanager",
        "securityhub",
        "sns",
        "ssm",
        "sso-admin",
        "stepfunctions",
        "sts",
        "wafv2",
    )
)
RESPONSE = Package(
    "response",
    Path(__file__).resolve().parent / "requirements.lock",
    own=("es_bridge", "aws_bridge", "splunk_bridge", "response"),
    data=("response/plans/linux.json",),
    services=SERVICES,
)


def main(argv: Optional[List[str]] = None) -> int:
    """Build it; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="script/build-response",
        description="Build the code of the response's Lambda functions into dist/lambda/response.",
        epilog="example: script/build-response && sam deploy --guided --template deploy/response/template.yaml",
    )
    return build_from_command_line(parser, lambda given: [RESPONSE], argv)


if __name__ == "__main__":
    sys.exit(main())
