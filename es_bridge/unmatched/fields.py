"""What is said of fields that are not there or cannot be searched, and of values that their types cannot hold."""

from __future__ import annotations

import re
from typing import Dict, List, Mapping, Sequence, Set, Tuple

from es_bridge.unmatched.explanation import Explanation
from es_bridge.unmatched.known_fields import KnownFields
from es_bridge.unmatched.verdict import UNDER_NOT, Verdict, some

#: (kind, name, reason) of a failure -> the indices it was seen in.
Failures = Mapping[Tuple[str, str, str], List[str]]


def say_lacking(said: Verdict, known: KnownFields, lacking: Mapping[str, List[str]]) -> None:
    """Say which fields are not there. ``lacking``: the indices without each."""
    if not lacking:
        return
    stored = known.stored(lacking)
    if stored is None:
        said.notes.append(
            "the account may not read mappings, so it is not known which indices store a field without indexing it "
            "(permission indices:admin/mappings/get)"
        )
        stored = {}
    for name, where in lacking.items():
        kept = stored.get(name, [])
        if len(where) == len(known.indices):
            if len(kept) == len(known.indices):
                what = f"{name!r} is stored but not indexed in {some(kept)}"
            elif kept:
                what = f"no index with events of the range has a searchable field {name!r}; {some(kept)} store it"
            else:
                what = f"no index with events of the range has a field {name!r} ({some(where)})"
            said.warn(
                f"{what}: this part of the query finds nothing {UNDER_NOT}",
                known.instead(name, is_spelt_right=bool(kept)),
            )
        elif kept:
            said.warn(
                f"{name!r} is stored but not indexed in {some(kept)}: this part of the query finds nothing there "
                f"{UNDER_NOT}",
                known.instead(name, is_spelt_right=True),
            )


def say_unnamed(said: Verdict, failures: Failures, everywhere: int, empty: bool, leading_on: Set[str]) -> None:
    """Say of parts that match nothing whose field nobody names.

    ``everywhere``: how many indices there are; ``leading_on``: patterns for names, which lead to other fields.
    """
    for (kind, name, reason), where in failures.items():
        if len(where) < everywhere or kind not in ("unmapped", "other") or name in leading_on:
            continue
        if kind == "unmapped":
            part = f"a part of the query ({name})" if name else "a part of the query"
            said.warn(f"{part} asks for a field that no index with events of the range has: it finds nothing")
        elif reason:
            said.warn(f"a part of the query finds nothing {UNDER_NOT}; the engine says: {reason}")
    if empty and not said.warnings:
        said.warn("a part of the query names an object whose members are not indexed: it finds nothing")


def say_failed(said: Verdict, known: KnownFields, failures: Failures, lacking: Mapping[str, List[str]]) -> None:
    """Say which values a field cannot hold: an error where no index can."""
    by_name: Dict[str, Dict[str, str]] = {}
    for (kind, name, reason), where in failures.items():
        if kind == "value":
            by_name.setdefault(name, {}).update(dict.fromkeys(where, reason))
    for name, reasons in by_name.items():
        types, indices = known.types(name), set(known.indices)
        having = set(types or indices) & indices
        kinds = sorted({types.get(index, "") for index in reasons} - {""})
        what = f"{name!r} ({' or '.join(kinds)})" if kinds else repr(name) if name else "a field of the query"
        reason = next(iter(reasons.values()))
        hint = _value_hint(name, kinds)
        if reason.startswith("Determinizing"):
            hint = ". Write fewer places that may be anything, such as . or ?, behind a *"
        if name and name not in known:
            having = indices - set(lacking.get(name, []))
        if set(reasons) >= having:
            said.errors.append(
                f"{what} cannot hold what the query asks for, in any index with events of the range, so this part "
                f"can match nothing: {reason}{hint} (unknown_fields=ignore runs the search all the same)"
            )
        else:
            said.warn(
                f"{what} cannot hold what the query asks for in {some(sorted(reasons))}, so this part finds "
                f"nothing there: {reason}{hint}"
            )


def say_not_indexed(
    said: Verdict, known: KnownFields, failures: Failures, explained: Mapping[str, Explanation]
) -> None:
    """Say which fields are stored and not indexed."""
    where: Dict[str, List[str]] = {}
    for (kind, name, _), found in failures.items():
        if kind == "not_indexed":
            where.setdefault(name, []).extend(found)
    for index, explanation in explained.items():
        for name in re.findall(r"_field_names:([^\s()]+)", explanation.rest):
            if known.types(name).get(index, "").startswith("!"):
                where.setdefault(name, []).append(index)
    for name, found in where.items():
        said.warn(
            f"{name!r} is stored but not indexed in {some(sorted(set(found)))}: this part of the query finds "
            f"nothing there {UNDER_NOT}",
            known.instead(name, is_spelt_right=True),
        )


def _value_hint(name: str, kinds: Sequence[str]) -> str:
    if "ip" in kinds:
        return f'. Write an address or a network: {name}:"10.20.0.0/16"'
    if set(kinds) & {"long", "integer", "short", "byte", "double", "float", "half_float", "unsigned_long"}:
        return f". Write a number or a range: {name}:[1 TO 5]"
    if set(kinds) & {"date", "date_nanos"}:
        return f". Write a time or a range: {name}:[2026-10-05 TO 2026-10-06]"
    return f". Write {name}:true or {name}:false" if "boolean" in kinds else ""
