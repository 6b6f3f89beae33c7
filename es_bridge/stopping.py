"""How an engine is kept from working on for a search that is over.

Closing the connection comes first: every engine of the catalogue cancels a search whose connection is closed, where it
looks for that. But something in between (a proxy, a load balancer) may keep its own connection to the cluster. So every
request also says after what time nobody waits for its answer any more, and what is left is cancelled by name.

What an engine does before it looks, it does to the end: `es_bridge.query_bounds` keeps that small.
"""

from __future__ import annotations

import threading
from typing import Any, Dict, List, NamedTuple, Optional

from es_bridge.dialect import Dialect
from es_bridge.errors import BridgeError
from es_bridge.transport import Transport

#: The engine's own limit comes after the reader's, whose message says more.
LATER_S = 2.0
#: For looking up and cancelling together; whoever cancels a search does not wait for more.
CANCEL_TIMEOUT_S = 0.4
#: A list of this many bytes holds thousands of searches.
_MOST_LIST_BYTES = 4 << 20
_SEARCHES = "indices:data/read/search*,indices:data/read/msearch*,indices:data/read/scroll*"


class EngineTimeLimit(NamedTuple):
    """After what time the engine shall stop, as parts of a search request."""

    after_ms: int
    #: OpenSearch from 1.1 on ends the whole request then, ``timeout`` only the collecting of documents.
    cancels: bool = False

    @property
    def body(self) -> Dict[str, Any]:
        """What to add to the body."""
        return {"timeout": f"{self.after_ms}ms"}

    @property
    def params(self) -> Dict[str, Any]:
        """What to add to the parameters."""
        return {"cancel_after_time_interval": f"{self.after_ms}ms"} if self.cancels else {}


def engine_time_limit(dialect: Dialect, request_timeout_s: float, run_time_s: Optional[float]) -> EngineTimeLimit:
    """Return how long an engine may take for one request, given how long its reader waits, and its search runs."""
    wait_s = request_timeout_s if run_time_s is None else min(request_timeout_s, run_time_s)
    has_parameter = dialect.name == "opensearch" and dialect.version >= (1, 1)
    return EngineTimeLimit(int((wait_s + LATER_S) * 1000), has_parameter)


def cancel_tasks(transport: Transport) -> threading.Thread:
    """Begin to cancel the searches that carry this transport's X-Opaque-Id; return the thread that does it.

    An account that may not do so (``cluster:monitor/tasks/lists``, ``cluster:admin/tasks/cancel``) does without.
    """
    thread = threading.Thread(target=_cancel, args=(transport,), daemon=True, name="cancel")
    thread.start()
    return thread


def _cancel(transport: Transport) -> None:
    try:
        for task_id in _own_tasks(transport):
            transport.request("POST", ("_tasks", task_id, "_cancel"), timeout_s=CANCEL_TIMEOUT_S, idempotent=False)
    except (BridgeError, AttributeError, KeyError, TypeError):
        pass  # no right to, too late, or an answer of another shape: the engine stops by itself later


def _own_tasks(transport: Transport) -> List[str]:
    reply = transport.request(
        "GET",
        ("_tasks",),
        {"actions": _SEARCHES},
        timeout_s=CANCEL_TIMEOUT_S,
        idempotent=False,
        max_body_bytes=_MOST_LIST_BYTES,
    ).json()
    return [
        task_id
        for node in reply["nodes"].values()
        for task_id, task in node["tasks"].items()
        # The tasks below one are cancelled with it.
        if task.get("headers", {}).get("X-Opaque-Id") == transport.opaque_id and "parent_task_id" not in task
    ]
