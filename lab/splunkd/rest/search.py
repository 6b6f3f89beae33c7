"""``search/jobs`` and ``search/v2/jobs``: searches are run by `lab.splunkd.jobs`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, List, Tuple

from savedsearches.runner import values
from savedsearches.runner.columns import columns_of
from savedsearches.runner.errors import SplError
from savedsearches.runner.values import Row

from ..jobs import Job
from ..state import State
from . import access, conf
from .messages import Answer, Entry, Feed, Raw, Request, RestError, json_answer

#: What ``| rest`` reads: first parts of a path -> who answers.
_READABLE: Dict[Tuple[str, ...], Callable[[State, Request], Answer]] = {
    ("apps", "local"): conf.apps,
    ("server", "info"): access.server_info,
    ("authentication", "current-context"): access.current_context,
    ("authorization", "roles"): access.roles,
}
#: How long splunkd keeps a job that nobody asks for, in seconds.
_KEPT_S = 600
#: A client that does not poll waits this long for its rows at most.
_LONGEST_WAIT_S = 300.0


def jobs(state: State, request: Request) -> Answer:
    """Answer ``search/jobs``, ``search/jobs/<sid>`` and what is below it."""
    rest = request.path[request.path.index("jobs") + 1 :]
    if not rest and request.method == "POST":
        return _create(state, request)
    if not rest and request.method == "GET":
        wanted = [value for name, value in request.query if name == "id"] or [job.sid for job in state.jobs.all()]
        found = [state.jobs.get(sid) for sid in wanted]
        return Feed([_shown(job) for job in found if job is not None])
    if not rest:
        raise RestError(405, "Method Not Allowed")
    job = state.jobs.get(rest[0])
    if job is None or not _may_see(state, request, job):
        raise RestError(404, "Unknown sid.")
    if len(rest) == 1 and request.method == "DELETE":
        state.jobs.delete(job.sid)
        return Feed([])
    if len(rest) == 1:
        return Feed([_shown(job)], collection="search/jobs")
    return _part(state, request, job, rest[1])


def _part(state: State, request: Request, job: Job, part: str) -> Answer:
    if part == "control":
        action = request.argument("action")
        if action == "cancel":
            state.jobs.delete(job.sid)
        elif action == "finalize":
            state.jobs.finalize(job.sid)
        return json_answer({"messages": [{"type": "INFO", "text": f"Search job {action}led."}]})
    if part == "search.log":
        return Raw(200, state.jobs.log(job).encode(), "text/plain")
    if part not in ("results", "results_preview", "events"):
        raise RestError(404, "Not Found")
    offset, count = int(request.argument("offset", "0")), int(request.argument("count", "100"))
    is_preview = not job.ended.is_set()  # before the rows are read: the last ones are then among them
    try:
        all_rows = job.rows_after(request.argument("search"))
    except SplError as exc:
        raise RestError(400, str(exc), "FATAL") from None
    rows = all_rows[offset : offset + count if count else None]
    names = columns_of(rows)
    found: Dict[str, Any] = {
        "preview": is_preview,
        "init_offset": offset,
        "messages": [{"type": level, "text": text} for level, text in list(job.messages)],
        "fields": [{"name": name} for name in names],
    }
    if request.argument("search"):
        found["post_process_count"] = len(all_rows)
    texts = [_text(row, job) for row in rows]
    if request.argument("output_mode") == "json_cols":
        return json_answer({**found, "columns": [[row.get(name) for row in texts] for name in names]})
    return json_answer({**found, "results": texts})


def _create(state: State, request: Request) -> Answer:
    user = request.known_user

    def rest(arguments: str) -> List[Dict[str, Any]]:
        return _rest(state, request, arguments)

    try:
        job = state.jobs.start(
            request.argument("search"),
            user,
            state.uri,
            state.session(user),
            rest,
            (request.argument("earliest_time"), request.argument("latest_time")),
        )
    except SplError as exc:
        raise RestError(400, str(exc), "FATAL") from None
    if request.argument("exec_mode") == "blocking":
        job.ended.wait(_LONGEST_WAIT_S)
    return json_answer({"sid": job.sid}, 201)


def saved_searches(state: State, request: Request) -> Answer:
    """Answer ``saved/searches/<name>/dispatch``, which starts it, and what `conf.saved_searches` does."""
    name, _, action = "/".join(request.path[2:]).rpartition("/")
    if action != "dispatch" or request.method != "POST":
        return conf.saved_searches(state, request)
    saved = (state.stanzas("savedsearches") or {}).get(name)
    if saved is None:
        raise RestError(404, f"Could not find object id={name}")
    given = [("search", saved.get("search", ""))]
    for bound in ("earliest_time", "latest_time"):
        given.append((bound, request.argument(f"dispatch.{bound}") or saved.get(f"dispatch.{bound}", "")))
    return _create(state, replace(request, form=(*request.form, *given)))


def _may_see(state: State, request: Request, job: Job) -> bool:
    return job.owner == request.known_user.name or state.users.may(request.known_user, "admin_all_objects")


def _shown(job: Job) -> Entry:
    rows = len(job.rows)
    return Entry(
        job.sid,
        {
            "sid": job.sid,
            "isDone": job.ended.is_set(),
            "isFailed": job.state == "FAILED",
            "dispatchState": job.state,
            "doneProgress": 1 if job.ended.is_set() else 0,
            "resultCount": rows,
            "resultPreviewCount": rows,
            "eventCount": rows,
            "ttl": _KEPT_S,  # a page that has none keeps asking that the job be kept
            "messages": [{"type": level, "text": text} for level, text in job.messages],
        },
    )


def _text(row: Row, job: Job) -> Dict[str, Any]:
    texts = {name: value if isinstance(value, list) else values.text(value) for name, value in row.items()}
    time = values.number(row.get("_time"))
    if time is not None and job.session is not None:  # splunkd writes this one field in ISO 8601, on the user's clock
        texts["_time"] = job.session.moment.local(time).isoformat(timespec="milliseconds")
    return texts


def _rest(state: State, request: Request, arguments: str) -> List[Dict[str, Any]]:
    words = [word for word in arguments.split() if "=" not in word]
    path = tuple(part for part in (words[0] if words else "").split("/") if part)[1:]
    resource = _READABLE.get(path[:2])
    if resource is None:
        raise RestError(400, f"the stand-in reads no {arguments} in a search")
    answer = resource(state, Request("GET", path, user=request.user))
    if isinstance(answer, Raw):
        return []
    return [{"title": entry.name, **_simple(entry.content)} for entry in answer.entries]


def _simple(content: Any) -> Dict[str, Any]:
    found: Dict[str, Any] = {}
    for name, value in content.items():
        if isinstance(value, (list, tuple)):
            found[name] = [str(part) for part in value]
        elif value is not None:
            found[name] = str(int(value)) if isinstance(value, bool) else str(value)
    return {name: value for name, value in found.items() if value not in ("", [])}
