"""Which account and region wrote an object, as its key says: what counts, lag and silence are told apart by."""

from __future__ import annotations

import re
from typing import NamedTuple

_ACCOUNT = re.compile(r"(?:^|/)AWSLogs/(?:o-[a-z0-9]+/)?(?:aws-account-id=)?(\d{12})/")
_REGION = re.compile(
    r"/(?:CloudTrail(?:-Insight)?|vpcflowlogs|WAFLogs|aws-service=vpcflowlogs)/(?:aws-region=)?"
    r"([a-z]{2,3}(?:-[a-z]+){1,3}-\d{1,2}|cloudfront)/"
)


class KeyOrigin(NamedTuple):
    """Empty where the key does not say: Resolver's keys have no region, Firehose's streams neither of both."""

    account: str
    region: str


def origin_of(key: str) -> KeyOrigin:
    """Return account and region of the object under ``key``."""
    account, region = _ACCOUNT.search(key), _REGION.search(key)
    return KeyOrigin(account.group(1) if account else "", region.group(1) if region else "")
