"""Writes down how an incident ended, once, beside its evidence."""

from __future__ import annotations

from typing import NamedTuple, Union

from aws_bridge.accounts.area import Area
from response.aws.parts import Parts
from response.aws.saved_state import SavedStates
from response.aws.written_once import as_bytes, write_once
from response.core.closure import Closure
from response.core.result import ALREADY_DONE, DONE, FAILED_RESULT, PLANNED_RESULT, REFUSED, ActionResult
from response.core.target import Subject, Target

ACTION = "close"


class ClosingRecords(NamedTuple):
    """Where closing records are: the evidence bucket. Needs ``s3:PutObject`` and ``GetObject`` on ``incidents/*``."""

    area: Area
    bucket: str

    def close(self, target: Union[Target, Subject], closure: Closure, *, dry_run: bool = False) -> ActionResult:
        """Write the record, once, of an incident that was released. Raises `aws_bridge.errors.CallProblem`."""
        incident = closure.incident
        if self._is_open(target, incident):
            says = f"{target}: incident {incident} is not released yet: release it, or keep it open"
            return ActionResult(ACTION, target, incident, REFUSED, says)
        key = self.key(target, incident)
        if dry_run:
            says = f"{key} would be written; nothing was changed"
            return ActionResult(ACTION, target, incident, PLANNED_RESULT, says, notes=closure.notes)
        body = as_bytes(closure.to_json())
        written = write_once(self.area, self.bucket, key, body)
        there = self.area.ask("s3", "GetObject", Bucket=self.bucket, Key=key)["Body"].read()
        if there == body:
            says = f"incident {incident} is closed: s3://{self.bucket}/{key}, read back"
            return ActionResult(ACTION, target, incident, DONE, says, notes=closure.notes)
        if not written:
            says = f"incident {incident} was closed before: s3://{self.bucket}/{key}. That record stays as it is"
            return ActionResult(ACTION, target, incident, ALREADY_DONE, says)
        says = f"what is in s3://{self.bucket}/{key} is not what was written"
        return ActionResult(ACTION, target, incident, FAILED_RESULT, says)

    def key(self, target: Union[Target, Subject], incident: str) -> str:
        """Return where the record of an incident is."""
        name = target.instance if isinstance(target, Target) else target.name
        return f"incidents/{target.account}/{target.region or 'global'}/{name}/{incident}/closing/closing.json"

    def _is_open(self, target: Union[Target, Subject], incident: str) -> bool:
        known = Parts(self.area, self.bucket, target).incidents()
        if isinstance(target, Target):
            known += SavedStates(self.area, self.bucket).incidents(target)
        return any(each.id == incident and not each.released for each in known)
