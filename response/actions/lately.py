"""What used the credentials of an instance's role lately, by the raw store: whom a deny of the role would stop.

A session that an instance has of its role is named after the instance, so CloudTrail tells which role it used, and who
else used that role. https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Tuple

from es_bridge.aggregations.request import stats_request
from es_bridge.aggregations.statistics import Statistics
from es_bridge.config import ClusterConfig
from es_bridge.query import SearchRequest
from es_bridge.transport import Transport

INDEX = "aws-cloudtrail-*"
DAYS = 30
_DAY_MS = 86_400_000
_ROLE = "userIdentity.sessionContext.sessionIssuer.arn"
_SESSION, _SERVICE, _CALL = "userIdentity.arn", "eventSource", "eventName"


class Used(NamedTuple):
    """Calls of one session of a role to one service. ``times`` in the days that were asked for."""

    session: str
    service: str
    call: str
    times: int
    #: Whether the session is the instance's own.
    own: bool


class Lately(NamedTuple):
    """What a deny of the instance's roles would stop, the most frequent first. ``warnings``: what was not searched."""

    roles: Tuple[str, ...]
    used: Tuple[Used, ...]
    warnings: Tuple[str, ...] = ()

    @property
    def others(self) -> Tuple[str, ...]:
        """The sessions of others than the instance."""
        return tuple(sorted({each.session for each in self.used if not each.own}))

    def to_json(self) -> Dict[str, Any]:
        """Return it for a command line."""
        return {
            "roles": list(self.roles), "used": [each._asdict() for each in self.used], "warnings": list(self.warnings),
        }  # fmt: skip


def used_lately(
    cluster: ClusterConfig, instance: str, now_ms: int, *, days: int = DAYS, index: str = INDEX, who: str = "respond"
) -> Lately:
    """Ask the raw store which roles an instance used in so many days, and what they were used for, by whom.

    ``who`` is told to the cluster. Raises `es_bridge.errors.BridgeError`.
    """
    warnings: List[str] = []
    own = {"wildcard": {_SESSION: {"value": f"*:assumed-role/*/{instance}"}}}

    def ask(clause: Dict[str, Any], by: Tuple[str, ...]) -> List[Dict[str, Any]]:
        request = SearchRequest(index=index, dsl=clause, earliest_ms=now_ms - days * _DAY_MS, latest_ms=now_ms)
        stats = stats_request(stats="count", by=",".join(by), sort="-count")
        with Transport(cluster, who) as transport, Statistics(transport, request, stats) as statistics:
            rows = [row for page in statistics for row in page]
        warnings.extend(statistics.warnings)
        return rows

    roles = tuple(sorted(str(row[_ROLE]) for row in ask(own, (_ROLE,)) if row.get(_ROLE)))
    if not roles:
        return Lately((), (), tuple(dict.fromkeys(warnings)))
    rows = ask({"terms": {_ROLE: list(roles)}}, (_SESSION, _SERVICE, _CALL))
    used = tuple(
        Used(str(row[_SESSION]), str(row[_SERVICE]), str(row[_CALL]), int(row["count"]),
             str(row[_SESSION]).endswith(f"/{instance}"))
        for row in rows
    )  # fmt: skip
    return Lately(roles, used, tuple(dict.fromkeys(warnings)))
