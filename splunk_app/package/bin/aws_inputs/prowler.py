"""Reads one queue in which S3 announces the files of Prowler."""

from __future__ import annotations

from aws_bridge.accounts.session import AwsSession
from aws_bridge.objects import S3Objects
from aws_bridge.queue import Queue
from aws_inputs.events import finding_writer
from aws_inputs.process import Process
from aws_inputs.queue_loop import QueueLoop
from aws_inputs.settings import queue_region
from collectors.polling.finding_files import FindingFiles


class Prowler(QueueLoop):
    """One queue of files."""

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self._writer = finding_writer(process)

    def reader(self, queue: Queue, session: AwsSession) -> FindingFiles:
        """See `QueueLoop.reader`."""
        process, settings = self.process, self.process.settings
        return FindingFiles(
            queue,
            S3Objects(session.client("s3", queue_region(settings))),
            self._writer,
            process.sink,
            process.clock_ms,
            process.delete_after_s,
        )
