"""Changes that are saved, made, read back, and undone exactly: what taking rights away has in common."""

from __future__ import annotations

from typing import List, NamedTuple, Sequence, Tuple, Union

from response.aws.controls import Controls
from response.aws.parts import Parts
from response.core.change import DONE as MADE
from response.core.change import FAILED, PLANNED, Change, Outcome
from response.core.result import ALREADY_DONE, DONE, FAILED_RESULT, PLANNED_RESULT, REFUSED, ActionResult
from response.core.reversal import PENDING, reversal
from response.core.target import Subject, Target
from response.errors import NoSavedState, StillRunning


class Reversible(NamedTuple):
    """The settings of one subject, and where their first state is written down."""

    controls: Controls
    parts: Parts

    def make(self, incident: str, wanted: Sequence[Change]) -> List[Outcome]:
        """Write down what is about to change, change it, read it back.

        Raises `CallProblem` when it cannot be written down: then nothing was changed.
        """
        if not wanted:
            return []
        self.parts.add(incident, wanted)
        return self.controls.made(list(wanted))

    def undo(
        self, action: str, subject: Union[Subject, Target], incident: str, *, dry_run: bool = False
    ) -> ActionResult:
        """Put back what was written down; nothing is changed when somebody else changed any of it since.

        Raises `NoSavedState`, `StillRunning` while AWS is at it, and `aws_bridge.errors.CallProblem`.
        """
        recorded = self.parts.load(incident)
        if not recorded:
            raise NoSavedState(f"there is no saved state of {subject} in incident {incident}: nothing can be put back")
        now = self.controls.values(recorded)
        changes, conflicts, lost = reversal(recorded, now)
        if conflicts:
            says = f"{subject} was changed by somebody else since: nothing was put back"
            return ActionResult(action, subject, incident, REFUSED, says, notes=tuple(conflicts))
        if dry_run:
            outcomes = tuple(Outcome(each, PLANNED) for each in changes)
            says = f"{len(changes)} settings of {subject} would be put back; nothing was changed"
            return ActionResult(action, subject, incident, PLANNED_RESULT, says, outcomes, tuple(lost))
        # What came last goes first: rights come back before what uses them.
        made = self.controls.made(changes[::-1])
        running = pending(made)
        if running:
            raise StillRunning(f"AWS is putting back {', '.join(running)} of {subject}: call again")
        failed = [each for each in made if each.result == FAILED]
        notes = (*lost, *(f"not put back: {each.change.says_short}: {each.why}" for each in failed))
        if failed:
            says = f"{subject} is not as it was: {len(failed)} of its settings differ"
            return ActionResult(action, subject, incident, FAILED_RESULT, says, tuple(made), notes)
        self.parts.released(incident)
        but = f", but for {len(lost)} that cannot be put back" if lost else ""
        says = f"{subject} is as it was{but}, read back"
        return ActionResult(action, subject, incident, DONE if made else ALREADY_DONE, says, tuple(made), notes)


def pending(outcomes: Sequence[Outcome]) -> List[str]:
    """Return the kinds of changes that AWS is still at."""
    return sorted({each.change.kind for each in outcomes if each.why == PENDING})


def finished(
    action: str, subject: Union[Subject, Target], incident: str, outcomes: Sequence[Outcome], notes: Sequence[str],
    open_: Sequence[str], undo: str, what: str,
) -> ActionResult:  # fmt: skip
    """Return how taking rights away ended. ``open_``: what is still possible and should not be, in words."""
    failed = [each for each in outcomes if each.result == FAILED]
    left: Tuple[str, ...] = (*(f"{each.change.says_short}: {each.why}" for each in failed), *open_)
    if left:
        says = f"{subject} is NOT {what}: {'; '.join(left)}"
        return ActionResult(action, subject, incident, FAILED_RESULT, says, tuple(outcomes), tuple(notes), undo)
    says = f"{subject} is {what}, read back"
    result = DONE if any(each.result == MADE for each in outcomes) else ALREADY_DONE
    return ActionResult(action, subject, incident, result, says, tuple(outcomes), tuple(notes), undo)


def planned(
    action: str, subject: Union[Subject, Target], incident: str, wanted: Sequence[Change], notes: Sequence[str],
    what: str,
) -> ActionResult:  # fmt: skip
    """Return what would be changed."""
    outcomes = tuple(Outcome(each, PLANNED) for each in wanted)
    says = f"{subject} would be {what} with {len(wanted)} changes; nothing was changed"
    return ActionResult(action, subject, incident, PLANNED_RESULT, says, outcomes, tuple(notes))
