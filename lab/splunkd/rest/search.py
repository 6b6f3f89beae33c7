"""``search/jobs``: only searches that read one REST resource, ``| rest <path> [| fields <names>]``, as pages send them.

Everything else is refused: the stand-in has no search engine.
"""

from __future__ import annotations

import re
import secrets
from typing import Any, Dict, List

from ..state import State
from . import access, conf
from .messages import Answer, Entry, Feed, Request, RestError, json_answer

_REST_SEARCH = re.compile(r"\s*\|\s*rest\s*/?(\S+)(?:\s+\w+=\S+)*\s*(?:\|\s*(?:fields|table)\s+([\w\s,.]+))?")
_READABLE = {"apps/local": conf.apps, "server/info": access.server_info}


def jobs(state: State, request: Request) -> Answer:
    """Answer ``search/jobs``, ``search/jobs/<sid>`` and ``search/jobs/<sid>/results``."""
    rest = request.path[request.path.index("jobs") + 1 :]
    if not rest and request.method == "POST":
        sid = secrets.token_hex(8)
        state.search_results[sid] = _run(state, request)
        return json_answer({"sid": sid}, 201)
    if not rest and request.method == "GET":
        wanted = [value for name, value in request.query if name == "id"] or list(state.search_results)
        return Feed([_job(state, sid) for sid in wanted if sid in state.search_results])
    if not rest:
        raise RestError(405, "Method Not Allowed")
    if rest[0] not in state.search_results:
        raise RestError(404, "Unknown sid.")
    if len(rest) == 1 and request.method == "DELETE":
        del state.search_results[rest[0]]
        return Feed([])
    if len(rest) == 1:
        return Feed([_job(state, rest[0])], collection="search/jobs")
    if rest[1] == "control":
        return json_answer({"messages": []})
    return json_answer(
        {"preview": False, "init_offset": 0, "messages": [], "fields": [], "results": state.search_results[rest[0]]}
    )


def _job(state: State, sid: str) -> Entry:
    rows = len(state.search_results[sid])
    progress = {"isDone": True, "isFailed": False, "dispatchState": "DONE", "doneProgress": 1}
    return Entry(sid, {"sid": sid, **progress, "resultCount": rows, "resultPreviewCount": rows, "eventCount": 0})


def _run(state: State, request: Request) -> List[Dict[str, Any]]:
    match = _REST_SEARCH.fullmatch(request.argument("search"))
    if match is None:
        raise RestError(400, "the stand-in runs no searches but | rest <path> | fields <names>")
    path = tuple(part for part in match.group(1).split("/") if part)[1:]
    resource = _READABLE.get("/".join(path[:2]))
    if resource is None:
        raise RestError(400, f"the stand-in reads no {match.group(1)} in a search")
    answer = resource(state, Request("GET", path, user=request.user))
    names = (match.group(2) or "").replace(",", " ").split()
    rows = [{"title": entry.name, **entry.content} for entry in answer.entries]
    return [{name: row[name] for name in names or row if name in row} for row in rows]
