"""Takes inventories: what there is in every region of every account, written when it is new, changed or gone."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Dict, List, Mapping, Optional

from aws_account_settings import accounts as account_settings

from aws_bridge.accounts.area import Area
from aws_bridge.accounts.caller import Caller
from aws_bridge.errors import CallProblem
from aws_inputs.polling import Polling, Unit
from aws_inputs.process import SETTLED_WITHIN_S, Stopped
from aws_inputs.settings import names
from collectors.assets import config_aggregator
from collectors.assets.asset import TagNames
from collectors.assets.changes import Change, Seen
from collectors.assets.config_aggregator import Aggregator
from collectors.assets.identity import REGION as GLOBAL_REGION
from collectors.assets.inventory import GLOBAL, ORGANIZATION, REGIONAL, Found, Listing, inventory
from collectors.polling.checkpoint import RESET
from collectors.polling.counts import OVER_CEILING
from collectors.polling.writer import Tally
from collectors.records.finding import INFORMATIONAL, Finding, Severity
from collectors.records.record import Origin, Record
from collectors.sinks.splunk_events.sink import ASSET

#: Stands for the region of what an organization has.
_ORGANIZATION = "organization"
#: Stands for the region of what AWS Config's aggregator knows of other accounts and regions.
_CONFIG = "config"
_NONE, _AUTO = "none", "auto"


@dataclass
class _Done:
    """What one turn found and wrote: all its lists, how many assets are known, how many events of each kind."""

    found: Found = field(default_factory=Found)
    tally: Tally = field(default_factory=Tally)
    assets: int = 0
    changes: Dict[str, int] = field(default_factory=dict)


class Assets(Polling):
    """All regions of one input. What an account has once is listed with its home region, accounts by themselves."""

    _must_list_accounts = False
    _aggregator: Optional[Aggregator] = None

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
        self._aggregator = self._aggregator or self._find_aggregator(Area(caller, account_id, region))
        if self._aggregator is not None:
            name = f"{account_id}/{_CONFIG}/asset"
            self._add(Unit(name, settings.account.name, account_id, _CONFIG, "asset", caller))

    def _find_aggregator(self, area: Area) -> Optional[Aggregator]:
        """Return the aggregator to read, and say once which it is."""
        region, _, name = str(self._settings["config_aggregator"]).rpartition("/")
        found: Optional[Aggregator] = None
        if name == _AUTO:
            try:
                found = config_aggregator.find(area, self._regions(area.caller, "asset"))
            except CallProblem as exc:
                self._tell_once(_CONFIG, "AWS Config may not be asked for an aggregator", error=str(exc))
        elif name != _NONE:
            found = Aggregator(region or area.region, name)
        if found is not None:
            lacks = "; ".join(f"{kind}: {', '.join(of)}" for kind, of in config_aggregator.LACKS.items())
            self._tell_once(
                _CONFIG, "reads AWS Config's aggregator for what is not read itself", aggregator=found.name,
                aggregator_region=found.region, lacks=lacks,
            )  # fmt: skip
        return found

    def _reads_itself(self, account: str, region: str, kind: str) -> bool:
        """Whether an asset is in an inventory of this input's own, which knows more of it than Config does."""
        found = [unit for unit in list(self._units.values()) if unit.account_id == account and not unit.failures]
        of_account = region == GLOBAL_REGION or kind == "s3_bucket"
        return any(unit.region == (unit.caller.session.account.home_region if of_account else region) for unit in found)

    def _is_chosen(self, region: str) -> bool:
        chosen = self._settings.regions
        return chosen is None or region in (*chosen, GLOBAL_REGION)

    def _lists(self, unit: Unit) -> Mapping[str, Listing]:
        if unit.region == _ORGANIZATION:
            return ORGANIZATION
        if unit.region == _CONFIG and self._aggregator is not None:
            return config_aggregator.lists(self._aggregator)
        chosen = self._settings.regions
        lists = dict(REGIONAL) if chosen is None or unit.region in chosen else {}
        return {**lists, **GLOBAL} if unit.region == unit.caller.session.account.home_region else lists

    def _one_turn(self, unit: Unit) -> float:
        lists, process = self._lists(unit), self._process
        # What an aggregator knows may be much: a checkpoint of its own for each list, as a document of the KV store has
        # 16 MB: https://www.mongodb.com/docs/manual/reference/limits/
        parts: Dict[str, Mapping[str, Listing]] = {"": lists}
        if unit.region == _CONFIG:
            parts = {f"/{name}": {name: lists[name]} for name in lists}
        done = _Done()
        for suffix, part in parts.items():
            self._take(unit, f"{self._settings.stanza}/{unit.name}{suffix}", part, done)
        found = done.found
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
        self._tell(unit, done)
        return self._interval_s

    def _take(self, unit: Unit, checkpoint: str, lists: Mapping[str, Listing], done: _Done) -> None:
        """Take an inventory of some lists, write what is due, and add to ``done`` what it was."""
        process = self._process
        stored = process.checkpoints.load(checkpoint)
        seen = Seen.of_json(stored) if stored and RESET not in stored else Seen()
        home = unit.caller.session.account.home_region
        region = home if unit.region in (_ORGANIZATION, _CONFIG) else unit.region
        found = inventory(Area(unit.caller, unit.account_id, region), lists, self._go_on)
        done.found.lists.update(found.lists)
        done.found.problems.update(found.problems)
        done.found.complete |= found.complete
        if found.problems and not found.complete and not any(found.lists.values()):
            return
        now_ms = process.clock_ms()
        tags = TagNames(*(names(self._settings[f"{what}_tags"].lower()) for what in TagNames._fields))
        if unit.region == _CONFIG:
            for listed, assets in found.lists.items():
                found.lists[listed] = [asset for asset in assets if self._is_chosen(asset.where.region)]
        changes = seen.compare(found.lists, found.complete, now_ms // 1000, tags)
        if unit.region == _CONFIG:
            # Seen, but not written: so nothing appears or goes when an account's own inventory fails or works again.
            events = [change.event for change in changes]
            own = [self._reads_itself(event["account"], event["region"], event["kind"]) for event in events]
            changes = [change for change, is_own in zip(changes, own) if not is_own]
        self._write(unit, changes, seen, now_ms, done.tally)
        try:
            process.wait_until_taken()
        except Stopped:
            if not process.sink.settle(SETTLED_WITHIN_S):
                raise
        process.checkpoints.save(checkpoint, seen.as_json())
        done.assets += len(seen.assets)
        for change in changes:
            done.changes[change.what] = done.changes.get(change.what, 0) + 1

    def _go_on(self) -> None:
        if self._process.stop.is_set():
            raise Stopped

    def _write(self, unit: Unit, changes: List[Change], seen: Seen, now_ms: int, tally: Tally) -> None:
        """Write what there is room for; the rest is counted, and due again at the next inventory."""
        process, records = self._process, []
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

    def _tell(self, unit: Unit, done: _Done) -> None:
        health, found = self._process.health, done.found
        for list_name in found.lists:
            place = f"{unit.name}/{list_name}"
            if list_name in found.problems:
                health.place(place, dataset=unit.dataset, account=unit.account_id, region=unit.region, list=list_name)
                health.failed(place, found.problems[list_name])
            elif place in health.failing():
                health.worked(place, Tally(), 0)
        counts: Dict[str, Any] = {**done.changes, **self._process.bytes_of_day()}
        health.worked(unit.name, done.tally, 0, good_for_s=self._interval_s, assets=done.assets, **counts)
