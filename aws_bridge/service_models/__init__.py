"""AWS's own descriptions of the services that are called, newer than the botocore that runs inside Splunk.

botocore 1.42.97 is the last for Python 3.9, and knows neither Security Hub's export jobs nor the newer members of
findings. A description is data: those in `FOLDER` are botocore's of a later version (``botocore.lock``; Apache-2.0,
see ``data/NOTICE``), whole but without their prose, made by `renew`. The stand-in for AWS checks its replies by it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

#: Where the descriptions are: a folder as botocore's loader expects one. Lambda packages come without it.
FOLDER = Path(__file__).resolve().parent / "data"
#: botocore's names of the services that are described there.
SERVICES = (
    "accessanalyzer",
    "account",
    "config",
    "ec2",
    "eks",
    "elbv2",
    "events",
    "guardduty",
    "iam",
    "inspector2",
    "lambda",
    "macie2",
    "organizations",
    "rds",
    "s3",
    "securityhub",
    "shield",
    "sqs",
    "sts",
    "wafv2",
)


def use(session: Any) -> None:
    """Let a botocore session (boto3's: ``session._session``) read these descriptions before botocore's own."""
    paths = session.get_component("data_loader").search_paths
    if str(FOLDER) not in paths:
        paths.insert(0, str(FOLDER))
