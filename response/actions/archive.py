"""Closes the evidence of an incident: every object hashed once more, one signed manifest of all, written last.

Called again, it finds its manifest, or writes the next one where evidence came in meanwhile. It goes on where it was
when there was no time for all objects, or for all parts of a large one (`response.actions.hashing`).
"""

from __future__ import annotations

import base64
import json
import re
import time
from datetime import datetime, timezone
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from response.actions.collecting import RECORD
from response.actions.hashing import Hashing
from response.aws.evidence import EvidenceStore, Found, numbered
from response.aws.signing import SigningKey
from response.core.budget import Budget
from response.core.custody import ALGORITHM, FOLDER, ITEM, KEPT, OBJECT, hash_of, manifest_of, read_manifest
from response.core.evidence import COLLECTED, EMPTY, FAILED, Item, items_of
from response.core.part_hashes import PART_BYTES, sha256_of_parts
from response.core.result import ALREADY_DONE, DONE, PARTIAL, PLANNED_RESULT, ActionResult
from response.core.target import Target
from response.errors import BadEvidence
from response.verify.signature import pem_of

ACTION = "archive"
#: Who made a manifest.
TOOL = "aws-siem-bridge"
_STEP = FOLDER.rstrip("/")
_RECORD = re.compile(rf"([^/]+)/{re.escape(RECORD[: -len('.json')])}(?:-(\d+))?\.json")
_MANIFEST = re.compile(re.escape(FOLDER) + r"manifest(?:-(\d+))?\.jsonl")


class Recorded(NamedTuple):
    """What the steps recorded: key below the folder -> step and item, what is not there, what is kept elsewhere."""

    objects: Dict[str, Tuple[str, Item]]
    lacking: List[Tuple[str, Item]]
    elsewhere: List[Tuple[str, Item]]


