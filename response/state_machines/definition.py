"""The definition of the workflow, in Amazon States Language with JSONata.

Three rules make it up. Whatever a step does, the next one comes: each catches everything and notes it in ``$problems``,
so that a failure leads on to isolation. After each step a status is sent, asynchronously, so that it delays nothing:
``Publish`` sends ``$last``, and ``Continue`` goes to ``$next``. The end is not what the steps said but what ``Finish``
reads from AWS; an execution succeeds only then.

Functions are ``${name}``: a template puts their ARNs there (`rendered`).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

FILE = Path(__file__).with_name("respond.asl.json")
#: What can be tried again at once: https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html
PASSING = ["Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException",
           "Lambda.TooManyRequestsException", "Sandbox.Timedout", "Throttled", "Unavailable"]  # fmt: skip
STILL_RUNNING = "StillRunning"
#: The whole of it: snapshots of large volumes take hours, people a night.
LONGEST_S = 3 * 24 * 3600
#: Attempts of hard isolation, each with retries of its own, and the pause before another.
HARD_TRIES, HARD_PAUSE_S = 3, 20
State = Dict[str, Any]

_WELL = "['done', 'already_done', 'planned', 'started']"
#: As `response.handlers.options.chosen`.
_YES = "['yes', 'true', '1']"
#: Which question it is: the notice with its link is sent before the question is kept.
_ASKING = "$states.context.Execution.Name & '#' & $string($turn)"
#: What a function raised, in its own words. The cause is the runtime's answer, with the stack: it is matched and not
#: parsed, for an expression that fails within a Catch ends the execution. A backslash is ``\\x5c``: JSONata's scanner
#: takes what follows one for escaped. https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
_RAISED = r"""$match($states.errorOutput.Cause, /"errorMessage": ?"((?:[^"\x5c]|\x5c.)*)"/, 1).groups[0]"""
_ERROR = (
    f"($raised := {_RAISED}; $substring($states.errorOutput.Error & ': ' & "
    r"""($exists($raised) ? $replace($raised, /\x5c(["\x5c])/, '$1') : $states.errorOutput.Cause), 0, 500))"""
)


def _expression(text: str) -> str:
    return "{% " + text + " %}"


def _passing(attempts: int = 4) -> State:
    return {"ErrorEquals": PASSING, "IntervalSeconds": 2, "MaxAttempts": attempts, "BackoffRate": 2.0}


def _waiting(every_s: int, attempts: int) -> State:
    """Call a step again that says it is still running, so often at most."""
    return {"ErrorEquals": [STILL_RUNNING], "IntervalSeconds": every_s, "MaxAttempts": attempts, "BackoffRate": 1.0}


def _late(waits: State) -> str:
    """Return what is said of a step that was called so often and is still running; each call may take minutes."""
    minutes = waits["IntervalSeconds"] * waits["MaxAttempts"] // 60
    return f"it did not end in {waits['MaxAttempts'] + 1} calls, over {minutes} minutes or more"


def _call(function: str, more: str = "", seconds: int = 120, how: str = "", given: str = "") -> State:
    """Return a call with the job, with the members ``more``, or with those of the object ``given``."""
    also = given or (f"{{{more}}}" if more else "")
    payload = f"$merge([$job, {also}])" if also else "$job"
    arguments: State = {"FunctionName": f"${{{function}}}", "Payload": _expression(payload)}
    if how == "Event":
        arguments["InvocationType"] = how
    resource = "arn:aws:states:::lambda:invoke" + (".waitForTaskToken" if how == "token" else "")
    return {"Type": "Task", "Resource": resource, "Arguments": arguments, "TimeoutSeconds": seconds}


def _last(step: str, result: str, says: str, state: str = "'step'") -> State:
    return {
        "step": step, "state": _expression(state), "result": _expression(result), "says": _expression(says),
    }  # fmt: skip


def _said(of: str) -> Dict[str, str]:
    """Return expressions for what a step returned; one that returns nothing of the sort failed."""
    return {
        "result": f"($exists({of}.result) ? $string({of}.result) : 'failed')",
        "says": f"($exists({of}.says) ? $substring($string({of}.says), 0, 500) : 'it said nothing')",
    }


def _problems(step: str, result: str, says: str) -> str:
    return _expression(f"{result} in {_WELL} ? $problems : $problems & '{step}: ' & {says} & '. '")


def _caught(step: str, following: str, errors: str = "States.ALL", says: str = "") -> State:
    says = says or _ERROR
    assign = {
        "last": _last(step, "'failed'", says),
        "problems": _problems(step, "'failed'", says),
        "next": following,
    }
    return {"ErrorEquals": [errors], "Assign": assign, "Next": "Publish"}


