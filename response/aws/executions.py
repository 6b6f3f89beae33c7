"""Starts the workflow of an incident. Needs ``states:StartExecution`` on the state machine."""

from __future__ import annotations

from aws_bridge.accounts.area import Area
from aws_bridge.errors import CallRejected

#: An execution of this name was there, with other input or over: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
_THERE = "ExecutionAlreadyExists"


class Executions:
    """Executions of one state machine. Their name is the incident's id, so an incident has one."""

    def __init__(self, area: Area, state_machine: str) -> None:
        self._area = area
        self._state_machine = state_machine

    def start(self, incident: str, input: str) -> bool:
        """Start the execution of an incident, with JSON; return whether it may be new. Raises `CallProblem`."""
        try:
            self._area.ask(
                "stepfunctions", "StartExecution", stateMachineArn=self._state_machine, name=incident, input=input
            )
            return True
        except CallRejected as exc:
            if _THERE not in str(exc):
                raise
            return False
