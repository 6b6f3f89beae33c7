"""Reads one queue that EventBridge's rules send findings to."""

from __future__ import annotations

from aws_bridge.accounts.session import AwsSession
from aws_bridge.queue import Queue
from aws_inputs.process import Process
from aws_inputs.queue_loop import QueueLoop
from aws_inputs.settings import datasets_of
from collectors.polling.events import EventQueue
from collectors.polling.writer import FindingWriter

#: What an earlier process noted so shortly before is not taken for written.
RISK_S = 900


def finding_writer(process: Process) -> FindingWriter:
    """Return what writes the findings of a queue's messages, which come again until they are deleted."""
    return FindingWriter(
        process.sink,
        process.memory,
        process.budget,
        process.counts,
        process.rules,
        process.clock_ms,
        risk_from_s=process.clock_ms() // 1000 - RISK_S,
        undeleted_is_unwritten=True,
    )


class Events(QueueLoop):
    """One queue of events."""

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self._writer = finding_writer(process)

    def reader(self, queue: Queue, session: AwsSession) -> EventQueue:
        """See `QueueLoop.reader`."""
        settings = self.process.settings
        return EventQueue(
            queue,
            self._writer,
            self.process.clock_ms,
            set(datasets_of(settings)),
            int(settings["delete_after_s"]),
        )
