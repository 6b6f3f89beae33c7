"""Keeps the original log objects with records of an instance, and looks for flows let through after isolation.

The raw store says which records there are and, by their ids, which objects they came from; the objects themselves are
the evidence, each under its key with bucket, version and sha256. What the raw store knows and the buckets do not have
is failed, by number.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timezone
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Set, Tuple

from aws_bridge.errors import AwsError
from aws_bridge.object_ref import ObjectRef
from es_bridge.errors import BridgeError
from response.actions.collecting import Collecting
from response.actions.log_progress import LogState, Progress, Window, forget, load, save
from response.aws.evidence import EvidenceStore
from response.aws.log_objects import Delivery, LogObject
from response.core.budget import Budget
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
#: A time of records that is not halved any more.
_SHORTEST_S = 1.0
#: Characters of a CloudTrail record's id: the event's, before the account's.
_UUID_CHARS = 36


class LogCollection(NamedTuple):
    """What asks whom: the raw store, the deliveries of the logs, and where evidence goes."""

    store: EvidenceStore
    raw: Optional[RawStore]
    #: Log -> where it is delivered.
    deliveries: Mapping[str, Delivery]
    progress: Callable[[Item], Any] = lambda _: None
    #: When it stops and is called again.
    budget: Budget = Budget()

    def collect(
        self, target: Target, incident: str, who: Who, *, now_s: float, isolated_s: Optional[float] = None,
        dry_run: bool = False,
    ) -> ActionResult:  # fmt: skip
        """Collect what there is from a day before the isolation (or now) until now.

        ``isolated_s``: when the instance was isolated, None where it is not. Raises `StillRunning` while the flow
        records of the 15 minutes after that can still come, and when time is over: called again it goes on.
        """
        if dry_run:
            says = f"the objects of {len(INDICES)} logs with records of {target} would be kept; nothing was asked"
            return ActionResult(ACTION, target, incident, PLANNED_RESULT, says)
        work = Collecting(self.store, STEP, self.progress)
        known = load(self.store, STEP, now_s, isolated_s)
        begun = known is not None
        if known is None:
            since_s = (now_s if isolated_s is None else isolated_s) - BEFORE_S
            known = Progress(since_s, now_s, isolated_s, self._flows_after(work, who, isolated_s, now_s))
        else:
            work.items += known.items
            work.already = known.already
        run = _Run(self, work, who, known)
        try:
            for log in INDICES:
                run.log(log, known.of(log))
        except StillRunning:
            known.items, known.already = work.items, work.already
            save(self.store, STEP, known, now_s)
            raise
        index = {log: run.found(log) for log in INDICES}
        period = {"since": _text(known.since_s), "until": _text(known.until_s)}
        work.keep("index", "index.json", lambda: {"logs": index})
        notes = [f"records from {period['since']} until {period['until']}", *([known.flows] if known.flows else [])]
        result = work.finish(target, incident, "logs", notes)
        if begun:
            forget(self.store, STEP)
        return result

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


class _Run:
    """One call: as many records and objects as there is time for, one of them at least."""

    def __init__(self, whole: LogCollection, work: Collecting, who: Who, known: Progress) -> None:
        self._raw, self._deliveries, self._store = whole.raw, whole.deliveries, whole.store
        self._budget = whole.budget
        self._work = work
        self._who = who
        self._known = known
        self._any = False

    def log(self, log: str, state: LogState) -> None:
        """Keep the objects of one log. Raises `StillRunning` when time is over."""
        if state.over:
            return
        work = self._work
        state.over = True
        if self._raw is None:
            work.add(Item(log, FAILED, why="no raw store is configured that says which objects hold its records"))
            return
        try:
            self._records(self._raw, log, state)
        except (BridgeError, BadEvidence) as exc:
            work.add(Item(log, FAILED, why=f"the raw store does not say which objects hold its records: {exc}"))
            return
        if not state.total:
            work.add(Item(log, MISSING, why="the raw store has no record of the instance, its addresses or its role"))
            return
        delivery = self._deliveries.get(log)
        if delivery is None:
            why = f"{state.total:,} records, and it is not configured where the log is delivered"
            work.add(Item(log, FAILED, why=why))
            return
        if state.wanted is None:
            state.wanted = set(state.events) if log == CLOUDTRAIL else set(state.objects)
        try:
            self._objects(log, delivery, state, state.wanted)
        except AwsError as exc:
            work.add(Item(log, FAILED, why=f"its bucket cannot be read: {exc}"))
        if state.wanted:
            what = "events" if log == CLOUDTRAIL else "objects"
            many = f"{len(state.wanted):,} {what} that the raw store knows"
            why = f"{many} are not in s3://{delivery.bucket}/{delivery.prefix}"
            work.add(Item(f"{log}, the rest", FAILED, why=why))

    def found(self, log: str) -> Dict[str, Any]:
        """Return what is known of a log: how many records, and in which objects; nothing of one nobody could ask."""
        state = self._known.of(log)
        if self._raw is None or state.windows:
            return {}
        known: Dict[str, Any] = {"records": state.total}
        return {**known, "objects": state.kept} if state.wanted is not None else known

    def _records(self, raw: RawStore, log: str, state: LogState) -> None:
        """Ask for the records of each time that was not asked for. One too long for a whole call is halved."""
        clause = clause_of(log, self._who)
        while state.windows:
            since_s, until_s = state.windows[0]
            objects: Counter[str] = Counter()
            events: Set[str] = set()
            trails: Set[Tuple[str, str]] = set()
            count = 0
            for hit in raw.records(INDICES[log], clause, since_s, until_s):
                if self._budget.is_over:
                    if not self._any:
                        state.windows[:1] = _halves(log, since_s, until_s)
                    state.over = False
                    raise StillRunning(f"{state.total + count:,} records of {log} are known: call again")
                count += 1
                if log == CLOUDTRAIL:
                    events.add(str(hit.source.get("eventID") or hit.id[:_UUID_CHARS]))
                    account, region = hit.source.get("recipientAccountId"), hit.source.get("awsRegion")
                    trails.add((str(account or self._who.account), str(region or self._who.region)))
                else:
                    objects[hit.object] += 1
            state.objects += objects
            state.events |= events
            state.trails |= trails
            state.total += count
            del state.windows[0]
            self._any = True

    def _objects(self, log: str, delivery: Delivery, state: LogState, wanted: Set[str]) -> None:
        """Look through the folders of a log from where it was, and keep what is wanted."""
        known = self._known
        folders = folders_of(log, self._who, known.since_s, known.until_s, tuple(sorted(state.trails)))
        for folder in folders[state.folders :]:
            if not wanted:
                return
            for each in delivery.below(folder, state.after):
                if self._any and self._budget.is_over:
                    state.over = False
                    raise StillRunning(f"{len(wanted):,} records or objects of {log} are still to be found: call again")
                holds = self._holds(delivery, log, each, wanted)
                if holds:
                    identity = each.ref.identity
                    state.kept[each.ref.uri] = len(holds) if log == CLOUDTRAIL else state.objects[identity]
                    self._keep(log, delivery, each.ref)
                    wanted -= holds
                state.after = each.ref.key
                self._any = True
                if not wanted:
                    return
            state.folders, state.after = state.folders + 1, ""

    def _holds(self, delivery: Delivery, log: str, each: LogObject, wanted: Set[str]) -> Set[str]:
        """Return what of the wanted an object holds."""
        if log != CLOUDTRAIL:
            return {each.ref.identity} & wanted
        named, since_s = _NAMED.search(each.ref.key), self._known.since_s
        if named and named[1] < datetime.fromtimestamp(since_s - _EARLY_S, timezone.utc).strftime("%Y%m%dT%H%M"):
            return set()
        text = delivery.text(each.ref)
        return {id.decode("utf-8", "replace") for id in _EVENT_ID.findall(text)} & wanted

    def _keep(self, log: str, delivery: Delivery, ref: ObjectRef) -> None:
        """Copy one object as it is stored, from the version that was read first."""
        name, work = f"{log}/{ref.bucket}/{ref.key}", self._work
        try:
            exact, _ = delivery.opened(ref)
            stored = self._store.put_stream(STEP, name, lambda: delivery.opened(exact)[1])
        except (AwsError, BadEvidence) as exc:
            work.add(Item(ref.uri, FAILED, why=str(exc)))
            return
        work.already &= stored.already
        work.add(
            stored.item(ref.uri, f"version {exact.version_id}" if exact.version_id else "the bucket has no versions")
        )


def _halves(log: str, since_s: float, until_s: float) -> List[Window]:
    """Return a time as two. Raises `BadEvidence` for one that is too short to be the reason."""
    if until_s - since_s < _SHORTEST_S:
        raise BadEvidence(f"the records of {log} of {_SHORTEST_S:g} s cannot be read in the time of one call")
    middle = (since_s + until_s) / 2
    return [(since_s, middle), (middle, until_s)]


def _text(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
