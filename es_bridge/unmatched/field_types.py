"""What the indices of a search know about fields: which there are, of which types, what is stored and not indexed."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from es_bridge.answers import FIELD_CAPS, Maybe
from es_bridge.errors import Aborted, BridgeError
from es_bridge.patterns import fits
from es_bridge.request_line import batches, paths
from es_bridge.transport import Transport
from es_bridge.unmatched.ask import BOUNDS
from es_bridge.unmatched.field_names import ancestors

OBJECTS = ("object", "nested")
#: Objects whose members are all indexed by their names.
INDEXED_OBJECTS = ("flat_object", "flattened")
#: Index -> type; ``!`` before a type: it cannot be searched.
Types = Dict[str, str]


class FieldTypes:
    """Asks about fields of concrete indices, all of which whoever asks may read. Raises the errors of a request."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._all: Optional[Dict[str, str]] = None

    def all(self, indices: Sequence[str]) -> Dict[str, str]:
        """Return all fields of the indices with one of their types. Asked for once."""
        if self._all is None:
            known: Dict[str, Set[str]] = {}
            for path in paths(indices):
                for name, kinds in self._caps(path, {"fields": "*"}).items():
                    known.setdefault(name, set()).update(_kind(kind, facts) for kind, facts in kinds.items())
            self._all = {name: max(kinds) for name, kinds in known.items() if kinds and not name.startswith("_")}
        return self._all

    def of(self, names: Sequence[str], indices: Sequence[str]) -> Dict[str, Types]:
        """Return the types of each name, and of the objects it lies in; nothing for an index that lacks it."""
        wanted = list(dict.fromkeys(part for name in names for part in [*ancestors(name), name]))
        wanted = [name for name in wanted if name and "," not in name and len(name) < 512]
        found: Dict[str, Types] = {}
        for path in paths(indices):
            here = path.split(",")
            for batch in batches(wanted):
                caps = self._caps(path, {"fields": ",".join(batch), "include_unmapped": True})
                for name in batch:
                    entries = caps.get(name)
                    if entries is None and "*" in name:
                        entries = next((kinds for other, kinds in caps.items() if fits(other, name)), None)
                    absent = _absent(entries)
                    for kind, facts in (entries or {}).items():
                        if kind != "unmapped":
                            where = facts.get("indices") or [index for index in here if index not in absent]
                            found.setdefault(name, {}).update(dict.fromkeys(where, _kind(kind, facts)))
            # An object is only there by its members.
            for batch in batches([f"{name}.*" for name in wanted if name not in found and "*" not in name]):
                for member, kinds in self._caps(path, {"fields": ",".join(batch), "include_unmapped": True}).items():
                    where = [index for index in here if index not in _absent(kinds)]
                    for name in ancestors(member):
                        if f"{name}.*" in batch:
                            found.setdefault(name, {}).update(dict.fromkeys(where, "object"))
        return found

    def stored(self, lacking: Mapping[str, Sequence[str]]) -> Optional[Dict[str, List[str]]]:
        """Return in which of the indices that lack a name it lies in an object that is stored and not indexed.

        ``None`` where the account may not read mappings.
        """
        places: Dict[str, List[Tuple[str, ...]]] = {}
        for name in lacking:
            if not re.search(r"[,*\\]", name):
                for part in [*ancestors(name), name]:
                    steps = [step for piece in part.split(".") for step in ("properties", piece)]
                    places.setdefault(name, []).append((*steps, "enabled"))
        every = sorted({".".join(("*.mappings", *steps)) for found in places.values() for steps in found})
        stored: Dict[str, List[str]] = {}
        indices = list(dict.fromkeys(index for where in lacking.values() for index in where))
        try:
            for path in paths(indices):
                for batch in batches(every):
                    params = {"filter_path": ",".join(batch), "ignore_unavailable": True}
                    reply = self._transport.request("GET", (path, "_mapping"), params, **BOUNDS).json()
                    for index, facts in reply.items():
                        for name, found in places.items():
                            if index in lacking[name] and any(_value(facts["mappings"], s) is False for s in found):
                                stored.setdefault(name, []).append(index)
        except Aborted:
            raise
        except BridgeError:
            return None
        return {name: sorted(set(where)) for name, where in stored.items()}

    def _caps(self, path: str, params: Dict[str, Any]) -> Dict[str, Dict[str, Dict[str, Any]]]:
        reply = self._transport.request("GET", (path, "_field_caps"), {**params, "ignore_unavailable": True}, **BOUNDS)
        found = reply.json({**FIELD_CAPS, "indices": Maybe([str])})
        if not set(found.get("indices") or ()) <= set(path.split(",")):
            return {}  # a name has become an alias since it was looked at, of indices that may be another role's
        caps: Dict[str, Dict[str, Dict[str, Any]]] = found["fields"]
        return caps


def _absent(entries: Optional[Mapping[str, Mapping[str, Any]]]) -> Set[str]:
    return set(((entries or {}).get("unmapped") or {}).get("indices") or [])


def _kind(kind: str, facts: Mapping[str, Any]) -> str:
    return kind if facts.get("searchable", True) or kind in OBJECTS else "!" + kind


def _value(facts: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        facts = facts.get(step) if isinstance(facts, dict) else None
    return facts
