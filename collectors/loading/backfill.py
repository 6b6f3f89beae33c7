"""A prefix of a bucket and a period of time into the store: interrupted at any moment and taken up again.

The objects are listed twice: once to know how many there are and how large, once more while they are loaded, so that
memory does not grow with their number. What is finished is in a `Finished` file under key, size and S3's fingerprint of
the content: an object that was replaced since is read again, and one that was not finished is read from its beginning,
where what is in the store already is recognised.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from typing import Dict, Iterator, List, Optional, Tuple

from aws_bridge.object_ref import ObjectRef
from collectors.loading.finished import Finished
from collectors.loading.listing import Listed, Listing, Period
from collectors.reading.recognise import kind_of
from collectors.records.key_time import key_period
from collectors.sources.registry import LOGS
from collectors.store.periods import daily_indices, warnings
from es_bridge.config import ClusterConfig
from es_bridge.errors import PermissionDenied
from es_bridge.transport import Transport


@dataclass
class Survey:
    """What the listing found, in objects and bytes as they are stored, and how much an earlier run has done."""

    objects: int = 0
    size_bytes: int = 0
    finished_objects: int = 0
    finished_bytes: int = 0
    #: Log, as far as keys tell -> from when to when its objects were delivered, epoch milliseconds.
    delivered: Dict[str, Tuple[int, int]] = field(default_factory=dict)


class Backfill:
    """The objects of a listing that are still to do, and the record of those that are done."""

    def __init__(self, listing: Listing, finished: Finished) -> None:
        self._listing = listing
        self._finished = finished
        #: Names of objects that have been handed out and are not done: as few as there are workers.
        self._under_way: Dict[ObjectRef, str] = {}

    def survey(self) -> Survey:
        """List everything and count it. Raises `CollectorError` where the bucket cannot be listed."""
        survey = Survey()
        for each in self._listing:
            survey.objects += 1
            survey.size_bytes += each.ref.size_bytes
            if _name(each) in self._finished:
                survey.finished_objects += 1
                survey.finished_bytes += each.ref.size_bytes
            dataset, span = kind_of(each.ref.key).dataset, key_period(each.ref.key)
            if dataset and span:
                first, end = survey.delivered.get(dataset, span)
                survey.delivered[dataset] = min(first, span[0]), max(end, span[1])
        return survey

    def remaining(self) -> Iterator[ObjectRef]:
        """Yield the objects that are not done, listing them as they are asked for."""
        for each in self._listing:
            name = _name(each)
            if name not in self._finished:
                self._under_way[each.ref] = name
                yield each.ref

    def done(self, ref: ObjectRef, is_complete: bool) -> None:
        """Note that an object is done; one that is not complete will be read again by the next run."""
        name = self._under_way.pop(ref)
        if is_complete:
            self._finished.add(name)


def subject(listing: Listing, cluster: ClusterConfig, dataset: str) -> Dict[str, str]:
    """Return what makes two backfills the same: from where, as what, and to which cluster.

    Not of which period: an object that is done is done for every period, and ``--since -30d`` is another one each time.
    """
    return {
        "from": f"s3://{listing.bucket}/{listing.prefix}",
        "as": dataset,
        "to": " ".join(sorted(cluster.hosts)),
    }


def what_to_know(
    transport: Transport, survey: Survey, period: Period, retention_days: Optional[int], today: date
) -> Iterator[str]:
    """Yield what whoever starts a backfill of these objects must know: days that are warm, closed, deleted, too old."""
    for dataset, (first_ms, end_ms) in sorted(survey.delivered.items()):
        first = _day(max(first_ms, period.since_ms or 0))
        last = _day(min(end_ms, period.until_ms or end_ms) - 1)
        try:
            found = daily_indices(transport, dataset, first, last, today, retention_days or 0)
        except PermissionDenied as exc:
            yield f"whether the period is warm, closed or deleted cannot be seen with this account: {exc.reason}"
            return
        title = LOGS[dataset].title
        expired = [index for index in found if index.expired]
        if expired and retention_days is None:
            yield (
                f"{title}, {_span([index.day for index in expired])}: older than the {expired[0].kept_days} days that "
                "the lifecycle policy keeps: where it is applied, new indices of these days are deleted by its next run"
            )
            found = [index for index in found if not index.expired]
        for warning in warnings(found, dataset):
            yield f"{title}, {warning}"


def _day(ms: int) -> date:
    return datetime.fromtimestamp(ms / 1000, timezone.utc).date()


def _span(days: List[date]) -> str:
    return f"{days[0]} to {days[-1]}" if len(days) > 1 else str(days[0])


def _name(each: Listed) -> str:
    return f"{each.ref.key}\n{each.ref.size_bytes}\n{each.etag}"
