"""What splunkd starts an alert action for: every row is handed over, or kept until it can be.

Each request is in the queue, claimed by this process, before AWS is asked: a process that is killed loses nothing
from then on. Exit status: see the constants; splunkd only logs it.
"""

from __future__ import annotations

import json
import sys
from typing import Dict, List, NamedTuple, Optional, Sequence

from splunk_host import APP
from splunk_host.splunkd import Splunkd

from alert_actions import payload as payloads
from alert_actions.action_log import FAILURE, PENDING, SUCCESS, ActionLog, log_of, origin_of
from alert_actions.actions import ACCOUNT, ACTIONS, ANSWER, LATER, NOW, Action
from alert_actions.functions import Functions, RowAnswer, read_functions
from alert_actions.payload import Payload, Row
from alert_actions.queue import Claim, Queue
from alert_actions.requests import Request, requests_of
from alert_actions.rows import BadRow, targets
from aws_bridge.errors import AwsError
from es_bridge.errors import BridgeError, ConfigError
from es_bridge.terminal import put_error

#: Everything was handed over; not started by splunkd for an alert; kept, and handed over later; not handed over and
#: not kept; some rows name nothing, or were refused.
DONE, WRONG_MODE, KEPT, LOST, ROWS_REFUSED = range(5)
#: What splunkd hands over at most: maxresults of alert_actions.conf.
MOST_RESULTS = 10_000
#: The saved search that runs ``| awsresponsequeue do=replay``.
REPLAYED_BY = "aws_replay_responses"
#: Of an answer that is waited for: what a row may be said to have become, and be no failure.
_BEGUN = ("started", "attached", "waits_for_approval", "done", "already_done", "planned", "released")


class _Kept(NamedTuple):
    request: Request
    #: None where the queue did not take it.
    claim: Optional[Claim]


def main(name: str, arguments: Sequence[str]) -> int:
    """Do what splunkd asks for; return the exit status."""
    if list(arguments[1:2]) != ["--execute"]:
        put_error(f"FATAL {name}: this is an alert action: splunkd starts it with --execute")
        return WRONG_MODE
    try:
        payload = payloads.read(sys.stdin.buffer)
    except ConfigError as exc:
        put_error(f"ERROR {name}: {exc}")
        return LOST
    log = log_of(name, payload)
    try:
        with Splunkd(payload.server_uri, payload.session_key) as splunkd:
            return Run(ACTIONS[name], payload, splunkd, log).run()
    except (BridgeError, AwsError) as exc:
        return _lost(log, str(exc))
    except (
        Exception
    ) as exc:  # without its text, which nobody has read, and with no traceback: it could show the payload
        return _lost(log, f"it failed in a way nobody foresaw ({type(exc).__name__}): please report it")


def _lost(log: ActionLog, text: str) -> int:
    log.say(FAILURE, text)
    log.tell_splunkd("ERROR", text)
    return LOST


