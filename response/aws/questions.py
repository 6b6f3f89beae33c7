"""What a person is asked about an incident. The token that lets the workflow go on stays in the table.

Items of their own, ``question|<incident>``: who reads incidents, reads no token. Needs ``dynamodb:GetItem`` and
``UpdateItem`` on the table, to answer also ``states:SendTaskSuccess``.

An answer is claimed by a conditional write before the workflow is told, so that of two people, by whichever way they
answer, one decides.
"""

from __future__ import annotations

import json
import re
import time
from typing import Any, Callable, Dict, NamedTuple, Optional

from aws_bridge.accounts.area import Area
from aws_bridge.errors import CallProblem, Unavailable
from response.aws.conditional import was_so
from response.errors import NoIncident

AGREED, REJECTED = "agreed", "rejected"
#: The workflow does not wait for this token any more.
#: https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
_OVER = ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken")
#: Whoever claimed an answer and did not tell the workflow within so long does not any more: another one may answer.
_CLAIMED_MS = 60_000
#: No answer, or one that was claimed and never told.
_FREE = "(attribute_not_exists(#answer) OR (attribute_not_exists(#told) AND #at < :old))"


class Question(NamedTuple):
    """A question that was asked, without its token."""

    incident: str
    approver: str
    asked_ms: int
    #: Which of an incident's questions it is: the execution, and the how manieth person it asks.
    asking: str = ""
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

    def ask(self, incident: str, token: str, approver: str, asking: str = "") -> None:
        """Keep the token of a question; it takes the place of the one before, which nobody answered."""
        values = {
            ":token": {"S": token}, ":approver": {"S": approver}, ":asked": {"N": str(self._now_ms())},
            ":asking": {"S": asking},
        }  # fmt: skip
        update = (
            "SET #token = :token, #approver = :approver, #asked = :asked, #asking = :asking "
            "REMOVE #answer, #by, #at, #told"
        )
        self._update(incident, update, values)

    def find(self, incident: str) -> Optional[Question]:
        """Return the last question about an incident, or nothing."""
        item = self._item(incident)
        if not item:
            return None
        known = {name: _text(item, name) for name in ("approver", "asking")}
        if not self._is_free(item):
            known.update({name: _text(item, name) for name in ("answer", "by")})
        return Question(incident, asked_ms=int(item["asked"]["N"]), **known)

    def answer(self, incident: str, agreed: bool, by: str, asking: str = "") -> None:
        """Let the workflow go on. ``asking``: the question that is answered, where it must be no other.

        Raises `NoIncident` when nobody is asked, or not any more, and `CallProblem` when the workflow was not told, or
        when nobody knows: then the same answer can be given again after a minute, unless it arrived.
        """
        item = self._item(incident)
        if not item:
            raise NoIncident(f"nobody was asked about the incident {incident}")
        if asking and _text(item, "asking") != asking:
            raise NoIncident(f"the incident {incident} asks another question by now")
        self._claim(incident, item, AGREED if agreed else REJECTED, by)
        try:
            self._tell(incident, item["token"]["S"], json.dumps({"agreed": agreed, "by": by}))
        except Unavailable:
            raise  # it may have arrived
        except (CallProblem, NoIncident):
            self._write(incident, item, by, "REMOVE #answer, #by, #at")
            raise
        self._write(incident, item, by, "SET #told = :now")

    def _claim(self, incident: str, item: Dict[str, Any], answer: str, by: str) -> None:
        """Be the one who answers. Raises `NoIncident` when somebody else is, or was."""
        now = self._now_ms()
        values = {
            ":answer": {"S": answer}, ":by": {"S": by}, ":at": {"N": str(now)}, ":old": {"N": str(now - _CLAIMED_MS)},
            ":token": item["token"],
        }  # fmt: skip
        # A question that was asked meanwhile is another one: its token differs.
        update = "SET #answer = :answer, #by = :by, #at = :at"
        if self._update(incident, update, values, f"#token = :token AND {_FREE}"):
            return
        found = self._item(incident)
        if found.get("token") != item["token"]:
            raise NoIncident(f"the incident {incident} asks another question by now")
        # A claim whose answer from DynamoDB was lost is found again by the attempt after it.
        if (_text(found, "by"), found.get("at")) != (by, {"N": str(now)}):
            raise NoIncident(f"the incident {incident} was {_text(found, 'answer')} by {_text(found, 'by')} before")

    def _tell(self, incident: str, token: str, output: str) -> None:
        once = self._area._replace(caller=self._area.caller.without_repeating())
        try:
            once.ask("stepfunctions", "SendTaskSuccess", taskToken=token, output=output)
        except Unavailable:
            try:
                once.ask("stepfunctions", "SendTaskSuccess", taskToken=token, output=output)
            except CallProblem as exc:
                # Only who claimed it tells it: where nobody waits any more, the first attempt arrived.
                if not _is_over(exc):
                    raise
        except CallProblem as exc:
            if not _is_over(exc):
                raise
            raise NoIncident(
                f"the workflow of {incident} does not wait for an answer any more: look at its status, and resume it"
            ) from None

    def _write(self, incident: str, item: Dict[str, Any], by: str, update: str) -> None:
        """Change what was claimed."""
        values = {":token": item["token"], ":by": {"S": by}, ":now": {"N": str(self._now_ms())}}
        if ":now" not in update:
            del values[":now"]
        self._update(incident, update, values, "#token = :token AND #by = :by")

    def _is_free(self, item: Dict[str, Any]) -> bool:
        if "answer" not in item:
            return True
        return "told" not in item and int(item.get("at", {}).get("N", self._now_ms())) < self._now_ms() - _CLAIMED_MS

    def _item(self, incident: str) -> Dict[str, Any]:
        key = _key(incident)
        return self._area.ask("dynamodb", "GetItem", TableName=self._table, Key=key, ConsistentRead=True).get(
            "Item", {}
        )

    def _update(self, incident: str, update: str, values: Dict[str, Any], condition: str = "") -> bool:
        names = {f"#{name}": name for name in re.findall(r"#(\w+)", f"{update} {condition}")}
        given = {"ConditionExpression": condition} if condition else {}
        return was_so(lambda: self._area.ask(
            "dynamodb", "UpdateItem", TableName=self._table, Key=_key(incident), UpdateExpression=update,
            ExpressionAttributeNames=names, ExpressionAttributeValues=values, **given,
        ))  # fmt: skip

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _is_over(exc: CallProblem) -> bool:
    return any(code in str(exc) for code in _OVER)


def _text(item: Dict[str, Any], name: str) -> str:
    return str(item.get(name, {}).get("S", ""))


def _key(incident: str) -> Dict[str, Any]:
    return {"pk": {"S": f"question|{incident}"}}
