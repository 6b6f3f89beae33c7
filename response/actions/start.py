"""Every response begins here, whether Splunk or EventBridge asks for it: who, may we, is there one already, go."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

from aws_bridge.accounts.area import Area
from aws_bridge.errors import CallProblem
from response.aws.executions import Executions
from response.aws.incidents import NEW, RELEASED, RUNNING, WAITING, Incidents, Opened
from response.aws.instances import Instances
from response.core import cases
from response.core.budget import Budget
from response.core.cases import Case
from response.core.instance import Instance
from response.core.limits import LIVE, Limits
from response.core.requests import Request
from response.core.target import Target
from response.errors import BadTarget, ResponseError, StillRunning

#: What became of a row.
STARTED, ATTACHED, WAITS, REFUSED, FAILED = "started", "attached", "waits_for_approval", "refused", "failed"
#: Rows of one request; more are refused, one by one, so that nobody waits for a function that ran out of time.
MOST_ROWS = 500
#: Rows that were answered when there was no time for the rest, beside the answer of the whole.
_SO_FAR = "|so far"
#: A person is asked before anything is done, or before hard isolation.
ASK_FIRST, ASK_BEFORE_HARD = "first", "before_hard"


class Started(NamedTuple):
    """What became of one row."""

    row: int
    result: str
    says: str
    incident: str = ""

    def to_json(self) -> Dict[str, Any]:
        """Return it for an answer or a status."""
        return self._asdict()


class Question(NamedTuple):
    """Why a person has to agree, and when he is asked; no reason if nobody is."""

    reason: str = ""
    when: str = ""


@dataclass(frozen=True)
class Start:
    """What a start needs. ``area_of``: target -> the account and region it is in. ``home``: the responder's account."""

    limits: Limits
    incidents: Incidents
    executions: Executions
    area_of: Callable[[Target], Area]
    home: str = ""

    def start(self, request: Request, budget: Budget = Budget()) -> List[Started]:  # noqa: B008 - never changed
        """Begin what a request asks for, for each of its rows; return one outcome a row, in their order.

        A hand-over that was answered is answered the same again and nothing is begun. A row that fails stops no other,
        and such a hand-over can be repeated: what was begun is found, not begun again. Raises `StillRunning` when time
        is over: sent again, it goes on with the next row.
        """
        known = self.incidents.answer_of(request.id) if request.id else None
        if known is not None:
            return [Started(**each) for each in known]
        before = (self.incidents.answer_of(f"{request.id}{_SO_FAR}") if request.id else None) or []
        rows: List[Started] = []
        any_yet = False
        for number, row in enumerate(request.rows):
            if number < len(before) and before[number]["result"] != FAILED:
                rows.append(Started(**before[number]))
                continue
            if any_yet and budget.is_over:
                if request.id:
                    self.incidents.keep_answer(f"{request.id}{_SO_FAR}", [each.to_json() for each in rows], again=True)
                left = len(request.rows) - number
                raise StillRunning(f"{left} of {len(request.rows)} rows are not begun: send the hand-over again")
            rows.append(self._row(number, request, row))
            any_yet = True
        if request.id and not any(each.result == FAILED for each in rows):
            self.incidents.keep_answer(request.id, [each.to_json() for each in rows])
        return rows

    def _row(self, number: int, request: Request, row: Mapping[str, Any]) -> Started:
        if number >= MOST_ROWS:
            return Started(number, REFUSED, f"more than {MOST_ROWS} rows in one alert: send the rest as another")
        if row.get("refuse"):
            return Started(number, REFUSED, str(row["refuse"]))
        try:
            case = cases.case_of(request.action, row, request.options, self.home)
            outside = self.limits.outside(case.account, case.region)
            if outside:
                return Started(number, REFUSED, f"{case}: {outside}")
            given = {
                **cases.as_event(case), "alert": request.alert, "action": request.action, "sid": request.alert,
                "rid": str(row.get("rid") or ""), "search": request.search, "options": dict(request.options),
                "dry_run": self.limits.mode != LIVE,
            }  # fmt: skip
            if only_plans(request.options):
                # It locks nothing, so that a response in earnest is not attached to it.
                return self._begin(number, request, case, {**given, "dry_run": True, "only_plan": True}, "")
            if request.action in cases.OPENS:
                return self._open(number, request, case, given)
            if request.action in cases.CLOSES:
                return self._close(number, request, case, given)
            return self._once(number, request, case, given)
        except (BadTarget, CallProblem, ResponseError) as exc:
            result = REFUSED if isinstance(exc, BadTarget) else FAILED
            return Started(number, result, str(exc))

    def _open(self, number: int, request: Request, case: Case, given: Dict[str, Any]) -> Started:
        """Begin what locks its case: one open incident each, whoever asks."""
        instance = None
        if "instance" in given:
            target = Target(given["account"], given["region"], given["instance"])
            instance = Instances(self.area_of(target)).brief(target)
            if instance.gone:
                return Started(number, REFUSED, f"{case} is {instance.state}: there is nothing left to isolate")

        def open_it() -> Opened:
            return self.incidents.open(case, request.alert, lambda id: _json({**given, "incident": id}))

        opened = open_it()
        if not given["dry_run"] and opened.event.get("dry_run"):
            # It was opened before the switch was thrown and changes nothing: what is meant does not wait for its end.
            self.incidents.close(case.key, opened.id)
            opened = open_it()
        if opened.state == WAITING:
            return Started(number, WAITS, f"{case}: incident {opened.id} waits for a person", opened.id)
        if opened.state == RUNNING:
            done = given["dry_run"] or cases.covers(opened.event, request.action, request.options)
            if instance and not done:
                return self._further(number, request, case, opened, {**given, "incident": opened.id}, instance)
            return Started(number, ATTACHED, f"{case}: attached to the open incident {opened.id}", opened.id)
        return self.go(number, case, opened, self._question(request.alert, opened.id, instance))

    def _further(
        self, number: int, request: Request, case: Case, opened: Opened, given: Dict[str, Any], instance: Instance
    ) -> Started:
        """Do in an open incident what it was not opened for, once: revoke after isolating, collect after revoking."""
        question = self._question(request.alert, opened.id, instance)
        name = f"{opened.id}-{request.action}"
        if not self._begun(name, request.alert, {**given, "further": True, "ask": self._ask(question, case)}):
            return Started(number, ATTACHED, f"{case}: attached to the open incident {opened.id}", opened.id)
        says = f"{case}: {request.action} in the open incident {opened.id}"
        if question.when:
            return Started(number, WAITS, f"{says} waits for a person: {question.reason}", opened.id)
        return Started(number, STARTED, f"{says} started", opened.id)

    def _question(self, alert: str, incident: str, instance: Optional[Instance]) -> Question:
        first = self.limits.asks_for(instance) if instance else []
        reason = "; ".join(first) or self._too_many(alert, incident)
        if reason or not instance:
            return Question(reason, ASK_FIRST if reason else "")
        later = self.limits.asks_before_hard(instance)
        return Question("; ".join(later), ASK_BEFORE_HARD if later else "")

    def _ask(self, question: Question, case: Case) -> Dict[str, Any]:
        limits = self.limits
        return {
            "key": case.key, "when": question.when, "reason": question.reason,
            "approvers": list(limits.approvers) or [""], "seconds": limits.minutes_each * 60,
            "no_answer": limits.no_answer,
        }  # fmt: skip

    def go(self, number: int, case: Case, opened: Opened, question: Question) -> Started:
        """Start the execution of an incident; of one that was opened and never started, whoever comes next does."""
        limits = self.limits
        self.executions.start(opened.id, _json({**opened.event, "ask": self._ask(question, case)}))
        after = WAITING if question.when else RUNNING
        self.incidents.move(case, opened.id, NEW, after)
        how = "" if limits.mode == LIVE else ", as a dry run: nothing is changed"
        if question.when:
            meanwhile = " before it is cut off whole" if question.when == ASK_BEFORE_HARD else ""
            says = f"{case}: incident {opened.id} waits for a person{meanwhile}: {question.reason}{how}"
            return Started(number, WAITS, says, opened.id)
        if opened.new:
            return Started(number, STARTED, f"{case}: incident {opened.id} started{how}", opened.id)
        return Started(number, ATTACHED, f"{case}: attached to the open incident {opened.id}", opened.id)

    def _close(self, number: int, request: Request, case: Case, given: Dict[str, Any]) -> Started:
        found = self.incidents.find(case)
        if found is None or found.state == RELEASED:
            return Started(number, REFUSED, f"{case} has no open incident: there is nothing to release")
        return self._begin(number, request, case, given, found.id)

    def _once(self, number: int, request: Request, case: Case, given: Dict[str, Any]) -> Started:
        """Begin what locks nothing: evidence, addresses, notifications. It belongs to the open incident, if any.

        What is meant belongs to no dry run, which is over as soon as something in earnest begins.
        """
        found = self.incidents.find(case) if "instance" in given else None
        is_its = found and found.state != RELEASED and (given["dry_run"] or not found.event.get("dry_run"))
        incident = found.id if found and is_its else ""
        return self._begin(number, request, case, given, incident)

    def _begin(self, number: int, request: Request, case: Case, given: Dict[str, Any], incident: str) -> Started:
        name = cases.execution_name(case, request.action, f"{request.id or request.alert}|{number}")
        new = self._begun(name, request.alert, {**given, "incident": incident or name, "ask": {"when": ""}})
        how = ", as a dry run: nothing is changed" if given["dry_run"] else ""
        says = f"{case}: {request.action} {'started' if new else 'was started before'}{how}"
        return Started(number, STARTED if new else ATTACHED, says, incident or name)

    def _begun(self, name: str, alert: str, given: Dict[str, Any]) -> bool:
        """Start an execution beside an incident's first; return whether it is new.

        It is noted first: where this breaks off in between, a sweep finds it, and whoever comes next starts it. The
        name is started once, with what was noted.
        """
        noted = self.incidents.reserve(name, alert, _json({**given, "run": name}))
        if noted.state != NEW:
            return False
        started = self.executions.start(name, noted.input)
        waits = bool((noted.event.get("ask") or {}).get("when"))
        self.incidents.began(noted, WAITING if waits else RUNNING)
        return noted.new and started

    def _too_many(self, alert: str, incident: str) -> str:
        """Return which limit an incident exceeds, or nothing. One that waits is not counted in the hour.

        Dry runs are counted apart: they take no room from what is meant.
        """
        how = "" if self.limits.mode == LIVE else "dry-run|"
        counted: Tuple[Tuple[str, int, str], ...] = (
            (f"{how}alert|{alert}", self.limits.most_an_alert, "one alert may isolate {} instances"),
            (f"{how}{self.incidents.this_hour()}", self.limits.most_an_hour, "{} instances may be isolated in an hour"),
        )
        for what, most, says in counted:
            if not self.incidents.within(what, incident, most):
                return says.format(most)
        return ""


def only_plans(options: Mapping[str, str]) -> bool:
    """Return whether whoever asks wants to see what would be done, and no more."""
    return str(options.get("dry_run") or "").strip().lower() in ("1", "true", "yes")


def _json(known: Mapping[str, Any]) -> str:
    return json.dumps(known, sort_keys=True)