class Run:
    """One alert."""

    def __init__(self, action: Action, payload: Payload, splunkd: Splunkd, log: ActionLog) -> None:
        self._action, self._payload, self._splunkd, self._log = action, payload, splunkd, log
        self._queue = Queue(splunkd)
        #: rid -> where the row came from, for its lines.
        self._origins: Dict[str, Dict[str, str]] = {}
        self._status = DONE

    def run(self) -> int:
        """Hand every row over; return the exit status. Raises `ConfigError` for results that cannot be read."""
        answer = self._payload.params.get(ANSWER) or LATER
        if answer not in (LATER, NOW):
            raise ConfigError(f"{ANSWER}={answer} is neither {LATER} nor {NOW}")
        rows = self._rows()
        kept = [self._keep(request) for request in requests_of(self._action, self._payload, rows)]
        waiting = [each for each in kept if each is not None]
        if not waiting:
            return self._status
        try:
            functions = read_functions(self._splunkd, self._payload.params.get(ACCOUNT, ""))
        except (BridgeError, AwsError) as exc:
            for each in waiting:
                self._failed(each, str(exc))
            return self._status
        for each in waiting:
            self._hand_over(functions, each, answer)
        return self._status

    def _rows(self) -> List[Dict[str, str]]:
        found: List[Dict[str, str]] = []
        count = 0
        for number, row in enumerate(self._payload.rows()):
            count += 1
            rid = _rid(row, number)
            self._origins[rid] = origin_of(row)
            try:
                found += targets(self._action, self._payload.params, row, rid)
            except BadRow as exc:
                self._worse(ROWS_REFUSED)
                self._log.say(FAILURE, str(exc), rid, **self._origins[rid])
                self._log.tell_splunkd("ERROR", f"row {rid}: {exc}")
        if not count:
            self._log.say(SUCCESS, "the results have no row: nothing to do")
        if count >= MOST_RESULTS:
            self._worse(ROWS_REFUSED)
            text = f"{count} rows: splunkd gives an action no more, so others may be missing. Let the search find fewer"
            self._log.say(FAILURE, text)
            self._log.tell_splunkd("ERROR", text)
        return found

    def _keep(self, request: Request) -> Optional[_Kept]:
        payload = self._payload
        try:
            claim = self._queue.keep(
                request,
                aws_account=payload.params.get(ACCOUNT, ""), sid=payload.sid, search=payload.search,
                user=payload.user, app=payload.app,
            )  # fmt: skip
        except BridgeError as exc:
            # The response does not wait for a queue.
            self._log.tell_splunkd("WARN", f"handed over without being kept first: {exc}")
            return _Kept(request, None)
        if claim is None:
            self._say(PENDING, request, "the same request is in the queue, and another process is at it")
            return None
        return _Kept(request, claim)

    def _hand_over(self, functions: Functions, kept: _Kept, answer: str) -> None:
        try:
            answers = functions.hand_over(self._action.function, kept.request.body, answer)
        except (BridgeError, AwsError) as exc:
            self._failed(kept, str(exc))
            return
        if kept.claim is not None:
            try:
                self._queue.done(kept.request.id)
            except BridgeError as exc:
                # It is handed over once more, which `start` sees by its id.
                self._log.tell_splunkd("WARN", f"handed over, and still in the queue: {exc}")
        if answer == NOW:
            self._tell_answers(kept.request, answers)
        else:
            said = f"handed over as {kept.request.id}; what becomes of it comes as events of aws:siem_bridge:response"
            self._say(PENDING, kept.request, said)

    def _tell_answers(self, request: Request, answers: List[RowAnswer]) -> None:
        rids = [row["rid"] for row in json.loads(request.body)["rows"]]
        for each in answers:
            rid = rids[each.row] if 0 <= each.row < len(rids) else ""
            begun = each.result in _BEGUN
            if not begun:
                self._worse(ROWS_REFUSED)
            text = f"{each.result}: {each.says}"
            self._log.say(SUCCESS if begun else FAILURE, text, rid, **self._origins.get(rid, {}))
        unanswered = len(rids) - len(answers)
        if unanswered:
            self._worse(ROWS_REFUSED)
            self._say(FAILURE, request, f"{unanswered} of {len(rids)} rows were not answered")

    def _failed(self, kept: _Kept, why: str) -> None:
        request = kept.request
        is_kept = False
        if kept.claim is not None:
            is_kept = True
            try:
                self._queue.failed(kept.claim, why)
            except BridgeError as exc:
                # The claim holds for a while, and then it is taken up all the same.
                self._log.tell_splunkd("WARN", f"kept in the queue, without why it failed: {exc}")
        text = f"not handed over: {why}"
        after = self._after(is_kept)
        self._worse(KEPT if is_kept else LOST)
        self._say(FAILURE, request, f"{text}. {after}")
        self._log.tell_splunkd("ERROR", f"{len(request.rids)} rows {text}. {after}")

    def _after(self, is_kept: bool) -> str:
        if not is_kept:
            return "It is NOT in the queue either: run it again"
        try:
            replays = self._splunkd.stanzas(APP, "savedsearches").get(REPLAYED_BY, {})
        except BridgeError:
            replays = {}
        if str(replays.get("disabled", "0")).lower() in ("1", "true"):
            return f"It is in the queue, and NOBODY tries again: enable the saved search {REPLAYED_BY}"
        return "It is in the queue, and tried again for 72 hours"

    def _say(self, status: str, request: Request, text: str) -> None:
        for rid in request.rids:
            self._log.say(status, text, rid, **self._origins.get(rid, {}))

    def _worse(self, status: int) -> None:
        """Remember the status that matters most: lost, then kept, then single rows."""
        order = (DONE, ROWS_REFUSED, KEPT, LOST)
        self._status = max(self._status, status, key=order.index)


def _rid(row: Row, number: int) -> str:
    given = row.get("rid", "")
    return (given if isinstance(given, str) else "") or str(number)
