"""Reads one queue in which S3 announces a web ACL's logs."""

from __future__ import annotations

from aws_bridge.accounts.session import AwsSession
from aws_bridge.queue import Queue
from aws_inputs.object_loop import ObjectLoop
from collectors.polling.objects import ObjectQueue
from collectors.sources.waf.selected import kept


class Waf(ObjectLoop):
    """One queue of a web ACL's logs."""

    def reader(self, queue: Queue, session: AwsSession) -> ObjectQueue:
        """See `aws_inputs.queue_loop.QueueLoop.reader`."""
        return self.lines(queue, session, kept, int(self.process.settings["sample_percent"]))
