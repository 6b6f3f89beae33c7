"""What a person is asked about an incident. The token that lets the workflow go on stays in the table.

Items of their own, ``question|<incident>``: who reads incidents, reads no token. Needs ``dynamodb:GetItem`` and
``UpdateItem`` on the table, to answer also ``states:SendTaskSuccess``.
"""

from __future__ import annotations

import json
import time
from typing import Any, Callable, Dict, NamedTuple, Optional

from aws_bridge.accounts.area import Area
from aws_bridge.errors import CallRejected
from response.aws.conditional import was_so
from response.errors import NoIncident

#: The workflow does not wait for this token any more.
#: https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
_OVER = ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken")


class Question(NamedTuple):
    """A question that was asked, without its token."""

    incident: str
    approver: str
    asked_ms: int
    #: "", ``agreed`` or ``rejected``.
    answer: str = ""
    by: str = ""


class Questions:
    """The questions of one table."""

    def __init__(self, area: Area, table: str, clock: Callable[[], float] = time.time) -> None:
        """``area``: where the table and the state machine are. ``clock`` gives epoch seconds."""
        self._area = area
        self._table = table
        self._clock = clock

    def ask(self, incident: str, token: str, approver: str) -> None:
        """Keep the token of a question; it takes the place of the one before, which nobody answered."""
        values = {
            ":token": {"S": token}, ":approver": {"S": approver}, ":asked": {"N": str(int(self._clock() * 1000))},
        }  # fmt: skip
        self._update(
            incident, "SET #token = :token, #approver = :approver, #asked = :asked REMOVE #answer, #by", values
        )

    def find(self, incident: str) -> Optional[Question]:
        """Return the last question about an incident, or nothing."""
        item = self._item(incident)
        if not item:
            return None
        texts = {name: item.get(name, {}).get("S", "") for name in ("approver", "answer", "by")}
        return Question(incident, asked_ms=int(item["asked"]["N"]), **texts)

    def answer(self, incident: str, agreed: bool, by: str) -> None:
        """Let the workflow go on. Raises `NoIncident` when nobody is asked, or not any more."""
        item = self._item(incident)
        if not item:
            raise NoIncident(f"nobody was asked about the incident {incident}")
        if "answer" in item:
            raise NoIncident(f"the incident {incident} was {item['answer']['S']} by {item['by']['S']} before")
        output = json.dumps({"agreed": agreed, "by": by})
        try:
            self._area.ask("stepfunctions", "SendTaskSuccess", taskToken=item["token"]["S"], output=output)
        except CallRejected as exc:
            if not any(code in str(exc) for code in _OVER):
                raise
            raise NoIncident(
                f"the workflow of {incident} does not wait for an answer any more: look at its status, and resume it"
            ) from None
        # A question that was asked meanwhile is another one: its token differs.
        values = {
            ":answer": {"S": "agreed" if agreed else "rejected"}, ":by": {"S": by}, ":token": item["token"],
        }  # fmt: skip
        self._update(incident, "SET #answer = :answer, #by = :by", values, "#token = :token")

    def _item(self, incident: str) -> Dict[str, Any]:
        key = _key(incident)
        return self._area.ask("dynamodb", "GetItem", TableName=self._table, Key=key, ConsistentRead=True).get(
            "Item", {}
        )

    def _update(self, incident: str, update: str, values: Dict[str, Any], condition: str = "") -> None:
        names = {f"#{name}": name for name in ("token", "approver", "asked", "answer", "by")}
        used = {name: real for name, real in names.items() if name in f"{update} {condition}"}
        given = {"ConditionExpression": condition} if condition else {}
        was_so(lambda: self._area.ask(
            "dynamodb", "UpdateItem", TableName=self._table, Key=_key(incident), UpdateExpression=update,
            ExpressionAttributeNames=used, ExpressionAttributeValues=values, **given,
        ))  # fmt: skip


def _key(incident: str) -> Dict[str, Any]:
    return {"pk": {"S": f"question|{incident}"}}
