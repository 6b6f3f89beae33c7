"""Tells people. A message that is not delivered is a result, and stops nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timezone, tzinfo
from typing import Any, List, Mapping, NamedTuple, Optional, Sequence

from aws_bridge.accounts.area import Area
from aws_bridge.errors import CallProblem
from response.aws.channels import ChannelProblem, Channels
from response.aws.links import Links
from response.aws.threads import Threads
from response.core.asking import Asking, asking_of
from response.core.change import DONE, FAILED, Change, Outcome
from response.core.notice_texts import text
from response.core.notices import QUESTION, Notice, may_answer, notice_of, settings_of
from response.core.result import DONE as ALL_DONE
from response.core.result import FAILED_RESULT, ActionResult
from response.core.target import Subject

ACTION = "notify"
#: Kind of a change: a message in a channel.
_TOLD = "notification"


class Door(NamedTuple):
    """The page by which a question is answered: its URL, and what the links to it ask."""

    url: str
    links: Links
    asking: Asking

    def link(self, channel: str) -> str:
        """Return a new link to the page, for one channel. Raises `CallProblem`."""
        return f"{self.url.rstrip('/')}/{self.links.make(self.asking, channel)}"


class Notifier(NamedTuple):
    """Whom to tell, and how."""

    channels: Sequence[Mapping[str, Any]]
    senders: Channels
    threads: Threads
    language: str = "en"
    zone: tzinfo = timezone.utc
    #: The page for answers, where there is one and somebody is asked.
    door: Optional[Door] = None

    def tell(self, notice: Notice) -> ActionResult:
        """Send a notice to every channel; one that fails keeps no other from being told. Raises nothing."""
        outcomes: List[Outcome] = []
        notes: List[str] = []
        for number, channel in enumerate(self.channels, 1):
            outcomes.append(self._one(channel if isinstance(channel, Mapping) else {}, number, notice, notes))
        failed = [each for each in outcomes if each.result == FAILED]
        subject = Subject(notice.account, notice.region, notice.target[:200] or notice.incident)
        if not outcomes:
            says = "nobody was told: no channel is set up"
            return ActionResult(ACTION, subject, notice.incident, FAILED_RESULT, says)
        told = f"{len(outcomes) - len(failed)} of {len(outcomes)} channels were told"
        if failed:
            why = "; ".join(f"{each.change.resource}: {each.why}" for each in failed)
            return ActionResult(
                ACTION, subject, notice.incident, FAILED_RESULT, f"{told}. {why}", tuple(outcomes), tuple(notes)
            )
        return ActionResult(ACTION, subject, notice.incident, ALL_DONE, told, tuple(outcomes), tuple(notes))

    def _one(self, channel: Mapping[str, Any], number: int, notice: Notice, notes: List[str]) -> Outcome:
        name = str(channel.get("name") or f"channel {number}")
        change = Change(_TOLD, name, "", str(channel.get("kind") or ""))
        thread = ""
        try:
            thread = self.threads.find(notice.incident, name)
        except CallProblem as exc:
            notes.append(f"{name}: its thread could not be found, so the message stands alone: {exc}")
        if self.door and may_answer(channel, notice.approver):
            try:
                link = (text("page", self.language), self.door.link(name))
                notice = replace(notice, links=(*notice.links, link))
            except CallProblem as exc:
                notes.append(f"{name}: no link to the page could be made, the command line answers: {exc}")
        try:
            begun = self.senders.deliver(channel, notice, self.language, self.zone, thread)
        except (ChannelProblem, CallProblem) as exc:
            return Outcome(change, FAILED, str(exc))
        except Exception as exc:  # a channel that is set up in a way nobody thought of; its text may hold the secret
            return Outcome(change, FAILED, f"it cannot be used: {type(exc).__name__}")
        if begun and not thread:
            try:
                self.threads.keep(notice.incident, name, begun)
            except CallProblem as exc:
                notes.append(f"{name}: its thread could not be kept, so the next message stands alone: {exc}")
        return Outcome(change, DONE)


def tell(area: Area, secret: str, table: str, event: Mapping[str, Any], now_s: float, page: str = "") -> ActionResult:
    """Tell the channels of a secret what a step's event says. ``page``: URL of the page for answers, if there is one.

    Raises `response.errors.BadSettings` and `CallProblem` where the channels cannot be known: nobody was told.
    """
    known = settings_of(_secret(area, secret))
    name = _account_name(area, str(event.get("account") or ""), known)
    notice = notice_of(event, now_s, name, str(known.get("splunk") or ""))
    zone, language = _zone(str(known.get("zone") or "")), str(known.get("language", "en"))
    door = _door(area, table, event, notice, language, zone, page) if page and notice.kind == QUESTION else None
    return Notifier(known["channels"], Channels(area), Threads(area, table), language, zone, door).tell(notice)


def _door(
    area: Area, table: str, event: Mapping[str, Any], notice: Notice, language: str, zone: tzinfo, page: str
) -> Optional[Door]:
    """Return the page for the question of an event; nothing for one that an older workflow asks."""
    try:
        return Door(page, Links(area, table), asking_of(event, notice, language, zone))
    except ValueError:
        return None


def _secret(area: Area, arn: str) -> str:
    return str(area.ask("secretsmanager", "GetSecretValue", SecretId=arn).get("SecretString") or "")


def _account_name(area: Area, account: str, known: Mapping[str, Any]) -> str:
    """Return an account's name: of the settings, else of the organisation, else none."""
    names = known.get("accounts")
    if isinstance(names, Mapping) and names.get(account):
        return str(names[account])
    try:
        return str(area.ask("organizations", "DescribeAccount", AccountId=account)["Account"].get("Name") or "")
    except CallProblem:
        return ""


def _zone(name: str) -> tzinfo:
    """Return a zone of the IANA list; UTC for one that this machine does not know."""
    if not name:
        return timezone.utc
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return timezone.utc
