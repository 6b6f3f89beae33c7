"""Keeps the original log objects with records of an instance, and looks for flows let through after isolation.

The raw store says which records there are and, by their ids, which objects they came from; the objects themselves are
the evidence, each under its key with bucket, version and sha256. What the raw store knows and the buckets do not have
is failed, by number.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timezone
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional, Set, Tuple

from aws_bridge.errors import AwsError
from aws_bridge.object_ref import ObjectRef
from es_bridge.errors import BridgeError
from response.actions.collecting import Collecting
from response.aws.evidence import EvidenceStore
from response.aws.log_objects import Delivery, LogObject
from response.core.evidence import COLLECTED, FAILED, MISSING, Item
from response.core.result import PLANNED_RESULT, ActionResult
from response.core.target import Target
from response.core.traces import (
    AFTER_S,
    BEFORE_S,
    CLOUDTRAIL,
    DELIVERED_S,
    FLOW,
    INDICES,
    Who,
    accepted_after,
    clause_of,
    folders_of,
)
from response.errors import BadEvidence, StillRunning
from response.raw_store import RawStore

ACTION = STEP = "collect_logs"
ACCEPTED = "accepted flows after isolation"
_EVENT_ID = re.compile(rb'"eventID"\s*:\s*"([^"]{1,100})"')
#: The time in an object's name, and how much earlier than its events it can be.
_NAMED = re.compile(r"_(\d{8}T\d{4})Z_")
_EARLY_S = 3600
#: Characters of a CloudTrail record's id: the event's, before the account's.
_UUID_CHARS = 36


class Records(NamedTuple):
    """The records of one log: how many of each object, or the ids of CloudTrail's events and their trails."""

    objects: Counter[str]
    events: Set[str]
    trails: Set[Tuple[str, str]]
    total: int


