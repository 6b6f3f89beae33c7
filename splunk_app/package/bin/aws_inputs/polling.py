"""Polls every region of every account, each in its own time: one that is denied or slow holds no other up."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import Any, Dict, List, Optional, Tuple

from aws_account_settings import accounts as account_settings
from aws_account_settings.accounts import BETWEEN_ATTEMPTS, Members

from aws_bridge.accounts.account import Account
from aws_bridge.accounts.caller import Caller
from aws_bridge.accounts.organisation import organisation_of
from aws_bridge.accounts.regions import enabled_regions
from aws_bridge.accounts.session import AwsSession
from aws_bridge.errors import CallProblem, Denied
from aws_inputs.process import SETTLED_WITHIN_S, Process, Stopped
from aws_inputs.roads import Roads, asks, asks_organisation, checkpoint_name
from aws_inputs.settings import InputSettings, datasets_of, hubs_of, is_key_of, names
from aws_inputs.unit import Unit
from collectors.errors import CheckpointUnusable, CollectorError, StoreUnavailable
from collectors.polling.poller import Backfill, Poller, PollSettings, Turn
from collectors.records.page import Choice, Lister, Page, Window, iso
from collectors.records.shown import Asking
from collectors.sources.registry import FINDINGS
from es_bridge.backoff import Backoff

#: Regions that are read at the same time, of all accounts.
WORKERS = 8
#: A region that is denied or switched off is asked again after so many intervals, `LONGEST_WAIT_S` at most.
WAIT_INTERVALS, LONGEST_WAIT_S = 15, 900
#: Calls a second and in a burst that AWS allows: https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub_limits.html
RATES: Dict[str, Tuple[float, int]] = {"securityhub:GetFindings": (3, 6)}


class _StoppableLister:
    """A lister that ends between two pages when the process is to end."""

    def __init__(self, lister: Lister, stop: threading.Event) -> None:
        self._lister, self._stop = lister, stop

    def page(self, window: Window, token: str) -> Page:
        """See `Lister.page`; raises `Stopped`."""
        if self._stop.is_set():
            raise Stopped
        return self._lister.page(window, token)


class Polling:
    """All regions of one input."""

    def __init__(self, process: Process, beside: Optional[InputSettings] = None) -> None:
        """``beside``: settings of a poll beside a queue, whose input says what is switched off and what else is due."""
        self._process = process
        self._settings = beside or process.settings
        self._is_beside = beside is not None
        self._interval_s = float(self._settings["poll_interval_s"])
        self._backoff = Backoff(self._interval_s, LONGEST_WAIT_S)
        #: Accounts and regions are looked for again: one that is new is read without a restart.
        self._look_again_s = float(self._settings["look_again_s"])
        self._roads = Roads(process, hubs_of(self._settings), self._look_again_s, rest_where_off=self._is_beside)
        #: How many units are asked about just now; then it is decided which are polled.
        self._asked = 0
        #: Account's id -> that of its organisation; empty for one that is in none, or cannot say.
        self._organisations: Dict[str, str] = {}
        self._units: Dict[str, Unit] = {}
        self._callers: Dict[str, Caller] = {}
        self._told: Dict[str, str] = {}
        self._due: List[Tuple[float, int, Unit]] = []
        self._number = itertools.count()
        self._changed = threading.Condition()
        self._fatal: Optional[BaseException] = None

    def run(self) -> None:
        """Poll until the process is to end. Raises `StoreUnavailable`, `CheckpointUnusable`, `ConfigError`."""
        looked_s = -self._look_again_s
        self._process.look_for_others()
        with ThreadPoolExecutor(WORKERS, "poll") as pool:
            try:
                while not self._process.stop.is_set():
                    if self._process.stands_by:
                        self._stand_by()
                    wait_s = self._look_again_s if self._units else min(self._look_again_s, self._wait_denied_s())
                    if time.monotonic() - looked_s >= wait_s and not self._asked:
                        looked_s = time.monotonic()
                        self._look()
                        self._ask(pool)
                    if not self._is_beside:
                        self._process.every_moment()
                    for unit in self._take_due():
                        pool.submit(self._turn, unit)
                    if self._fatal:
                        raise self._fatal
            except Stopped:
                pass
            finally:
                self._process.stop.set()
        self._end()

    def _stand_by(self) -> None:
        """Wait until no other process reads this input, and go on from where that one was."""
        while self._process.stands_by:
            self._process.every_moment()
            self._process.sleep(1.0)
        for unit in self._units.values():
            unit.poller = None

    def _end(self) -> None:
        """Write the counts, and save how far it came, with what is taken by now."""
        self._process.write_counts()
        if self._process.sink.settle(SETTLED_WITHIN_S):
            for unit in self._units.values():
                if unit.poller is not None:
                    unit.poller.save(now=True)
        self._process.forget_arrived_counts()

    def _take_due(self) -> List[Unit]:
        """Return the units that are due, after waiting a moment for one."""
        with self._changed:
            now_s = time.monotonic()
            wait_s = min(self._due[0][0] - now_s if self._due else 0.5, 0.5)
            if wait_s > 0:
                self._changed.wait(wait_s)
            now_s = time.monotonic()
            taken = []
            while self._due and self._due[0][0] <= now_s:
                unit = heapq.heappop(self._due)[2]
                unit.waits = False
                if not unit.runs and not unit.idle:  # who runs is put back at its end
                    unit.runs = True
                    taken.append(unit)
            return taken

    def _put(self, unit: Unit, after_s: float) -> None:
        with self._changed:
            if not unit.waits:
                unit.waits = True
                heapq.heappush(self._due, (time.monotonic() + after_s, next(self._number), unit))
                self._changed.notify()

    # Where there is something to read.

    def _look(self) -> None:
        """Find accounts and regions; new ones are due at once."""
        try:
            settings = account_settings.read(self._process.splunkd, self._settings["account"])
            found = account_settings.members_of(settings, self._caller(settings.account))
        except CallProblem as exc:
            self._process.health.place("organisation", account=self._settings["account"])
            self._process.health.failed("organisation", exc)
            return
        for skipped in found.skipped:
            self._tell_once(f"skipped {skipped}", "account skipped", error=skipped)
        for name, account in found.accounts.items():
            self._look_into(name, account, found)

    def _look_into(self, name: str, account: Account, found: Members) -> None:
        caller = self._caller(account)
        place = f"account {name}"
        try:
            account_id = str(caller.call("sts", account.home_region, "GetCallerIdentity")["Account"])
            self._find_organisation(account_id, caller, found)
            for dataset in datasets_of(self._settings):
                for region in self._regions(caller, dataset):
                    self._add(Unit(f"{account_id}/{region}/{dataset}", name, account_id, region, dataset, caller))
        except CallProblem as exc:
            self._process.health.place(place, account=name)
            self._process.health.failed(place, exc)
            return
        if place in self._process.health.failing():
            self._process.health.worked(place, Turn(), 0)

    def _find_organisation(self, account_id: str, caller: Caller, found: Members) -> None:
        """Note whose account it is, where that says what is read twice."""
        if found.organisation_id:
            self._organisations[account_id] = found.organisation_id
        elif len(found.accounts) > 1 and any(map(asks_organisation, datasets_of(self._settings))):
            try:
                self._organisations[account_id] = organisation_of(caller)
            except Denied as exc:
                self._organisations[account_id] = ""
                self._tell_once(
                    f"organisation of {account_id}", "cannot find out whose findings it shows", account=account_id,
                    error=f"{exc}. If it is of the organisation of a delegated administrator of Security Hub whose "
                    "findings this input reads as well, its own are read twice and written once",
                    call=exc.call, missing_permission=exc.missing,
                )  # fmt: skip
            except CallProblem:
                pass  # what was known holds, and another look follows

    def _regions(self, caller: Caller, dataset: str) -> List[str]:
        only = (
            getattr(import_module(f"collectors.sources.{dataset}.api"), "REGIONS", None)
            if dataset in FINDINGS
            else None
        )
        if only:
            return list(only)
        if self._settings.regions is not None:
            return list(self._settings.regions)
        found = enabled_regions(caller, self._service_of(dataset))
        if found.guessed:
            self._tell_once(
                f"regions of {caller.account}", "all regions of the partition are asked", account=caller.account,
                error=found.guessed,
            )  # fmt: skip
        return found.names

    def _service_of(self, dataset: str) -> str:
        """Return the service whose regions are asked."""
        service: str = import_module(f"collectors.sources.{dataset}.api").SERVICE
        return service

    def _caller(self, account: Account) -> Caller:
        if account.name not in self._callers:
            self._callers[account.name] = Caller(
                AwsSession(account), wait_s=BETWEEN_ATTEMPTS.wait_s, rates=RATES, sleep=self._process.sleep
            )
        return self._callers[account.name]

    def _add(self, unit: Unit) -> None:
        if unit.name not in self._units:
            self._units[unit.name] = unit
            self._process.health.place(unit.name, dataset=unit.dataset, account=unit.account_id, region=unit.region)
            unit.idle = asks(unit.dataset, hubs_of(self._settings))
            if not unit.idle:
                self._put(unit, 0)

    # Which of these places are polled.

    def _ask(self, pool: ThreadPoolExecutor) -> None:
        """Let be found out, in threads, which units are to be polled; until then new ones wait."""
        units = self._asked_about()
        regions: Dict[Tuple[str, str], List[str]] = {}
        for unit in units:
            regions.setdefault((unit.account_id, unit.dataset), []).append(unit.region)
        organisations: Dict[str, List[str]] = {}
        for account in sorted({unit.account_id for unit in units}):
            organisations.setdefault(self._organisations.get(account, ""), []).append(account)
        self._asked = len(units)
        for unit in units:
            read = regions[unit.account_id, unit.dataset]
            organisation = self._organisations.get(unit.account_id, "")
            asking = Asking(unit.caller, unit.seat.place, read, organisations[organisation], organisation)
            pool.submit(self._ask_one, unit, asking)

    def _asked_about(self) -> List[Unit]:
        return [unit for unit in list(self._units.values()) if asks(unit.dataset, hubs_of(self._settings))]

    def _ask_one(self, unit: Unit, asking: Asking) -> None:
        try:
            self._roads.ask(unit, asking)
            with self._changed:
                self._asked -= 1
                if self._asked:
                    return
            for due in self._roads.decide(self._asked_about()):
                self._put(due, 0)
            for each in self._asked_about():
                self._process.health.rests(each.name, each.idle)
        except Stopped:
            return
        except BaseException as exc:  # nobody looks at the future of this
            self._fatal = exc
            self._process.stop.set()

    def _tell_once(self, key: str, what: str, **members: Any) -> None:
        if self._told.get(key) != what:
            self._told[key] = what
            self._process.health.notice("", what, **members)

    # One turn.

    def _turn(self, unit: Unit) -> None:
        """Do one turn of a unit, and say when the next one is due. Never raises."""
        try:
            after_s = self._one_turn(unit)
        except Stopped:
            return
        except BaseException as exc:  # nobody looks at the future of a unit: the input would be silent for ever
            self._fatal = exc
            self._process.stop.set()
            return
        unit.runs = False
        self._put(unit, after_s)

    def _one_turn(self, unit: Unit) -> float:
        health = self._process.health
        try:
            poller = unit.poller = unit.poller or self._poller(unit)
            turn = poller.turn()
        except CallProblem as exc:
            unit.failures += 1
            unit.refused = None if exc.passes else exc
            if unit.poller is not None:
                unit.poller.save(now=True)
            health.failed(unit.name, exc, unit.poller.last if unit.poller else None)
            return self._backoff.wait_s(unit.failures) if exc.passes else self._wait_denied_s()
        except Stopped:
            if unit.poller is not None:
                unit.poller.save(now=True)
            raise
        except (StoreUnavailable, CheckpointUnusable):
            raise
        except CollectorError as exc:
            unit.failures += 1
            health.failed(unit.name, exc)
            return self._wait_denied_s()
        unit.failures, unit.refused = 0, None
        self._roads.worked(unit)
        more: Dict[str, Any] = dict(self._process.bytes_of_day())
        for name in ("backfill", "sweep"):
            reading = getattr(poller.position, name)
            if reading is not None and not reading.done:
                more[f"{name}_percent"] = reading.percent
        if self._process.memory.crowded_out:
            more["forgotten"] = self._process.memory.crowded_out
        health.worked(unit.name, turn, turn.lag_ms, good_for_s=self._interval_s, **more)
        return 0.0 if turn.more else self._interval_s

    def _wait_denied_s(self) -> float:
        return min(LONGEST_WAIT_S, WAIT_INTERVALS * self._interval_s)

    def _poller(self, unit: Unit) -> Poller:
        values, process = self._settings.values, self._process
        choice = Choice(
            float(values.get("least_severity") or 0),
            bool(values.get("archived", True)),
            names(values.get("products") or ""),
            names(values.get("products_left_out") or ""),
        )
        poller = Poller(
            checkpoint_name(process, unit),
            self._lister(unit, choice),
            process.sink,
            process.memory,
            process.checkpoints,
            process.budget,
            process.counts,
            PollSettings(
                overlap_s=int(values["overlap_s"]),
                safety_s=0 if process.is_acknowledged else int(values["safety_window_s"]),
                backfill_from_ms=self._settings.backfill_from_ms,
                rules=process.rules,
                sweep_every_s=int(values.get("sweep_every_s") or 0),
                sweep_days=int(values.get("sweep_days") or 1),
            ),
            process.clock_ms,
            self._lister(unit, replace(choice, archived=True, only_active=True)),
            self._export(unit),
        )
        backfill = poller.position.backfill
        if backfill is not None and not backfill.done and self._settings.values.get("backfill_by") == "paging":
            process.health.notice(unit.name, "back-fill", how="by paging", findings_from=iso(backfill.at_ms))
        self._tell_of_beginning(unit, poller)
        self._tell_of_stop(unit, poller)
        return poller

    def _tell_of_beginning(self, unit: Unit, poller: Poller) -> None:
        """Say that it begins anew, unless this is the first time."""
        begun, name = self._process.begun, checkpoint_name(self._process, unit)
        again = begun.load(name) is not None
        if poller.resumed is None and (again or poller.was_reset):
            self._process.health.notice(
                unit.name,
                "begins at the start date again",
                why="its checkpoint was reset" if poller.was_reset else "its checkpoint is gone",
                error="What is read again is written again. Without start_date nothing older than now is read",
            )
        if not again:
            begun.save(name, {})

    def _tell_of_stop(self, unit: Unit, poller: Poller) -> None:
        """Say that it stood still longer than the safety window, and what that means."""
        resumed = poller.resumed
        if resumed is None or poller.handed_over or resumed.stopped_ms <= int(self._settings["safety_window_s"]) * 1000:
            return
        if self._process.is_acknowledged:
            error = (
                "All that the indexers had not acknowledged is written again. Versions that AWS replaced meanwhile are "
                "not seen any more"
            )
        else:
            error = (
                "What was written more than the safety window before the stop, and had not been indexed by then, is "
                "not written again. Compare with AWS, or reset the checkpoint"
            )
        self._process.health.notice(
            unit.name,
            "stopped for longer than the safety window",
            stopped_s=resumed.stopped_ms // 1000,
            read_again_from=iso(resumed.risk.from_ms),
            error=error,
        )

    def _export(self, unit: Unit) -> Optional[Backfill]:
        """Return the road of a back-fill by export, where it is chosen and there is a key for it."""
        values, process = self._settings.values, self._process
        if values.get("backfill_by") != "export" or unit.dataset != "securityhub_v2":
            return None
        keys = [key for key in names(values["export_key_arns"]) if is_key_of(key, unit.account_id, unit.region)]
        if not keys:
            process.health.notice(
                unit.name, "back-fill", how="goes on by paging",
                error="export_key_arns has no key of this account and region",
            )  # fmt: skip
            return None
        from aws_bridge.objects import S3Objects
        from collectors.polling.securityhub_export import Destination, ExportBackfill

        return ExportBackfill(
            unit.caller,
            unit.seat.place,
            Destination(values["export_bucket"], keys[0], values["export_prefix"]),
            lambda: S3Objects(unit.caller.session.client("s3", unit.region)),
            process.checkpoints,
            f"{checkpoint_name(process, unit)}/export",
            partial(process.health.notice, unit.name),
        )

    def _lister(self, unit: Unit, choice: Choice) -> Lister:
        api = import_module(f"collectors.sources.{unit.dataset}.api")
        return _StoppableLister(api.lister(unit.caller, unit.region, unit.account_id, choice), self._process.stop)
