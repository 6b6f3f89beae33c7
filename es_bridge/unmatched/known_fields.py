"""What the indices looked at know of the names in a query, and which other names somebody may have meant."""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Sequence, Set

from es_bridge.unmatched.explanation import relation
from es_bridge.unmatched.field_names import ancestors, nearest
from es_bridge.unmatched.field_types import INDEXED_OBJECTS, OBJECTS, FieldTypes, Types


class KnownFields:
    """Names looked up in ``indices``. All fields there are asked for once, when a text needs them."""

    def __init__(self, field_types: FieldTypes, indices: Sequence[str], names: Sequence[str]) -> None:
        self.indices = list(indices)
        self._field_types = field_types
        self._types = field_types.of([name for name in dict.fromkeys(names) if not name.startswith("_")], indices)

    def __contains__(self, name: str) -> bool:
        return name in self._types

    def types(self, name: str) -> Types:
        """Return the type of a name in each index that has it."""
        return self._types.get(name, {})

    def kinds(self, name: str) -> Set[str]:
        """Return the types that a name has anywhere."""
        return set(self.types(name).values())

    def lacking(self, name: str, must_be_leaf: bool) -> List[str]:
        """Return the indices in which a name can find nothing because it is no field there."""
        types = self.types(name)
        return [
            index
            for index in self.indices
            if not any(self.types(part).get(index, "") in INDEXED_OBJECTS for part in ancestors(name))
            and (index not in types or (must_be_leaf and types[index].lstrip("!") in OBJECTS))
        ]

    def stored(self, lacking: Mapping[str, Sequence[str]]) -> Optional[Dict[str, List[str]]]:
        """Return in which of the indices that lack a name it is stored; see `FieldTypes.stored`."""
        return self._field_types.stored(lacking)

    def is_field(self, name: str) -> bool:
        """Whether a name can be searched for values: a field, or a member of an object indexed as a whole."""
        return any(kind.lstrip("!") not in OBJECTS for kind in self.kinds(name)) or self.is_member(name)

    def is_whole(self, name: str) -> bool:
        """Whether a name is an object indexed as a whole."""
        return any(kind in INDEXED_OBJECTS for kind in self.kinds(name))

    def is_member(self, name: str) -> bool:
        """Whether a name lies in an object indexed as a whole."""
        return any(self.is_whole(part) for part in ancestors(name))

    def has_addresses(self) -> bool:
        """Whether any field of the indices is an address."""
        return any(kind == "ip" for kind in self._field_types.all(self.indices).values())

    def instead(self, name: str, is_spelt_right: bool = False) -> str:
        """Return which field may have been meant by a name, or ``""``."""
        field, sign = relation(name)
        if sign and field:
            return f'{(self.same_letters(field) or [field])[0]}:"value"'
        known = [
            other
            for other, kind in self._field_types.all(self.indices).items()
            if kind not in OBJECTS and not kind.startswith("!")
        ]
        members = sorted((other for other in known if other.startswith(f"{name}.")), key=lambda other: other.count("."))
        return " or ".join(members[:3] or nearest(name.rstrip("*."), known, is_spelt_right))

    def addresses(self, name: str) -> str:
        """Return which fields of addresses to search for a network instead of a name, or ``""``."""
        known = [other for other, kind in self._field_types.all(self.indices).items() if kind == "ip"]
        parent = name.rpartition(".")[0]
        near = [other for other in (f"{name}.ip", f"{parent}.ip" if parent else "") if other in known]
        near += [other for other in ("source.ip", "destination.ip") if other in known]
        near += sorted(known)
        return " or ".join(f'{other}:"<network>"' for other in list(dict.fromkeys(near))[:2])

    def same_letters(self, name: str) -> List[str]:
        """Return the fields that are spelt as a name but for their case."""
        plain = name.lower()
        return [
            other
            for other, kind in self._field_types.all(self.indices).items()
            if other.lower() == plain and kind not in OBJECTS
        ]