def _step(step: str, following: str, call: State, waits: Optional[State] = None, **also: str) -> State:
    """Return a step: it is called, told of, and ``following`` comes next whatever became of it.

    ``also``: expressions of variables that are set when it did not fail.
    """
    said = _said("$states.result.Payload")
    catch = [_caught(step, following)]
    if waits:
        catch.insert(0, _caught(step, following, STILL_RUNNING, f"'{_late(waits)}'"))
    return {
        **call,
        "Retry": [_passing(), *([waits] if waits else [])],
        "Assign": {
            "last": _last(step, **said),
            "problems": _problems(step, **said),
            "next": following,
            **{name: _expression(text) for name, text in also.items()},
        },
        "Catch": catch,
        "Next": "Publish",
    }


def _begun(step: str, following: str, call: State) -> State:
    """Return a step that begins something and does not wait for it: that it is still running is as it should be."""
    found = _step(step, following, call)
    last = _last(step, "'started'", "'AWS is at it'")
    begun = {"ErrorEquals": [STILL_RUNNING], "Assign": {"last": last, "next": following}, "Next": "Publish"}
    return {**found, "Catch": [begun, *found["Catch"]]}


def _branch(name: str, step: str, call: State, waits: Optional[State] = None) -> State:
    """Return a branch of a Parallel that cannot fail: its output is ``result`` and ``says``."""
    said = _said("$states.result.Payload")
    output = {name: _expression(expression) for name, expression in said.items()}
    failed = {"result": "failed", "says": _expression(_ERROR)}
    catch: List[State] = [{"ErrorEquals": ["States.ALL"], "Output": failed, "Next": f"{name}Ended"}]
    if waits:
        late = {"result": "failed", "says": _late(waits)}
        catch.insert(0, {"ErrorEquals": [STILL_RUNNING], "Output": late, "Next": f"{name}Ended"})
    task = {
        **call, "Retry": [_passing(), *([waits] if waits else [])], "Output": output, "Catch": catch,
        "Next": f"{name}Ended",
    }  # fmt: skip
    return {"StartAt": name, "States": {name: task, f"{name}Ended": {"Type": "Pass", "End": True}}}


def _both(steps: List[str], branches: List[State], following: List[str]) -> State:
    """Return a Parallel of two steps; the second one's status is sent by ``following[0]``."""
    first = {name: f"$states.result[0].{name}" for name in ("result", "says")}
    return {
        "Type": "Parallel",
        "Branches": branches,
        "Assign": {
            "last": _last(steps[0], **first),
            "other": _expression("$states.result[1]"),
            "problems": _problems(steps[0], **first),
            "next": following[0],
        },
        "Catch": [_caught(steps[0], following[1])],
        "Next": "Publish",
    }


def _say_other(step: str, following: str) -> State:
    return {
        "Type": "Pass",
        "Assign": {
            "last": _last(step, "$other.result", "$other.says"),
            "problems": _problems(step, "$other.result", "$other.says"),
            "next": following,
        },
        "Next": "Publish",
    }


def _choice(default: str, *rules: Any) -> State:
    choices = [{"Condition": _expression(condition), "Next": following} for condition, following in rules]
    return {"Type": "Choice", "Choices": choices, "Default": default}


def _answer(result: str, says: str, ended: str, following: str) -> State:
    assign = {
        "last": _last("approval", result, says), "ended": ended, "asked": True, "next": _expression(following),
        "problems": _problems("approval", result, says),
    }  # fmt: skip
    return {"Type": "Pass", "Assign": assign, "Next": "Publish"}


