"""What tests ask of the security services beside AWS's calls: findings that appear, regions that are denied, and so on.

Each function is one command of `lab.aws.account.AwsAccount`, and is called in the stand-in's process by its name.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional

from lab.aws import accounts, event_buses
from lab.aws.services import (
    access_analyzer,
    chosen_ids,
    examples,
    guardduty,
    inspector2,
    macie2,
    organizations,
    paths,
    roles,
    securityhub,
    securityhub_v2,
    service_events,
    shield,
    ssm,
    state_machines,
    times,
    wire,
)
from lab.aws.services import config as config_resources
from lab.aws.services.pages import PAGES, Repeats
from lab.aws.services.rates import RATES
from lab.aws.services.regions import REGIONS
from lab.aws.services.store import (
    ACCESS_ANALYZER,
    GUARDDUTY,
    INSPECTOR,
    MACIE,
    PRODUCTS,
    SECURITY_HUB,
    SECURITY_HUB_V2,
    SHIELD,
    STORE,
    Place,
)

ENABLE: Dict[str, Callable[[str, str], str]] = {
    SECURITY_HUB: securityhub.enable,
    SECURITY_HUB_V2: securityhub_v2.enable,
    INSPECTOR: inspector2.enable,
    MACIE: macie2.enable,
    ACCESS_ANALYZER: access_analyzer.enable,
    SHIELD: shield.enable,
}
#: Product -> operation and members that lead to what a finding must fit. OCSF has no description by AWS.
SHAPES = {
    GUARDDUTY: ("GetFindings", "findings"),
    SECURITY_HUB: ("GetFindings", "Findings"),
    INSPECTOR: ("ListFindings", "findings"),
    MACIE: ("GetFindings", "findings"),
    ACCESS_ANALYZER: ("GetFindingV2",),
    SHIELD: ("DescribeAttack", "Attack"),
}
#: Product -> the member that says which finding it is.
IDS = {
    GUARDDUTY: "id",
    SECURITY_HUB: "Id",
    SECURITY_HUB_V2: "metadata.uid",
    INSPECTOR: "findingArn",
    MACIE: "id",
    ACCESS_ANALYZER: "id",
    SHIELD: "AttackId",
}
#: Product -> the times that move with a new version.
MOVES = {
    GUARDDUTY: ("updatedAt", "service.eventLastSeen"),
    SECURITY_HUB: ("UpdatedAt", "LastObservedAt", "ProcessedAt"),
    SECURITY_HUB_V2: ("finding_info.modified_time_dt", "finding_info.last_seen_time_dt", "time_dt"),
    INSPECTOR: ("updatedAt", "lastObservedAt"),
    MACIE: ("updatedAt",),
    ACCESS_ANALYZER: ("updatedAt", "analyzedAt"),
    SHIELD: ("EndTime",),
}
#: Product -> what grows by one with a new version.
GROWS = {GUARDDUTY: "service.count", MACIE: "count"}


def new_account() -> str:
    """Return the id of a fresh account."""
    return accounts.new()


def enable(account: str, product: str, regions: List[str], detector_id: str = "") -> Dict[str, str]:
    """Switch a product on; return region -> detector id, or ARN of the hub or analyzer."""
    if product == GUARDDUTY:
        return {region: guardduty.enable(account, region, detector_id) for region in regions}
    return {region: ENABLE[product](account, region) for region in regions}


def add(
    account: str,
    product: str,
    region: str,
    count: int = 1,
    at: Optional[str] = None,
    step_ms: int = 0,
    changes: Optional[Dict[str, Any]] = None,
    findings: Optional[List[Dict[str, Any]]] = None,
) -> List[str]:
    """Let findings appear; return their ids."""
    place = _on(account, product, region)
    start = at or times.now()
    if findings is None:
        findings = []
        for number in range(count):
            finding = examples.MAKERS[product](place, STORE.number(), times.later(start, number * step_ms))
            findings.append(_changed(finding, changes))
        _check(product, findings[0])  # the others are like it
    else:
        for finding in findings:
            _check(product, finding)
    for finding in findings:
        _put(place, finding)
    return [_id(product, finding) for finding in findings]


def update(
    account: str,
    product: str,
    region: str,
    ids: List[str],
    at: Optional[str] = None,
    step_ms: int = 0,
    changes: Optional[Dict[str, Any]] = None,
) -> None:
    """Let findings have a new version: times move, what counts grows by one."""
    place = _on(account, product, region)
    for number, finding_id in enumerate(ids):
        finding = STORE.get(place, _key(place, finding_id))
        when = times.later(at or times.now(), number * step_ms)
        for path in MOVES[product]:
            paths.put(finding, path, times.epoch_ms(when) / 1000 if product in (INSPECTOR, SHIELD) else when)
            if product == SECURITY_HUB_V2:
                paths.put(finding, path[: -len("_dt")], times.epoch_ms(when))
        if product in GROWS:
            paths.put(finding, GROWS[product], next(paths.values(finding, GROWS[product])) + 1)
        finding = _changed(finding, changes)
        if not number:
            _check(product, finding)
        _put(place, finding)


def remove(account: str, product: str, region: str, ids: List[str]) -> None:
    """Let findings be gone."""
    place = _on(account, product, region)
    for finding_id in ids:
        STORE.remove(place, _key(place, finding_id))


def versions(account: str) -> List[Dict[str, Any]]:
    """Return every version that was ever visible, oldest first."""
    return [
        {
            "product": version.place.product,
            "account": version.place.account,
            "region": version.place.region,
            "id": _id(version.place.product, version.finding),
            "finding": version.finding,
        }
        for version in STORE.versions(account)
    ]


def administer(account: str, product: str, members: List[str], regions: List[str]) -> None:
    """Make an account the administrator of others in regions."""
    for region in regions:
        for member in members:
            STORE.administrators[product, region, member] = account


def dismiss(account: str, product: str, members: List[str], regions: List[str]) -> None:
    """Take back `administer`."""
    for region in regions:
        for member in members:
            STORE.administrators.pop((product, region, member), None)


def aggregate(account: str, product: str, home: str, linked: List[str]) -> str:
    """Let a home region show its linked regions' findings; return the aggregator's ARN."""
    return securityhub.aggregate(product, account, home, linked).arn


def organization(account: str, members: List[Dict[str, Any]]) -> None:
    """Make an account the manager of an organisation; each of ``members`` is what `organizations.join` takes."""
    for member in members:
        organizations.join(account, **member)


def config(account: str, region: str, resources: List[Dict[str, Any]]) -> None:
    """Let AWS Config's aggregator of an account in a region know these resources; see `config.tell`."""
    config_resources.tell(account, region, resources)


