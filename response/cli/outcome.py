"""How a sub-command ends: exit status, errors in words, and the result of an action on the screen."""

from __future__ import annotations

import argparse
from typing import Callable

from aws_bridge.errors import AwsError, BadAccount
from es_bridge.cli.reporting import DONE, FAILED, UsageError, run_reported, say, tell
from es_bridge.cli.rows import as_json
from es_bridge.terminal import put
from response.core import result as results
from response.core.result import ActionResult
from response.errors import BadTarget, ResponseError


def add_result_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option that says how the outcome is printed."""
    parser.add_argument("--result", choices=("text", "json"), default="text", help="how it is printed (default: text)")


def run_response(work: Callable[[], int]) -> int:
    """Do the work of a sub-command; return its exit status, with what went wrong in words on standard error."""
    return run_reported(lambda: _in_words(work))


def _in_words(work: Callable[[], int]) -> int:
    try:
        return work()
    except (BadTarget, BadAccount) as exc:
        raise UsageError(str(exc)) from exc
    except (AwsError, ResponseError) as exc:
        say(str(exc))
        return FAILED


def show(found: ActionResult, form: str) -> int:
    """Print the result of an action as ``text`` or ``json``; return the exit status."""
    if form == "json":
        put(as_json(found.to_json()))
    else:
        _show_text(found)
    return FAILED if found.result in (results.FAILED_RESULT, results.REFUSED) else DONE


def _show_text(found: ActionResult) -> None:
    put(found.says)
    for each in found.outcomes:
        put(f"  {each.result}: {each.change.says}" + (f": {each.why}" if each.why else ""))
    put(f"  incident: {found.incident}")
    for note in found.notes:
        put(f"  note: {note}")
    if found.undo and found.result != results.FAILED_RESULT:
        tell(f"to undo it: {found.undo} with the same --region and --bucket")
