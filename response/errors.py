"""What can go wrong in a response.

::

    ResponseError
    ├── BadTarget         no instance, account or region can be told from what was given
    ├── BadRequest        what asked for a response is of no shape that is known
    ├── BadSettings       what the owner allows cannot be read: nothing is done
    ├── NoSavedState      nothing is recorded that could be restored
    ├── BadEvidence       what is stored is not what was collected
    ├── NoIncident        there is no such incident, or it is over
    ├── StillRunning      AWS is at it: the same step again, later
    ├── StatusNotPublished  Splunk could not be told
    └── StateDiffers      the record and what is there belong to different instances, or the record cannot be read

What AWS refuses is an `aws_bridge.errors.CallProblem`.
"""

from __future__ import annotations


class ResponseError(Exception):
    """Base of everything `response` raises on purpose; ``str()`` is the text a user may read."""


class BadTarget(ResponseError):
    """What was given names no instance that could be acted on."""


class BadRequest(ResponseError):
    """What asked for a response is of no shape that is known: nothing was begun."""


class BadSettings(ResponseError):
    """What the owner of the accounts allows contradicts itself, or cannot be read."""


class NoSavedState(ResponseError):
    """There is no record of how the instance was before it was isolated."""


class StateDiffers(ResponseError):
    """The record is not of this instance, or is none."""


class BadEvidence(ResponseError):
    """What is stored is not what was collected, or is no record of evidence."""


class NoIncident(ResponseError):
    """There is no such incident, or it is not in a state in which this can be done."""


class StillRunning(ResponseError):
    """AWS is at it, and nothing is wrong: call the same step again after a while. It goes on where it was."""


class StatusNotPublished(ResponseError):
    """Splunk could not be told, by no way that is set up."""
