"""KV store collections in memory: documents by ``_key``."""

from __future__ import annotations

import copy
import secrets
import threading
from typing import Any, Dict, List, Mapping, Optional

Document = Dict[str, Any]


class Collections:
    """The collections of an app, first those of its ``collections.conf``. Safe to use from several threads."""

    def __init__(self, configured: Mapping[str, Mapping[str, str]]) -> None:
        self._lock = threading.Lock()
        self._settings: Dict[str, Dict[str, str]] = {name: dict(values) for name, values in configured.items()}
        self._documents: Dict[str, Dict[str, Document]] = {name: {} for name in configured}

    def settings(self) -> Dict[str, Dict[str, str]]:
        """Return collection -> its settings."""
        with self._lock:
            return {name: dict(values) for name, values in self._settings.items()}

    def define(self, name: str, settings: Mapping[str, str]) -> None:
        """Make a collection, or change the settings of one."""
        with self._lock:
            self._settings.setdefault(name, {}).update(settings)
            self._documents.setdefault(name, {})

    def drop(self, name: str) -> None:
        """Remove a collection. Raises `KeyError`."""
        with self._lock:
            del self._settings[name]
            del self._documents[name]

    def find(self, name: str, query: Mapping[str, Any]) -> List[Document]:
        """Return the documents whose fields equal those of the query, or are below them (``$lt``).

        Raises `KeyError` for no such collection.
        """
        with self._lock:
            return [copy.deepcopy(found) for found in self._documents[name].values() if _fits(found, query)]

    def get(self, name: str, key: str) -> Optional[Document]:
        """Return one document, or None. Raises `KeyError` for no such collection."""
        with self._lock:
            return copy.deepcopy(self._documents[name].get(key))

    def save(self, name: str, document: Document, owner: str) -> str:
        """Store a document, in the place of the one with the same ``_key``; return its key. Raises `KeyError`."""
        key = str(document.get("_key") or secrets.token_hex(12))
        with self._lock:
            self._documents[name][key] = {**copy.deepcopy(document), "_user": owner, "_key": key}
        return key

    def remove(self, name: str, query: Mapping[str, Any]) -> int:
        """Remove the documents that fit; return how many there were. Raises `KeyError` for no such collection."""
        with self._lock:
            fitting = [key for key, found in self._documents[name].items() if _fits(found, query)]
            for key in fitting:
                del self._documents[name][key]
            return len(fitting)


def _fits(document: Document, query: Mapping[str, Any]) -> bool:
    return all(_holds(document.get(field), wanted) for field, wanted in query.items())


def _holds(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        return value is not None and bool(value < wanted["$lt"])
    return bool(value == wanted)
