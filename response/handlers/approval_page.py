"""``approval_page``: behind a function URL, the page by which a person approves or rejects what an incident waits for.

Anybody may ask it: what it shows and does needs the id of a link, which `notify` sends to channels that may approve.
Nothing of a request is logged but what an answer did. Settings: ``TABLE``.
"""

from __future__ import annotations

import os
import time
from typing import Any, Dict, Mapping

from aws_bridge.errors import AwsError
from aws_bridge.functions.json_log import JsonLog
from aws_bridge.functions.variables import Variables
from response.actions.answer_by_link import AnswerByLink
from response.aws.incidents import Incidents
from response.aws.links import ID, Links
from response.aws.questions import Questions
from response.core import approval_page as pages
from response.core.approval_page import Page
from response.core.url_events import Refused, UrlRequest, answer_of, request_of
from response.handlers.areas import areas_of

REQUIRED = ("TABLE",)


def approval_page(event: Any, context: Any) -> Dict[str, Any]:
    """Answer one request of a browser, as Lambda takes it."""
    return do(event, os.environ)


def do(event: Any, environment: Mapping[str, str]) -> Dict[str, Any]:
    """Do what `approval_page` does, with these settings."""
    method = ""
    try:
        request = request_of(event)
        method = request.method
        page = _page(request, environment)
    except Refused as exc:
        page = pages.refused(exc.status)
    except AwsError as exc:
        JsonLog().error("approval_page", outcome="unwell", says=str(exc))
        page = pages.unwell()
    return answer_of(page, method)


def _page(request: UrlRequest, environment: Mapping[str, str]) -> Page:
    if request.method not in ("GET", "HEAD", "POST"):
        return pages.refused(405, ("Allow", "GET, HEAD, POST"))
    if not ID.fullmatch(request.path):
        return pages.unknown()
    form = request.form() if request.method == "POST" else {}
    variables = Variables(environment, required=REQUIRED)
    here, table, log = areas_of(environment, variables).here, variables.text("TABLE"), JsonLog()
    desk = AnswerByLink(
        Links(here, table), Questions(here, table), Incidents(here, table), time.time,
        lambda outcome, incident, says: log.info("approval_page", outcome=outcome, incident=incident, says=says),
    )  # fmt: skip
    if request.method == "POST":
        return desk.answer(request.path, form, request.address)
    return desk.look(request.path)