def states() -> Dict[str, State]:
    """Return the states by name."""
    asked_first = "$job.ask.when = 'first' and $not($asked)"
    after_a_no = "$job.ask.when = 'before_hard' and $job.action = 'respond' ? 'AwaitSnapshots' : 'Finish'"
    found: Dict[str, State] = {
        "Begin": {
            "Type": "Pass",
            "Assign": {
                "job": _expression("$states.input"), "turn": 0, "tries": 0, "asked": False, "ended": "whole",
                "answer": {}, "problems": _expression("''"), "other": {}, "final": {}, "isolated": {}, "next": "Route",
                "last": _last("begin", "'started'", "$states.input.action & ' began'", "'started'"),
            },
            "Next": "Publish",
        },
        "Publish": {
            **_call(
                "publish_status",
                "'step': $last.step, 'state': $last.state, 'result': $last.result, 'says': $last.says, "
                "'time': $toMillis($states.context.State.EnteredTime) / 1000, "
                "'execution': $states.context.Execution.Id",
                10, "Event",
            ),
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Continue"}],
            "Next": "Continue",
        },
        "Route": _choice(
            "Unknown", (asked_first, "TellPerson"), ("$job.action in ['respond', 'isolate_instance']", "Contain"),
            ("$job.action = 'collect_evidence'", "Capture"), ("$job.action = 'release_instance'", "Release"),
            ("$job.action = 'revoke_credentials'", "Revoke"), ("$job.action = 'contain_principal'", "ContainPrincipal"),
            ("$job.action = 'release_principal'", "ReleasePrincipal"), ("$job.action = 'block_ip'", "Block"),
            ("$job.action = 'unblock_ip'", "Unblock"), ("$job.action = 'notify'", "NotifyOnly"),
        ),
        # A person is asked, and the next one when nobody answers. The token goes to the table and nowhere else.
        "TellPerson": {
            **_call("notify", "'kind': 'question', 'approver': $job.ask.approvers[$turn], 'reason': $job.ask.reason, "
                    f"'turn': $turn, 'asking': {_ASKING}, "
                    "'asked_at': $toMillis($states.context.State.EnteredTime) / 1000", 10, "Event"),
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Ask"}],
            "Next": "Ask",
        },
        "Ask": {
            **_call("ask_approval", "'token': $states.context.Task.Token, 'approver': $job.ask.approvers[$turn], "
                    f"'asking': {_ASKING}", how="token"),
            "TimeoutSeconds": _expression("$job.ask.seconds"),
            "Retry": [_passing()],
            "Assign": {"answer": _expression("$states.result")},
            "Catch": [
                {"ErrorEquals": ["States.ALL"], "Assign": {"turn": _expression("$turn + 1")}, "Next": "Nobody"},
            ],
            "Next": "Answered",
        },
        "Nobody": _choice(
            "Left", ("$turn < $count($job.ask.approvers)", "TellPerson"), ("$job.ask.no_answer = 'go_on'", "GoneOn"),
        ),
        "Answered": _choice("Rejected", ("$answer.agreed = true", "Agreed")),
        "Agreed": _answer("'done'", "'agreed by ' & $answer.by", "whole",
                          "$job.ask.when = 'first' ? 'Route' : 'Hard'"),
        "GoneOn": _answer("'done'", "'nobody answered, and it goes on as the parameter says'", "whole",
                          "$job.ask.when = 'first' ? 'Route' : 'Hard'"),
        "Rejected": _answer("'refused'", "'rejected by ' & $answer.by", "rejected", after_a_no),
        "Left": _answer("'refused'", "'nobody answered, and it stays as it is, as the parameter says'", "no_answer",
                        after_a_no),
        # Soft isolation waits for nothing; who has to know is told meanwhile.
        "Contain": _both(
            ["soft_isolation", "notify"],
            [_branch("Soft", "soft_isolation", _call("isolate", "'mode': 'soft'", 300)),
             _branch("Told", "notify", _call("notify", "'kind': 'began'", 30))],
            ["SayTold", "AfterContain"],
        ),
        "SayTold": _say_other("notify", "AfterContain"),
        "AfterContain": _choice(
            "HardGate", ("$job.action = 'respond'", "Capture"),
            ("$job.options.mode = 'soft'", "Finish"),
        ),
        "Capture": _both(
            ["collect_volatile", "collect_context"],
            [_branch("Volatile", "collect_volatile", _call("collect_volatile", "", 300), _waiting(20, 180)),
             _branch("Context", "collect_context", _call("collect_context", "", 300), _waiting(20, 15))],
            ["SayContext", "Snapshots"],
        ),
        "SayContext": _say_other("collect_context", "Snapshots"),
        "Snapshots": _begun("snapshot", "AfterSnapshots", _call("snapshot", "'wait': false", 300)),
        "AfterSnapshots": _choice(
            "HardGate", ("$job.action = 'collect_evidence'", "AwaitSnapshots"),
            ("$job.options.mode = 'soft'", "AfterHard"),
        ),
        "HardGate": _choice("Hard", ("$job.ask.when = 'before_hard' and $not($asked)", "TellPerson")),
        "Hard": _step(
            "hard_isolation", "HardOutcome", _call("isolate", "'mode': 'hard'", 300),
            # What soft isolation let through before is none of "accepted after the isolation".
            isolated="{'isolated_at': $toMillis($states.context.State.EnteredTime) / 1000}",
        ),
        "HardOutcome": _choice(
            "AfterHard", (f"$last.result = 'failed' and $tries < {HARD_TRIES - 1}", "HardPause"),
        ),
        "HardPause": {
            "Type": "Wait", "Seconds": HARD_PAUSE_S, "Assign": {"tries": _expression("$tries + 1")}, "Next": "Hard",
        },
        "AfterHard": _choice(
            "Finish", (f"$job.action = 'respond' and $job.options.revoke_credentials in {_YES}", "RevokeAlso"),
            ("$job.action = 'respond'", "AwaitSnapshots"),
        ),
        "RevokeAlso": _step(
            "revoke_credentials", "AwaitSnapshots", _call("revoke_credentials", "", 300), _waiting(20, 45)
        ),
        "AwaitSnapshots": _step("snapshot", "Logs", _call("snapshot", "'wait': true", 300), _waiting(60, 1440)),
        "Logs": _step(
            "collect_logs", "Archive", _call("collect_logs", seconds=900, given="$isolated"), _waiting(60, 120)
        ),
        "Archive": _step("archive", "UpdateFinding", _call("archive", "'problems': $problems", 900), _waiting(60, 240)),
        "UpdateFinding": _step("update_finding", "Finish", _call("update_finding", "'problems': $problems")),
        # Actions that are one step.
        "Release": _step("release", "Finish", _call("release", "", 300), _waiting(20, 45)),
        "Revoke": _step("revoke_credentials", "Finish", _call("revoke_credentials", "", 300), _waiting(20, 45)),
        "ContainPrincipal": _step("contain_principal", "Finish", _call("contain_principal", "", 300), _waiting(20, 45)),
        "ReleasePrincipal": _step("release_principal", "Finish", _call("release_principal", "", 300), _waiting(20, 45)),
        "Block": _step("block_ip", "Finish", _call("block_ip", "", 300), _waiting(20, 45)),
        "Unblock": _step("unblock_ip", "Finish", _call("unblock_ip", "", 300), _waiting(20, 45)),
        "NotifyOnly": _step("notify", "Finish", _call("notify", "'kind': 'message'")),
        "Unknown": {
            "Type": "Pass",
            "Assign": {"last": _last("begin", "'refused'", "'there is no action ' & $job.action"), "next": "Finish",
                       "problems": "there is no such action"},
            "Next": "Publish",
        },
        # What the end is, is read from AWS.
        "Finish": {
            **_call("finish", "'ended': $ended, 'problems': $problems, 'last': $last.result", 120),
            "Retry": [_passing(), {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 5, "MaxAttempts": 3,
                                   "BackoffRate": 2.0}],
            "Assign": {"final": {name: _expression(text) for name, text in _said("$states.result.Payload").items()}},
            "Catch": [{
                "ErrorEquals": ["States.ALL"],
                "Assign": {"final": {"result": "failed", "says": _expression(
                    f"'it is not known how it ended, look at it yourself: ' & {_ERROR}")}},
                "Next": "TellEnd",
            }],
            "Next": "TellEnd",
        },
        "TellEnd": {
            **_call("notify", "'kind': 'ended', 'result': $final.result, 'says': $final.says, 'problems': $problems",
                    60),
            "Retry": [_passing(2)],
            "Assign": _end(),
            "Catch": [{
                "ErrorEquals": ["States.ALL"],
                "Assign": {**_end(), "problems": _problems("notify", "'failed'", _ERROR)},
                "Next": "Publish",
            }],
            "Next": "Publish",
        },
        "Ended": _choice(
            "NotDone", (f"$final.result in {_WELL}", "Done"),
            ("$final.result = 'partial'", "Done"),
        ),
        "Done": {
            "Type": "Succeed",
            "Output": {"result": _expression("$final.result"), "says": _expression("$final.says"),
                       "problems": _expression("$problems")},
        },
        "NotDone": {"Type": "Fail", "Error": "NotDone", "Cause": _expression("$final.says & ' ' & $problems")},
    }  # fmt: skip
    followers = sorted({each for state in found.values() for each in _followers(state)})
    found["Continue"] = _choice("Finish", *((f"$next = '{each}'", each) for each in followers if each != "Finish"))
    return found