class LogCollection(NamedTuple):
    """What asks whom: the raw store, the deliveries of the logs, and where evidence goes."""

    store: EvidenceStore
    raw: Optional[RawStore]
    #: Log -> where it is delivered.
    deliveries: Mapping[str, Delivery]
    progress: Callable[[Item], Any] = lambda _: None

    def collect(
        self, target: Target, incident: str, who: Who, *, now_s: float, isolated_s: Optional[float] = None,
        dry_run: bool = False,
    ) -> ActionResult:  # fmt: skip
        """Collect what there is from a day before the isolation (or now) until now.

        ``isolated_s``: when the instance was isolated, None where it is not. Raises `StillRunning` while the flow
        records of the 15 minutes after that can still come.
        """
        if dry_run:
            says = f"the objects of {len(INDICES)} logs with records of {target} would be kept; nothing was asked"
            return ActionResult(ACTION, target, incident, PLANNED_RESULT, says)
        since_s = (now_s if isolated_s is None else isolated_s) - BEFORE_S
        work = Collecting(self.store, STEP, self.progress)
        flows = self._flows_after(work, who, isolated_s, now_s)
        index: Dict[str, Any] = {}
        for log in INDICES:
            index[log] = self._log(work, log, who, since_s, now_s)
        period = {"since": _text(since_s), "until": _text(now_s)}
        work.keep("index", "index.json", lambda: {"logs": index})
        notes = [f"records from {period['since']} until {period['until']}", *([flows] if flows else [])]
        return work.finish(target, incident, "logs", notes)

    def _log(self, work: Collecting, log: str, who: Who, since_s: float, until_s: float) -> Dict[str, Any]:
        """Keep the objects of one log; return what is known of them."""
        if self.raw is None:
            work.add(Item(log, FAILED, why="no raw store is configured that says which objects hold its records"))
            return {}
        try:
            found = self._records(self.raw, log, who, since_s, until_s)
        except BridgeError as exc:
            work.add(Item(log, FAILED, why=f"the raw store does not say which objects hold its records: {exc}"))
            return {}
        if not found.total:
            work.add(Item(log, MISSING, why="the raw store has no record of the instance, its addresses or its role"))
            return {"records": 0}
        delivery = self.deliveries.get(log)
        if delivery is None:
            why = f"{found.total:,} records, and it is not configured where the log is delivered"
            work.add(Item(log, FAILED, why=why))
            return {"records": found.total}
        wanted = set(found.events) if log == CLOUDTRAIL else set(found.objects)
        kept: Dict[str, int] = {}
        try:
            for folder in folders_of(log, who, since_s, until_s, tuple(found.trails)):
                if not wanted:
                    break
                for each in delivery.below(folder):
                    holds = self._holds(delivery, log, each, wanted, since_s)
                    if holds:
                        wanted -= holds
                        kept[each.ref.uri] = len(holds) if log == CLOUDTRAIL else found.objects[each.ref.identity]
                        self._keep(work, log, delivery, each.ref)
        except AwsError as exc:
            work.add(Item(log, FAILED, why=f"its bucket cannot be read: {exc}"))
        if wanted:
            what = "events" if log == CLOUDTRAIL else "objects"
            why = f"{len(wanted):,} {what} that the raw store knows are not in s3://{delivery.bucket}/{delivery.prefix}"
            work.add(Item(f"{log}, the rest", FAILED, why=why))
        return {"records": found.total, "objects": kept}

    def _records(self, raw: RawStore, log: str, who: Who, since_s: float, until_s: float) -> Records:
        objects: Counter[str] = Counter()
        events: Set[str] = set()
        trails: Set[Tuple[str, str]] = set()
        count = 0
        for hit in raw.records(INDICES[log], clause_of(log, who), since_s, until_s):
            count += 1
            if log == CLOUDTRAIL:
                events.add(str(hit.source.get("eventID") or hit.id[:_UUID_CHARS]))
                account, region = hit.source.get("recipientAccountId"), hit.source.get("awsRegion")
                trails.add((str(account or who.account), str(region or who.region)))
            else:
                objects[hit.object] += 1
        return Records(objects, events, trails, count)

    def _holds(self, delivery: Delivery, log: str, each: LogObject, wanted: Set[str], since_s: float) -> Set[str]:
        """Return what of the wanted an object holds."""
        if log != CLOUDTRAIL:
            return {each.ref.identity} & wanted
        named = _NAMED.search(each.ref.key)
        if named and named[1] < datetime.fromtimestamp(since_s - _EARLY_S, timezone.utc).strftime("%Y%m%dT%H%M"):
            return set()
        text = delivery.text(each.ref)
        return {id.decode("utf-8", "replace") for id in _EVENT_ID.findall(text)} & wanted

    def _keep(self, work: Collecting, log: str, delivery: Delivery, ref: ObjectRef) -> None:
        """Copy one object as it is stored, from the version that was read first."""
        name = f"{log}/{ref.bucket}/{ref.key}"
        try:
            exact, _ = delivery.opened(ref)
            stored = self.store.put_stream(STEP, name, lambda: delivery.opened(exact)[1])
        except (AwsError, BadEvidence) as exc:
            work.add(Item(ref.uri, FAILED, why=str(exc)))
            return
        work.already &= stored.already
        work.add(
            stored.item(ref.uri, f"version {exact.version_id}" if exact.version_id else "the bucket has no versions")
        )

    def _flows_after(self, work: Collecting, who: Who, isolated_s: Optional[float], now_s: float) -> str:
        """Look for flows that were let through; return what a person has to know. Raises `StillRunning`."""
        if isolated_s is None:
            work.add(Item(ACCEPTED, MISSING, why="the instance is not isolated"))
            return ""
        if self.raw is None:
            work.add(Item(ACCEPTED, FAILED, why="unknown: no raw store is configured"))
            return f"{ACCEPTED}: unknown"
        try:
            seen = self._seen_until(self.raw, who, isolated_s, now_s)
            silent = [id for id in who.interfaces if seen.get(id, 0.0) < isolated_s + AFTER_S]
            if silent and now_s < isolated_s + AFTER_S + DELIVERED_S:
                raise StillRunning(
                    f"the flow records of 15 minutes after the isolation of {who.instance} are not there yet"
                )
            clause = accepted_after(who, isolated_s)
            flows = [hit.source for hit in self.raw.records(INDICES[FLOW], clause, isolated_s, None)]
        except BridgeError as exc:
            work.add(Item(ACCEPTED, FAILED, why=f"unknown: the raw store does not answer: {exc}"))
            return f"{ACCEPTED}: unknown"
        if flows:
            work.keep(ACCEPTED, "accepted_flows.json", lambda: flows)
            return f"{len(flows):,} flows were let through AFTER the isolation: see accepted_flows.json"
        if silent or not who.interfaces:
            why = (
                "no flow record of " + (", ".join(silent) or "any interface") + " until 15 minutes after the isolation"
            )
            work.add(Item(ACCEPTED, FAILED, why=f"unknown: {why}"))
            return f"{ACCEPTED}: unknown"
        work.add(Item(ACCEPTED, COLLECTED, why=f"none until {_text(min(seen.values()))}"))
        return ""

    def _seen_until(self, raw: RawStore, who: Who, isolated_s: float, now_s: float) -> Dict[str, float]:
        """Return interface -> the end of its latest flow record; AWS writes one also where nothing was sent."""
        found: Dict[str, float] = {}
        clause = {"terms": {"interface_id": list(who.interfaces)}}
        for hit in raw.records(INDICES[FLOW], clause, isolated_s, now_s) if who.interfaces else ():
            id, end = str(hit.source.get("interface_id")), float(hit.source.get("end") or 0)
            found[id] = max(found.get(id, 0.0), end)
        return found


def _text(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
