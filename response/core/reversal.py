"""Changes that were written down before they were made, and the way back from them. Pure."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Sequence, Tuple

from response.core import change as kinds
from response.core.change import Change
from response.errors import StateDiffers

#: What a change is about: kind and resource.
Key = Tuple[str, str]
#: What a setting is when there is no longer anything that could have it; and while AWS is still at it.
GONE, PENDING = "(gone)", "(pending)"
#: Cannot be put back, with what a person has to do instead.
_FOR_GOOD = {
    kinds.PASSWORD: "the console password of {} was deleted and cannot be put back: set a new one "
    "(aws iam create-login-profile --password-reset-required)",
}


class Reversal(NamedTuple):
    """The way back."""

    changes: List[Change]
    #: What is neither as it was nor as we made it: somebody changed it, and nothing is put back.
    conflicts: List[str]
    #: What cannot be again as it was; it does not stop the rest.
    lost: List[str]


def key_of(change: Change) -> Key:
    """Return what a change is about; a user may have two policies of ours."""
    return change.kind, "/".join((change.resource, *(str(value) for name, value in change.with_ if name == "policy")))


def unrecorded(wanted: Iterable[Change], recorded: Sequence[Change]) -> List[Change]:
    """Return the changes of which the first state is not written down yet."""
    known = {key_of(each) for each in recorded}
    return [each for each in wanted if key_of(each) not in known]


def reversal(recorded: Sequence[Change], now: Mapping[Key, Any]) -> Reversal:
    """Return what leads back. ``now``: what each setting is at present."""
    found = Reversal([], [], [])
    for each in recorded:
        value = now[key_of(each)]
        if value == each.before:
            continue
        if value == GONE:
            found.lost.append(f"the {each.kind} {each.resource} is no longer there")
        elif value == each.after and each.kind in _FOR_GOOD:
            found.lost.append(_FOR_GOOD[each.kind].format(each.resource))
        elif value in (each.after, PENDING):
            found.changes.append(Change(each.kind, each.resource, each.after, each.before, each.with_))
        else:
            found.conflicts.append(f"{each.kind} of {each.resource} is neither as it was nor as it was made")
    return found


def to_json(changes: Sequence[Change]) -> List[Dict[str, Any]]:
    """Return changes as JSON's objects and lists."""
    return [
        {"kind": each.kind, "resource": each.resource, "before": each.before, "after": each.after,
         "with": [list(pair) for pair in each.with_]}
        for each in changes
    ]  # fmt: skip


def from_json(known: Any) -> List[Change]:
    """Return the changes of `to_json`. Raises `StateDiffers` for anything else."""
    try:
        return [
            Change(each["kind"], each["resource"], each["before"], each["after"],
                   tuple((name, value) for name, value in each["with"]))
            for each in known
        ]  # fmt: skip
    except (KeyError, TypeError, ValueError) as exc:
        raise StateDiffers(f"the saved state is no list of changes: {exc!r}") from exc
