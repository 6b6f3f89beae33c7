"""What every step that collects does: item by item, each kept or accounted for, and a record of the step at its end."""

from __future__ import annotations

from typing import Any, Callable, List, Sequence, Tuple

from aws_bridge.errors import AwsError
from response.aws.evidence import EvidenceStore
from response.core.evidence import EMPTY, FAILED, MISSING, Item, NotThere, counted, lacking
from response.core.result import ALREADY_DONE, DONE, FAILED_RESULT, PARTIAL, ActionResult
from response.core.target import Target
from response.errors import BadEvidence

#: The record of a step: its items, as `archive` reads them.
RECORD = "items.json"


class Collecting:
    """One step. ``progress`` is told of every item."""

    def __init__(self, store: EvidenceStore, step: str, progress: Callable[[Item], Any] = lambda _: None) -> None:
        self.items: List[Item] = []
        #: Whether all that is kept was kept before, by an earlier run.
        self.already = True
        self._store = store
        self._step = step
        self._progress = progress

    def keep(self, item: str, file: str, ask: Callable[[], Any], why: str = "") -> Item:
        """Keep what ``ask`` returns: bytes as they are, anything else as JSON. What fails stops no other item."""
        try:
            value = ask()
            if value in (b"", [], {}):
                return self.add(Item(item, EMPTY, why=why or "there is one, with nothing in it"))
            if isinstance(value, bytes):
                stored = self._store.put(self._step, file, value)
            else:
                stored = self._store.put_json(self._step, file, value)
        except NotThere as exc:
            return self.add(Item(item, MISSING, why=str(exc)))
        except (AwsError, BadEvidence) as exc:
            return self.add(Item(item, FAILED, why=str(exc)))
        self.already &= stored.already
        return self.add(stored.item(item, why))

    def add(self, item: Item) -> Item:
        """Note an item that is accounted for otherwise."""
        self.items.append(item)
        self._progress(item)
        return item

    def finish(self, target: Target, incident: str, what: str, notes: Sequence[str] = ()) -> ActionResult:
        """Write the record and return the result of the step."""
        problem = ""
        try:
            self._store.put_json(
                self._step, RECORD, {"step": self._step, "items": [each.to_json() for each in self.items]}
            )
        except (AwsError, BadEvidence) as exc:
            problem = f"the record of the step could not be kept: {exc}"
        failed = lacking(self.items)
        kept = [each for each in self.items if each.key]
        says = f"{what} of {target}: {counted(self.items)}"
        if failed:
            says += "; failed: " + ", ".join(each.item for each in failed)
        result = DONE if not self.already or not kept else ALREADY_DONE
        if failed or problem:
            result = PARTIAL if kept else FAILED_RESULT
        more: Tuple[str, ...] = (*self._store.notes, *notes, *((problem,) if problem else ()))
        more += tuple(f"{each.item}: {each.why}" for each in failed)
        return ActionResult(self._step, target, incident, result, says, notes=more, evidence=tuple(self.items))
