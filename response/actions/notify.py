"""Tells people. A message that is not delivered is a result, and stops nothing."""

from __future__ import annotations

from datetime import timezone, tzinfo
from typing import Any, List, Mapping, NamedTuple, Sequence

from aws_bridge.errors import CallProblem
from response.aws.channels import ChannelProblem, Channels
from response.aws.threads import Threads
from response.core.change import DONE, FAILED, Change, Outcome
from response.core.notices import Notice
from response.core.result import DONE as ALL_DONE
from response.core.result import FAILED_RESULT, ActionResult
from response.core.target import Subject

ACTION = "notify"
#: Kind of a change: a message in a channel.
_TOLD = "notification"


class Notifier(NamedTuple):
    """Whom to tell, and how."""

    channels: Sequence[Mapping[str, Any]]
    senders: Channels
    threads: Threads
    language: str = "en"
    zone: tzinfo = timezone.utc

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
