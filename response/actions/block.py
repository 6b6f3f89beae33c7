"""Blocks addresses by AWS WAF, takes them out again, and sweeps those whose time is over.

What is said to be blocked was read back, and a web ACL that stands before something has a rule that blocks by the set.
An address in a set without such a rule is "stored but not enforced", which is no success.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Callable, Dict, Iterable, List, Sequence, Tuple

from aws_bridge.accounts.area import Area
from aws_bridge.errors import CallProblem
from response.aws.blocks import Block, Blocks
from response.aws.ip_sets import IpSet, IpSets, SetFull, own_addresses
from response.aws.web_acls import enforcement
from response.core.addresses import Network, Rules, network_of, sort_out
from response.core.budget import Budget
from response.core.change import ALREADY, BLOCKED, DONE, FAILED, PLANNED, Change, Outcome
from response.core.result import ALREADY_DONE, FAILED_RESULT, PARTIAL, PLANNED_RESULT, REFUSED, ActionResult
from response.core.result import DONE as ALL_DONE
from response.core.target import Subject

BLOCK, UNBLOCK, SWEEP = "block_ip", "unblock_ip", "sweep_blocks"
#: Addresses that are taken out together: each is noted in the table before and after.
_AT_ONCE = 300
#: Names of the sets, one for each version of IP: a set has addresses of one only.
SET_NAMES = {4: "aws-siem-bridge-blocked-ipv4", 6: "aws-siem-bridge-blocked-ipv6"}


@dataclass(frozen=True)
class Blocking:
    """Where addresses are blocked. ``table``: what was blocked until when."""

    area: Area
    sets: IpSets
    table: Blocks
    rules: Rules = Rules()
    names: Dict[int, str] = field(default_factory=lambda: dict(SET_NAMES))
    #: Epoch seconds.
    clock: Callable[[], float] = time.time

    def block(
        self, addresses: Sequence[str], incident: str, *, hours: float = 0, dry_run: bool = False
    ) -> ActionResult:
        """Block addresses for so many hours, 0 for ever. Raises `CallProblem` when nothing was changed."""
        rules = self._rules_with_own()
        networks, refused = sort_out(addresses, rules)
        subject = self._subject(addresses)
        notes = [f"refused: {each}" for each in refused]
        if not networks:
            says = f"nothing was blocked: {'; '.join(refused) or 'no address was given'}"
            return ActionResult(BLOCK, subject, incident, REFUSED, says, notes=tuple(notes))
        expires_s = int(self.clock() + hours * 3600) if hours else 0
        if dry_run:
            return self._planned(BLOCK, subject, incident, networks, True, notes)
        outcomes: List[Outcome] = []
        enforced: List[str] = []
        missing: List[str] = []
        for version in (4, 6):
            wanted = [each for each in networks if each.version == version]
            if not wanted:
                continue
            ip_set = self.sets.ensure(self.names[version], version)
            outcomes += self._add(ip_set, wanted, incident, expires_s, notes)
            self._enforced(ip_set, enforced, missing, notes)
        return self._blocked(subject, incident, outcomes, refused, enforced, missing, notes, expires_s)

    def unblock(self, addresses: Sequence[str], incident: str, *, dry_run: bool = False) -> ActionResult:
        """Take out addresses that were blocked by us; others' stay. Raises `CallProblem`."""
        subject = self._subject(addresses)
        networks = [network_of(each) for each in addresses]
        if dry_run:
            return self._planned(UNBLOCK, subject, incident, networks, False, [])
        outcomes: List[Outcome] = []
        foreign: List[Network] = []
        for version in (4, 6):
            wanted = [each for each in networks if each.version == version]
            ip_set = self.sets.find(self.names[version]) if wanted else None
            if ip_set is None:
                outcomes += [Outcome(_change(each, False, self.names[version]), ALREADY) for each in wanted]
                continue
            there = self.sets.addresses(ip_set)
            kept = [self.table.find(self._block(ip_set, each, incident, 0)) for each in wanted]
            ours = [each for each in kept if each]
            foreign += [net for net, note in zip(wanted, kept) if note is None and net in there]
            outcomes += [
                Outcome(_change(net, False, ip_set.name), ALREADY)
                for net, note in zip(wanted, kept)
                if note is None and net not in there
            ]
            outcomes += self._take_out(ip_set, [each for each in ours if self.table.end(each)])
        return _unblocked(subject, incident, outcomes, foreign)

    def sweep(self, budget: Budget = Budget()) -> List[ActionResult]:  # noqa: B008 - never changed
        """Take out every block of the table whose time is over, in this area and scope; one result an incident.

        Some hundred at a time, as long as there is time: what is left comes with the next sweep, and is one more
        result. Blocks of other accounts and scopes are left to a `Blocking` of theirs: see `places`.
        """
        over: Dict[IpSet, List[Block]] = {}
        for each in self.table.expired(self.clock()):
            if self._here(each):
                over.setdefault(each.set, []).append(each)
        found: Dict[str, List[Outcome]] = {}
        pieces = [
            (ip_set, blocks[first : first + _AT_ONCE])
            for ip_set, blocks in over.items()
            for first in range(0, len(blocks), _AT_ONCE)
        ]
        left = 0
        for number, (ip_set, blocks) in enumerate(pieces):
            if number and budget.is_over:
                left = sum(len(each) for _, each in pieces[number:])
                break
            ended = [each for each in blocks if self.table.end(each)]
            for block, outcome in zip(ended, self._take_out(ip_set, ended)):
                found.setdefault(block.incident, []).append(outcome)
        subject = Subject(self.area.account, self.sets.area.region, f"blocks of {self.sets.scope}")
        says = f"{left} addresses whose time is over are still blocked: no time was left, the next sweep goes on"
        rest = [ActionResult(SWEEP, subject, "", PARTIAL, says)] if left else []
        return rest + [
            _unblocked(self._subject([each.change.resource for each in outcomes]), incident, outcomes, [], SWEEP)
            for incident, outcomes in sorted(found.items())
        ]

    def _add(
        self, ip_set: IpSet, wanted: List[Network], incident: str, expires_s: int, notes: List[str]
    ) -> List[Outcome]:
        """Add addresses to a set and read it back: those that fit, when it is nearly full."""
        there = self.sets.addresses(ip_set)
        blocks = {each: self._block(ip_set, each, incident, expires_s) for each in wanted}
        foreign = [each for each in wanted if each in there and self.table.find(blocks[each]) is None]
        notes += [
            f"{each} was blocked by somebody else before: it stays so, and no sweep takes it out" for each in foreign
        ]
        ours = [each for each in wanted if each not in foreign]
        full = ""
        added = frozenset()  # type: ignore[var-annotated]
        why = ""
        for each in ours:
            # First the note, so that what took effect without an answer is known to the sweeper, too.
            self.table.keep(blocks[each], self.clock())
        try:
            try:
                added = self.sets.change(ip_set, add=ours)
            except SetFull as exc:
                full = str(exc)
                added = self.sets.change(ip_set, add=[each for each in ours if each not in there][: exc.fits])
        except CallProblem as exc:
            why = str(exc)
        try:
            now = self.sets.addresses(ip_set)
        except CallProblem as exc:
            now, why = frozenset(), str(exc)
        outcomes = []
        for each in wanted:
            if each in now:
                outcomes.append(Outcome(_change(each, True, ip_set.name), DONE if each in added else ALREADY))
                continue
            outcomes.append(Outcome(_change(each, True, ip_set.name), FAILED, why or full or "it is not in the set"))
            if full and not why and self.table.end(blocks[each]):
                self.table.forget(blocks[each])
        return outcomes

    def _take_out(self, ip_set: IpSet, blocks: List[Block]) -> List[Outcome]:
        """Take out addresses whose end is noted; one that was blocked anew meanwhile is put back."""
        networks = [each.network for each in blocks]
        if not networks:
            return []
        why = ""
        try:
            taken = self.sets.change(ip_set, remove=networks)
            there = self.sets.addresses(ip_set)
        except CallProblem as exc:
            why, taken, there = str(exc), frozenset(), frozenset(networks)
        outcomes = []
        for each in blocks:
            change = _change(each.network, False, ip_set.name)
            if each.network in there:
                outcomes.append(Outcome(change, FAILED, why or "it is in the set again"))
            elif self.table.forget(each):
                outcomes.append(Outcome(change, DONE if each.network in taken else ALREADY))
            else:
                self.sets.change(ip_set, add=[each.network])
                outcomes.append(Outcome(change, FAILED, "it was blocked anew meanwhile, and is put back"))
        return outcomes

    def _enforced(self, ip_set: IpSet, enforced: List[str], missing: List[str], notes: List[str]) -> None:
        try:
            found = enforcement(self.sets.area, ip_set)
        except CallProblem as exc:
            missing.append(f"whether a rule blocks by the set {ip_set.name} is not known: {exc}")
            return
        notes += found.notes
        if found.acls:
            many = f"{found.resources} resource{'s'[: found.resources != 1]}"
            enforced.append(f"web ACL {', '.join(found.acls)} before {many}")
        else:
            missing.append(f"no web ACL that stands before anything blocks by the set {ip_set.name}")

    def _blocked(
        self, subject: Subject, incident: str, outcomes: List[Outcome], refused: List[str], enforced: List[str],
        missing: List[str], notes: List[str], expires_s: int,
    ) -> ActionResult:  # fmt: skip
        failed = [each for each in outcomes if each.result == FAILED]
        stored = len(outcomes) - len(failed)
        many = f"{stored} address{'es'[: 2 * (stored != 1)]}"
        undo = f"aws-siem-bridge respond unblock-ip {' '.join(each.change.resource for each in outcomes)}"
        until = f" until {_utc(expires_s)}" if expires_s else ""
        result = ALL_DONE if any(each.result == DONE for each in outcomes) else ALREADY_DONE
        if failed:
            result, says = FAILED_RESULT, f"{len(failed)} of {len(outcomes)} addresses are NOT blocked: {failed[0].why}"
        elif missing:
            result, says = FAILED_RESULT, f"{many} stored but not enforced: {'; '.join(missing)}"
        elif refused:
            result, says = FAILED_RESULT, f"{many} blocked{until}, {len(refused)} refused: {'; '.join(refused)}"
        else:
            says = f"{many} blocked{until} by {'; '.join(enforced)}, read back"
        notes += [each for each in missing if failed]
        return ActionResult(BLOCK, subject, incident, result, says, tuple(outcomes), tuple(notes), undo)

    def _planned(
        self, action: str, subject: Subject, incident: str, networks: List[Network], after: bool, notes: List[str]
    ) -> ActionResult:
        found = []
        for version in sorted({each.version for each in networks}):
            ip_set = self.sets.find(self.names[version])
            there = self.sets.addresses(ip_set) if ip_set else frozenset()
            for each in networks:
                if each.version == version:
                    result = ALREADY if (each in there) == after else PLANNED
                    found.append(Outcome(_change(each, after, self.names[version]), result))
            if after and ip_set is None:
                notes.append(f"the set {self.names[version]} would be made; no rule can use it yet")
            elif after and ip_set:
                lacking: List[str] = []
                self._enforced(ip_set, [], lacking, notes)
                notes += lacking
        many = sum(each.result == PLANNED for each in found)
        what = f"{many} address{'es'[: 2 * (many != 1)]} would be {'blocked' if after else 'taken out'}"
        says = f"{what}; nothing was changed"
        return ActionResult(action, subject, incident, PLANNED_RESULT, says, tuple(found), tuple(notes))

    def _rules_with_own(self) -> Rules:
        """Return the rules, with the account's own addresses: without knowing them nothing is blocked."""
        own = tuple((network_of(each), "an address of this account") for each in sorted(own_addresses(self.area)))
        return self.rules._replace(own=(*self.rules.own, *own))

    def _here(self, block: Block) -> bool:
        here = (self.area.account, self.area.region, self.sets.scope)
        return (block.account, block.region, block.set.scope) == here

    def _block(self, ip_set: IpSet, network: Network, incident: str, expires_s: int) -> Block:
        return Block(self.area.account, self.area.region, ip_set, network, incident, expires_s)

    def _subject(self, addresses: Iterable[str]) -> Subject:
        given = [str(each)[:80] for each in addresses]
        name = ", ".join(given[:3]) + (f" and {len(given) - 3} more" if len(given) > 3 else "")
        return Subject(self.area.account, self.sets.area.region, name or "no address")


