"""Switching the loader's event source mapping off while the cluster takes nothing, and on again.

What tells our switching off from an operator's is a tag on the mapping, with the index to try before it is switched on
again. Without the tag a mapping is never switched on: who disables it by hand is not overruled.

The tag is written *before* the mapping is disabled, and taken off *after* it is enabled, so that a function that is
killed in between leaves a mapping that the next run of `resume` finds. Both sides look once more when they are done,
because they may run at the same moment.

Needs ``lambda:ListEventSourceMappings`` (without a narrower form), ``lambda:UpdateEventSourceMapping``,
``lambda:ListTags``, ``lambda:TagResource``, and to switch on ``lambda:UntagResource``, on the mapping.
"""

from __future__ import annotations

from typing import Any, Dict, NamedTuple

from aws_bridge.clients import code_and_status, errors, said
from collectors.errors import CollectorError

TAG = "aws-siem-bridge:switched-off"
DISABLED_STATES = ("Disabled", "Disabling")


class MappingProblem(CollectorError):
    """The mapping can be neither found nor changed."""


class MappingState(NamedTuple):
    """The event source mapping as it is now."""

    uuid: str
    arn: str
    state: str

    @property
    def is_disabled(self) -> bool:
        """Whether nothing is received through it, or soon will not be."""
        return self.state in DISABLED_STATES


class EventSourceMapping:
    """The mapping between the queue and the function ``function_name``; of several, the one named by ``uuid``.

    Every method raises `MappingProblem` when AWS refuses or does not answer.
    """

    def __init__(self, lambda_client: Any, function_name: str, uuid: str = "") -> None:
        self._client, self._function_name, self._uuid = lambda_client, function_name, uuid

    def find(self) -> MappingState:
        """Return the mapping as it is now."""
        answer = self._call(self._client.list_event_source_mappings, FunctionName=self._function_name)
        found = [
            each
            for each in answer.get("EventSourceMappings", [])
            if ":sqs:" in each.get("EventSourceArn", "") and self._uuid in ("", each["UUID"])
        ]
        if len(found) != 1:
            raise MappingProblem(
                f"function {self._function_name} has {len(found)} event source mappings of a queue"
                f"{' with UUID ' + self._uuid if self._uuid else ''}, and one is wanted. Name it in "
                "AWS_SIEM_BRIDGE_EVENT_SOURCE_MAPPING"
            )
        facts = found[0]
        # arn:aws:lambda:<region>:<account>:function:<name>
        prefix = ":".join(facts["FunctionArn"].split(":")[:5])
        return MappingState(facts["UUID"], f"{prefix}:event-source-mapping:{facts['UUID']}", facts["State"])

    def index_to_try(self, state: MappingState) -> str:
        """Return the index whose writing failed when we switched it off; empty if we did not."""
        return self._tags(state).get(TAG, "")

    def disable(self, index: str) -> bool:
        """Switch it off; return whether that was for us to do: an operator may have done it before."""
        state = self.find()
        if state.is_disabled:
            return bool(self.index_to_try(state))
        self._remember(state, index)
        self._set_enabled(state, False)
        if not self.index_to_try(state):  # switched on by `resume` in between
            self._remember(state, index)
        return True

    def enable(self, state: MappingState) -> None:
        """Switch it on again, for one that we had switched off."""
        index = self.index_to_try(state)
        if state.is_disabled:
            self._set_enabled(state, True)
        self._call(self._client.untag_resource, Resource=state.arn, TagKeys=[TAG])
        if self.find().is_disabled:  # switched off by the loader in between
            self._remember(state, index)

    def _remember(self, state: MappingState, index: str) -> None:
        self._call(self._client.tag_resource, Resource=state.arn, Tags={TAG: index})

    def _tags(self, state: MappingState) -> Dict[str, str]:
        return self._call(self._client.list_tags, Resource=state.arn).get("Tags") or {}

    def _set_enabled(self, state: MappingState, enabled: bool) -> None:
        try:
            self._client.update_event_source_mapping(UUID=state.uuid, Enabled=enabled)
        except errors() as exc:
            # Another run of ours is changing it at this moment: ten of them meet an outage together.
            if code_and_status(exc)[0] != "ResourceInUseException" or self.find().is_disabled is enabled:
                raise self._problem(exc) from exc

    def _call(self, call: Any, **arguments: Any) -> Any:
        try:
            return call(**arguments)
        except errors() as exc:
            raise self._problem(exc) from exc

    def _problem(self, exc: Exception) -> MappingProblem:
        return MappingProblem(
            f"the event source mapping of {self._function_name} cannot be read or switched: {said(exc)}. The "
            "function's role needs lambda:ListEventSourceMappings, UpdateEventSourceMapping, ListTags and TagResource"
        )
