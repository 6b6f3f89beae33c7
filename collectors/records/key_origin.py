"""Which account and region wrote an object, as its key says.

Counts, lag and silence are told apart by it, and it completes records whose format has neither.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_ACCOUNT = re.compile(r"(?:^|/)(?:AWSLogs/(?:o-[a-z0-9]+/)?|aws-account-id=)(\d{12})/", re.ASCII)
_NAME = r"([a-z]{2,4}(?:-[a-z]+)+-\d+|cloudfront)/"
_REGION = re.compile(
    rf"(?:^|/)(?:(?:CloudTrail(?:-[A-Za-z][A-Za-z0-9]*)?|vpcflowlogs|WAFLogs)/|aws-region=){_NAME}", re.ASCII
)
#: Below an account's folder: the service's, whatever AWS or the user of Firehose calls it, and the region's.
_BELOW_ACCOUNT = re.compile(rf"[^/]+/{_NAME}", re.ASCII)


class KeyOrigin(NamedTuple):
    """Empty where the key does not say: Resolver's keys have no region, Firehose's streams neither of both."""

    account: str
    region: str


def origin_of(key: str) -> KeyOrigin:
    """Return account and region of the object under ``key``."""
    account = _ACCOUNT.search(key)
    # What stands before the account is a prefix that users chose.
    region = _BELOW_ACCOUNT.match(key, account.end()) if account else None
    region = region or _REGION.search(key, account.end() - 1 if account else 0)
    return KeyOrigin(account.group(1) if account else "", region.group(1) if region else "")
