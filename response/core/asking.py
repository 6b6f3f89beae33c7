"""What a person is asked by a link, and until when: facts of the workflow's event in, facts for a page out. Pure."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any, Mapping, NamedTuple

from response.core.limits import GO_ON
from response.core.notices import Notice, when


class Asking(NamedTuple):
    """One question to one person. Texts are as they came: whoever shows them makes them harmless."""

    #: Which of the incident's questions it is, as `response.aws.questions.Question` has it.
    id: str
    incident: str
    #: Key of the incident's item.
    key: str
    account: str
    account_name: str
    region: str
    target: str
    action: str
    alert: str
    reason: str
    #: ``first``: before anything is done; ``before_hard``: before hard isolation.
    when: str
    approver: str
    #: Who is asked when this one does not answer; empty for nobody.
    following: str
    #: Whether there is somebody, with a name or without.
    has_following: bool
    #: Whether it goes on when nobody answers.
    goes_on: bool
    dry_run: bool
    language: str
    #: Epoch seconds, and in words.
    until_s: float
    until: str


def asking_of(event: Mapping[str, Any], notice: Notice, language: str, zone: tzinfo) -> Asking:
    """Return what a step's event asks. Raises ValueError for one that does not say which question it is, and how long.

    An execution that was begun by an older version does not.
    """
    ask, turn, asked_s = event.get("ask"), event.get("turn"), event.get("asked_at")
    id = str(event.get("asking") or "")
    if not isinstance(ask, Mapping) or not id or not _is_number(turn) or not _is_number(asked_s):
        raise ValueError("the event does not say which question it is")
    if not _is_number(ask.get("seconds")):
        raise ValueError("the event does not say how long somebody has")
    approvers = [str(each) for each in ask.get("approvers") or ()]
    others = approvers[int(turn) + 1 :]  # type: ignore[arg-type]
    until_s = float(asked_s) + float(ask["seconds"])  # type: ignore[arg-type]
    return Asking(
        id=id, incident=notice.incident, key=str(ask.get("key") or ""), account=notice.account,
        account_name=notice.account_name, region=notice.region, target=notice.target, action=notice.action,
        alert=notice.alert, reason=notice.reason, when=str(ask.get("when") or ""), approver=notice.approver,
        following=others[0] if others else "", has_following=bool(others), goes_on=ask.get("no_answer") == GO_ON,
        dry_run=notice.dry_run, language=language, until_s=until_s, until=when(until_s, zone),
    )  # fmt: skip


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
