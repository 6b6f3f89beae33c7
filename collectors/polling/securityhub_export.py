"""Security Hub's export of findings to S3, as the road of a back-fill: one job instead of thousands of pages.

The job's findings are read from the bucket when it has succeeded. What the objects are called and how they are cut is
documented nowhere, so that everything below a prefix of the job's own is read, in lists or lines. A job that fails, or
that may not be started, is said, and the back-fill goes on by paging.

https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_StartExportJobV2.html: one running job an account; bucket
and key are to allow ``exportv2.securityhub.amazonaws.com``, the key is of the job's account and region. Needs
``securityhub:StartExportJobV2``, ``securityhub:GetExportJobV2``, ``kms:GenerateDataKey``, ``kms:Decrypt``,
``s3:ListBucket``, ``s3:GetObject``.
"""

from __future__ import annotations

import hashlib
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from aws_bridge.accounts.caller import Caller
from aws_bridge.errors import CallProblem, CallRejected, ObjectProblem
from aws_bridge.object_ref import ObjectRef
from aws_bridge.objects import Objects
from collectors.errors import DamagedFile, InvalidRecord
from collectors.polling.checkpoint import Checkpoints
from collectors.polling.position import Reading
from collectors.reading.unpack import unpacked
from collectors.records.finding import Finding
from collectors.records.json_objects import objects_of
from collectors.records.page import iso
from collectors.records.record import BadRecord, Origin
from collectors.sources.securityhub_v2.api import SERVICE
from collectors.sources.securityhub_v2.source import finding

#: So many findings are written in one turn, so that new ones do not wait for a large file, and so many together.
_A_TURN, _BATCH = 20_000, 500
#: Turns in which an object cannot be read, before the back-fill goes on by paging.
_MOST_FAILURES = 5
#: Another job of the account is running: AWS's words for it.
_BUSY = ("ServiceQuotaExceededException", "ConflictException")
WHAT = "back-fill"

#: Findings, and what is bad, in words.
Write = Callable[[Sequence[Finding], Sequence[str]], None]


class Destination(NamedTuple):
    """Where jobs write."""

    bucket: str
    key_arn: str
    prefix: str


