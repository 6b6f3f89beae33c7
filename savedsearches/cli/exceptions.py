"""``aws-siem-bridge detections exceptions``: what an alert is not raised for, until when, and who answers for it."""

from __future__ import annotations

import argparse
import hashlib
from datetime import date, datetime, timedelta, timezone
from typing import Any, Dict, List

from es_bridge.cli.reporting import DONE, FAILED, UsageError, run_reported, say
from es_bridge.cli.rows import Column, Rows, add_format_argument
from savedsearches.cli.splunk import add_splunk_arguments, of_app, splunkd_from
from savedsearches.content.reading import ContentError, read_detections
from splunk_bridge.rest import RestError, Splunkd

_EXAMPLES = """\
examples:
  aws-siem-bridge detections exceptions add --detection cloudtrail_root_use --entity 111122223333 --owner kim
      --reason "closing the account, ticket 4711" --until 2026-12-31 --splunk https://splunk.example:8089 --username me
  aws-siem-bridge detections exceptions list --splunk https://splunk.example:8089 --username admin
  aws-siem-bridge detections exceptions remove --detection cloudtrail_root_use --entity 111122223333 --splunk ...

An exception is a row of the KV store lookup aws_detection_exceptions: anybody who may write it can use
| outputlookup as well. --entity is the value of the field that the detection names (detections list --format json);
* stands for any letters, in a detection's name too. It applies up to and with the day --until, then the alert is raised
again. What it hides is counted a day in aws_detection_hidden, and listed by the report
"AWS - what exceptions hid last month".
Exit status: 0 done; 1 it could not be done; 2 wrong usage.
"""
COLLECTION = "aws_detection_exceptions"
#: Nobody remembers an exception that is older.
LONGEST_DAYS = 400
_COLUMNS = [Column(name, name) for name in ("detection", "entity", "until", "state", "owner", "reason", "created_by")]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``exceptions``."""
    parser.epilog = _EXAMPLES
    parser.add_argument("action", choices=("list", "add", "remove"))
    parser.add_argument("--detection", metavar="NAME", help="its name; * for any letters")
    parser.add_argument("--entity", metavar="VALUE", help="what the alert is about; * for any letters")
    parser.add_argument("--reason", metavar="TEXT", help="why; a ticket's number says most")
    parser.add_argument("--owner", metavar="NAME", help="who answers for it")
    parser.add_argument(
        "--until", metavar="DAY", help=f"its last day, such as 2026-12-31; at most {LONGEST_DAYS} days on"
    )
    add_format_argument(parser)
    add_splunk_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """List, add or remove; return the exit status."""
    return run_reported(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    document = _document(arguments) if arguments.action == "add" else {}
    if arguments.action == "remove":
        _needed(arguments, ("detection", "entity"))
    try:
        splunkd = splunkd_from(arguments)
        if arguments.action == "list":
            return _list(splunkd, arguments.format)
        key = key_of(arguments.detection, arguments.entity)
        if arguments.action == "remove":
            splunkd.request("DELETE", of_app("storage", "collections", "data", COLLECTION, key))
            say(f"removed: {arguments.detection} {arguments.entity}")
            return DONE
        (context,) = splunkd.entries("/services/authentication/current-context")
        document["created_by"] = str(context["content"].get("username", ""))
        path = of_app("storage", "collections", "data", COLLECTION, "batch_save")
        splunkd.send_document("POST", path, [document])  # in the place of one for the same thing
        say(f"until {document['until']}: {arguments.detection} {arguments.entity}")
        return DONE
    except RestError as exc:
        say(f"there is no such exception: {exc}" if exc.status == 404 and arguments.action == "remove" else str(exc))
        return FAILED


def key_of(detection: str, entity: str) -> str:
    """Return the key of an exception: one for a detection and an entity."""
    return hashlib.sha256(f"{detection}\0{entity}".encode()).hexdigest()[:24]


def _needed(arguments: argparse.Namespace, names: Any) -> None:
    missing = [f"--{name}" for name in names if not getattr(arguments, name)]
    if missing:
        raise UsageError(f"{arguments.action} needs {', '.join(missing)}")


def _document(arguments: argparse.Namespace) -> Dict[str, str]:
    """Return the row of a new exception. Raises `UsageError`."""
    _needed(arguments, ("detection", "entity", "reason", "owner", "until"))
    today = datetime.now(timezone.utc).date()
    try:
        until = date.fromisoformat(arguments.until)
    except ValueError:
        raise UsageError(f"--until {arguments.until}: write a day such as {today + timedelta(days=30)}") from None
    if not today <= until <= today + timedelta(days=LONGEST_DAYS):
        raise UsageError(f"--until {arguments.until}: an exception ends between today and {LONGEST_DAYS} days from now")
    if not arguments.entity.strip("*"):
        raise UsageError(f"--entity {arguments.entity} would hide everything: switch the detection off instead")
    if "*" not in arguments.detection:
        try:
            known = [each.name for each in read_detections()]
        except ContentError as exc:
            raise UsageError(str(exc)) from None
        if arguments.detection not in known:
            raise UsageError(f"there is no detection {arguments.detection!r}: aws-siem-bridge detections list")
    return {
        "_key": key_of(arguments.detection, arguments.entity),
        "detection": arguments.detection,
        "entity": arguments.entity,
        "reason": arguments.reason,
        "owner": arguments.owner,
        "until": until.isoformat(),
        "created": today.isoformat(),
    }


def _list(splunkd: Splunkd, form: str) -> int:
    found: List[Dict[str, Any]] = splunkd.request("GET", of_app("storage", "collections", "data", COLLECTION))
    today = datetime.now(timezone.utc).date().isoformat()
    printed = Rows(form, _COLUMNS)
    for each in sorted(found, key=lambda each: (str(each.get("until")), str(each.get("detection")))):
        printed.add({**each, "state": "applies" if str(each.get("until", "")) >= today else "ended"})
    printed.end()
    return DONE
