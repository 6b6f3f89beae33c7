"""What engine answers on a cluster, so that not every search has to ask. In the memory of the settings handler only.

A search that had to ask reports it (`cluster_settings.client.report_engine`); whoever searches the same hosts with the
same account within the hour gets it with its settings. It may be wrong by then: the search notices and asks again (see
`es_bridge.search`).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

#: From the report on, however often it is used.
MAX_AGE_S = 3600.0
#: Clusters times accounts; far more than there are.
MOST_ENTRIES = 100
_MOST_CHARACTERS = 64
_KEYS = ("name", "number", "flavor")


class EngineMemory:
    """Remembers the engine behind each set of settings, as a local process of Splunk's user claims it to be."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._found: Dict[str, Tuple[float, Dict[str, str]]] = {}
        # The settings hold secrets, so nobody shall be able to compare a key with guesses.
        self._secret = os.urandom(32)

    def key(self, stanza: Mapping[str, Any]) -> str:
        """Return what stands for hosts, account and all other settings of a cluster, secrets included."""
        return hmac.new(self._secret, json.dumps(stanza, sort_keys=True).encode(), hashlib.sha256).hexdigest()

    def recall(self, key: str) -> Optional[Dict[str, str]]:
        """Return the engine of these settings, if it was reported within the hour."""
        at, engine = self._found.get(key, (0.0, None))
        return engine if engine is not None and self._clock() - at < MAX_AGE_S else None

    def remember(self, key: str, reported: str) -> bool:
        """Take up a report, JSON as `es_bridge.dialect.identity` makes it; False for anything else."""
        try:
            said = json.loads(reported)
            engine = {name: said[name] for name in _KEYS}
        except (ValueError, TypeError, KeyError, RecursionError):
            return False
        if not all(isinstance(text, str) and len(text) <= _MOST_CHARACTERS for text in engine.values()):
            return False
        self._found.pop(key, None)
        while len(self._found) >= MOST_ENTRIES:
            del self._found[next(iter(self._found))]  # the oldest
        self._found[key] = (self._clock(), engine)
        return True