def trust(account: str, role: str, by: List[str], external_id: str = "") -> None:
    """Let a role be assumed by accounts, with an external id if one is given; other roles here by nobody any more."""
    roles.TRUSTS.setdefault(account, {})[role] = roles.Trust(by, external_id)


def deny(account: str, region: str, service: str = "") -> None:
    """Let a service control policy deny a region, or one service there."""
    REGIONS.denied.add((account, region, service))


def allow(account: str, region: str, service: str = "") -> None:
    """Take back `deny`."""
    REGIONS.denied.discard((account, region, service))


def opt_in(account: str, regions: List[str]) -> None:
    """Enable regions that must be asked for."""
    REGIONS.opted_in[account].update(regions)


def expire_sessions(account: str) -> int:
    """End the sessions that AssumeRole gave for this account; return how many there were."""
    return accounts.expire_sessions(account)


def session_secrets(account: str) -> List[str]:
    """Return secret keys and tokens of the sessions that AssumeRole gave for this account."""
    return accounts.session_secrets(account)


def speed(account: str, factor: float) -> None:
    """Let the limits of this account be so many times AWS's."""
    RATES.speeds[account] = factor


def repeat_token(account: str, operation: str, region: str = "", times: int = 1, length: int = 1) -> None:
    """Let the next lists of an operation give tokens again."""
    PAGES.repeats[account, region, operation] = Repeats(times, length)


def be_stale(account: str, product: str, region: str, times: int) -> None:
    """Let lists show each finding as it was before its last change, for so many more requests."""
    STORE.stale[_on(account, product, region)] = times


