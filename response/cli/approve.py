"""``respond approve``: agree to what an incident waits for. Who may do so is a matter of IAM, and his ARN is kept."""

from __future__ import annotations

import argparse

from es_bridge.cli.reporting import DONE, say
from es_bridge.terminal import put
from response.actions.answer import answer as answer_question
from response.aws.questions import Questions
from response.cli.desk import add_desk_arguments, desk_of
from response.cli.outcome import run_response

add_arguments = add_desk_arguments


def run(arguments: argparse.Namespace) -> int:
    """Agree; return the exit status."""
    return run_response(lambda: answer(arguments, agreed=True))


def answer(arguments: argparse.Namespace, *, agreed: bool) -> int:
    """Answer the question about an incident; return the exit status."""
    desk = desk_of(arguments)
    found = desk.incident(arguments.incident)
    questions = Questions(desk.here, desk.table)
    problem = answer_question(questions, desk.incidents, found.id, found.key, agreed=agreed, by=desk.by)
    put(f"{found.id} is {'agreed to' if agreed else 'rejected'} by {desk.by}; the workflow goes on")
    if problem:
        say(problem)
    return DONE
