"""What can go wrong between this project and AWS.

::

    AwsError
    ├── ObjectProblem     an object of S3 cannot be read
    │   ├── ObjectGone         it is not there (any more): recorded, never tried again
    │   └── ObjectUnreadable   access or KMS refused, S3 unwell, a body cut or broken on its way: tried again
    ├── QueueProblem      the queue does not do what was asked
    ├── NotAnAddress      a text that should name a bucket or an object does not
    ├── NotANotification  a message of the queue is none that this code can work on
    ├── BadAccount        what is known of an account contradicts itself, or AWS would never accept it
    └── CallProblem       one call in one account and region does not give what was asked
        ├── Throttled         more than AWS allows, and still so after waiting: later
        ├── Unavailable       nobody answered, or the service is unwell: later
        ├── Expired           temporary credentials are over, and new ones too
        ├── Denied            a policy does not allow it: ``missing`` is the action that somebody has to allow
        ├── NotSignedIn       AWS does not accept the credentials at all
        ├── RegionDisabled    the region is not switched on in this account
        ├── ServiceOff        the service is not switched on in this account and region
        └── CallRejected      the request itself: a value that AWS does not take

Messages say what happened, where, and what to do next. What boto3 raises itself is named by `clients.errors`.
"""

from __future__ import annotations

from typing import TypeVar

Self = TypeVar("Self", bound="AwsError")


class AwsError(Exception):
    """Base of everything `aws_bridge` raises on purpose; ``str()`` is the text a user may read."""

    #: One word for an event; which call it was, ``service:Operation``; the action of a policy that somebody has to
    #: allow; whether the same may work later without anybody's doing. Set where that is known.
    kind = "failed"
    call = ""
    missing = ""
    passes = False

    def about(self: Self, problem: CallProblem, missing: str = "") -> Self:
        """Return itself, with what a refused call says."""
        self.kind, self.call, self.passes = problem.kind, problem.call, problem.passes
        self.missing = missing or problem.missing
        return self


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


class BadAccount(AwsError):
    """What is known of an account contradicts itself."""


class CallProblem(AwsError):
    """A call did not give what was asked, in every attempt."""

    def __init__(self, message: str, *, call: str = "", missing: str = "", code: str = "") -> None:
        """``call``: ``service:Operation``. ``missing``: the action of a policy that somebody has to allow. ``code``:
        AWS's own word, where it matters.
        """
        super().__init__(message)
        self.call = call
        self.missing = missing
        self.code = code


class Throttled(CallProblem):
    """AWS allows fewer calls."""

    kind, passes = "throttled", True


class Unavailable(CallProblem):
    """Nobody answered, or the service is unwell."""

    kind, passes = "unavailable", True


class Expired(CallProblem):
    """Temporary credentials are over; those fetched in their place were refused as well."""

    kind, passes = "expired", True


class Denied(CallProblem):
    """A policy does not allow it."""

    kind = "denied"


class NotSignedIn(CallProblem):
    """AWS accepts the credentials nowhere."""

    kind = "credentials"


class RegionDisabled(CallProblem):
    """The region is not switched on in this account."""

    kind = "region_disabled"


class ServiceOff(CallProblem):
    """The service is not switched on in this account and region."""

    kind = "service_off"


class CallRejected(CallProblem):
    """AWS does not take the request as it is."""

    kind = "rejected"
