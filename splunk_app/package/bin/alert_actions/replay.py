"""Hands over what waits in the queue: each entry by one process of one search head, until it is taken or expires."""

from __future__ import annotations

import time
from typing import Callable, Dict, Iterator, NamedTuple, Optional

from splunk_host.splunkd import Splunkd

from alert_actions.action_log import FAILURE, PENDING, ActionLog
from alert_actions.actions import ACTIONS, LATER
from alert_actions.functions import Functions, read_functions
from alert_actions.queue import EXPIRES_S, Claim, Entry, Queue
from aws_bridge.errors import AwsError
from es_bridge.errors import BridgeError

#: What became of an entry in one run.
HANDED_OVER, FAILED, EXPIRED, WAITS = "handed_over", "failed", "expired", "waits"


class Outcome(NamedTuple):
    """What became of an entry."""

    entry: Entry
    outcome: str
    says: str
    #: Times that somebody tried.
    attempts: int


class Replay:
    """One run over the queue."""

    def __init__(self, splunkd: Splunkd, clock: Callable[[], float] = time.time) -> None:
        self._splunkd = splunkd
        self._clock = clock
        self._queue = Queue(splunkd, clock)
        self._functions: Dict[str, Functions] = {}

    def look(self) -> Iterator[Outcome]:
        """Yield what waits, and change nothing. Raises `QueueUnusable`, `SplunkdError`."""
        for entry in self._queue.entries():
            attempts, until, says = self._queue.attempts(entry.id)
            wait_s = max(0, round(until - self._clock()))
            yield Outcome(entry, WAITS, f"{says or 'it is being handed over'}; again in {wait_s} s", attempts)

    def run(self, only: str = "") -> Iterator[Outcome]:
        """Hand over what is due, or the entry of one id; yield each. Raises `QueueUnusable`, `SplunkdError`."""
        for entry in self._queue.entries():
            if only and entry.id != only:
                continue
            claim = self._queue.claim(entry.id)
            if claim is None:
                attempts, until, says = self._queue.attempts(entry.id)
                wait_s = max(0, round(until - self._clock()))
                yield Outcome(entry, WAITS, f"{says or 'another process is at it'}; again in {wait_s} s", attempts)
            elif self._queue.entry(entry.id) is None:
                self._queue.done(entry.id)  # another process was quicker: the claim goes, too
            else:
                yield self._one(entry, claim)
        self._queue.forget_claims()

    def _one(self, entry: Entry, claim: Claim) -> Outcome:
        log = _log_of(entry)
        if self._clock() - entry.created > EXPIRES_S:
            text = f"given up: it could not be handed over within {EXPIRES_S // 3600} hours"
            self._queue.done(entry.id)
            _say(log, entry, FAILURE, text)
            return Outcome(entry, EXPIRED, text, claim.number)
        why = self._hand_over(entry)
        if why is None:
            self._queue.done(entry.id)
            text = f"handed over as {entry.id}, at attempt {claim.number}"
            _say(log, entry, PENDING, text)
            return Outcome(entry, HANDED_OVER, text, claim.number)
        self._queue.failed(claim, why)
        _say(log, entry, FAILURE, f"not handed over at attempt {claim.number}: {why}. It is tried again")
        return Outcome(entry, FAILED, why, claim.number)

    def _hand_over(self, entry: Entry) -> Optional[str]:
        """Return why it did not work, or nothing."""
        action = ACTIONS.get(entry.action)
        if action is None:
            return f"this version of the app knows no action {entry.action!r}"
        try:
            if entry.aws_account not in self._functions:
                self._functions[entry.aws_account] = read_functions(self._splunkd, entry.aws_account)
            self._functions[entry.aws_account].hand_over(action.function, entry.body, LATER)
            return None
        except (BridgeError, AwsError) as exc:
            return str(exc)


def _log_of(entry: Entry) -> ActionLog:
    return ActionLog(
        entry.action if entry.action in ACTIONS else "aws_respond",
        {
            "worker": "awsresponsequeue", "action_name": entry.action, "search_name": entry.search, "sid": entry.sid,
            "app": entry.app, "user": entry.user, "digest_mode": 1,
            "action_mode": "saved" if entry.search else "adhoc",
        },
    )  # fmt: skip


def _say(log: ActionLog, entry: Entry, status: str, text: str) -> None:
    for rid in entry.rids:
        log.say(status, text, rid)
