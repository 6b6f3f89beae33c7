"""Which thread of a channel an incident has: one item of the table of incidents each.

Needs ``dynamodb:GetItem`` and ``PutItem`` on the table.
"""

from __future__ import annotations

from typing import Any, Dict

from aws_bridge.accounts.area import Area
from response.aws.conditional import was_so


class Threads:
    """The threads of one table."""

    def __init__(self, area: Area, table: str) -> None:
        self._area = area
        self._table = table

    def find(self, incident: str, channel: str) -> str:
        """Return the thread of an incident in a channel, or nothing. Raises `aws_bridge.errors.CallProblem`."""
        found = self._call("GetItem", Key=_key(incident, channel), ConsistentRead=True).get("Item") or {}
        return str(found.get("thread", {}).get("S", ""))

    def keep(self, incident: str, channel: str, thread: str) -> None:
        """Note the thread of an incident, unless another message began one at the same moment."""
        item = {**_key(incident, channel), "thread": {"S": thread}}
        was_so(lambda: self._call("PutItem", Item=item, ConditionExpression="attribute_not_exists(pk)"))

    def _call(self, operation: str, **given: Any) -> Dict[str, Any]:
        return self._area.ask("dynamodb", operation, TableName=self._table, **given)


def _key(incident: str, channel: str) -> Dict[str, Any]:
    return {"pk": {"S": f"thread|{incident}|{channel}"}}