def lose_events(account: str, product: str, count: int) -> None:
    """Let the next events of a product be lost."""
    service_events.LOSE[product, account] = count


def emit(account: str, region: str, source: str, detail_type: str, detail: Dict[str, Any], resources: List[str]) -> str:
    """Let a service of AWS send an event in this account; return its id."""
    event = event_buses.service_event(source, detail_type, account, region, detail, resources)
    event_buses.deliver(event, account, region)
    return str(event["id"])


def choose_ids(account: str, region: str, ids: List[str]) -> None:
    """Let the next things that are made have these ids; see `chosen_ids`."""
    chosen_ids.choose(account, region, ids)


def ssm_manage(account: str, region: str, instance: str, how: Dict[str, Any]) -> str:
    """Let an instance have an agent of SSM; see `ssm.manage`."""
    return ssm.manage(account, region, instance, **how)


def ssm_deliver(account: str, region: str) -> int:
    """Let held commands reach their agents; return how many there were."""
    return ssm.deliver(account, region)


def ssm_expire(account: str, region: str) -> None:
    """Let the time pass in which pending commands have to begin."""
    ssm.expire(account, region)


def ssm_commands(account: str, region: str) -> List[Dict[str, Any]]:
    """Return the commands that were sent."""
    return ssm.commands(account, region)


@dataclass
class _Later:
    account: str
    operation: str
    region: str
    after: int
    do: str
    given: Dict[str, Any]


_LATER: List[_Later] = []


def meanwhile(account: str, operation: str, region: str, after: int, do: str, given: Dict[str, Any]) -> None:
    """Run a command when ``after`` more replies of an operation are out."""
    with STORE.lock:
        _LATER.append(_Later(account, operation, region, after, do, given))


def replied(account: str, operation: str, region: str) -> None:
    """Count a reply, and run what waited for it."""
    if not _LATER:
        return
    with STORE.lock:
        for each in list(_LATER):
            if (each.account, each.operation) == (account, operation) and each.region in ("", region):
                each.after -= 1
                if not each.after:
                    _LATER.remove(each)
                    COMMANDS[each.do](**each.given)


#: Name -> command.
COMMANDS: Dict[str, Callable[..., Any]] = {
    command.__name__: command
    for command in (
        *(new_account, enable, add, update, remove, versions, administer, dismiss, aggregate, organization, config),
        *(state_machines.serve_functions, state_machines.scale_time, state_machines.fail_state),
        *(trust, choose_ids, ssm_manage, ssm_deliver, ssm_expire, ssm_commands),
        *(deny, allow, opt_in, expire_sessions, session_secrets, speed),
        *(repeat_token, be_stale, lose_events, emit, meanwhile),
    )
}


def _on(account: str, product: str, region: str) -> Place:
    if product not in PRODUCTS:
        raise ValueError(f"no product {product!r}: there is {', '.join(PRODUCTS)}")
    place = Place(product, account, region)
    if place not in STORE.enabled:
        raise ValueError(f"{product} is not on in {region} of {account}: enable it first")
    return place


def _id(product: str, finding: Dict[str, Any]) -> str:
    return str(next(paths.values(finding, IDS[product])))


def _key(place: Place, finding_id: str) -> str:
    """Return what the store knows a finding by; Security Hub's ids are unique within a product only."""
    if place.product != SECURITY_HUB:
        return finding_id
    return next(key for _, key, finding in STORE.visible(place) if finding["Id"] == finding_id)


def _changed(finding: Dict[str, Any], changes: Optional[Dict[str, Any]]) -> Dict[str, Any]:
    for path, value in (changes or {}).items():
        paths.put(finding, path, copy.deepcopy(value))
    return finding


def _check(product: str, finding: Dict[str, Any]) -> None:
    if product in SHAPES:
        operation, *members = SHAPES[product]
        problems = wire.check(wire.find_shape(product, operation, *members), finding)
        if problems:
            raise ValueError(f"AWS has no such finding of {product}: {'; '.join(problems[:5])}")


def _put(place: Place, finding: Dict[str, Any]) -> None:
    key = securityhub.key_of(finding) if place.product == SECURITY_HUB else _id(place.product, finding)
    STORE.put(place, key, finding)
