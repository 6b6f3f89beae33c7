"""Collects what is gone when an instance stops: memory, connections, processes. By SSM, on the instance itself.

Called again and again: the first call sends one command, the next ones look, the last one seals what arrived. Each is
short. `StillRunning` is raised until the host is done or its deadline is over; what arrived until then is kept.

docs/volatile_evidence.md says why the addresses are handed over in an object, and what a reader of commands gets.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

from aws_bridge.accounts.area import Area
from aws_bridge.errors import AwsError, CallProblem, CallRejected, Denied
from response.actions.capture_volume import ITEM as VOLUME_ITEM
from response.actions.capture_volume import PASSING, CaptureVolume
from response.actions.collecting import RECORD
from response.aws.commands import Commands, Invocation
from response.aws.evidence import EvidenceStore
from response.aws.handover import Handover, Job, Tool, read_tools
from response.aws.machines import NO_AGENT, Machine, agents, machine
from response.aws.uploads import Uploads
from response.core import volatile
from response.core.capture_volume import LEAST_S
from response.core.evidence import COLLECTED, EMPTY, FAILED, MISSING, Item, counted
from response.core.result import DONE, FAILED_RESULT, PARTIAL, PLANNED_RESULT, REFUSED, ActionResult
from response.core.target import Target
from response.core.volatile import Report, Said
from response.errors import ResponseError, StillRunning
from response.plans.document import COLLECT, FETCH_JOB, WORK_FOLDER, linux

ACTION = STEP = "collect_volatile"
#: Name of the object that says what was begun: written once, before the command is sent.
BEGUN = "begun.json"
#: Says that the command was sent once more, since SSM did not know of it: there is no third time.
AGAIN = "sent_again.json"
#: Seconds after which a command that was sent must be in SSM's list: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/query-api-troubleshooting.html#eventual-consistency
SEEN_AFTER_S = 90
#: Says that the memory is captured on a volume, and that this command was sent once more.
ON_VOLUME, ON_VOLUME_AGAIN = "on_volume.json", "on_volume_again.json"
#: Seconds over the deadline in which a volume has to be detached.
DETACH_S = 120
#: Seconds that a run may be over its deadline before it is cancelled.
GRACE_S = 60
#: How long the addresses of the job and the tool last: the agent has `commands.START_WITHIN_S` to take the command.
FETCH_WITHIN_S = 780
#: Objects up to this size are read back and hashed here; a larger one is when the evidence is archived.
READ_BACK_BYTES = 64 << 20
NO_WINDOWS = "memory and volatile evidence of Windows are not supported: context, logs, snapshots and isolation are"
_NOT_THERE = "NoSuchKey"


class Tools(NamedTuple):
    """The capture tools by architecture, or why there are none."""

    known: Mapping[str, Tool]
    problem: str = ""


def known_tools(area: Area, parameter: str) -> Tools:
    """Return the capture tools that a parameter pins, or why they are not known: the rest is collected all the same."""
    try:
        return Tools(read_tools(area, parameter))
    except (AwsError, ResponseError) as exc:
        return Tools({}, f"which capture tool is the right one is not known: {exc}")


@dataclass(frozen=True)
class VolatileCollection:
    """Where the instance is, where evidence goes, and how things get to the host."""

    area: Area
    store: EvidenceStore
    #: The store's uploads, as a session policy allows it alone.
    uploads: Uploads
    handover: Handover
    tools: Tools
    #: Name or ARN of the SSM document.
    document: str
    clock: Callable[[], float] = time.time

    def collect(
        self,
        target: Target,
        incident: str,
        *,
        dry_run: bool = False,
        deadline_s: Optional[float] = None,
        folder: str = WORK_FOLDER,
        volume: bool = True,
    ) -> ActionResult:
        """Go on with the collection of an incident; return what came of it.

        ``deadline_s``: seconds the host has, from its memory if not given. ``folder``: on the host, on a volume with
        room for the memory. ``volume``: where no disk has room, a volume may be attached for it. Raises
        `StillRunning`, `response.errors.BadTarget`, and `CallProblem` where nothing is known.
        """
        begun = None if dry_run else self._read(BEGUN)
        if begun is None:
            host = machine(self.area, target)
            lack = self._lack(host, target)
            if lack:
                return self._nothing(target, incident, *lack, dry_run)
            limit_s = volatile.deadline_s(host.ram_mib, deadline_s)
            if dry_run:
                says = f"{len(_items())} items of {target} would be collected in at most {limit_s} s; nothing was sent"
                notes = tuple(each["name"] for each in _items())
                return ActionResult(ACTION, target, incident, PLANNED_RESULT, says, notes=notes)
            return self._begin(target, incident, host, limit_s, folder, volume)
        return self._go_on(target, incident, begun)

    def memory_arrived(self) -> int:
        """Return how many bytes of the memory arrived, while it is being sent; 0 before and after."""
        begun = self._read(ON_VOLUME) or self._read(BEGUN) or {"uploads": {}}
        sent = [each for each in _items() if each["tool"] and each["name"] in begun["uploads"]]
        found = [self.uploads.arrived(self._key(each["output"]), begun["uploads"][each["name"]]) for each in sent]
        return sum(int(part["Size"]) for parts in found for part in parts or ())

    def _lack(self, host: Machine, target: Target) -> Optional[Tuple[str, str]]:
        """Return result and reason where nothing can be collected."""
        if not host.runs:
            return REFUSED, f"{target} is {host.state}: there is nothing volatile left"
        if host.platform == "windows":
            return PARTIAL, NO_WINDOWS
        agent = agents(self.area, target.instance).get(target.instance, NO_AGENT)
        return (PARTIAL, agent.says) if agent.says else None

    def _begin(
        self, target: Target, incident: str, host: Machine, limit_s: int, folder: str, volume: bool
    ) -> ActionResult:
        sizes = volatile.sizes(host.ram_mib)
        tool = self.tools.known.get(host.architecture)
        uploads: Dict[str, str] = {}
        addresses: Dict[str, List[str]] = {}
        for each in _items():
            name, key = each["name"], self._key(each["output"])
            if each["tool"] and tool is None:
                continue
            uploads[name] = self.uploads.begin(key)
            numbers = range(1, (sizes.parts if each["tool"] else 1) + 1)
            # Valid a little longer than the run: what signed them ends after an hour, whatever is said here.
            addresses[name] = [self.uploads.address(key, uploads[name], n, limit_s + FETCH_WITHIN_S) for n in numbers]
        job = self.handover.put(f"{incident}-{int(self.clock() * 1000)}.job", volatile.job_text(sizes, addresses))
        known = {
            "incident": incident, "at": self.clock(), "limit_s": limit_s, "folder": folder, "uploads": uploads,
            "job": list(job), "tool": list(tool or ()), "architecture": host.architecture, "ram_mib": host.ram_mib,
            "volume": volume,
        }  # fmt: skip
        stored = self.store.put_json(STEP, BEGUN, known)
        if stored.key != self._key(BEGUN):
            # Another call was quicker between the two questions: its command is the one.
            for name, upload in uploads.items():
                self.uploads.drop(self._key(_output(name)), upload)
            self.handover.delete(job)
            raise StillRunning(f"{target}: another call began the collection at the same moment")
        return self._send(target, incident, known)

    def _send(self, target: Target, incident: str, begun: Mapping[str, Any], again: bool = False) -> ActionResult:
        try:
            self._commands(target).send(_comment(incident), self._parameters(incident, begun))
        except (CallRejected, Denied) as exc:
            # Its uploads stay open until the deadline: once the refusal is mended, another call sends it.
            why = f"the command was refused: {exc}"
            items = tuple(Item(each["name"], FAILED, why=why) for each in _items())
            self._record(list(items))
            says = f"nothing volatile of {target} was collected: {why}"
            return ActionResult(ACTION, target, incident, FAILED_RESULT, says, evidence=items)
        except CallProblem as exc:
            if again:
                self.store.put_json(STEP, AGAIN, {"incident": incident})
            raise StillRunning(f"{target}: whether the command was sent is looked up: {exc}") from exc
        if again:
            self.store.put_json(STEP, AGAIN, {"incident": incident})
        raise StillRunning(f"{target}: the command was sent; it has {begun['limit_s']} s")

    def _parameters(self, incident: str, begun: Mapping[str, Any]) -> Dict[str, str]:
        job = Job(*begun["job"])
        tool = Tool(*begun["tool"]) if begun["tool"] else None
        left_s = int(begun["at"] + begun["limit_s"] - self.clock())
        found = {
            "incident": incident,
            "jobUrl": self.handover.job_url(job, FETCH_WITHIN_S),
            "jobSha256": job.sha256,
            "workDirectory": str(begun["folder"]),
            "executionTimeout": str(max(60, left_s)),
        }
        if tool:
            found.update(toolUrl=self.handover.tool_url(tool, FETCH_WITHIN_S), toolSha256=tool.sha256)
        return found

    def _go_on(self, target: Target, incident: str, begun: Mapping[str, Any]) -> ActionResult:
        commands = self._commands(target)
        found = commands.find(_comment(incident))
        passed_s = self.clock() - begun["at"]
        late = passed_s > begun["limit_s"] + GRACE_S
        if not found:
            if late:
                return self._seal(target, incident, begun, None, Report(), "no command is known to SSM")
            if passed_s <= SEEN_AFTER_S:
                raise StillRunning(f"{target}: the command is not in SSM's list yet")
            if self._read(AGAIN) is not None:
                raise StillRunning(f"{target}: the command was sent twice and is not in SSM's list")
            # It was begun and perhaps never sent. Were it sent after all, the second finds the first one's folder.
            return self._send(target, incident, begun, again=True)
        running = [each for each in found if not each.is_over(COLLECT)]
        if running and not late:
            if any(each.steps.get(FETCH_JOB) == "Success" for each in found):
                self.handover.delete(Job(*begun["job"]))
            raise StillRunning(f"{target}: the host is at it since {passed_s:.0f} s, of {begun['limit_s']} s at most")
        for each in running:
            commands.cancel(each.id)
        reports = [(each, volatile.report_of(commands.output(each.id, COLLECT))) for each in found]
        # The first one that did the work; one that found another's folder did none.
        command, report = next((each for each in reports if each[1].end != "twice"), reports[0])
        problem = _problem(command, report, late and bool(running))
        if report.lacks_mib and begun.get("volume") and report.end == "done":
            report, problem = self._on_volume(target, incident, begun, report, late)
            self._apart(target, incident, begun, report)
        return self._seal(target, incident, begun, command, report, problem)

    def _on_volume(
        self, target: Target, incident: str, begun: Mapping[str, Any], first: Report, late: bool
    ) -> Tuple[Report, str]:
        """Let the host capture its memory once more, on a volume; return what it said in both runs, and a problem.

        Raises `StillRunning` while it is at it.
        """
        commands, comment = self._commands(target), _comment(incident) + _VOLUME
        found = commands.find(comment)
        running = [each for each in found if not each.is_over(COLLECT)]
        if found and running and not late:
            raise StillRunning(f"{target}: the host captures its memory on a volume")
        if found:
            for each in running:
                commands.cancel(each.id)
            reports = [(each, volatile.report_of(commands.output(each.id, COLLECT))) for each in found]
            command, second = next((each for each in reports if each[1].volume), reports[0])
            return volatile.both(first, second, _tools()), _problem(command, second, bool(running))
        known = self._read(ON_VOLUME)
        left_s = begun["at"] + begun["limit_s"] - self.clock()
        why = ""
        if late or (known is None and left_s < LEAST_S):
            why = f"no evidence volume: {max(0, left_s):.0f} s are left"
        elif known is None:
            why = self._send_for_volume(target, incident, begun, first.lacks_mib)
        elif self.clock() - known["at"] <= SEEN_AFTER_S:
            raise StillRunning(f"{target}: the command for the volume is not in SSM's list yet")
        elif self._read(ON_VOLUME_AGAIN) is not None:
            why = "no command for the evidence volume is known to SSM"
        else:
            self.store.put_json(STEP, ON_VOLUME_AGAIN, {"incident": incident})
            why = self._command_for_volume(target, incident, known)
        memory = {
            name: replace(said, why=f"{said.why}; {why}") for name, said in first.items.items() if name in _tools()
        }
        return replace(first, items={**first.items, **memory}), ""

    def _send_for_volume(self, target: Target, incident: str, begun: Mapping[str, Any], lacks_mib: int) -> str:
        """Attach the volume and send the command; return why that cannot be. Raises `StillRunning`."""
        try:
            volume = CaptureVolume(self.area, target, incident).attached(lacks_mib, self.clock())
        except CallProblem as exc:
            return f"no evidence volume: {exc}"
        sizes = volatile.sizes(int(begun["ram_mib"]))
        left_s = int(begun["at"] + begun["limit_s"] - self.clock())
        keys = {name: self._key(_output(name)) for name in _tools() if name in begun["uploads"]}
        # Others than before: those were given up, if the end was written down meanwhile.
        uploads = {name: self.uploads.begin(key) for name, key in keys.items()}
        numbers, lasts_s = range(1, sizes.parts + 1), left_s + FETCH_WITHIN_S
        addresses = {
            name: [self.uploads.address(key, uploads[name], n, lasts_s) for n in numbers] for name, key in keys.items()
        }
        name = f"{incident}-volume-{int(self.clock() * 1000)}.job"
        job = self.handover.put(name, volatile.job_text(sizes, addresses))
        known = {**begun, "at": self.clock(), "limit_s": left_s, "job": list(job), "volume_id": volume}
        known["uploads"] = uploads
        stored = self.store.put_json(STEP, ON_VOLUME, known)
        if stored.key != self._key(ON_VOLUME):
            for each, upload in uploads.items():
                self.uploads.drop(keys[each], upload)
            self.handover.delete(job)
            raise StillRunning(f"{target}: another call began the capture on the volume at the same moment")
        return self._command_for_volume(target, incident, known)

    def _command_for_volume(self, target: Target, incident: str, known: Mapping[str, Any]) -> str:
        more = {"volumeId": str(known["volume_id"]), "only": "memory"}
        try:
            self._commands(target).send(_comment(incident) + _VOLUME, {**self._parameters(incident, known), **more})
        except (CallRejected, Denied) as exc:
            return f"no evidence volume: the command was refused: {exc}"
        except CallProblem as exc:
            raise StillRunning(f"{target}: whether the command for the volume was sent is looked up: {exc}") from exc
        raise StillRunning(f"{target}: {known['volume_id']} is attached, and the command for it was sent")

    def _apart(self, target: Target, incident: str, begun: Mapping[str, Any], report: Report) -> None:
        """Detach the volume, if the host let go of it. Raises `StillRunning` until it is, or time is over."""
        if _may_be_mounted(report):
            return
        until = begun["at"] + begun["limit_s"] + DETACH_S
        try:
            CaptureVolume(self.area, target, incident).apart()
        except StillRunning:
            if self.clock() <= until:
                raise
        except CallProblem as exc:
            if isinstance(exc, PASSING) and self.clock() <= until:
                raise StillRunning(f"{target}: the evidence volume is to be detached: {exc}") from exc
            # It is looked at once more, and named, when all is sealed.

    def _seal(
        self,
        target: Target,
        incident: str,
        begun: Mapping[str, Any],
        command: Optional[Invocation],
        report: Report,
        problem: str,
    ) -> ActionResult:
        """Make objects of what arrived; return the end."""
        self.handover.delete(Job(*begun["job"]))
        on_volume = self._read(ON_VOLUME) if begun.get("volume") else None
        if on_volume:
            self.handover.delete(Job(*on_volume["job"]))
            for name in on_volume["uploads"]:
                self.uploads.drop(self._key(_output(name)), begun["uploads"][name])
            begun = {**begun, "uploads": {**begun["uploads"], **on_volume["uploads"]}}
        items = [self._item(each, begun, report, problem) for each in _items()]
        notes = volatile.footprint(report, str(begun["folder"])) if command else []
        if on_volume or (begun.get("volume") and report.lacks_mib):
            items += self._volume_left(target, incident, report, items)
        record = {
            "incident": incident, "begun": {**begun, "uploads": sorted(begun["uploads"])}, "problem": problem,
            "command": command.id if command else "", "host_clock": report.begun, "notes": notes,
            "host_said": {name: said.__dict__ for name, said in report.items.items()},
        }  # fmt: skip
        items.append(self.store.put_json(STEP, "report.json", record).item("report"))
        # What the step wrote before: the manifest names every object of the folder.
        items += self._written_before()
        self._record(items)
        notes += self.store.notes
        result, says = _end(target, items, problem)
        return ActionResult(ACTION, target, incident, result, says, notes=tuple(notes), evidence=tuple(items))

    def _volume_left(self, target: Target, incident: str, report: Report, items: List[Item]) -> List[Item]:
        """Delete the volume, unless it holds what is nowhere else; return what is left of it."""
        kept = all(each.outcome == COLLECTED for each in items if each.item in _tools())
        written = bool(report.volume) or report.end != "done"
        why = "it is still mounted, or nobody knows" if _may_be_mounted(report) else ""
        left = CaptureVolume(self.area, target, incident).outcome(needed=written and not kept, why=why)
        return [left] if left else []

    def _written_before(self) -> List[Item]:
        found = []
        for name in (BEGUN, AGAIN, ON_VOLUME, ON_VOLUME_AGAIN):
            try:
                found.append(self.store.read_back(self._key(name)).item(name.partition(".")[0]))
            except CallRejected as exc:
                if _NOT_THERE not in str(exc):
                    raise
        return found

    def _item(self, planned: Mapping[str, Any], begun: Mapping[str, Any], report: Report, problem: str) -> Item:
        name, key = str(planned["name"]), self._key(planned["output"])
        said = report.items.get(name)
        upload = begun["uploads"].get(name)
        if upload is None:
            why = self.tools.problem or f"there is no capture tool for {begun['architecture']}"
            return Item(name, FAILED if self.tools.problem else MISSING, why=why)
        parts = self.uploads.arrived(key, upload)
        if parts:
            self.uploads.seal(key, upload, parts)
        elif parts is not None:
            self.uploads.drop(key, upload)
        size = sum(int(each["Size"]) for each in parts or ())
        if parts is None or parts:
            found = self._stored(name, key, size, said)
            if found:
                return found if said else _but(found, f"partial: {problem or 'the host said nothing of it'}")
        if said and said.outcome == COLLECTED:
            return Item(name, FAILED, why="the host says that it was sent, and nothing arrived")
        if said:
            return Item(name, said.outcome, why=said.why)
        return Item(name, FAILED, why=problem or "the host said nothing of it")

    def _stored(self, name: str, key: str, size: int, said: Optional[Said]) -> Optional[Item]:
        """Return what is kept under a key, compared with what the host said; nothing where there is no object."""
        said = said or Said(COLLECTED)
        if size > READ_BACK_BYTES:
            why = "; ".join(filter(None, (said.why, "its sha256 is the host's word until the evidence is archived")))
            found = Item(name, said.outcome, key, "", said.sha256, size, why)
        else:
            try:
                stored = self.store.read_back(key)
            except CallRejected as exc:
                if _NOT_THERE not in str(exc):
                    raise
                return None
            found = Item(name, said.outcome, key, stored.version, stored.sha256, stored.bytes, said.why)
        if said.bytes and found.bytes != said.bytes:
            # The host's hash of more, or less, than arrived says nothing of what did.
            found = replace(found, sha256="") if size > READ_BACK_BYTES else found
            return _but(found, f"{found.bytes:,} of {said.bytes:,} bytes arrived")
        if said.sha256 and found.sha256 != said.sha256:
            return _but(found, f"the host says its sha256 is {said.sha256}")
        return found

    def _nothing(self, target: Target, incident: str, result: str, why: str, dry_run: bool) -> ActionResult:
        if result == REFUSED:
            return ActionResult(ACTION, target, incident, result, why)
        items = [Item(each["name"], MISSING, why=why) for each in _items()]
        if not dry_run:
            self._record(items)
        says = f"nothing volatile of {target} {'would be' if dry_run else 'was'} collected: {why}"
        return ActionResult(ACTION, target, incident, result, says, evidence=tuple(items))

    def _record(self, items: List[Item]) -> None:
        self.store.put_json(STEP, RECORD, {"step": STEP, "items": [each.to_json() for each in items]})

    def _read(self, name: str) -> Optional[Dict[str, Any]]:
        try:
            found: Dict[str, Any] = json.loads(self.store.read(self._key(name)))
            return found
        except CallRejected as exc:
            if _NOT_THERE not in str(exc):
                raise
            return None

    def _commands(self, target: Target) -> Commands:
        return Commands(self.area, self.document, target.instance)

    def _key(self, name: str) -> str:
        return f"{self.store.folder}{STEP}/{name}"


#: Items that the step itself wrote.
_OWN = ("report", "begun", "sent_again", "on_volume", "on_volume_again", VOLUME_ITEM)
#: Ends the comment of a command for the volume.
_VOLUME = " on a volume"


def _items() -> List[Dict[str, Any]]:
    found: List[Dict[str, Any]] = linux()["items"]
    return found


def _output(name: str) -> str:
    return str(next(each["output"] for each in _items() if each["name"] == name))


def _tools() -> List[str]:
    """Return the items that the capture tool makes."""
    return [each["name"] for each in _items() if each["tool"]]


def _may_be_mounted(report: Report) -> bool:
    """Whether the host may still write to the volume: it was not said that it ended, or that it could not let go."""
    return report.end != "done" or any(each.startswith("mounted") for each in report.left)


def _comment(incident: str) -> str:
    return f"aws-siem-bridge {incident}"


def _but(item: Item, why: str) -> Item:
    """Return an item that is kept and is not what it should be."""
    return Item(
        item.item, FAILED, item.key, item.version, item.sha256, item.bytes, "; ".join(filter(None, (item.why, why)))
    )


def _problem(command: Invocation, report: Report, cancelled: bool) -> str:
    """Return why a run did not end by itself, or nothing."""
    if cancelled:
        return "the deadline was over and the run was cancelled"
    if report.end == "done":
        return ""
    if report.end:
        return str(report.end)
    return f"the run ended as {command.status} ({command.details})"


def _end(target: Target, items: List[Item], problem: str) -> Tuple[str, str]:
    collected = [each for each in items if each.outcome in (COLLECTED, EMPTY) and each.item not in _OWN]
    failed = [each for each in items if each.outcome == FAILED]
    memory = next((each for each in items if each.item == "memory"), None)
    words = f"volatile evidence of {target}: {counted(items)}"
    if memory and memory.outcome != COLLECTED:
        words += f"; no whole memory: {memory.why}"
    if problem:
        words += f"; {problem}"
    if not collected and not any(each.key for each in failed):
        return FAILED_RESULT, words
    return (DONE if not failed and memory and memory.outcome == COLLECTED else PARTIAL), words
