"""Leads through the turns of an input that reads a queue."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Protocol

from aws_account_settings import accounts as account_settings

from aws_bridge.accounts.refusals import refusal
from aws_bridge.accounts.session import AwsSession
from aws_bridge.clients import errors
from aws_bridge.errors import QueueProblem
from aws_bridge.queue import Queue
from aws_inputs.process import SETTLED_WITHIN_S, Process, Stopped
from aws_inputs.settings import queue_region
from es_bridge.backoff import Backoff

#: How long one receipt waits for messages: short enough for the end of the process.
WAIT_S = 5
BACKOFF = Backoff(1.0, 300.0)
PLACE = "queue"
#: What a reader has counted that a health event says.
_TOLD = ("dropped", "passed_over")


class Reader(Protocol):
    """Reads a queue in turns: `collectors.polling.events.EventQueue`, `collectors.polling.objects.ObjectQueue`."""

    queue: Queue

    @property
    def waiting(self) -> int:
        """How many messages are written and not deleted yet."""

    def turn(self, wait_s: int) -> Any:
        """Do one turn; return a `Tally` with ``lag_ms``."""

    def delete_due(self) -> List[str]:
        """Delete what is due."""


class QueueLoop:
    """One queue."""

    def __init__(self, process: Process) -> None:
        self.process = process

    def reader(self, queue: Queue, session: AwsSession) -> Reader:
        """Return what reads the queue."""
        raise NotImplementedError

    def _signed_in(self, reader: Optional[Reader], session: AwsSession) -> Reader:
        """Return the reader, with clients of the session's credentials. Raises `QueueProblem`."""
        settings = self.process.settings
        url = settings["queue_url"]
        try:
            fresh = self.reader(Queue(session.client("sqs", queue_region(settings)), url), session)
        except errors() as exc:  # nobody there to sign in as
            problem = refusal(exc, "sqs:ReceiveMessage", url, known_elsewhere=False)
            raise QueueProblem(str(problem)).about(problem) from exc
        if reader is None:
            return fresh
        reader.queue = fresh.queue
        if hasattr(fresh, "objects"):
            reader.objects = fresh.objects  # type: ignore[attr-defined]
        return reader

    def run(self) -> None:
        """Read until the process is to end. Raises `StoreUnavailable`, `CheckpointUnusable`, `ConfigError`."""
        process, settings = self.process, self.process.settings
        session = AwsSession(account_settings.read(process.splunkd, settings["account"]).account)
        region, url = queue_region(settings), settings["queue_url"]
        process.health.place(PLACE, queue=url, region=region)
        reader: Optional[Reader] = None
        signed_in = False
        failures = 0
        unread = False
        told: Dict[str, int] = {}
        try:
            while not process.stop.is_set():
                process.every_moment()
                try:
                    if reader is None or not signed_in:
                        reader, signed_in = self._signed_in(reader, session), True
                    turn = reader.turn(WAIT_S)
                except QueueProblem as exc:
                    failures += 1
                    process.health.failed(PLACE, exc)
                    # The credentials may be over; the client is made with the session's new ones.
                    session.renew(session.generation)
                    signed_in = False
                    process.sleep(BACKOFF.wait_s(failures - 1))
                    continue
                problem = getattr(turn, "unread", None)
                if problem is not None:
                    # It must not look like a quiet day. Slowly: each receipt brings a message nearer to its redrive.
                    failures, unread = failures + 1, True
                    process.health.failed(PLACE, problem, turn)
                    session.renew(session.generation)
                    signed_in = False
                    process.sleep(BACKOFF.wait_s(failures - 1))
                    continue
                if unread and not turn.messages:
                    continue  # nothing shows that it is over
                failures, unread = 0, False
                for name in _TOLD:
                    told[name] = told.get(name, 0) + getattr(turn, name, 0)
                more = {name: number for name, number in told.items() if number}
                if process.health.worked(
                    PLACE, turn, turn.lag_ms, undeleted=reader.waiting, **more, **process.bytes_of_day()
                ):
                    told = {}
        except Stopped:
            pass
        process.write_counts()
        if reader is not None and process.is_acknowledged and process.sink.settle(SETTLED_WITHIN_S):
            reader.delete_due()
        process.forget_arrived_counts()
