"""Which of an input's places are polled, so that nothing comes twice and nothing is missing.

Three things are found out from AWS at the start, and again at each look for accounts: which other places the list of an
administrator or of an aggregation region shows, whose own polls then rest; which of the two Security Hubs of an account
is on; and what of it cannot be found out. Each is said once in a health event.
"""

from __future__ import annotations

import threading
import time
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Dict, FrozenSet, Iterable, List, Sequence, Set, Tuple

from aws_bridge.errors import CallProblem, Denied, RegionDisabled, ServiceOff
from aws_inputs.process import Process
from aws_inputs.unit import Unit
from collectors.polling.coverage import Coverage, Seat
from collectors.polling.handover import first_position, hand_over, is_handed_over
from collectors.records.record import Origin
from collectors.records.shown import Asking
from collectors.sources.registry import FINDINGS

CSPM, OCSF = "securityhub", "securityhub_v2"
HUBS = {CSPM: "Security Hub CSPM (ASFF)", OCSF: "Security Hub (OCSF)"}
#: Accounts and regions that one event names.
_MOST_NAMED = 50


class Roads:
    """Of one input. `ask` runs in threads, `decide` in one at a time."""

    def __init__(self, process: Process, hubs: Sequence[str], look_again_s: float, *, rest_where_off: bool) -> None:
        """``hubs``: the Security Hubs that may be read, the preferred one first; empty for other inputs.
        ``rest_where_off``: a place without the service is no failure.
        """
        self._rest_where_off = rest_where_off
        self._process = process
        self._hubs = tuple(hubs)
        self._look_again_s = look_again_s
        self._coverage = Coverage()
        self._lock = threading.Lock()
        self._on: Dict[Seat, bool] = {}
        self._unknown: Dict[str, CallProblem] = {}
        self._told: Dict[str, Any] = {}

    def ask(self, unit: Unit, asking: Asking) -> None:
        """Find out what AWS says of a place. What cannot be found out is taken for "shows nothing", and "is on"."""
        shows: FrozenSet[Origin] = frozenset()
        try:
            # The unit of the other hub asks about that one, if there is one.
            for hub in HUBS if len(self._hubs) == 1 else self._hubs and (unit.dataset,):
                seat = Seat(hub, unit.seat.place)
                self._on[seat] = _module(hub, "api").is_on(unit.caller, unit.region)
            if self._on.get(unit.seat, True) and unit.refused is None and _has_shown(unit.dataset):
                shows = _module(unit.dataset, "shown").shown(asking)
            self._unknown.pop(unit.name, None)
        except CallProblem as exc:
            self._unknown[unit.name] = exc
            if exc.passes:
                return  # what was known holds
        self._coverage.found(unit.seat, shows)

    def decide(self, units: Iterable[Unit]) -> List[Unit]:
        """Return the units that are to be polled from now on and were idle; make others idle. Says what is new."""
        units = list(units)
        by_seat = {unit.seat: unit for unit in units}
        chosen = self._choose_hubs(units)
        due: List[Unit] = []
        for unit in units:
            rests = self._hubs != () and chosen.get(unit.account_id) != unit.dataset
            if not rests:
                by = self._coverage.shown_by(unit.seat)
                if by is None:
                    unit.shown_since_s = 0.0
                off = self._rest_where_off and isinstance(self._unknown.get(unit.name), (ServiceOff, RegionDisabled))
                rests = off or by is not None and by in by_seat and self._rests(unit, by_seat[by])
            if unit.idle and not rests:
                due.append(unit)
            unit.idle = rests
        self._tell_off(units)
        for unit in units:
            if not unit.idle:
                self._tell_shown(unit, [each for each in units if each.idle])
        return due

    def _tell_off(self, units: Sequence[Unit]) -> None:
        off: Dict[Tuple[str, str], List[str]] = {}
        for unit in units:
            if self._rest_where_off and isinstance(self._unknown.get(unit.name), (ServiceOff, RegionDisabled)):
                off.setdefault((unit.account_id, unit.dataset), []).append(unit.region)
        for (account, dataset), regions in off.items():
            self._tell(
                f"off {account}/{dataset}", regions, "", "not switched on", account=account, dataset=dataset,
                regions=regions[:_MOST_NAMED],
                error=f"{dataset} is not switched on in {len(regions)} regions, where nothing is reconciled",
            )  # fmt: skip

    def worked(self, unit: Unit) -> None:
        """Say, now that its findings come, whether it could not be found out whose findings they are."""
        problem = self._unknown.get(unit.name)
        if isinstance(problem, Denied):
            self._tell(
                f"unknown {unit.name}", problem.missing, unit.name, "cannot find out whose findings it shows",
                error=f"{problem}. If it shows those of other accounts or regions that this input reads as well, they "
                "are read twice and written once",
                call=problem.call, missing_permission=problem.missing,
            )  # fmt: skip

    def _rests(self, unit: Unit, by: Unit) -> bool:
        """Return whether a unit, which another shows, is not polled; keep where it would go on."""
        now_s, checkpoints = time.monotonic(), self._process.checkpoints
        name = checkpoint_name(self._process, unit)
        unit.shown_since_s = unit.shown_since_s or now_s
        stored = checkpoints.load(name)
        if stored is not None and not is_handed_over(stored) and now_s - unit.shown_since_s < self._look_again_s:
            # It was polled until now: what AWS shows late, and showed it alone, comes in one more round.
            return False
        now_ms = self._process.clock_ms()
        position = by.poller.position if by.poller else first_position(now_ms, self._process.settings.backfill_from_ms)
        hand_over(checkpoints, name, by.name, position, now_ms)
        unit.poller = None
        return True

    def _tell_shown(self, unit: Unit, idle: Sequence[Unit]) -> None:
        shows = self._coverage.shows(unit.seat)
        if not shows:
            return
        accounts = sorted({place.account for place in shows} - {unit.account_id})
        regions = sorted({place.region for place in shows} - {unit.region})
        rest = sum(self._coverage.shown_by(each.seat) == unit.seat for each in idle)
        what = " and ".join(
            text
            for text in (
                f"administrator of {len(accounts)} accounts" if accounts else "",
                f"aggregation region of {len(regions)} regions" if regions else "",
            )
            if text
        )
        self._tell(
            f"shows {unit.name}", (accounts, regions, rest), unit.name, "shows the findings of others",
            error=f"{what}: their findings come with this one's, and are not polled again ({rest} polls rest)",
            accounts=accounts[:_MOST_NAMED], regions=regions[:_MOST_NAMED],
        )  # fmt: skip

    def _choose_hubs(self, units: Sequence[Unit]) -> Dict[str, str]:
        """Return account -> the Security Hub of it that is read."""
        chosen: Dict[str, str] = {}
        if not self._hubs:
            return chosen
        for account in sorted({unit.account_id for unit in units}):
            on: Dict[str, Set[str]] = {hub: set() for hub in HUBS}
            for unit in units:
                if unit.account_id == account:
                    for hub in HUBS:
                        if self._on.get(Seat(hub, unit.seat.place), hub == self._hubs[0]):
                            on[hub].add(unit.region)
            read = next((hub for hub in self._hubs if on[hub]), self._hubs[0])
            chosen[account] = read
            other = OCSF if read == CSPM else CSPM
            if not on[other]:
                continue
            both, alone = sorted(on[other] & on[read]), sorted(on[other] - on[read])
            text = f"{HUBS[other]} is on as well in {', '.join(both)}" if both else ""
            if alone:
                text = f"{text}; " if text else ""
                text += f"in {', '.join(alone)} {HUBS[other]} alone is on, which is not read"
            self._tell(
                f"hubs {account}", (read, both, alone), "", "one Security Hub of two is read",
                account=account,
                error=f"{HUBS[read]} is read. {text}. An input that reads the other one brings the same findings "
                "again, under other keys; which is read: product",
            )  # fmt: skip
        return chosen

    def _tell(self, key: str, value: Any, place: str, what: str, **members: Any) -> None:
        with self._lock:
            if self._told.get(key) == value:
                return
            self._told[key] = value
        self._process.health.notice(place, what, **members)


def checkpoint_name(process: Process, unit: Unit) -> str:
    """Return the name of a unit's checkpoint."""
    return f"{process.settings.stanza}/{unit.name}"


def asks(dataset: str, hubs: Sequence[str]) -> bool:
    """Whether there is anything to find out of a kind of findings."""
    return bool(hubs) or _has_shown(dataset)


def asks_organisation(dataset: str) -> bool:
    """Whether the organisation of an account says whose findings it shows."""
    return _has_shown(dataset) and getattr(_module(dataset, "shown"), "BY_ORGANISATION", False)


def _has_shown(dataset: str) -> bool:
    return dataset in FINDINGS and find_spec(_path(dataset, "shown")) is not None


def _path(dataset: str, module: str) -> str:
    return f"collectors.sources.{dataset}.{module}"


#: A module of a source; imported when it is needed.
def _module(dataset: str, module: str) -> Any:
    return import_module(_path(dataset, module))
