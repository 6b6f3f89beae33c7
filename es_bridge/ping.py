"""What a cluster is, whether this account may search it, and whether its clock agrees with ours.

Every probe is harmless: it reads nothing of a document, and closes what it opened. Each asks for exactly the right that
a search needs, because a role is often missing one of them (names as OpenSearch's security plugin writes them):

==========================  ================================================  ======================================
probe                       right                                             without it
==========================  ================================================  ======================================
identify (``GET /``)        cluster:monitor/main                              version unknown; searching works
field capabilities          indices:data/read/field_caps                      the time field's type is assumed
query check                 indices:admin/validate/query                      misspelt fields are not told
search                      indices:data/read/search                          no search at all
point in time               indices:data/read/point_in_time/create, /delete   scroll is used instead
scroll                      indices:data/read/scroll, .../scroll/clear        no search where there is no PIT
==========================  ================================================  ======================================
"""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Callable, List, Optional, Tuple

from es_bridge.answers import FIELD_CAPS, NUMBER, SEARCH, Maybe
from es_bridge.dialect import KEEP_ALIVE, Dialect, detect, is_no_pit
from es_bridge.errors import PermissionDenied, ResponseError
from es_bridge.http_response import Response
from es_bridge.times import now_ms
from es_bridge.transport import Transport

OK, MISSING, FAILED = "ok", "missing", "failed"
#: An account that may open a scroll may lack the permission to close it.
PROBE_KEEP_ALIVE = "10s"
#: A clock further off than this makes "now" visibly wrong, and SigV4 requests fail at 5 minutes.
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
SKEW_WORTH_A_WARNING_MS = 5_000


@dataclass(frozen=True)
class Check:
    """One probe: what was tried, how it went (ok, missing, failed), and what that means to a search."""

    name: str
    outcome: str
    detail: str


@dataclass(frozen=True)
class PingReport:
    """What `ping` found."""

    cluster: str
    host: str
    #: The pattern whose rights were probed.
    index: str
    #: Such as ``opensearch 2.19.4``.
    engine: str
    #: Whether this version is one the project is built for.
    supported: bool
    #: Time of one small request, in milliseconds.
    round_trip_ms: int
    #: The engine's clock minus ours; ``None`` when the engine does not tell.
    clock_skew_ms: Optional[int]
    #: Whether a search can run with the rights this account has.
    can_search: bool
    checks: Tuple[Check, ...]


def ping(transport: Transport, index: str = "") -> PingReport:
    """Return what the cluster is and what this account may do on the indices that ``index`` names.

    Raises the errors of `es_bridge.errors` when the cluster cannot be reached or does not accept the credentials.
    """
    index = index or transport.config.default_index or "*"
    started_ms = now_ms()
    dialect = detect(transport)
    round_trip_ms = now_ms() - started_ms
    checks = [_identify(dialect)]
    checks.append(_probe("field capabilities", lambda: _field_caps(transport, index)))
    checks.append(_probe("query check", lambda: _validate(transport, index)))
    search, skew_ms, host = _search(transport, index)
    checks.append(search)
    pit = _probe("point in time", lambda: _open_and_close_pit(transport, dialect, index))
    scroll = _probe("scroll", lambda: _scroll(transport, dialect, index))
    checks += [pit, scroll]
    return PingReport(
        cluster=transport.config.name,
        host=host,
        index=index,
        engine=str(dialect),
        supported=dialect.is_supported,
        round_trip_ms=round_trip_ms,
        clock_skew_ms=skew_ms,
        can_search=search.outcome == OK and OK in (pit.outcome, scroll.outcome),
        checks=tuple(checks),
    )


def _identify(dialect: Dialect) -> Check:
    if dialect.name == "opensearch serverless" or dialect.number:
        return Check("identify", OK, str(dialect))
    return Check("identify", MISSING, "the version is not told (cluster:monitor/main); searching works without it")


def _probe(name: str, attempt: Callable[[], Tuple[str, str]]) -> Check:
    try:
        return Check(name, *attempt())
    except PermissionDenied as exc:
        return Check(name, MISSING, exc.reason or str(exc))
    except ResponseError as exc:
        return Check(name, FAILED, str(exc))


def _field_caps(transport: Transport, index: str) -> Tuple[str, str]:
    field = transport.config.time_field
    caps = transport.request("GET", (index, "_field_caps"), {"fields": field, "include_unmapped": True}).json(
        FIELD_CAPS
    )
    names = caps.get("indices", [])
    if not names:
        return FAILED, f"{index!r} names no index that this account may read"
    kinds = sorted(caps.get("fields", {}).get(field, {"unmapped": {}}))
    return OK, f"{len(names)} indices, {field} is {' and '.join(kinds)}"


