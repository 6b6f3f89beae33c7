"""Reads one queue that EventBridge's rules send findings to."""

from __future__ import annotations

from aws_bridge.accounts.session import AwsSession
from aws_bridge.errors import QueueProblem
from aws_bridge.queue import Queue
from aws_inputs import accounts as account_settings
from aws_inputs.process import Process, Stopped
from aws_inputs.settings import datasets_of, queue_region
from collectors.polling.events import EventQueue
from collectors.polling.writer import FindingWriter
from pacing.backoff import Backoff

#: How long one receipt waits for messages: short enough for the end of the process.
WAIT_S = 5
BACKOFF = Backoff(1.0, 300.0)
#: What an earlier process noted so shortly before is not taken for written.
RISK_S = 900


class Events:
    """One queue."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def run(self) -> None:
        """Read until the process is to end. Raises `StoreUnavailable`, `CheckpointUnusable`, `ConfigError`."""
        process, settings = self._process, self._process.settings
        account = account_settings.read(process.splunkd, settings["account"]).account
        session = AwsSession(account)
        url = settings["queue_url"]
        process.health.place("queue", queue=url, region=queue_region(settings))
        writer = FindingWriter(
            process.sink,
            process.memory,
            process.budget,
            process.counts,
            process.rules,
            process.clock_ms,
            risk_from_s=process.clock_ms() // 1000 - RISK_S,
            undeleted_is_unwritten=True,
        )
        events = EventQueue(
            Queue(session.client("sqs", queue_region(settings)), url),
            writer,
            process.clock_ms,
            set(datasets_of(settings)),
            int(settings["delete_after_s"]),
        )
        failures = 0
        try:
            while not process.stop.is_set():
                process.every_moment()
                try:
                    received = events.turn(WAIT_S)
                except QueueProblem as exc:
                    failures += 1
                    process.health.failed("queue", exc)
                    # The credentials may be over; the client is made with the session's new ones.
                    session.renew(session.generation)
                    events.queue = Queue(session.client("sqs", queue_region(settings)), url)
                    process.sleep(BACKOFF.wait_s(failures - 1))
                    continue
                failures = 0
                more = {"passed_over": events.passed_over} if events.passed_over else {}
                process.health.worked(
                    "queue", received, received.lag_ms, undeleted=events.waiting, **more, **process.bytes_of_day()
                )
        except Stopped:
            pass
        process.write_counts()
