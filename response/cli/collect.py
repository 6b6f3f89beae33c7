"""``respond collect``: the evidence of an instance but its memory: context, logs, disks, and the signed manifest."""

from __future__ import annotations

import argparse
import time
from typing import Callable, Dict, List, Optional

from es_bridge.cli.connection import add_connection_arguments, cluster_from, opaque_id
from es_bridge.cli.reporting import DONE, FAILED, UsageError, tell
from es_bridge.cli.rows import as_json
from es_bridge.terminal import put
from es_bridge.transport import Transport
from response.actions.archive import Archive
from response.actions.collect_context import ContextCollection
from response.actions.collect_logs import LogCollection
from response.actions.snapshot import Copies, Snapshotting
from response.aws.evidence import EvidenceStore, folder_of, lock_of
from response.aws.instances import Instances
from response.aws.log_objects import delivery_of
from response.aws.profile_role import role_of
from response.aws.signing import SigningKey
from response.cli.isolate import incident_of
from response.cli.outcome import add_result_argument, run_response
from response.cli.place import Place, add_place_arguments, place_of
from response.core import result as results
from response.core.evidence import Item
from response.core.result import ActionResult
from response.core.traces import INDICES, who_of
from response.errors import BadSettings, StillRunning
from response.raw_store import RawStore

STEPS = ("context", "snapshot", "logs", "archive")
#: Seconds between two looks at what AWS is at.
EVERY_S = 15.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_place_arguments(parser)
    parser.add_argument("--incident", default="", metavar="ID", help="default: the open one, or a new number")
    parser.add_argument("--steps", default=",".join(STEPS), metavar="NAME,...", help=f"default: {','.join(STEPS)}")
    parser.add_argument("--dry-run", action="store_true", help="say what would be collected, and ask for nothing")
    keep = parser.add_argument_group("how evidence is kept")
    keep.add_argument("--lock", default="governance", metavar="MODE", help="governance, compliance or none")
    keep.add_argument("--lock-days", type=float, metavar="N", help="default: 365")
    keep.add_argument("--signing-key", default="", metavar="ARN", help="key of KMS that signs the manifest")
    disks = parser.add_argument_group("disks")
    disks.add_argument("--snapshot-key", default="", metavar="ARN", help="customer key of the copies")
    disks.add_argument("--share-with", default="", metavar="ACCOUNT", help="the account for forensics")
    disks.add_argument(
        "--wait-minutes", type=float, default=240.0, metavar="N", help="how long AWS is waited for (default: 240)"
    )
    logs = parser.add_argument_group("logs")
    for log in INDICES:
        name = log.replace("_", "-")
        logs.add_argument(f"--{name}", default="", metavar="s3://BUCKET/AWSLogs/", help="where it is delivered")
    logs.add_argument("--logs-region", default="", metavar="NAME", help="region of these buckets, if another")
    add_connection_arguments(parser)
    add_result_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Collect; return the exit status."""
    return run_response(lambda: _collect(arguments))


def _collect(arguments: argparse.Namespace) -> int:
    steps = [each.strip() for each in arguments.steps.split(",") if each.strip()]
    if not steps or not set(steps) <= set(STEPS):
        raise UsageError(f"--steps {arguments.steps}: give some of {','.join(STEPS)}")
    try:
        work = _Work(arguments)
    except BadSettings as exc:
        raise UsageError(str(exc)) from exc
    found = [work.do(each) for each in STEPS if each in steps]
    if arguments.result == "json":
        put(as_json({"incident": work.incident, "steps": [each.to_json() for each in found]}))
    well = (results.DONE, results.ALREADY_DONE, results.PLANNED_RESULT)
    return DONE if all(each.result in well for each in found) else FAILED


class _Work:
    """One run of the command."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        lock = lock_of(arguments.lock, arguments.lock_days)
        self._arguments = arguments
        self._place: Place = place_of(arguments)
        self.incident = arguments.incident or incident_of(self._place)
        target, area = self._place.target, self._place.area
        bucket_area = area._replace(region=arguments.bucket_region or area.region)
        folder = folder_of(target.account, target.region, target.instance, self.incident)
        self._store = EvidenceStore(bucket_area, arguments.bucket, folder, lock)
        logs_area = area._replace(region=arguments.logs_region or area.region)
        places = {log: getattr(arguments, log) for log in INDICES}
        self._deliveries = {log: delivery_of(logs_area, place) for log, place in places.items() if place}
        self._copies = Copies(arguments.snapshot_key, arguments.share_with)
        if arguments.share_with and not arguments.snapshot_key:
            raise BadSettings("--share-with needs --snapshot-key: what EBS's own key encrypts cannot be shared")

    def do(self, step: str) -> ActionResult:
        """Do one step, and wait for AWS where it has to."""
        steps: Dict[str, Callable[[], ActionResult]] = {
            "context": self._context, "snapshot": self._snapshot, "logs": self._logs, "archive": self._archive,
        }  # fmt: skip
        found = self._waited(step, steps[step])
        if self._arguments.result == "text":
            _show(found)
        return found

    def _waited(self, step: str, ask: Callable[[], ActionResult]) -> ActionResult:
        until = time.monotonic() + self._arguments.wait_minutes * 60
        told = ""
        while True:
            try:
                return ask()
            except StillRunning as exc:
                if time.monotonic() > until:
                    says = f"{step} is not complete after {self._arguments.wait_minutes:g} minutes: {exc}"
                    return ActionResult(step, self._place.target, self.incident, results.FAILED_RESULT, says)
                if str(exc) != told:
                    tell(f"{step}: {exc}")
                    told = str(exc)
                time.sleep(EVERY_S)

    def _context(self) -> ActionResult:
        collection = ContextCollection(self._place.area, self._store)
        return collection.collect(
            self._place.target, self.incident, dry_run=self._arguments.dry_run, progress=self._tell
        )  # fmt: skip

    def _snapshot(self) -> ActionResult:
        work = Snapshotting(self._place.area, self._store, self._copies, self._tell)
        if self._arguments.dry_run:
            return work.start(self._place.target, self.incident, dry_run=True)
        return work.finish(self._place.target, self.incident)

    def _logs(self) -> ActionResult:
        target, area, states = self._place.target, self._place.area, self._place.states
        raw: Optional[RawStore] = None
        if self._arguments.url:
            raw = RawStore(Transport(cluster_from(self._arguments), opaque_id("respond")))
        instance = states.load(target, self.incident) or Instances(area).read(target)
        who = who_of(instance, role_of(area, instance.profile))
        work = LogCollection(self._store, raw, self._deliveries, self._tell)
        isolated_s = states.saved_at(target, self.incident)
        return work.collect(
            target, self.incident, who, now_s=time.time(), isolated_s=isolated_s, dry_run=self._arguments.dry_run
        )  # fmt: skip

    def _archive(self) -> ActionResult:
        area, key = self._place.area, self._arguments.signing_key
        region = key.split(":")[3] if key.startswith("arn:") and key.count(":") >= 5 else area.region
        signing = SigningKey(area._replace(region=region), key) if key else None
        who = str(area.ask("sts", "GetCallerIdentity")["Arn"])
        work = Archive(self._store, signing, who, progress=self._tell)
        return work.archive(self._place.target, self.incident, dry_run=self._arguments.dry_run)

    def _tell(self, item: Item) -> None:
        tell(f"{item.outcome}: {item.item}" + (f": {item.why}" if item.why and item.outcome != "collected" else ""))


def _show(found: ActionResult) -> None:
    put(f"{found.result}: {found.says}")
    lines: List[str] = list(found.notes)
    for each in lines:
        put(f"  note: {each}")
