"""``respond status``: say whether an instance is isolated, which states of it are saved, and how its incident is."""

from __future__ import annotations

import argparse
from typing import Any, Dict, List

from aws_bridge.accounts.account import Account
from aws_bridge.accounts.area import Area
from aws_bridge.accounts.caller import Caller
from aws_bridge.accounts.session import AwsSession
from es_bridge.cli.reporting import DONE
from es_bridge.cli.rows import as_json
from es_bridge.terminal import put
from es_bridge.times import format_utc, now_ms
from response.aws.capture_volumes import left_volumes
from response.aws.incidents import Incidents
from response.aws.instances import Instances
from response.aws.quarantine import QuarantineGroups
from response.aws.questions import Question, Questions
from response.cli.outcome import add_result_argument, run_response
from response.cli.place import BACKOFF, add_place_arguments, place_of
from response.core import clocks
from response.core.target import Target


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_place_arguments(parser)
    parser.add_argument("--table", default="", metavar="NAME", help="the table of incidents: show the incident, too")
    parser.add_argument("--table-region", default="", metavar="NAME", help="the table's, if another")
    add_result_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Look; return the exit status."""
    return run_response(lambda: _status(arguments))


def _status(arguments: argparse.Namespace) -> int:
    target, area, states = place_of(arguments)
    instance = Instances(area).read(target)
    ours = QuarantineGroups(area).ids(instance.vpcs) if instance.interfaces else frozenset()
    interfaces = [
        {"interface": each.id, "groups": list(each.groups), "isolated": set(each.groups) <= ours}
        for each in instance.interfaces
    ]
    isolated = bool(interfaces) and all(each["isolated"] for each in interfaces)
    incidents = states.incidents(target)
    saved = [{"incident": each.id, "released": each.released} for each in incidents]
    known: Dict[str, Any] = {
        "instance": target.instance, "account": target.account, "region": target.region, "state": instance.state,
        "isolated": isolated, "interfaces": interfaces, "saved_states": saved,
    }  # fmt: skip
    known["notes"] = [note for each in incidents for note in left_volumes(area, each.id)]
    if arguments.table:
        known["incident"] = _incident(arguments, target)
    if arguments.result == "json":
        put(as_json(known))
        return DONE
    put(f"{target} is {instance.state} and {'isolated' if isolated else 'NOT isolated'}")
    for each in instance.interfaces:
        put(f"  {each.id}: {', '.join(each.groups)}")
    named = [f"{each.id}{' (released)' if each.released else ''}" for each in incidents]
    put(f"  saved states: {', '.join(named) or 'none'}")
    for note in known["notes"]:
        put(f"  note: {note}")
    if arguments.table:
        _show(known["incident"])
    return DONE


def _incident(arguments: argparse.Namespace, target: Target) -> Dict[str, Any]:
    """Return the last incident, {} for none. The table is the responder's own, in whichever account the instance is."""
    caller = Caller(AwsSession(Account("the responder's")), wait_s=BACKOFF.wait_s)
    area = Area(caller, "", arguments.table_region or target.region)
    found = Incidents(area, arguments.table).find(target)
    if found is None:
        return {}
    question = Questions(area, arguments.table).find(found.id)
    dues: List[clocks.Due] = clocks.as_of(dict(found.clocks), now_ms())
    return {
        "id": found.id, "state": found.state, "execution": found.execution, "outcome": found.outcome,
        "says": found.says, "opened": format_utc(found.opened_ms), "alerts": list(found.alerts),
        "dry_run": bool(found.event.get("dry_run")),
        "clocks": [{**each._asdict(), "says": each.says} for each in dues],
        "question": _question(question) if question else {},
    }  # fmt: skip


def _question(question: Question) -> Dict[str, str]:
    return {
        "asked": format_utc(question.asked_ms), "approver": question.approver, "answer": question.answer,
        "by": question.by,
    }  # fmt: skip


def _show(incident: Dict[str, Any]) -> None:
    if not incident:
        put("  incident: none")
        return
    dry_run = ", a dry run" if incident["dry_run"] else ""
    put(f"  incident {incident['id']}: {incident['state']}{dry_run}, opened {incident['opened']}")
    if incident["outcome"]:
        put(f"    its workflow ended: {incident['outcome']}: {incident['says']}")
    put(f"    alerts: {', '.join(incident['alerts'])}")
    question = incident["question"]
    if question:
        answer = f"{question['answer']} by {question['by']}" if question["answer"] else "no answer"
        put(f"    asked {question['approver'] or 'nobody by name'} at {question['asked']}: {answer}")
    for each in incident["clocks"]:
        put(f"    clock {each['says']}, at {format_utc(each['due_ms'])}")
