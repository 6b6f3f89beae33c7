"""Reads one queue that EventBridge's rules send findings to."""

from __future__ import annotations

import threading

from aws_bridge.accounts.session import AwsSession
from aws_bridge.queue import Queue
from aws_inputs.polling import Polling
from aws_inputs.process import Process
from aws_inputs.queue_loop import QueueLoop
from aws_inputs.reconcile import settings_of
from aws_inputs.settings import datasets_of
from collectors.polling.events import EventQueue
from collectors.polling.position import Risk
from collectors.polling.writer import FindingWriter

#: What an earlier process noted so shortly before is not taken for written.
RISK_MS = 900_000


def finding_writer(process: Process) -> FindingWriter:
    """Return what writes the findings of a queue's messages, which come again until they are deleted."""
    return FindingWriter(
        process.sink,
        process.memory,
        process.budget,
        process.counts,
        process.rules,
        process.clock_ms,
        risks=[Risk(process.clock_ms() - RISK_MS, process.clock_ms())],
        undeleted_is_unwritten=True,
    )


class Events(QueueLoop):
    """One queue of events."""

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self._writer = finding_writer(process)

    def run(self) -> None:
        """See `QueueLoop.run`; the daily poll is done beside it."""
        beside = settings_of(self.process.settings)
        if beside is None:
            super().run()
            return
        polling, failed = Polling(self.process, beside), []

        def poll() -> None:
            try:
                polling.run()
            except Exception as exc:
                failed.append(exc)

        thread = threading.Thread(target=poll, name="reconcile")
        thread.start()
        try:
            super().run()
        finally:
            self.process.stop.set()
            thread.join()
        if failed:
            raise failed[0]

    def reader(self, queue: Queue, session: AwsSession) -> EventQueue:
        """See `QueueLoop.reader`."""
        settings = self.process.settings
        return EventQueue(
            queue,
            self._writer,
            self.process.clock_ms,
            set(datasets_of(settings)),
            self.process.delete_after_s,
        )
