"""Conditional writes of DynamoDB: a condition that does not hold is an answer, and no error."""

from __future__ import annotations

from typing import Any, Callable

from aws_bridge.errors import CallRejected

#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
_NOT_SO = "ConditionalCheckFailed"


def was_so(write: Callable[[], Any]) -> bool:
    """Write; return whether the condition held. Raises `aws_bridge.errors.CallProblem` for anything else."""
    try:
        write()
    except CallRejected as exc:
        if _NOT_SO not in str(exc):
            raise
        return False
    return True
