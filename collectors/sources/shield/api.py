"""Shield Advanced's list of attacks: ListAttacks by the time they began, then DescribeAttack of each.

An attack has no time of its last change, so that those of two weeks are listed, and described unless they ended before
the window: what lasts is looked at again and again. https://docs.aws.amazon.com/waf/latest/DDOSAPIReference/API_ListAttacks.html
Needs ``shield:GetSubscriptionState``, ``shield:ListAttacks``, ``shield:DescribeAttack``.
"""

from __future__ import annotations

from typing import Any, List, Mapping

from aws_bridge.accounts.caller import Caller
from aws_bridge.errors import ServiceOff
from collectors.errors import InvalidRecord
from collectors.records.finding import Finding, objects, text, time_of
from collectors.records.page import Choice, Page, Window
from collectors.records.record import Origin
from collectors.sources.shield.source import finding

SERVICE = "shield"
#: The service is in one region, whatever an account has switched on.
REGIONS = ("us-east-1",)
PAGE = 100
#: The longest an attack is followed.
_LONGEST_MS = 14 * 86_400_000


class Lister:
    """The attacks on one account: see `collectors.records.page.Lister`."""

    def __init__(self, caller: Caller, region: str, account_id: str, choice: Choice) -> None:
        self._caller = caller
        self._origin = Origin(account_id, region)

    def page(self, window: Window, token: str) -> Page:
        """See `Lister.page`."""
        if not token:
            self._check_subscription()
        began = {
            "FromInclusive": max(0, window.start_ms - _LONGEST_MS) // 1000,
            "ToExclusive": window.end_ms // 1000 + 1,
        }
        listed, as_of_ms = self._call(
            "ListAttacks", StartTime=began, MaxResults=PAGE, **({"NextToken": token} if token else {})
        )
        found: List[Finding] = []
        bad: List[str] = []
        for summary in objects(listed.get("AttackSummaries")):
            if _ended_before(summary, window.start_ms):
                continue
            answer, _ = self._call("DescribeAttack", AttackId=text(summary.get("AttackId")))
            attack = answer.get("Attack")
            if not isinstance(attack, dict):  # gone since
                continue
            try:
                found.append(finding(attack, self._origin))
            except InvalidRecord as exc:
                bad.append(str(exc))
        return Page(found, text(listed.get("NextToken")), as_of_ms, tuple(bad), ordered=False)

    def _check_subscription(self) -> None:
        state, _ = self._call("GetSubscriptionState")
        if state.get("SubscriptionState") != "ACTIVE":
            raise ServiceOff(
                f"account {self._caller.account!r} has no subscription of Shield Advanced. Shield Standard protects "
                "it, and has neither a log nor an API of attacks: switch this input off",
                call="shield:GetSubscriptionState",
            )

    def _call(self, operation: str, **given: Any) -> Any:
        return self._caller.wire(SERVICE, self._origin.region, operation, **given)


def _ended_before(summary: Mapping[str, Any], start_ms: int) -> bool:
    ended = time_of(summary.get("EndTime"))
    return ended is not None and ended.epoch_ms < start_ms


def lister(caller: Caller, region: str, account_id: str, choice: Choice) -> Lister:
    """Return what lists the attacks on an account."""
    return Lister(caller, region, account_id, choice)
