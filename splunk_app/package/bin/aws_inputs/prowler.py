"""Reads one queue in which S3 announces the files of Prowler."""

from __future__ import annotations

from aws_bridge.accounts.session import AwsSession
from aws_bridge.queue import Queue
from aws_inputs.events import finding_writer
from aws_inputs.object_loop import ObjectLoop
from aws_inputs.process import Process
from collectors.polling.finding_files import FindingFiles


class Prowler(ObjectLoop):
    """One queue of files."""

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self._writer = finding_writer(process)

    def reader(self, queue: Queue, session: AwsSession) -> FindingFiles:
        """See `aws_inputs.queue_loop.QueueLoop.reader`."""
        process = self.process
        return FindingFiles(
            queue,
            self.objects(session),
            self._writer,
            process.sink,
            process.clock_ms,
            process.delete_after_s,
        )