class ExportBackfill:
    """The back-fill of one account and region: see `collectors.polling.poller.Backfill`."""

    def __init__(
        self,
        caller: Caller,
        place: Origin,
        destination: Destination,
        objects: Callable[[], Objects],
        checkpoints: Checkpoints,
        name: str,
        tell: Callable[..., None],
    ) -> None:
        """``name`` is that of the checkpoint which holds the job. ``tell(what, **members)`` says what happened once."""
        self._caller, self._place, self._destination = caller, place, destination
        self._objects, self._checkpoints, self._name, self._tell = objects, checkpoints, name, tell
        self._state: Dict[str, Any] = checkpoints.load(name) or {}
        self._reader: Optional[Iterator[Tuple[List[Finding], List[str]]]] = None
        self._failures = 0
        self._told = ""
        self.more = False

    def turn(self, reading: Reading, write: Write) -> Optional[Reading]:
        """See `Backfill.turn`."""
        self.more = False
        if self._state.get("given_up"):
            return None
        try:
            if not self._state.get("job"):
                self._start(reading)
                return reading
            if self._reader is None and not self._succeeded():
                return None if self._state.get("given_up") else reading
            return self._read(reading, write)
        except CallProblem as exc:
            if exc.passes:
                raise
            self._give_up(str(exc), call=exc.call, missing_permission=exc.missing)
            return None
        except (ObjectProblem, DamagedFile) as exc:
            self._reader = None
            self._failures += 1
            if self._failures < _MOST_FAILURES:
                return reading
            self._give_up(str(exc))
            return None

    def _start(self, reading: Reading) -> None:
        window = {"Start": iso(reading.start_ms), "End": iso(reading.end_ms)}
        dates = {"FieldName": "finding_info.modified_time_dt", "Filter": window}
        token = hashlib.sha256(f"{self._name}{window}".encode()).hexdigest()[:32]
        prefix = f"{self._destination.prefix.strip('/')}/{self._place.account}/{self._place.region}/{token}/".lstrip(
            "/"
        )
        try:
            answer = self._call(
                "StartExportJobV2",
                Name="aws-siem-bridge back-fill",
                Destination={
                    "S3": {
                        "BucketArn": f"arn:{self._caller.session.account.partition}:s3:::{self._destination.bucket}",
                        "KmsKeyArn": self._destination.key_arn,
                        "ObjectPrefix": prefix,
                    }
                },
                OutputConfiguration={
                    "Findings": {"Format": "OCSF_JSON", "Filters": {"CompositeFilters": [{"DateFilters": [dates]}]}}
                },
                ClientToken=token,
            )
        except CallRejected as exc:
            if exc.code not in _BUSY:
                raise
            self._tell_once("waits for another export job of the account: AWS runs one at a time", error=str(exc))
            return
        self._save(job=str(answer.get("ExportJobId") or ""), prefix=prefix)
        self._tell_once("by an export job", job=self._state["job"], findings_from=window["Start"])

    def _succeeded(self) -> bool:
        answer = self._call("GetExportJobV2", ExportJobId=self._state["job"])
        status = answer.get("Status")
        if status in ("FAILED", "CANCELLED"):
            why = answer.get("FailureMessage") or answer.get("FailureCode") or "no reason given"
            self._give_up(f"the export job {self._state['job']} ended as {status}: {why}")
        return bool(status == "SUCCEEDED")

    def _read(self, reading: Reading, write: Write) -> Reading:
        # Where it was is not saved: what was written shortly before a stop is to be read again, as always.
        self._reader = self._reader or self._batches()
        written = 0
        for findings, bad in self._reader:
            write(findings, bad)
            written += len(findings)
            if written >= _A_TURN:
                self.more = True
                return reading
        self._reader = None
        self._tell_once("by the export job is done", job=self._state["job"])
        return reading.moved(reading.end_ms, True)

    def _batches(self) -> Iterator[Tuple[List[Finding], List[str]]]:
        objects = self._objects()
        others = 0
        for key in self._keys():
            batch: List[Finding] = []
            bad: List[str] = []
            with objects.open(ObjectRef(self._destination.bucket, key)) as stream:
                for item in objects_of(unpacked(stream)):
                    if isinstance(item, BadRecord):
                        bad.append(f"{key}, record {item.number}: {item.reason}")
                        continue
                    if "finding_info" not in item.fields:  # a list of the files, or the like
                        others += 1
                        continue
                    try:
                        batch.append(finding(item.fields, self._place))
                    except InvalidRecord as exc:
                        bad.append(f"{key}, record {item.number}: {exc}")
                    if len(batch) >= _BATCH:
                        yield batch, bad
                        batch, bad = [], []
            yield batch, bad
        if others:
            self._tell("back-fill: the export has objects that are no findings", objects=others)

    def _keys(self) -> List[str]:
        found: List[str] = []
        token: Dict[str, str] = {}
        while True:
            answer = self._caller.call(
                "s3",
                self._place.region,
                "ListObjectsV2",
                Bucket=self._destination.bucket,
                Prefix=self._state["prefix"],
                **token,
            )
            found += [each["Key"] for each in answer.get("Contents", []) if each.get("Size")]
            if not answer.get("IsTruncated"):
                return sorted(found)
            token = {"ContinuationToken": answer["NextContinuationToken"]}

    def _give_up(self, why: str, **members: Any) -> None:
        self._save(given_up=True)
        shown = {name: value for name, value in members.items() if value}
        self._tell_once("goes on by paging", error=f"The export job does not help: {why}", **shown)

    def _save(self, **members: Any) -> None:
        self._state = {**self._state, **members}
        self._checkpoints.save(self._name, self._state)

    def _tell_once(self, how: str, **members: Any) -> None:
        if self._told != how:
            self._told = how
            self._tell(WHAT, how=how, **members)

    def _call(self, operation: str, **given: Any) -> Dict[str, Any]:
        return self._caller.call(SERVICE, self._place.region, operation, **given)
