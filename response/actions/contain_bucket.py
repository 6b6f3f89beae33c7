"""Closes a bucket to everybody but the responder, and opens it again. From the command line only.

Versioning and lifecycle rules stay as they are, and what they mean for the evidence is said; so is replication, which
goes on until the role that replicates is denied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Sequence

from aws_bridge.accounts.area import Area
from aws_bridge.errors import CallProblem, CallRejected
from response.actions.reversible import Reversible, finished, planned
from response.aws.controls import Controls
from response.aws.parts import Parts
from response.core import change as kinds
from response.core.change import Change
from response.core.denials import MOST_BUCKET_POLICY, deny_bucket, normal
from response.core.result import REFUSED, ActionResult
from response.core.target import Subject
from response.errors import BadTarget

ACTION, RELEASE = "contain_bucket", "release_bucket"
_CLOSED = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
_NONE = ("NoSuchLifecycleConfiguration", "ReplicationConfigurationNotFoundError", "NoSuchBucketPolicy")


@dataclass(frozen=True)
class BucketContainment:
    """Where the bucket is, and where its first state is saved, which must be another bucket."""

    area: Area
    states_area: Area
    states_bucket: str
    partition: str = "aws"

    def contain(self, bucket: str, incident: str, responders: Sequence[str], *, dry_run: bool = False) -> ActionResult:
        """Deny a bucket to all but ``responders`` (ARNs of roles and users). Raises `BadTarget`, `CallProblem`."""
        subject = self._subject(bucket)
        if bucket == self.states_bucket:
            raise BadTarget(f"{bucket} is the bucket that saved states are in: it cannot be closed with itself")
        if not responders or any(each.strip("*") in ("", "arn:aws:iam::") for each in responders):
            raise BadTarget("who may still use the bucket? Name the responder's role, or nobody could open it again")
        way = self._way(subject)
        public = Change(kinds.PUBLIC_ACCESS, bucket, "", normal(_CLOSED))
        policy = Change(kinds.BUCKET_POLICY, bucket, "", "")
        before = way.controls.values([public, policy])
        public_before, policy_before = before.values()
        denied = deny_bucket(policy_before, bucket, self.partition, responders)
        if len(denied.encode()) > MOST_BUCKET_POLICY:
            says = f"the policy of {bucket} would be longer than {MOST_BUCKET_POLICY:,} bytes: shorten it first"
            return ActionResult(ACTION, subject, incident, REFUSED, says)
        wanted = [
            Change(kind, bucket, was, after)
            for kind, was, after in (
                (kinds.PUBLIC_ACCESS, public_before, public.after),
                (kinds.BUCKET_POLICY, policy_before, denied),
            )
            if was != after
        ]
        notes = self._notes(bucket)
        if dry_run:
            return planned(ACTION, subject, incident, wanted, notes, "closed")
        outcomes = way.make(incident, wanted)
        undo = f"aws-siem-bridge respond release-bucket {bucket}"
        return finished(ACTION, subject, incident, outcomes, notes, [], undo, "closed to all but the responder")

    def release(self, bucket: str, incident: str, *, dry_run: bool = False) -> ActionResult:
        """Open a bucket as it was. Raises as `response.actions.reversible.Reversible.undo`."""
        subject = self._subject(bucket)
        return self._way(subject).undo(RELEASE, subject, incident, dry_run=dry_run)

    def _subject(self, bucket: str) -> Subject:
        return Subject(self.area.account, self.area.region, f"bucket-{bucket}")

    def _way(self, subject: Subject) -> Reversible:
        return Reversible(Controls(self.area), Parts(self.states_area, self.states_bucket, subject))

    def _notes(self, bucket: str) -> List[str]:
        notes = []
        versioning = self._ask("GetBucketVersioning", bucket)
        if versioning is None:
            notes.append("whether the bucket keeps versions could not be read")
        elif versioning.get("Status") != "Enabled":
            notes.append("the bucket keeps no versions: what was overwritten or deleted is gone. This is left as it is")
        for rule in (self._ask("GetBucketLifecycleConfiguration", bucket) or {}).get("Rules") or ():
            if rule.get("Status") == "Enabled" and (rule.get("Expiration") or rule.get("NoncurrentVersionExpiration")):
                name = rule.get("ID") or "without a name"
                notes.append(f"the lifecycle rule {name} goes on deleting: switch it off if objects are evidence")
        replication = (self._ask("GetBucketReplication", bucket) or {}).get("ReplicationConfiguration") or {}
        for rule in replication.get("Rules") or ():
            if rule.get("Status") == "Enabled":
                to = (rule.get("Destination") or {}).get("Bucket")
                notes.append(f"objects were replicated to {to}: what was put in or taken is there, too")
        return notes

    def _ask(self, operation: str, bucket: str) -> Any:
        """Return an answer, an empty one where nothing is set, None where it cannot be read: it is for notes only."""
        nothing: Dict[str, Any] = {}
        try:
            return self.area.ask("s3", operation, Bucket=bucket)
        except CallRejected as exc:
            return nothing if any(code in str(exc) for code in _NONE) else None
        except CallProblem:
            return None
