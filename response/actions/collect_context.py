"""Keeps what AWS knows of an instance: configuration, network, role, console. Changes nothing, and needs no agent."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

from aws_bridge.accounts.area import Area
from response.actions.collecting import Collecting
from response.aws.context import Context
from response.aws.evidence import EvidenceStore
from response.core.evidence import Item
from response.core.result import PLANNED_RESULT, ActionResult
from response.core.target import Target

ACTION = STEP = "collect_context"


class ContextCollection(NamedTuple):
    """Where the instance is, and where its evidence goes."""

    area: Area
    store: EvidenceStore

    def collect(
        self, target: Target, incident: str, *, dry_run: bool = False, progress: Callable[[Item], Any] = lambda _: None
    ) -> ActionResult:
        """Collect each item; one that is refused stops no other. Never raises what AWS refuses."""
        questions = Context(self.area, target).questions()
        if dry_run:
            says = f"{len(questions)} items of {target} would be collected; nothing was asked"
            notes = tuple(each.item for each in questions)
            return ActionResult(ACTION, target, incident, PLANNED_RESULT, says, notes=notes)
        work = Collecting(self.store, STEP, progress)
        for each in questions:
            work.keep(each.item, each.file, each.ask)
        return work.finish(target, incident, "context")
