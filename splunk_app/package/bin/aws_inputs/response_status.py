"""Reads one queue in which S3 announces status events of the response."""

from __future__ import annotations

from aws_bridge.accounts.session import AwsSession
from aws_bridge.queue import Queue
from aws_inputs.object_loop import ObjectLoop
from collectors.polling.objects import ObjectQueue
from collectors.polling.response_status import kept


class ResponseStatus(ObjectLoop):
    """One queue of status events."""

    def reader(self, queue: Queue, session: AwsSession) -> ObjectQueue:
        """See `aws_inputs.queue_loop.QueueLoop.reader`."""
        return self.lines(queue, session, kept)
