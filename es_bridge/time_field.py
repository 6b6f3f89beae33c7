"""What the indices of a pattern know about the time field: who has it, and in which resolution."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Tuple

from es_bridge.answers import FIELD_CAPS
from es_bridge.errors import NotFound, PermissionDenied, QueryError, ResponseError
from es_bridge.index_access import IndexAccess
from es_bridge.query import SearchRequest
from es_bridge.transport import Transport

MILLIS, NANOS = 1000, 10**9
#: What date_nanos can hold, from 1970 to 2262, in epoch milliseconds. The engines refuse a range that reaches further.
NANOS_RANGE_MS = (0, (2**63 - 1) // 10**6)


class TimeField(NamedTuple):
    """How a pattern's documents are ordered in time."""

    name: str
    #: Ticks of the sort values in a second: 1000, or 10**9 when an index has the type date_nanos.
    ticks_per_s: int = MILLIS
    #: Indices that have no such field.
    without: Tuple[str, ...] = ()
    #: How many indices the pattern names; ``None`` when the account may not know.
    indices: Optional[int] = None
    #: The concrete indices that the pattern names, as far as the account may know.
    names: Tuple[str, ...] = ()
    #: Whether the field has the type date_nanos in some index.
    has_nanos: bool = False

    def sort(self) -> Dict[str, object]:
        """Return the sort by time, newest first. Sort values of all indices have the same unit."""
        order: Dict[str, object] = {"order": "desc", "missing": "_last", "unmapped_type": "date"}
        if self.has_nanos:
            # Without it, date and date_nanos indices answer in different units and are merged in the wrong order.
            order["numeric_type"] = "date_nanos" if self.ticks_per_s == NANOS else "date"
        return {self.name: order}

    def in_millis(self) -> TimeField:
        """Return the same field, to be ordered by milliseconds."""
        return self._replace(ticks_per_s=MILLIS)


def resolve(transport: Transport, request: SearchRequest, access: IndexAccess) -> tuple[TimeField, List[str]]:
    """Return the time field over the request's pattern, and notes for the user.

    One ``_field_caps`` call; it also refuses a pattern of which one part matches nothing
    (``allow_no_indices=false``), which a search would pass over. Raises `NotFound` for an unknown index or an empty
    part, `QueryError` when the field is no date somewhere. An account without the permission gets the plain case.

    ``access`` looks at the concrete indices before anything else is said about them; `IndexNotAllowed` comes first.
    """
    name = request.time_field
    params = {"fields": name, "include_unmapped": True, "allow_no_indices": access.may_be_empty()}
    try:
        if request.included != request.index and not access.may_be_empty():
            # The engines also refuse an exclusion that matches nothing; only the other parts have to match.
            transport.request("GET", (request.included, "_field_caps"), params)
            params["allow_no_indices"] = True
        caps = transport.request("GET", (request.index, "_field_caps"), params).json(FIELD_CAPS)
    except PermissionDenied as exc:
        if not _is_about_field_caps(exc):
            raise
        access.check_by_search()
        note = f"the account may not read field capabilities, so {name} is taken to be a date everywhere"
        return TimeField(name), [note]
    except NotFound as exc:
        if exc.error_type == "index_not_found_exception":
            raise
        access.check_by_search()
        return TimeField(name), [f"the cluster offers no field capabilities, so {name} is taken to be a date"]
    access.check_indices(caps)
    indices = caps.get("indices") or []
    types: Dict[str, Dict[str, object]] = caps.get("fields", {}).get(name, {})
    without: List[str] = list(types.get("unmapped", {}).get("indices") or [])  # type: ignore[call-overload]
    if not types:
        without = list(indices)
    for kind, facts in types.items():
        if kind not in ("date", "date_nanos", "unmapped"):
            where: List[str] = facts.get("indices") or list(indices)  # type: ignore[assignment]
            raise QueryError(
                f"field {name!r} is of type {kind}, not a date, in {_some(where)}. Name the field that holds the time "
                "with time_field=, or leave these indices out of index="
            )
    if indices and len(without) == len(indices) and not request.unbounded:
        raise QueryError(
            f"no index that {request.index!r} names has the time field {name!r} ({_some(without)}), so a time range "
            "finds nothing there. Name the field that holds the time with time_field=, or search over All time"
        )
    ticks = NANOS if "date_nanos" in types else MILLIS
    return TimeField(name, ticks, tuple(without), len(indices), tuple(indices), ticks == NANOS), []


def _is_about_field_caps(error: ResponseError) -> bool:
    return "field_caps" in error.reason


def _some(names: List[str]) -> str:
    shown = ", ".join(sorted(names)[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
