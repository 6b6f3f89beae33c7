"""Leads through the turns of an input whose queue is about objects of S3."""

from __future__ import annotations

from aws_bridge.accounts.session import AwsSession
from aws_bridge.objects import S3Objects
from aws_bridge.queue import Queue
from aws_inputs.queue_loop import QueueLoop
from aws_inputs.settings import queue_region
from collectors.polling.objects import PERCENT, ObjectQueue, Select


class ObjectLoop(QueueLoop):
    """One queue in which S3 announces objects."""

    def objects(self, session: AwsSession) -> S3Objects:
        """Return the objects that the messages are about."""
        return S3Objects(session.client("s3", queue_region(self.process.settings)))

    def lines(self, queue: Queue, session: AwsSession, kept: Select, sample_percent: int = PERCENT) -> ObjectQueue:
        """Return what reads objects line by line; ``kept`` says what is written of them."""
        process = self.process
        return ObjectQueue(
            queue,
            self.objects(session),
            kept,
            process.sink,
            process.budget,
            process.counts,
            process.clock_ms,
            process.delete_after_s,
            sample_percent,
        )