class Archive(NamedTuple):
    """Where the evidence is, and what it is signed with; without a key it is not."""

    store: EvidenceStore
    key: Optional[SigningKey]
    #: ARN of who does this, for the record.
    by: str = ""
    now: Callable[[], datetime] = lambda: datetime.now(timezone.utc)
    #: Seconds of any clock after which it stops and is called again; for ever without.
    seconds: float = float("inf")
    clock: Callable[[], float] = time.monotonic
    progress: Callable[[Item], Any] = lambda _: None
    #: Objects above are hashed in parts of so many bytes.
    part_bytes: int = PART_BYTES

    def archive(self, target: Target, incident: str, *, dry_run: bool = False) -> ActionResult:
        """Write the manifest and sign it. Raises `StillRunning` when time is over, `CallProblem`, `BadEvidence`."""
        budget = Budget(self.seconds, self.clock)
        listed = list(self.store.listed())
        start = len(self.store.folder)
        found = {each.key[start:]: each for each in listed if not each.key[start:].startswith(FOLDER)}
        if dry_run:
            says = f"a manifest of {len(found)} objects of {target} would be written; nothing was written"
            return ActionResult(ACTION, target, incident, PLANNED_RESULT, says)
        recorded = self._recorded(found)
        hashing = Hashing(self.store, ACTION, budget, self.part_bytes, self.now)
        content, changed = self._content(found, recorded, hashing)
        names = [each.key[start:] for each in listed]
        number, manifest, already = self._manifest(target, incident, content, names)
        hashing.done()
        notes = [*self.store.notes, *changed]
        items = [manifest]
        if self.key is None:
            notes.append("the manifest is not signed: no key was given")
        else:
            signed, signed_before = self._signature(self.key, manifest, number)
            items += signed
            already = already and signed_before
        missing = [f"{step}: {item.item}" for step, item in recorded.lacking if item.outcome == FAILED]
        undeclared = [name for name in found if name not in recorded.objects and not _RECORD.fullmatch(name)]
        objects = [each for each in content if each["kind"] == OBJECT]
        size = sum(each["bytes"] for each in objects)
        says = f"custody of {target}: manifest {number} of {len(objects)} objects, {size:,} bytes"
        says += ", signed" if self.key else ", NOT signed"
        if missing:
            says += f"; not collected: {', '.join(missing)}"
        if undeclared:
            notes.append(f"no step has recorded {', '.join(sorted(undeclared))}")
        complete = not missing and not changed and self.key
        result = (ALREADY_DONE if already else DONE) if complete else PARTIAL
        for each in items:
            self.progress(each)
        return ActionResult(ACTION, target, incident, result, says, notes=tuple(notes), evidence=tuple(items))

    def _recorded(self, found: Dict[str, Found]) -> Recorded:
        """Read the records of the steps; of one that ran twice the later one says what is missing."""
        objects: Dict[str, Tuple[str, Item]] = {}
        lacking: Dict[Tuple[str, str], Item] = {}
        elsewhere: Dict[Tuple[str, str], Item] = {}
        records = sorted((m[1], int(m[2] or 1), m[0]) for m in map(_RECORD.fullmatch, found) if m)
        for step, _, name in records:
            try:
                known = json.loads(self.store.read(self.store.folder + name))
                items = items_of(known["items"])
            except (ValueError, KeyError, TypeError) as exc:
                raise BadEvidence(f"{name} is no record of a step: {exc!r}") from exc
            for item in items:
                lacking.pop((step, item.item), None)
                elsewhere.pop((step, item.item), None)
                if item.key:
                    objects[item.key[len(self.store.folder) :]] = step, item
                elif item.outcome != COLLECTED:
                    lacking[step, item.item] = item
                else:
                    elsewhere[step, item.item] = item
        return Recorded(objects, *([(step, item) for (step, _), item in each.items()] for each in (lacking, elsewhere)))

    def _content(
        self, found: Dict[str, Found], recorded: Recorded, hashing: Hashing
    ) -> Tuple[List[Dict[str, Any]], List[str]]:
        """Return the records between opening and closing, and what is not as its step recorded it."""
        records: List[Dict[str, Any]] = []
        changed: List[str] = []
        for name, about in sorted(found.items()):
            step, item = recorded.objects.get(name, (name.partition("/")[0], Item("", EMPTY)))
            read = hashing.of(about, item.version)
            if item.sha256 and read.sha256 and item.sha256 != read.sha256:
                why = f"{name} had the sha256 {item.sha256}, and has {read.sha256}"
                changed.append(f"CHANGED since it was collected: {why}")
            record = {
                "kind": OBJECT, "key": name, "version": read.version, "sha256": read.sha256, "bytes": read.bytes,
                "step": step, "item": item.item, "stored_at": _text(about.stored), "collected_sha256": item.sha256,
            }  # fmt: skip
            if read.parts:
                # The same whether it was read in one go or not, so that it is the same manifest.
                whole = sha256_of_parts(read.parts)
                record.update(
                    sha256="", part_bytes=self.part_bytes, parts=list(read.parts), sha256_of_parts=whole
                )  # fmt: skip
            records.append(record)
        for name, (step, item) in sorted(recorded.objects.items()):
            if name not in found:
                changed.append(f"GONE since it was collected: {name}")
                gone = {"kind": ITEM, "step": step, "item": item.item, "outcome": FAILED}
                records.append({**gone, "why": f"{name} was collected and is no longer there"})
        for step, item in recorded.elsewhere:
            records.append({"kind": KEPT, "step": step, "item": item.item, "why": item.why})
        for step, item in recorded.lacking:
            lack = {"kind": ITEM, "step": step, "item": item.item, "outcome": item.outcome}
            records.append({**lack, "why": item.why})
        return records, changed

    def _manifest(
        self, target: Target, incident: str, content: List[Dict[str, Any]], names: List[str]
    ) -> Tuple[int, Item, bool]:
        """Return the number of the manifest of this content, its item, and whether it was there."""
        numbers = sorted(int(m[1] or 1) for m in map(_MANIFEST.fullmatch, names) if m)
        last, earlier = (numbers[-1] if numbers else 0), ""
        while True:
            if last:
                key = f"{self.store.folder}{FOLDER}{numbered('manifest.jsonl', last)}"
                before = read_manifest(self.store.read(key))
                if before.problems:
                    raise BadEvidence(f"the manifest {key} is not as it was written: {before.problems[0]}")
                if before.content == content:
                    return last, self.store.read_back(key).item("manifest"), True
                earlier = hash_of(before.closing)
            number = last + 1
            text = self._text(target, incident, content, number, earlier)
            kind = "application/x-ndjson"
            stored = self.store.put_only(_STEP, numbered("manifest.jsonl", number), text, kind)
            if stored:
                return number, stored.item("manifest"), False
            # Somebody else wrote this number meanwhile.
            last = number

    def _text(self, target: Target, incident: str, content: List[Dict[str, Any]], number: int, earlier: str) -> bytes:
        moment = _text(self.now())
        whose = {
            "account": target.account, "region": target.region, "target": target.instance, "incident": incident,
            "manifest": number,
        }  # fmt: skip
        opening = {**whose, "folder": self.store.folder, "made_at": moment, "made_by": self.by, "tool": TOOL}
        closing = {**whose, "closed_at": moment, "key": self.key.id if self.key else "", "algorithm": ALGORITHM}
        return manifest_of({**opening, "earlier": earlier}, content, closing)

    def _signature(self, key: SigningKey, manifest: Item, number: int) -> Tuple[List[Item], bool]:
        """Sign the closing record of a manifest, unless that is done; return the items and whether it was."""
        closing = read_manifest(self.store.read(manifest.key, manifest.version)).closing
        name = numbered("signature.json", number)
        there = f"{self.store.folder}{FOLDER}{name}"
        before = there in [each.key for each in self.store.listed(FOLDER)]
        if not before:
            # The key first: a signature that is there has its key beside it.
            pem = pem_of(key.public_key())
            public = self.store.put(_STEP, "public_key.pem", pem, "application/x-pem-file")
            known = {
                "algorithm": ALGORITHM, "key": key.id, "closing_sha256": hash_of(closing),
                "public_key": public.key.rpartition("/")[2],
                "signature": base64.b64encode(key.sign(closing)).decode(),
            }  # fmt: skip
            text = json.dumps(known, sort_keys=True, indent=1).encode()
            # A signature of this kind is another one each time: where somebody was faster, his stays.
            self.store.put_only(_STEP, name, text, "application/json")
        known = json.loads(self.store.read(there))
        if known.get("closing_sha256") != hash_of(closing):
            raise BadEvidence(f"{there} is the signature of another manifest than the one beside it")
        public = self.store.read_back(f"{self.store.folder}{FOLDER}{known['public_key']}")
        return [self.store.read_back(there).item("signature"), public.item("public key")], before


def _text(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
