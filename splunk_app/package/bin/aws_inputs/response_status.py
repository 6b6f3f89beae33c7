"""Reads one queue in which S3 announces status events of the response."""

from __future__ import annotations

from aws_bridge.accounts.session import AwsSession
from aws_bridge.objects import S3Objects
from aws_bridge.queue import Queue
from aws_inputs.queue_loop import QueueLoop
from aws_inputs.settings import queue_region
from collectors.polling.objects import ObjectQueue
from collectors.polling.response_status import kept


class ResponseStatus(QueueLoop):
    """One queue of status events."""

    def reader(self, queue: Queue, session: AwsSession) -> ObjectQueue:
        """See `QueueLoop.reader`."""
        process, settings = self.process, self.process.settings
        return ObjectQueue(
            queue,
            S3Objects(session.client("s3", queue_region(settings))),
            kept,
            process.sink,
            process.budget,
            process.counts,
            process.clock_ms,
            process.delete_after_s,
        )
