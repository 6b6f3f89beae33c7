"""What the indices of a search know about fields: which there are, of which types, what is stored and not indexed."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple
from urllib.parse import quote

from es_bridge.errors import Aborted, BridgeError
from es_bridge.index_access import MOST_PATH_CHARACTERS
from es_bridge.patterns import fits
from es_bridge.query import SearchRequest, range_clause
from es_bridge.transport import Transport
from es_bridge.unmatched.field_names import ancestors

OBJECTS = ("object", "nested")
#: Objects whose members are all indexed by their names.
INDEXED_OBJECTS = ("flat_object", "flattened")
#: One explanation of a bare word over 600 fields has 60 kB. The engines answer in milliseconds, and a search must not
#: wait for long for a cluster that does not.
BOUNDS: Dict[str, Any] = {"max_body_bytes": 32 << 20, "timeout_s": 10.0}
#: Index -> type; ``!`` before a type: it cannot be searched.
Types = Dict[str, str]


class FieldTypes:
    """Asks about fields of concrete indices, all of which whoever asks may read. Raises the errors of a request."""

    def __init__(self, transport: Transport, request: SearchRequest) -> None:
        self._transport = transport
        self._request = request
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

    def in_range(self, indices: Sequence[str]) -> List[str]:
        """Return the indices that may hold documents of the range, by the times they begin and end with."""
        name = self._request.time_field
        narrow = range_clause(name, self._request.earliest_ms, self._request.latest_ms)
        if not narrow:
            return list(indices)
        asked = set(indices)
        # The pattern as asked for: so many names do not fit a request line.
        reply = self._transport.request(
            "POST",
            (self._request.index, "_field_caps"),
            {"fields": name, "ignore_unavailable": True, "allow_no_indices": True},
            {"index_filter": narrow[0]},
            **BOUNDS,
        ).json()
        return [index for index in reply.get("indices") or [] if index in asked]

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
        return reply.json().get("fields") or {}


def paths(indices: Sequence[str]) -> Iterator[str]:
    """Yield the names of indices, as many together as fit a request line."""
    yield from (",".join(batch) for batch in batches(indices))


def batches(names: Sequence[str]) -> Iterator[List[str]]:
    """Yield names, as many together as fit a request line."""
    batch: List[str] = []
    size = 0
    for name in names:
        length = len(quote(name, safe="")) + 3
        if batch and size + length > MOST_PATH_CHARACTERS:
            yield batch
            batch, size = [], 0
        batch.append(name)
        size += length
    if batch:
        yield batch


def _absent(entries: Optional[Mapping[str, Mapping[str, Any]]]) -> Set[str]:
    return set(((entries or {}).get("unmapped") or {}).get("indices") or [])


def _kind(kind: str, facts: Mapping[str, Any]) -> str:
    return kind if facts.get("searchable", True) or kind in OBJECTS else "!" + kind


def _value(facts: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        facts = facts.get(step) if isinstance(facts, dict) else None
    return facts
