"""What is handed over of one row: which columns are meant, and what a row that names nothing is told."""

from __future__ import annotations

import ipaddress
import re
from typing import Callable, Dict, List, Mapping

from alert_actions.actions import ANYTHING, FIELDS, INSTANCE, MEMBERS, NEEDED, Action
from alert_actions.payload import Row
from es_bridge.errors import BridgeError

#: Longest value that is handed over.
MOST_CHARACTERS = 2048
#: Targets that one row may name.
MOST_OF_A_ROW = 100


class BadRow(BridgeError):
    """A row names nothing that the action could act on."""


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
        return True
    except ValueError:
        return False


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.ASCII)
    return lambda text: compiled.fullmatch(text) is not None


#: Member -> whether a text looks like it. What it really is, `start` checks: here it decides between columns only.
_LOOKS_RIGHT: Mapping[str, Callable[[str], bool]] = {
    "instance": _matches("i-[0-9a-f]+"),
    "account": _matches("[0-9]{12}"),
    "region": _matches("[a-z]{2}(-[a-z]+)+-[0-9]"),
    "arn": _matches("arn:aws[a-z-]*:[^:]+:[^:]*:[0-9]*:.+"),
    "access_key": _matches("(AKIA|ASIA)[A-Z0-9]{12,}"),
    "address": _is_address,
}
_INSTANCE_ARN = _matches("arn:aws[a-z-]*:ec2:[^:]*:[0-9]{12}:instance/.+")
#: Columns that hold many other things as well: a text that looks like nothing fitting is none.
_OF_MANY_THINGS = frozenset(
    ("dest", "src", "src_ip", "resource", "arn", "Resources{}.Id", "resources{}.uid", "session")
)


def targets(action: Action, params: Mapping[str, str], row: Row, rid: str) -> List[Dict[str, str]]:
    """Return the rows to hand over for one row of the results: one a target. Raises `BadRow`."""
    found = {member: _values(member, action, params, row) for member in MEMBERS[action.subject]}
    needed = NEEDED[action.subject]
    if needed and not any(found[member] for member in needed):
        columns = "; ".join(_columns(member, params) for member in needed)
        raise BadRow(f"the row names no {' and no '.join(needed)}: none of the columns {columns} has a fitting value")
    if found["sample"]:
        found["sample"] = ["true"] if any(text.lower() in ("true", "1") for text in found["sample"]) else ["false"]
    if action.subject == ANYTHING:
        found = {member: [", ".join(values)] for member, values in found.items() if values}
    several = [member for member, values in found.items() if len(values) > 1]
    if len(several) > 1:
        raise BadRow(
            f"the row has several values of {' and of '.join(several)}: which belong together cannot be told. Make a "
            "row of each (mvexpand, or stats by)"
        )
    count = len(found[several[0]]) if several else 1
    if count > MOST_OF_A_ROW:
        raise BadRow(
            f"the row has {count} values of {several[0]}, at most {MOST_OF_A_ROW} are taken: make rows of them"
        )
    for member, values in found.items():
        longest = max(map(len, values), default=0)
        if longest > MOST_CHARACTERS:
            raise BadRow(f"{member} has {longest} characters, at most {MOST_CHARACTERS} are taken")
    return [
        {"rid": rid, **{member: values[number % len(values)] for member, values in found.items() if values}}
        for number in range(count)
    ]


def _values(member: str, action: Action, params: Mapping[str, str], row: Row) -> List[str]:
    """Return the values of the first column with a fitting one; else of the first with any, for `start` to refuse."""
    looks_right = _LOOKS_RIGHT.get(member, lambda text: True)
    if member == "arn" and action.subject == INSTANCE:
        looks_right = _INSTANCE_ARN
    first: List[str] = []
    for name in _columns(member, params).split(","):
        given = row.get(name.strip(), "")
        texts = list(dict.fromkeys(text.strip() for text in (given if isinstance(given, list) else [given])))
        texts = [text for text in texts if text]
        if any(looks_right(text) for text in texts):
            # Of a column with several things, such as the resources of a finding, those that are meant.
            return [text for text in texts if looks_right(text)] if name.strip() in _OF_MANY_THINGS else texts
        if not first and name.strip() not in _OF_MANY_THINGS:
            first = texts
    return first


def _columns(member: str, params: Mapping[str, str]) -> str:
    param = FIELDS[member].param
    return params.get(param.name) or param.default