def _end() -> State:
    state = "$final.result in ['failed', 'refused'] ? 'failed' : 'finished'"
    return {"last": _last("end", "$final.result", "$final.says", state), "next": "Ended"}


def _followers(state: State) -> List[str]:
    """Return the states that ``$next`` may name."""
    assigned = [state.get("Assign", {}), *(each.get("Assign", {}) for each in state.get("Catch", ()))]
    named = [each["next"] for each in assigned if "next" in each]
    return [name for each in named for name in (re.findall(r"'([A-Z]\w+)'", each) if "{%" in each else [each])]


def definition() -> Dict[str, Any]:
    """Return the whole definition."""
    return {
        "Comment": "The response to one incident. Written by python -m response.state_machines",
        "QueryLanguage": "JSONata",
        "TimeoutSeconds": LONGEST_S,
        "StartAt": "Begin",
        "States": states(),
    }


def text() -> str:
    """Return the definition as the file has it."""
    return json.dumps(definition(), indent=1) + "\n"


def functions(known: str) -> List[str]:
    """Return the names of the functions that a definition calls, sorted."""
    return sorted(set(re.findall(r"\$\{(\w+)\}", known)))


def rendered(arns: Mapping[str, str]) -> str:
    """Return the definition with the functions' ARNs, as a template deploys it. Raises KeyError for one without."""
    return re.sub(r"\$\{(\w+)\}", lambda found: arns[found[1]], FILE.read_text())
