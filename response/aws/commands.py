"""Commands of SSM on one instance: sent once, found again by their comment, read when they are over.

SendCommand takes no token that would keep it from being sent twice, so it is tried once, and what became of it is
looked up. Needs ``ssm:SendCommand`` on the document and the instance, ``ssm:ListCommandInvocations``,
``GetCommandInvocation``, ``CancelCommand``.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple

from aws_bridge.accounts.area import RESOURCE, Area
from aws_bridge.accounts.caller import Caller
from aws_bridge.errors import CallRejected

#: https://docs.aws.amazon.com/systems-manager/latest/userguide/monitor-commands.html
PENDING = ("Pending", "InProgress", "Delayed", "Cancelling")
SUCCESS = "Success"
_NOT_THERE = "InvocationDoesNotExist"
#: Seconds in which the agent has to take a command. https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html
START_WITHIN_S = 600


class Invocation(NamedTuple):
    """A command on the instance."""

    id: str
    status: str
    details: str
    #: Step -> its status.
    steps: Mapping[str, str]
    sent: Any

    def is_over(self, step: str) -> bool:
        """Whether nothing more comes of a step."""
        return self.status not in PENDING or self.steps.get(step, "Pending") not in PENDING


class Commands:
    """Commands of one document on one instance."""

    def __init__(self, area: Area, document: str, instance: str) -> None:
        self._area = area
        self._document = document
        self._instance = instance

    def send(self, comment: str, parameters: Mapping[str, str]) -> None:
        """Send a command, once. Raises `CallProblem`, after which it may have been sent all the same."""
        once = self._area._replace(caller=Caller(self._area.caller.session, wait_s=lambda _: 0.0, attempts={}))
        once.ask(
            "ssm", "SendCommand", DocumentName=self._document, InstanceIds=[self._instance], Comment=comment,
            TimeoutSeconds=START_WITHIN_S, Parameters={name: [value] for name, value in parameters.items()},
        )  # fmt: skip

    def find(self, comment: str) -> List[Invocation]:
        """Return the commands with a comment, the first one first."""
        name = self._document.rpartition("/")[2]
        given = {"InstanceId": self._instance, "Details": True, "Filters": [{"key": "DocumentName", "value": name}]}
        listed = self._area.each("ssm", "ListCommandInvocations", "CommandInvocations", RESOURCE, **given)
        found = [_invocation(each) for each in listed if each.get("Comment") == comment]
        return sorted(found, key=lambda each: str(each.sent))

    def output(self, command: str, step: str) -> str:
        """Return what a step printed, the first 24,000 characters; nothing of one that never began."""
        given = {"CommandId": command, "InstanceId": self._instance, "PluginName": step}
        try:
            return str(self._area.ask("ssm", "GetCommandInvocation", **given)["StandardOutputContent"])
        except CallRejected as exc:
            if _NOT_THERE not in str(exc):
                raise
            return ""

    def cancel(self, command: str) -> None:
        """End a command."""
        self._area.ask("ssm", "CancelCommand", CommandId=command, InstanceIds=[self._instance])


def _invocation(listed: Dict[str, Any]) -> Invocation:
    steps = {each["Name"]: each["Status"] for each in listed.get("CommandPlugins") or ()}
    details = listed.get("StatusDetails") or listed["Status"]
    return Invocation(listed["CommandId"], listed["Status"], details, steps, listed.get("RequestedDateTime", ""))