def places(table: Blocks, now_s: float) -> List[Tuple[str, str, str]]:
    """Return (account, region, scope) of every place with blocks whose time is over, for a sweep of each."""
    return sorted({(each.account, each.region, each.set.scope) for each in table.expired(now_s)})


def _unblocked(
    subject: Subject, incident: str, outcomes: List[Outcome], foreign: List[Network], action: str = UNBLOCK
) -> ActionResult:
    failed = [each for each in outcomes if each.result == FAILED]
    notes = tuple(f"not taken out: {each.change.resource}: {each.why}" for each in failed)
    if failed:
        says = f"{len(failed)} of {len(outcomes)} addresses are still blocked: {failed[0].why}"
        return ActionResult(action, subject, incident, FAILED_RESULT, says, tuple(outcomes), notes)
    if foreign:
        says = (
            f"{', '.join(map(str, foreign))} was blocked by somebody else and stays so: take it out of the set by hand"
        )
        return ActionResult(action, subject, incident, REFUSED, says, tuple(outcomes), notes)
    done = [each for each in outcomes if each.result == DONE]
    many = f"{len(outcomes)} address{'es'[: 2 * (len(outcomes) != 1)]}"
    says = f"{many} no longer blocked, read back"
    return ActionResult(action, subject, incident, ALL_DONE if done else ALREADY_DONE, says, tuple(outcomes), notes)


def _change(network: Network, after: bool, set_name: str) -> Change:
    return Change(BLOCKED, str(network), not after, after, (("set", set_name),))


def _utc(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
