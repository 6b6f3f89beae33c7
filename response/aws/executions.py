"""Starts the workflow of an incident, and says how it goes.

Needs ``states:StartExecution`` on the state machine, and ``states:DescribeExecution`` on its executions.
"""

from __future__ import annotations

from typing import NamedTuple

from aws_bridge.accounts.area import Area
from aws_bridge.errors import CallRejected

#: An execution of this name was there, with other input or over: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
_THERE = "ExecutionAlreadyExists"
_UNKNOWN = "ExecutionDoesNotExist"
#: It ended and did not come to its end.
BROKEN = ("FAILED", "TIMED_OUT", "ABORTED")
NONE = "NONE"


class Execution(NamedTuple):
    """One execution. ``status``: RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED, or NONE where there is none."""

    status: str
    why: str = ""


class Executions:
    """Executions of one state machine. Their name is the incident's id, so an incident has one."""

    def __init__(self, area: Area, state_machine: str) -> None:
        self._area = area
        self._state_machine = state_machine

    def start(self, name: str, input: str) -> bool:
        """Start an execution with JSON; return whether it may be new. Raises `CallProblem`."""
        try:
            self._area.ask(
                "stepfunctions", "StartExecution", stateMachineArn=self._state_machine, name=name, input=input
            )
            return True
        except CallRejected as exc:
            if _THERE not in str(exc):
                raise
            return False

    def describe(self, name: str) -> Execution:
        """Return how an execution goes. Raises `CallProblem`."""
        arn = f"{self._state_machine.replace(':stateMachine:', ':execution:', 1)}:{name}"
        try:
            found = self._area.ask("stepfunctions", "DescribeExecution", executionArn=arn)
        except CallRejected as exc:
            if _UNKNOWN not in str(exc):
                raise
            return Execution(NONE)
        why = ": ".join(each for each in (found.get("error", ""), found.get("cause", "")) if each)
        return Execution(found["status"], why)
