"""Which objects of a bucket hold the logs of a period, without listing the rest of the bucket.

AWS's keys carry the date of the delivery, most of them as folders::

    [prefix/]AWSLogs/[o-org/]<account>/CloudTrail/<region>/YYYY/MM/DD/<...>_YYYYMMDDTHHmmZ_<...>.json.gz
    [prefix/]AWSLogs/<account>/vpcflowlogs/<region>/YYYY/MM/DD/[HH/]<...>_YYYYMMDDTHHmmZ_<...>.log.gz
    [prefix/]AWSLogs/aws-account-id=<a>/aws-service=vpcflowlogs/aws-region=<r>/year=YYYY/month=MM/day=DD/[hour=HH/]<...>
    [prefix/]AWSLogs/<account>/vpcdnsquerylogs/<vpc>/YYYY/MM/DD/<...>_YYYYMMDDTHHmmZ_<...>.log.gz
    [prefix/]AWSLogs/<account>/WAFLogs/<region>/<acl>/YYYY/MM/DD/HH/mm/<...>_YYYYMMDDTHHmmZ_<...>.log.gz
    [prefix/]YYYY/MM/DD/HH/aws-waf-logs-<stream>-<n>-YYYY-MM-DD-HH-mm-ss-<...>               (Firehose, UTC)

So the folders are walked (`Delimiter`), and a folder of AWS's own layout whose date lies outside the period is not
entered: one request for each year, month and day, and then only days that count. Which layouts those are is in
`collectors.reading.recognise`. Anywhere else a date in a folder's name is what somebody filed the objects under, which
may be a backup's day or a web ACL's name: everything there is listed, a request for each folder and each 1,000 objects,
and told apart by the date in the object's own name, where that says nothing by its folder's, and else by the time S3
has for it.

The date is that of the delivery, and events arrive later than they happen: CloudTrail within minutes, flow logs about
ten minutes after their interval, after a fault hours. `delivered` widens the period of the events accordingly.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from typing import Any, Iterator, List, NamedTuple, Optional, Set, Tuple

from aws_bridge.clients import errors, said
from aws_bridge.object_ref import ObjectRef
from collectors.errors import CollectorError
from collectors.reading.recognise import ACCOUNT, PLACEHOLDER, dated_folders, is_placeholder, passed_over
from collectors.records.key_time import HOUR_MS, day_is_known, folder_period, key_period, ms, span

#: A file may be named after the beginning of its interval, so one from before the period can reach into it.
EARLY_MS = HOUR_MS
#: How much later than its events an object is looked for, unless the user says otherwise.
LATE_HOURS = 6.0
#: Folders without a date beside each other: beyond this, one listing without folders takes fewer requests.
MAX_FOLDERS = 1000
#: Sorts behind whatever a key may go on with.
LAST = "\U0010ffff"

_SERVICE = re.compile(rf"(?:^|/){ACCOUNT}[^/]+/$")
_DATED = re.compile(
    rf"(?:^|.*/)(?:{'|'.join(dated_folders())})"
    r"(?:year=)?((?:19|20)\d\d)/(?:(?:month=)?(0[1-9]|1[0-2])/(?:(?:day=)?([0-3]\d)/(?:.*/)?)?)?$"
)
_HOUR = re.compile(r"(?:hour=)?\d\d?/$")


class Period(NamedTuple):
    """From ``since_ms``, inclusive, to ``until_ms``, exclusive, in epoch milliseconds; None is without an end."""

    since_ms: Optional[int] = None
    until_ms: Optional[int] = None

    def meets(self, first_ms: int, end_ms: int) -> bool:
        """Whether the time from ``first_ms`` to ``end_ms`` (exclusive) has a part in it."""
        after = self.since_ms is None or end_ms > self.since_ms
        return after and (self.until_ms is None or first_ms < self.until_ms)


class Listed(NamedTuple):
    """One object to read."""

    ref: ObjectRef
    #: S3's fingerprint of the content.
    etag: str


def delivered(events: Period, late_hours: float = LATE_HOURS) -> Period:
    """Return when the objects were delivered that may hold events of the period ``events``."""
    since, until = events
    return Period(
        None if since is None else since - EARLY_MS,
        None if until is None else until + int(late_hours * HOUR_MS),
    )


class Listing:
    """The objects below ``s3://bucket/prefix`` delivered in a period; a fresh walk each time it is iterated over.

    ``passed_over`` counts, after a walk, the objects that are known to be none of the logs, by what they are called;
    where that is in ``and_more``, there are more: what is below a folder of them is not listed to its end. With
    ``dataset`` the other logs are passed over as well. ``prefix`` is one of S3: a beginning of keys that need not end
    at a slash. ``client`` is boto3's for S3. Iterating raises `CollectorError` where the bucket may not be listed.
    """

    def __init__(self, client: Any, bucket: str, prefix: str, period: Period, dataset: str = "") -> None:
        self.bucket = bucket
        self.prefix = prefix
        self.period = period
        self.dataset = dataset
        self.passed_over: Counter[str] = Counter()
        self.and_more: Set[str] = set()
        self._client = client

    def __iter__(self) -> Iterator[Listed]:
        self.passed_over = Counter()
        self.and_more = set()
        return self._walk(self.prefix)

    def _walk(self, start: str) -> Iterator[Listed]:
        """Yield what is below ``start``, folder by folder in their order, which is by date."""
        waiting = [start]
        while waiting:
            folder = waiting.pop()
            if day_is_known(layout_period(folder)):
                yield from self._flat(folder)
                continue
            found: List[str] = []
            for page in self._pages(folder, "/"):
                yield from self._objects(page)
                found += [entry["Prefix"] for entry in page.get("CommonPrefixes", ())]
                if len(found) > MAX_FOLDERS and not any(map(folder_period, found)):
                    listed_to = max(entry["Key"] for entry in page.get("Contents") or [{"Key": ""}])
                    yield from self._below(folder, max(listed_to, found[-1]))
                    found = []
                    break
            if found and day_is_known(folder_period(folder)) and all(_HOUR.match(each, len(folder)) for each in found):
                yield from self._below(folder, folder + LAST)  # a day's hours: one listing instead of 24
                continue
            waiting += [each for each in sorted(found, reverse=True) if self._is_entered(each)]

    def _below(self, folder: str, listed_to: str) -> Iterator[Listed]:
        """Yield all below a folder without asking for folders, but the objects right in it up to a key: those were."""
        for each in self._flat(folder):
            if "/" in each.ref.key[len(folder) :] or each.ref.key > listed_to:
                yield each

    def _is_entered(self, folder: str) -> bool:
        if _SERVICE.search(folder):
            other = self._called(folder + "-")
            if other and not self._logs_below(folder, other):
                return False
        dated = layout_period(folder)
        return dated is None or self.period.meets(*dated)

    def _called(self, key: str) -> str:
        return passed_over(key, self.dataset)

    def _logs_below(self, folder: str, called: str) -> bool:
        """Return whether a log is below another service's folder; else count what is, as far as one request tells."""
        page = next(iter(self._pages(folder, "")))
        entries = [entry for entry in page.get("Contents", ()) if not is_placeholder(entry["Key"], entry["Size"])]
        if any(not self._called(entry["Key"]) for entry in entries):
            return True
        self.passed_over[called] += len(entries)
        if page.get("IsTruncated"):
            self.and_more.add(called)
        return False

    def _flat(self, folder: str) -> Iterator[Listed]:
        for page in self._pages(folder, ""):
            yield from self._objects(page)

    def _objects(self, page: Any) -> Iterator[Listed]:
        for entry in page.get("Contents", ()):
            key, size = entry["Key"], entry["Size"]
            other = PLACEHOLDER if is_placeholder(key, size) else self._called(key)
            if other:
                self.passed_over[other] += 1
            elif self.period.meets(*(key_period(key) or _instant(entry["LastModified"]))):
                yield Listed(ObjectRef(self.bucket, key, size_bytes=size), entry.get("ETag", ""))

    def _pages(self, prefix: str, delimiter: str) -> Iterator[Any]:
        pages = self._client.get_paginator("list_objects_v2")
        try:
            yield from pages.paginate(Bucket=self.bucket, Prefix=prefix, Delimiter=delimiter)
        except errors() as exc:
            raise CollectorError(
                f"s3://{self.bucket}/{prefix} cannot be listed: {said(exc)}. Check the bucket's name and region, "
                "and that the credentials may do s3:ListBucket on it"
            ) from exc


def layout_period(folder: str) -> Optional[Tuple[int, int]]:
    """Return the year, month or day of a folder in one of AWS's layouts: there its objects have no other date."""
    found = _DATED.match(folder)
    return span(found) if found else None


def _instant(moment: datetime) -> Tuple[int, int]:
    return ms(moment), ms(moment) + 1
