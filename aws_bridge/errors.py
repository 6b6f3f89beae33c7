"""What can go wrong between this project and AWS.

::

    AwsError
    ├── ObjectProblem     an object of S3 cannot be read
    │   ├── ObjectGone         it is not there (any more): recorded, never tried again
    │   └── ObjectUnreadable   access or KMS refused, S3 unwell, a body cut or broken on its way: tried again
    ├── QueueProblem      the queue does not do what was asked
    ├── NotAnAddress      a text that should name a bucket or an object does not
    └── NotANotification  a message of the queue is none that this code can work on

Messages say what happened, where, and what to do next. What boto3 raises itself is named by `clients.errors`.
"""

from __future__ import annotations


class AwsError(Exception):
    """Base of everything `aws_bridge` raises on purpose; ``str()`` is the text a user may read."""


class NotAnAddress(AwsError):
    """A text is no ``s3://bucket/prefix``."""


class ObjectProblem(AwsError):
    """An object of S3 cannot be read as a whole."""


class ObjectGone(ObjectProblem):
    """The object, or its version, is not there: no later attempt can find it."""


class ObjectUnreadable(ObjectProblem):
    """The object is there and cannot be read now."""


class QueueProblem(AwsError):
    """The queue does not do what was asked. ``refused``: it will not by itself, somebody has to change something."""

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


class NotANotification(AwsError):
    """A message of the queue that no version of this code can work on; trying again changes nothing."""
