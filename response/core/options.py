"""The options of a request: which there are, and which actions take them. Splunk's alert actions offer just these.

A test compares the alert actions with this table, and this table with what the functions read.
"""

from __future__ import annotations

from typing import FrozenSet, Mapping, Tuple

from response.core import cases

_INSTANCES = (cases.RESPOND, cases.ISOLATE)
_EVIDENCE = (cases.RESPOND, cases.COLLECT)
_RIGHTS = (cases.REVOKE, cases.CONTAIN)
#: Option -> the actions that take it. All values are texts.
OPTIONS: Mapping[str, Tuple[str, ...]] = {
    "dry_run": tuple(each for each in cases.ACTIONS if each != cases.NOTIFY),
    "mode": _INSTANCES,
    "cut_flows": _INSTANCES,
    "volatile": _EVIDENCE,
    "volatile_deadline_s": _EVIDENCE,
    "work_folder": _EVIDENCE,
    "evidence_volume": _EVIDENCE,
    "revoke_credentials": (cases.RESPOND,),
    "kind": (*_RIGHTS, cases.RELEASE_PRINCIPAL),
    "profile": (cases.REVOKE,),
    "metadata": (cases.REVOKE,),
    "keys": _RIGHTS,
    "password": (cases.CONTAIN,),
    "deny": _RIGHTS,
    "everybody": _RIGHTS,
    "scope": (cases.BLOCK, cases.UNBLOCK),
    "hours": (cases.BLOCK,),
    "trusted": (cases.BLOCK,),
    "message": (cases.NOTIFY,),
}
#: Options of one finding, which no alert has for all its rows: whoever asks ``start`` without Splunk may give them.
OF_ONE_FINDING: FrozenSet[str] = frozenset({"product", "finding", "product_arn", "state"})


def options_of(action: str) -> FrozenSet[str]:
    """Return the names of the options that an action takes."""
    return frozenset(name for name, actions in OPTIONS.items() if action in actions)


def is_known(name: str) -> bool:
    """Return whether there is such an option."""
    return name in OPTIONS or name in OF_ONE_FINDING
