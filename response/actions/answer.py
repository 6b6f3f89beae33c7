"""Answers a question about an incident, at the command line or by a link: one piece of code, so that one decides."""

from __future__ import annotations

from aws_bridge.errors import CallProblem
from response.aws.incidents import WAITING, Incidents
from response.aws.questions import Questions


def answer(
    questions: Questions, incidents: Incidents, incident: str, key: str, *, agreed: bool, by: str, asking: str = ""
) -> str:
    """Let the workflow go on with a person's answer; return what went wrong afterwards, or nothing.

    ``key`` of the incident's item; without one its state is left. ``asking``: the question that is answered, where it
    must be no other. Raises as `Questions.answer`.
    """
    questions.answer(incident, agreed, by, asking)
    if agreed and key:
        try:
            incidents.run(key, incident, [WAITING])
        except CallProblem as exc:
            return f"it is marked as waiting until the workflow ends: {exc}"
    return ""
