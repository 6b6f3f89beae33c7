"""The open incident of each instance, and how many were opened in an hour: a table of DynamoDB.

One item an instance (``account|region|instance``) with the number of its last incident, one an hour. Every change is
conditional, so that ten responses at once make one incident. The lock has no timeout: an execution that broke is found
by a sweep, and not by another response that begins in its place.

Needs ``dynamodb:GetItem`` and ``UpdateItem`` on the table.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, NamedTuple, Optional

from aws_bridge.accounts.area import Area
from aws_bridge.errors import CallRejected
from response.core.target import Target

#: States of an incident: opened and not started, waiting for a person, running, over.
NEW, WAITING, RUNNING, RELEASED = "new", "waiting", "running", "released"
_REFUSED = "ConditionalCheckFailed"
_HOUR_S = 3600


class Opened(NamedTuple):
    """The incident of an instance."""

    id: str
    state: str
    #: Whether this call opened it.
    new: bool
    #: What the execution was started with, or will be.
    input: str


class Incidents:
    """The incidents of one table."""

    def __init__(self, area: Area, table: str, clock: Callable[[], float] = time.time) -> None:
        """``area``: where the table is. ``clock`` gives epoch seconds."""
        self._area = area
        self._table = table
        self._clock = clock

    def open(self, target: Target, alert: str, input_of: Callable[[str], str]) -> Opened:
        """Open the next incident of an instance, or find the one that is open, and attach the alert to it.

        ``input_of``: id of the incident -> what its execution gets. Raises `CallProblem`.
        """
        while True:
            found = self.find(target)
            if found and found.state != RELEASED:
                self._attach(target, found.id, alert)
                return found
            number = (int(found.id.rsplit("-", 1)[1]) if found else 0) + 1
            id = f"{target.instance}-{number}"
            text = input_of(id)
            condition = "#incident = :before AND #state = :released" if found else "attribute_not_exists(#incident)"
            values: Dict[str, Any] = {
                ":id": {"S": id}, ":new": {"S": NEW}, ":input": {"S": text}, ":alert": {"SS": [alert]},
                ":now": {"N": str(int(self._clock() * 1000))},
            }  # fmt: skip
            if found:
                values.update({":before": {"S": found.id}, ":released": {"S": RELEASED}})
            update = "SET #incident = :id, #state = :new, #input = :input, #alerts = :alert, #opened = :now"
            if self._update(target.key, update, condition, values):
                return Opened(id, NEW, True, text)
            # Somebody else opened it between the two calls.

    def find(self, target: Target) -> Optional[Opened]:
        """Return the last incident of an instance, or nothing."""
        key = {"pk": {"S": target.key}}
        item = self._call("GetItem", Key=key, ConsistentRead=True).get("Item")
        if not item:
            return None
        return Opened(item["incident"]["S"], item["state"]["S"], False, item["input"]["S"])

    def move(self, target: Target, incident: str, before: str, after: str) -> bool:
        """Take an incident from one state to the next; return whether it was in the first."""
        values = {":id": {"S": incident}, ":before": {"S": before}, ":after": {"S": after}}
        return self._update(target.key, "SET #state = :after", "#incident = :id AND #state = :before", values)

    def within(self, what: str, incident: str, most: int) -> bool:
        """Count an incident in ``what``, an hour or an alert; return whether it is among the first ``most``.

        Counting one again changes nothing.
        """
        if most <= 0:
            return False
        condition = "attribute_not_exists(#counted) OR size(#counted) < :most OR contains(#counted, :id)"
        values = {":one": {"SS": [incident]}, ":id": {"S": incident}, ":most": {"N": str(most)}}
        return self._update(what, "ADD #counted :one", condition, values)

    def this_hour(self) -> str:
        """Return the key under which this hour's incidents are counted."""
        return f"hour|{int(self._clock() // _HOUR_S) * _HOUR_S}"

    def _attach(self, target: Target, incident: str, alert: str) -> None:
        values = {":alert": {"SS": [alert]}, ":id": {"S": incident}}
        self._update(target.key, "ADD #alerts :alert", "#incident = :id", values)

    def _update(self, key: str, update: str, condition: str, values: Dict[str, Any]) -> bool:
        names = {f"#{name}": name for name in ("incident", "state", "input", "alerts", "opened", "counted")}
        used = {name: real for name, real in names.items() if name in update or name in condition}
        try:
            self._call(
                "UpdateItem", Key={"pk": {"S": key}}, UpdateExpression=update, ConditionExpression=condition,
                ExpressionAttributeNames=used, ExpressionAttributeValues=values,
            )  # fmt: skip
            return True
        except CallRejected as exc:
            if _REFUSED not in str(exc):
                raise
            return False

    def _call(self, operation: str, **given: Any) -> Dict[str, Any]:
        return self._area.ask("dynamodb", operation, TableName=self._table, **given)
