"""Which faults are tried with which calls.

A fault after which `aws_bridge.accounts.caller` asks again is seen by nothing above it, whichever step made the call.
Those are tried with every call of an isolation (test_isolate.py); elsewhere with a sample of the calls that the commit
draws, with all of them under ``--full``. All that a step sees itself is tried with every call.
"""

from __future__ import annotations

from typing import List, Sequence, Tuple, TypeVar

from tests.sampling import sample

#: Kind of a fault, and how often it comes; 0 is always. A question whose answer was lost is one that timed out.
ASKED = (("denied", 0), ("throttled", 0), ("timeout", 1))
CHANGED = (("throttled", 1), ("denied", 0), ("timeout", 0), ("half_done", 0))
#: Of faults that are repeated unseen, one in so many is tried.
ONE_IN = 4

Case = TypeVar("Case", bound=Tuple)  # type: ignore[type-arg]


def cases(asked: Sequence[str], changed: Sequence[str]) -> List[Tuple[str, str, int]]:
    """Return each call with each fault: call, kind, times."""
    both = ((asked, ASKED), (changed, CHANGED))
    return [(call, *fault) for calls, faults in both for call in calls for fault in faults]


def seen(what: str, every: Sequence[Case]) -> List[Case]:
    """Return all cases that a step sees, and a sample of the others. A case ends with a fault's kind and times."""
    unseen = [each for each in every if _is_repeated(*each[-2:])]
    drawn = sample(f"repeated calls of {what}", unseen, -(-len(unseen) // ONE_IN))
    return [each for each in every if each not in unseen or each in drawn]


def _is_repeated(kind: str, times: int) -> bool:
    return times == 1 and kind in ("throttled", "timeout")