def _validate(transport: Transport, index: str) -> Tuple[str, str]:
    params = {"explain": True, "rewrite": False}
    try:
        transport.request("POST", (index, "_validate", "query"), params, {"query": {"match_none": {}}})
    except PermissionDenied as exc:
        return MISSING, f"{exc.reason or exc}. Searches do not warn of a misspelt field"
    except ResponseError as exc:
        if exc.status in (400, 404, 405) and exc.error_type != "index_not_found_exception":
            return MISSING, "the cluster does not offer it. Searches do not warn of a misspelt field"
        raise
    return OK, "searches warn of parts of a query that can match nothing"


def _search(transport: Transport, index: str) -> Tuple[Check, Optional[int], str]:
    """Ask for no documents, and for the instant that the engine takes for ``now``.

    The engines send no Date header and no clock; but a date_range from "now" answers with the number it used, and
    needs no right beyond searching.
    """
    clock = {"field": transport.config.time_field, "format": "epoch_millis", "ranges": [{"from": "now"}]}
    body = {"size": 0, "track_total_hits": False, "aggs": {"clock": {"date_range": clock}}}
    before_ms = now_ms()
    host = transport.config.hosts[0]
    try:
        response = transport.request("POST", (index, "_search"), body=body)
    except PermissionDenied as exc:
        return Check("search", MISSING, exc.reason or str(exc)), None, host
    except ResponseError as exc:
        return Check("search", FAILED, str(exc)), None, host
    middle_ms = (before_ms + now_ms()) // 2
    try:
        reply = response.json({**SEARCH, "aggregations": Maybe({"clock": {"buckets": [{"from": Maybe(NUMBER)}]}})})
    except ResponseError as exc:
        return Check("search", FAILED, str(exc)), None, host
    shards = reply.get("_shards", {})
    engine_ms = _clock(reply, response)
    skew_ms = None if engine_ms is None else engine_ms - middle_ms
    if shards.get("failed") or not shards.get("total"):
        said = (
            f"{shards.get('failed', 0)} of {shards.get('total', 0)} shards of {index!r} failed or none was there to ask"
        )
        return Check("search", FAILED, said), skew_ms, response.host
    return Check("search", OK, f"{shards['total']} shards answered"), skew_ms, response.host


def _clock(reply: dict, response: Response) -> Optional[int]:
    buckets: List[dict] = reply.get("aggregations", {}).get("clock", {}).get("buckets", [])
    if buckets and "from" in buckets[0]:
        return int(buckets[0]["from"])
    try:  # a load balancer before the engine adds it; whole seconds
        return int(parsedate_to_datetime(response.headers["Date"]).timestamp() * 1000) + 500
    except (KeyError, TypeError, ValueError):
        return None


def _open_and_close_pit(transport: Transport, dialect: Dialect, index: str) -> Tuple[str, str]:
    if not dialect.may_have_pit:
        return FAILED, f"{dialect} has none; scroll is used instead"
    try:
        pit = dialect.open_pit(transport, index, partial=True)
    except PermissionDenied as exc:
        return MISSING, f"{exc.reason}. Scroll is used instead"
    except ResponseError as exc:
        if is_no_pit(exc):
            return FAILED, f"{dialect} has none; scroll is used instead"
        raise
    try:
        dialect.close_pit(transport, pit.id, transport.config.request_timeout_s)
    except PermissionDenied as exc:
        return OK, f"works, but is not closed before its {KEEP_ALIVE} are over: {exc.reason}"
    return OK, "can be opened and closed"


def _scroll(transport: Transport, dialect: Dialect, index: str) -> Tuple[str, str]:
    if not dialect.has_scroll:
        return FAILED, f"{dialect} has none; a point in time is used"
    keep = {"scroll": PROBE_KEEP_ALIVE}
    first = transport.request("POST", (index, "_search"), keep, {"size": 1, "_source": False}).json({"_scroll_id": str})
    scroll_id = first["_scroll_id"]
    try:
        transport.request("POST", ("_search", "scroll"), body={**keep, "scroll_id": scroll_id}, idempotent=False)
    except PermissionDenied as exc:
        return MISSING, f"only a first page can be read: {exc.reason}"
    try:
        transport.request("DELETE", ("_search", "scroll"), body={"scroll_id": [scroll_id]}, accept_status=(404,))
    except PermissionDenied as exc:
        return OK, f"works, but is not closed before its {PROBE_KEEP_ALIVE} are over: {exc.reason}"
    return OK, "can be opened and closed"
