"""Checkpoints in the KV store: shown, reset and carried to another forwarder as any collection is.

``aws_siem_bridge_checkpoints`` has a document a checkpoint: its name, its content as JSON text, and as ``_key`` a hash
of the name, which may hold what a path must not.
https://dev.splunk.com/enterprise/docs/developapps/manageknowledge/kvstore/
"""

from __future__ import annotations

import hashlib
import json
import threading
from typing import Any, Dict, List, Mapping, Optional

from splunk_host import APP
from splunk_host.splunkd import Splunkd, SplunkdError, reason

from collectors.errors import CheckpointUnusable

COLLECTION = "aws_siem_bridge_checkpoints"
_PATH = ("servicesNS", "nobody", APP, "storage", "collections", "data", COLLECTION)
_HINT = "Is the KV store up on this instance? Where it is switched off, set checkpoints = file in the input"


class KvCheckpoints:
    """See `collectors.polling.checkpoint.Checkpoints`."""

    def __init__(self, splunkd: Splunkd) -> None:
        self._splunkd = splunkd
        self._lock = threading.Lock()

    def load(self, name: str) -> Optional[Dict[str, Any]]:
        """See `Checkpoints.load`."""
        status, body = self._ask("GET", name)
        if status == 404:
            self._check_collection()
            return None
        if status >= 400:
            raise CheckpointUnusable(f"the KV store answered {status} for a checkpoint: {reason(body)}. {_HINT}")
        try:
            found = json.loads(json.loads(body)["content"])
        except (ValueError, KeyError, TypeError):
            found = None
        if not isinstance(found, dict):
            raise CheckpointUnusable(f"the checkpoint {name!r} in the KV store's {COLLECTION} holds something else")
        return found

    def names(self, prefix: str = "") -> List[str]:
        """See `Checkpoints.names`."""
        status, body = self._ask("GET", "")
        if status >= 400:
            raise CheckpointUnusable(f"the KV store answered {status} for {COLLECTION}: {reason(body)}. {_HINT}")
        try:
            found = [str(each["name"]) for each in json.loads(body)]
        except (ValueError, KeyError, TypeError):
            raise CheckpointUnusable(f"the KV store's {COLLECTION} holds something else than checkpoints") from None
        return sorted(name for name in found if name.startswith(prefix))

    def remove(self, name: str) -> None:
        """See `Checkpoints.remove`."""
        status, body = self._ask("DELETE", name)
        if status >= 400 and status != 404:
            raise CheckpointUnusable(f"the KV store answered {status} for removing: {reason(body)}. {_HINT}")

    def save(self, name: str, value: Mapping[str, Any]) -> None:
        """See `Checkpoints.save`."""
        document = {"_key": _key(name), "name": name, "content": json.dumps(value)}
        status, body = self._ask("POST", name, document)
        if status == 404:
            status, body = self._ask("POST", "", document)
        if status >= 400:
            raise CheckpointUnusable(f"the KV store answered {status} for saving: {reason(body)}. {_HINT}")

    def _check_collection(self) -> None:
        """Raise unless the collection is there: splunkd says 404 for a missing document and a missing collection."""
        status, body = self._ask("GET", "")
        if status >= 400:
            raise CheckpointUnusable(f"the KV store answered {status} for {COLLECTION}: {reason(body)}. {_HINT}")

    def _ask(self, method: str, name: str, document: Optional[Mapping[str, Any]] = None) -> Any:
        path = (*_PATH, _key(name)) if name else _PATH
        try:
            with self._lock:
                if method == "GET":
                    return self._splunkd.document(*path)
                if method == "DELETE":
                    return self._splunkd.delete(*path)
                return self._splunkd.post_document(*path, document=document or {})
        except SplunkdError as exc:
            raise CheckpointUnusable(str(exc)) from exc


def _key(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:40]
