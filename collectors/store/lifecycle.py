"""Lifecycle policies in the cluster: ISM of OpenSearch, ILM of Elasticsearch.

A policy decides what is deleted. So one that is in the cluster and differs from ours is never replaced unasked, other
than a template; and a cluster without the plugin is told apart from one that only has no such policy.

https://docs.opensearch.org/latest/im-plugin/ism/api/, https://www.elastic.co/guide/en/elasticsearch/reference/8.15/ilm-put-lifecycle.html
"""

from __future__ import annotations

import json
import string
from typing import Any, Dict, Mapping, NamedTuple, Optional

from collectors.errors import CollectorError
from collectors.store.retention import RETENTION
from collectors.store.templates import EDITED, MISSING, NO_LIFECYCLE, SAME, TEMPLATES, Piece, deployed, refused
from es_bridge.answers import COUNT, Maybe, checked
from es_bridge.errors import PermissionDenied
from es_bridge.http_response import Response
from es_bridge.transport import Transport

SELF_MANAGED, AMAZON = "self-managed", "amazon"
LIFECYCLES = (NO_LIFECYCLE, SELF_MANAGED, AMAZON)
#: The cluster knows no lifecycle policies: a plugin that is not installed, or a distribution without it.
UNSUPPORTED = "unsupported"

#: What the engine adds to a policy that it was given.
_ADDED_BY_ISM = ("policy_id", "last_updated_time", "schema_version", "error_notification", "user")


_ISM_POLICY = {"ism_template": Maybe([dict])}


class ComparedPolicy(NamedTuple):
    """As `collectors.store.templates.Compared`; ``version`` are the parameters without which ISM replaces no policy."""

    piece: Piece
    state: str
    found: Optional[Dict[str, Any]] = None
    version: Mapping[str, Any] = {}


def policy(dataset: str, engine: str, lifecycle: str, delete_after_days: Optional[int] = None) -> Piece:
    """Return the policy of ``dataset``, filled with its `RETENTION`, or with another end of it.

    Raises `CollectorError` when there is none such.
    """
    if engine == "elasticsearch" and lifecycle == AMAZON:
        raise CollectorError("the lifecycle 'amazon' is UltraWarm and cold storage of OpenSearch; use 'self-managed'")
    name, title = TEMPLATES[dataset]
    days = RETENTION[dataset]
    end = days.delete_after_days if delete_after_days is None else delete_after_days
    if end <= days.cold_after_days:
        raise CollectorError(
            f"{title} would be deleted after {end} days, but is cold after {days.cold_after_days}: give more days, or "
            "put a policy of your own into the cluster"
        )
    text = string.Template(deployed(engine, "policies", f"{lifecycle}.json")).substitute(
        title=title,
        pattern=f"{name}-*",
        warm_after=f"{days.warm_after_days}d",
        cold_after=f"{days.cold_after_days}d",
        delete_after=f"{end}d",
    )
    if engine == "elasticsearch":
        return Piece("ILM policy", name, ("_ilm", "policy", name), json.loads(text))
    return Piece("ISM policy", name, ("_plugins", "_ism", "policies", name), json.loads(text))


def compare_policy(transport: Transport, piece: Piece) -> ComparedPolicy:
    """Return what the cluster has in the place of a policy. Raises `TemplateRefused` when the account may not ask."""
    try:
        response = transport.request("GET", piece.path, accept_status=(400, 404, 405))
    except PermissionDenied as exc:
        raise refused(piece, exc) from exc
    if _is_unknown_path(response):
        return ComparedPolicy(piece, UNSUPPORTED)
    if response.status == 404:
        return ComparedPolicy(piece, MISSING)
    reply = response.json(dict)
    version: Dict[str, Any] = {}
    if "_seq_no" in reply:
        version = {"if_seq_no": reply["_seq_no"], "if_primary_term": reply["_primary_term"]}
        checked(reply, {"_seq_no": COUNT, "_primary_term": COUNT, "policy": _ISM_POLICY}, response.where)
        found = {"policy": _as_sent(reply["policy"])}
    else:
        checked(reply, {piece.name: {"policy": dict}}, response.where)
        found = {"policy": reply[piece.name]["policy"]}
    return ComparedPolicy(piece, SAME if found == piece.body else EDITED, found, version)


def _as_sent(policy: Dict[str, Any]) -> Dict[str, Any]:
    kept = {name: value for name, value in policy.items() if name not in _ADDED_BY_ISM}
    patterns = kept.get("ism_template") or []
    for each in patterns:
        each.pop("last_updated_time", None)
    return kept


def _is_unknown_path(response: Response) -> bool:
    # An engine reads a path it does not know as an operation on an index: 400, 404 or 405, as versions differ.
    return response.status in (400, 405) or (response.status == 404 and b"no such index [_" in response.body)
