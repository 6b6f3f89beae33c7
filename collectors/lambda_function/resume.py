"""Entry point of the function that switches the loader on again: run every minute.

Nothing is done unless the loader has switched itself off; see `collectors.lambda_function.event_source_mapping`.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from typing import Any, Dict, NamedTuple

from aws_bridge.clients import client
from aws_bridge.functions.embedded_metrics import emit
from aws_bridge.functions.json_log import JsonLog
from collectors.lambda_function.connection import transport_of, why_not_writable
from collectors.lambda_function.event_source_mapping import EventSourceMapping
from collectors.lambda_function.object_metrics import STORE_UNAVAILABLE
from collectors.lambda_function.settings import Settings, read_settings

#: What a run ended with.
NOT_OURS, STILL_OFF, SWITCHED_ON = "nothing to switch on", "still off", "switched on"


class _Parts(NamedTuple):
    settings: Settings
    mapping: EventSourceMapping


def resume(event: Any, context: Any) -> Dict[str, str]:
    """Switch the loader on if it switched itself off and the cluster takes documents again; return what was done.

    Raises `MappingProblem`, `SecretProblem` or `ConfigError`: the next minute tries again, and Lambda counts the error.
    """
    settings, mapping = _parts()
    log = JsonLog(sys.stdout)
    state = mapping.find()
    index = mapping.index_to_try(state)
    if not index:
        return {"result": NOT_OURS}
    # Made anew each time: a password that was changed is what this may be about.
    with transport_of(settings) as transport:
        reason = why_not_writable(transport, index)
    if reason:
        emit({}, {STORE_UNAVAILABLE: 1})
        log.warning("store_still_unavailable", index=index, reason=reason)
        return {"result": STILL_OFF, "reason": reason}
    mapping.enable(state)
    log.info("mapping_switched_on", mapping=state.uuid, index=index)
    return {"result": SWITCHED_ON}


@lru_cache(maxsize=1)
def _parts() -> _Parts:
    settings = read_settings(os.environ, required=("URL", "LOADER"))
    return _Parts(settings, EventSourceMapping(client("lambda"), settings.loader, settings.event_source_mapping))
