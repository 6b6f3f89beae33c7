"""``respond collect``: the evidence of an instance: context, memory and processes, disks, logs, the signed manifest.

What the host and AWS are at is waited for. Ended before that, it says what goes on without it; run again, it goes on.
"""

from __future__ import annotations

import argparse
import time
from typing import Callable, Dict, List, NamedTuple, Optional

from aws_bridge.errors import AwsError, BadAccount
from es_bridge.cli.connection import add_connection_arguments, cluster_from, opaque_id
from es_bridge.cli.reporting import DONE, FAILED, UsageError, say, tell
from es_bridge.cli.rows import as_json
from es_bridge.terminal import put
from es_bridge.transport import Transport
from response.actions.archive import Archive
from response.actions.collect_context import ContextCollection
from response.actions.collect_logs import LogCollection
from response.actions.collect_volatile import VolatileCollection
from response.actions.snapshot import Copies, Snapshotting
from response.aws.evidence import EvidenceStore, folder_of, lock_of
from response.aws.instances import Instances
from response.aws.log_objects import delivery_of
from response.aws.profile_role import role_of
from response.aws.signing import SigningKey
from response.aws.snapshot_locks import cool_off_of
from response.cli.isolate import incident_of
from response.cli.outcome import add_result_argument, run_response
from response.cli.place import Place, add_place_arguments, place_of
from response.cli.volatile import add_volatile_arguments, check_volatile, options_of, volatile_of
from response.core import result as results
from response.core.evidence import Item
from response.core.result import ActionResult
from response.core.traces import INDICES, who_of
from response.errors import BadSettings, BadTarget, ResponseError, StillRunning
from response.raw_store import RawStore

