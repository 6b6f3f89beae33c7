"""Takes inventories: what there is in every region of every account, written when it is new, changed or gone."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any, Dict, List, Mapping

from aws_bridge.accounts.area import Area
from aws_bridge.accounts.caller import Caller
from aws_bridge.errors import CallProblem
from aws_inputs import accounts as account_settings
from aws_inputs.polling import Polling, Unit
from aws_inputs.process import Stopped
from aws_inputs.settings import names
from collectors.assets.asset import TagNames
from collectors.assets.changes import Change, Seen
from collectors.assets.inventory import GLOBAL, ORGANIZATION, REGIONAL, Found, Listing, inventory
from collectors.polling.counts import OVER_CEILING
from collectors.polling.writer import Tally
from collectors.records.finding import INFORMATIONAL, Finding, Severity
from collectors.records.record import Origin, Record
from collectors.sinks.splunk_events.sink import ASSET

#: How long it is waited for splunkd to take what was written, before it is noted as written.
DRAINED_WITHIN_S = 60
#: Stands for the region of what an organization has.
_ORGANIZATION = "organization"


class Assets(Polling):
    """All regions of one input. What an account has once is listed with its home region, accounts by themselves."""

    _must_list_accounts = False

    def _service_of(self, dataset: str) -> str:
        return "ec2"

    def _regions(self, caller: Caller, dataset: str) -> List[str]:
        found, home = super()._regions(caller, dataset), caller.session.account.home_region
        return found if home in found else [*found, home]

    def _look(self) -> None:
        super()._look()
        settings = account_settings.read(self._process.splunkd, self._settings["account"])
        caller = self._caller(settings.account)
        region = settings.account.home_region
        try:
            account_id = str(caller.call("sts", region, "GetCallerIdentity")["Account"])
        except CallProblem:
            return  # said by whoever reads this account
        self._must_list_accounts = bool(settings.organisation_role) and not settings.organisation_accounts
        name = f"{account_id}/{_ORGANIZATION}/asset"
        self._add(Unit(name, settings.account.name, account_id, _ORGANIZATION, "asset", caller))

    def _lists(self, unit: Unit) -> Mapping[str, Listing]:
        if unit.region == _ORGANIZATION:
            return ORGANIZATION
        chosen = self._settings.regions
        lists = dict(REGIONAL) if chosen is None or unit.region in chosen else {}
        return {**lists, **GLOBAL} if unit.region == unit.caller.session.account.home_region else lists

    def _one_turn(self, unit: Unit) -> float:
        process, name = self._process, f"{self._settings.stanza}/{unit.name}"
        stored = process.checkpoints.load(name)
        seen = Seen.of_json(stored) if stored else Seen()
        home = unit.caller.session.account.home_region
        region = home if unit.region == _ORGANIZATION else unit.region
        found = inventory(Area(unit.caller, unit.account_id, region), self._lists(unit), self._go_on)
        if found.problems and not found.complete and not any(found.lists.values()):
            unit.failures += 1
            problem = next(iter(found.problems.values()))
            if unit.region == _ORGANIZATION and not self._must_list_accounts and not problem.passes:
                # Most accounts are members, who may not ask; each is named by its alias then.
                self._tell_once("organization", "no account may be asked for the organization's", error=str(problem))
                return self._wait_denied_s()
            process.health.failed(unit.name, problem)
            return self._backoff.wait_s(unit.failures) if problem.passes else self._wait_denied_s()
        unit.failures = 0
        now_ms = process.clock_ms()
        tags = TagNames(*(names(self._settings[f"{what}_tags"].lower()) for what in TagNames._fields))
        changes = seen.compare(found.lists, found.complete, now_ms // 1000, tags)
        tally = self._write(unit, changes, seen, now_ms)
        try:
            self._wait_until_taken()
        finally:  # also when the process is to end: splunkd reads on until it has
            process.checkpoints.save(name, seen.as_json())
        self._tell(unit, found, tally, changes, len(seen.assets))
        return self._interval_s

    def _go_on(self) -> None:
        if self._process.stop.is_set():
            raise Stopped

    def _write(self, unit: Unit, changes: List[Change], seen: Seen, now_ms: int) -> Tally:
        """Write what there is room for; the rest is counted, and due again at the next inventory."""
        process, tally, records = self._process, Tally(), []
        origin = Origin(unit.account_id, unit.region)
        for change in changes:
            text = json.dumps(change.event, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
            record = Record(ASSET, now_ms, change.key, text, 0, origin)
            if process.budget.has_room(len(text), now_ms):
                process.budget.add(now_ms, written=len(text))
                records.append(record)
                continue
            process.budget.add(now_ms, withheld=len(text))
            seen.forget_writing(change)
            day = datetime.fromtimestamp(now_ms / 1000, timezone.utc).strftime("%Y-%m-%d")
            event = change.event
            counted = Finding(
                record, change.key, b"", Severity(0.0, INFORMATIONAL), str(event["kind"]), str(event["id"])
            )
            process.counts.add(OVER_CEILING, day, counted)
            tally.over_ceiling += 1
        for _ in process.sink.write(records):
            tally.written += 1
        return tally

    def _wait_until_taken(self) -> None:
        for _ in range(DRAINED_WITHIN_S * 5):
            if self._process.sink.drained():
                return
            self._process.sleep(0.2)

    def _tell(self, unit: Unit, found: Found, tally: Tally, changes: List[Change], assets: int) -> None:
        health = self._process.health
        for list_name in found.lists:
            place = f"{unit.name}/{list_name}"
            if list_name in found.problems:
                health.place(place, dataset=unit.dataset, account=unit.account_id, region=unit.region, list=list_name)
                health.failed(place, found.problems[list_name])
            elif place in health.failing():
                health.worked(place, Tally(), 0)
        counts: Dict[str, Any] = {}
        for change in changes:
            counts[change.what] = counts.get(change.what, 0) + 1
        health.worked(
            unit.name, tally, 0, good_for_s=self._interval_s, assets=assets, **counts, **self._process.bytes_of_day()
        )