CONTEXT, VOLATILE, SNAPSHOT, LOGS, ARCHIVE = STEPS = ("context", "volatile", "snapshot", "logs", "archive")
#: Seconds between two looks at what AWS is at.
EVERY_S = 15.0
#: Seconds of hashing after which the archive says how far it is.
ARCHIVE_S = 20.0
INTERRUPTED = 130
#: What goes on without this command, of a step that was begun.
GOES_ON = {
    VOLATILE: "the host goes on until it is done or its time is over; what it sends is kept as evidence when this "
              "command runs again, at the latest seven days later",
    SNAPSHOT: "AWS goes on with snapshots and image that were begun; they are copied, shared and locked when this "
              "command runs again",
}  # fmt: skip


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
    add_volatile_arguments(parser)
    disks = parser.add_argument_group("disks")
    disks.add_argument("--snapshot-key", default="", metavar="ARN", help="customer key of the copies")
    disks.add_argument("--share-with", default="", metavar="ACCOUNT", help="the account for forensics")
    disks.add_argument(
        "--snapshot-cool-off-hours", type=float, metavar="N", help="in which a COMPLIANCE lock can be taken off; 0"
    )
    disks.add_argument(
        "--wait-minutes", type=float, default=240.0, metavar="N", help="how long a step waits for AWS (default: 240)"
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
    if VOLATILE in steps:
        check_volatile(arguments)
    try:
        work = _Work(arguments)
    except BadSettings as exc:
        raise UsageError(str(exc)) from exc
    return work.run([each for each in STEPS if each in steps])


class _Ended(NamedTuple):
    """How a run ended: its results, and the status of a run that was interrupted, else 0."""

    found: List[ActionResult]
    interrupted: int = 0


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
        self._cool_off_h = cool_off_of(arguments.snapshot_cool_off_hours)
        self._copies = Copies(arguments.snapshot_key, arguments.share_with)
        if arguments.share_with and not arguments.snapshot_key:
            raise BadSettings("--share-with needs --snapshot-key: what EBS's own key encrypts cannot be shared")
        self._raw: Optional[RawStore] = None
        if arguments.url:
            self._raw = RawStore(Transport(cluster_from(arguments), opaque_id("respond")))
        self._volatile_work: Optional[VolatileCollection] = None
        #: Steps that something outside of this command is at.
        self._begun: List[str] = []
        self._said = ""

    def run(self, steps: List[str]) -> int:
        """Do the steps; return the exit status: what one of them could not do stops none that follows."""
        ended = self._do(steps)
        left = steps[len(ended.found) :]
        if self._arguments.result == "json":
            known = {"incident": self.incident, "steps": [each.to_json() for each in ended.found]}
            put(as_json({**known, **({"interrupted": True, "not_done": left} if ended.interrupted else {})}))
        if ended.interrupted:
            say(f"stopped; not done: {', '.join(left)}")
            self._say_what_goes_on(left)
            return ended.interrupted
        well = (results.DONE, results.ALREADY_DONE, results.PLANNED_RESULT)
        return DONE if all(each.result in well for each in ended.found) else FAILED

    def _do(self, steps: List[str]) -> _Ended:
        found: List[ActionResult] = []
        try:
            # The host is at it while the rest of the context is asked for: it is what is gone first.
            early = self._once(VOLATILE) if VOLATILE in steps else None
            for each in steps:
                found.append(early if each == VOLATILE and early else self._waited(each))
                if self._arguments.result == "text":
                    _show(found[-1])
        except KeyboardInterrupt:
            return _Ended(found, INTERRUPTED)
        except SystemExit as exc:
            # SIGTERM, made into this by `run_reported`.
            return _Ended(found, int(exc.code or INTERRUPTED))
        return _Ended(found)

    def _say_what_goes_on(self, left: List[str]) -> None:
        for step in left:
            if step in self._begun:
                tell(f"{step}: {GOES_ON[step]}")
        tell(f"to go on: the same command with --incident {self.incident} --steps {','.join(left)}")

    def _once(self, step: str) -> Optional[ActionResult]:
        """Ask once; return the end of the step, None where it has not ended."""
        works: Dict[str, Callable[[], ActionResult]] = {
            CONTEXT: self._context, VOLATILE: self._volatile, SNAPSHOT: self._snapshot, LOGS: self._logs,
            ARCHIVE: self._archive,
        }  # fmt: skip
        try:
            found = works[step]()
        except (BadTarget, BadAccount):
            raise
        except StillRunning as exc:
            if step in GOES_ON and step not in self._begun:
                self._begun.append(step)
            self._said = str(exc)
            return None
        except (AwsError, ResponseError) as exc:
            found = self._failed(step, str(exc))
        self._begun = [each for each in self._begun if each != step]
        return found

    def _waited(self, step: str) -> ActionResult:
        until = time.monotonic() + self._arguments.wait_minutes * 60
        told = ""
        while True:
            found = self._once(step)
            if found:
                return found
            if time.monotonic() > until:
                minutes = self._arguments.wait_minutes
                says = f"{step} is not complete after {minutes:g} minutes: {self._said}"
                if step in self._begun:
                    self._say_what_goes_on([step])
                return self._failed(step, says)
            text = self._said + (self._arrived() if step == VOLATILE else "")
            if text != told:
                tell(f"{step}: {text}")
                told = text
            if step != ARCHIVE:
                time.sleep(EVERY_S)

    def _failed(self, step: str, says: str) -> ActionResult:
        return ActionResult(step, self._place.target, self.incident, results.FAILED_RESULT, says)

    def _arrived(self) -> str:
        """Return how much of the memory arrived, in words; nothing where that is not known."""
        try:
            size = self._volatile_work.memory_arrived() if self._volatile_work else 0
        except AwsError:
            return ""
        return f"; {size >> 20:,} MiB of the memory arrived" if size else ""

    def _context(self) -> ActionResult:
        collection = ContextCollection(self._place.area, self._store)
        return collection.collect(
            self._place.target, self.incident, dry_run=self._arguments.dry_run, progress=self._tell
        )  # fmt: skip

    def _volatile(self) -> ActionResult:
        if self._volatile_work is None:
            self._volatile_work = volatile_of(self._arguments, self._place, self._store)
        found = self._volatile_work.collect(self._place.target, self.incident, **options_of(self._arguments))
        for each in found.evidence:
            self._tell(each)
        return found

    def _snapshot(self) -> ActionResult:
        work = Snapshotting(self._place.area, self._store, self._copies, self._cool_off_h, self._tell)
        if self._arguments.dry_run:
            return work.start(self._place.target, self.incident, dry_run=True)
        return work.finish(self._place.target, self.incident)

    def _logs(self) -> ActionResult:
        target, area, states = self._place.target, self._place.area, self._place.states
        instance = states.load(target, self.incident) or Instances(area).read(target)
        who = who_of(instance, role_of(area, instance.profile))
        work = LogCollection(self._store, self._raw, self._deliveries, self._tell)
        isolated_s = states.saved_at(target, self.incident)
        return work.collect(
            target, self.incident, who, now_s=time.time(), isolated_s=isolated_s, dry_run=self._arguments.dry_run
        )  # fmt: skip

    def _archive(self) -> ActionResult:
        area, key = self._place.area, self._arguments.signing_key
        region = key.split(":")[3] if key.startswith("arn:") and key.count(":") >= 5 else area.region
        signing = SigningKey(area._replace(region=region), key) if key else None
        who = str(area.ask("sts", "GetCallerIdentity")["Arn"])
        work = Archive(self._store, signing, who, seconds=ARCHIVE_S, progress=self._tell)
        return work.archive(self._place.target, self.incident, dry_run=self._arguments.dry_run)

    def _tell(self, item: Item) -> None:
        tell(f"{item.outcome}: {item.item}" + (f": {item.why}" if item.why and item.outcome != "collected" else ""))


def _show(found: ActionResult) -> None:
    put(f"{found.result}: {found.says}")
    lines: List[str] = list(found.notes)
    for each in lines:
        put(f"  note: {each}")
