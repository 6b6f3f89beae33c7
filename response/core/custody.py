r"""The record of custody: what was collected, chained so that no line of it can be taken out, moved or changed unseen.

A manifest is text: one record of canonical JSON (sorted names, no spaces, ASCII) a line. Each record has its
``number`` from 1 and ``previous``, the sha256 of the line before it in hexadecimal (`GENESIS` for the first).

========  =========================================================================================================
kind      what it holds
========  =========================================================================================================
opening   ``format``, ``account``, ``region``, ``target``, ``incident``, ``folder`` in the bucket, ``made_at``,
          ``made_by``, ``tool``; ``manifest``, its number from 1, and ``earlier``: sha256 of the closing record of the
          manifest before it, or nothing
object    ``key`` below the folder, ``version``, ``sha256`` and ``bytes`` as read from S3 for the manifest, ``step``,
          ``item`` and ``collected_sha256`` as the step recorded them, or nothing; ``stored_at`` by S3's clock. One of
          more than ``part_bytes`` has no ``sha256``, but ``parts``, that of each, and ``sha256_of_parts``
          (`response.core.part_hashes`); a manifest with such an object has format 2, any other format 1
item      what is not there: ``step``, ``item``, ``outcome``, ``why``
kept      what is evidence and no object of the bucket, such as a snapshot: ``step``, ``item``, and ``why``: which one,
          and how it is locked
closing   the incident as in the opening, ``manifest``, ``records``, ``objects``, ``bytes``, ``last``: sha256 of the
          line before it, ``closed_at``; ``key`` and ``algorithm`` of the signature, which is over this line without
          its line end
========  =========================================================================================================
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Sequence

from response.core.part_hashes import Hashes, sha256_of_parts
from response.errors import BadEvidence

#: Of a manifest without and with objects that are hashed in parts.
FORMAT, FORMAT_OF_PARTS = 1, 2
OPENING, OBJECT, ITEM, KEPT, CLOSING = "opening", "object", "item", "kept", "closing"
#: What the first record of a chain follows.
GENESIS = "0" * 64
#: AWS KMS signs no longer message: https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
MOST_SIGNED_BYTES = 4096
ALGORITHM = "ECDSA_SHA_256"
#: Folder of the manifests, their signatures and the public key, below an incident's.
FOLDER = "custody/"

Record = Dict[str, Any]


class Manifest(NamedTuple):
    """A manifest that was read. ``problems``: where its chain does not hold; empty when it does."""

    records: List[Record]
    #: The line that is signed, or nothing.
    closing: bytes
    problems: List[str]

    def of_kind(self, kind: str) -> List[Record]:
        """Return the records of one kind, in their order."""
        return [each for each in self.records if each.get("kind") == kind]

    @property
    def opening(self) -> Record:
        """The first record, or an empty one."""
        return self.records[0] if self.records and self.records[0].get("kind") == OPENING else {}

    @property
    def content(self) -> List[Record]:
        """What it says of the evidence, without what differs from one manifest to the next."""
        chain = ("number", "previous")
        return [{n: v for n, v in each.items() if n not in chain} for each in self.records[1:-1]]


def line_of(record: Mapping[str, Any]) -> bytes:
    """Return a record as it is hashed and signed."""
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def hash_of(line: bytes) -> str:
    """Return the sha256 of a line without its end."""
    return hashlib.sha256(line).hexdigest()


def manifest_of(opening: Mapping[str, Any], content: Iterable[Mapping[str, Any]], closing: Mapping[str, Any]) -> bytes:
    """Return a whole manifest. ``closing`` is completed with what it closes. Raises `BadEvidence` for one too long."""
    lines: List[bytes] = []
    objects = size = 0
    records = list(content)
    format = FORMAT_OF_PARTS if any("parts" in each for each in records) else FORMAT
    for record in ({**opening, "kind": OPENING, "format": format}, *records):
        objects += record["kind"] == OBJECT
        size += record["bytes"] if record["kind"] == OBJECT else 0
        lines.append(line_of({**record, **_link(lines)}))
    end = {**closing, "kind": CLOSING, "records": len(lines) + 1, "objects": objects, "bytes": size}
    lines.append(line_of({**end, "last": hash_of(lines[-1]), **_link(lines)}))
    if len(lines[-1]) > MOST_SIGNED_BYTES:
        raise BadEvidence(f"the closing record has {len(lines[-1]):,} bytes, more than {MOST_SIGNED_BYTES:,}")
    return b"\n".join(lines) + b"\n"


def read_manifest(text: bytes) -> Manifest:
    """Return a manifest, and every place where its chain is broken."""
    problems: List[str] = []
    records: List[Record] = []
    if not text.endswith(b"\n"):
        problems.append("the manifest does not end with a line's end: it was cut")
    lines = text.split(b"\n")[: -1 if text.endswith(b"\n") else None]
    before = GENESIS
    for number, line in enumerate(lines, 1):
        record = _record(line)
        if record is None:
            problems.append(f"record {number} of the manifest is no record: it was changed")
            record = {}
        elif line_of(record) != line:
            problems.append(f"record {number} of the manifest is not written as it was: it was changed")
        if record.get("number") != number:
            problems.append(f"in place of record {number} is {record.get('number')!r}: records were removed or moved")
        if record.get("previous") != before:
            problems.append(f"record {number} does not follow the one before it: that was changed, removed or moved")
        if (record.get("kind") == OPENING) != (number == 1) or (record.get("kind") == CLOSING) != (
            number == len(lines)
        ):
            kind = f"record {number} of {len(lines)} is of the kind {record.get('kind')!r}"
            problems.append(f"{kind}: the manifest was cut, or put together anew")
        records.append(record)
        before = hash_of(line)
    if records and records[0].get("format") not in (FORMAT, FORMAT_OF_PARTS):
        problems.append(f"the manifest has the format {records[0].get('format')!r}: a newer version of this reads it")
    problems += _ends(records)
    whole = records and records[-1].get("kind") == CLOSING
    return Manifest(records, lines[-1] if whole else b"", problems)


def differences(manifest: Manifest, there: Mapping[str, Hashes]) -> List[str]:
    """Compare the objects with what is there: key -> its hashes. Return each that differs, in words.

    ``there`` has every file of the incident but those of `FOLDER`; of one with ``parts`` in the manifest these, too.
    """
    found: List[str] = []
    wanted = {str(each.get("key", "")): each for each in manifest.of_kind(OBJECT)}
    by_hash = {each["sha256"]: key for key, each in wanted.items() if each.get("sha256")}
    for key, record in sorted(wanted.items()):
        if key not in there:
            found.append(f"missing: {key}")
            continue
        is_ = there[key]
        if is_.bytes != record.get("bytes"):
            found.append(f"altered: {key} has {is_.bytes} bytes, not {record.get('bytes')}")
        elif "parts" in record:
            found += _differs(key, record, is_)
        elif is_.sha256 != record.get("sha256"):
            whose = by_hash.get(is_.sha256)
            found.append(f"altered: {key} has another content" + (f", that of {whose}" if whose else ""))
    found += [f"extra: {key} is not in the manifest" for key in sorted(set(there) - set(wanted))]
    return found


def _differs(key: str, record: Record, is_: Hashes) -> List[str]:
    """Return how something that is hashed in parts differs; nothing when it does not."""
    parts = record["parts"] if isinstance(record["parts"], list) else []
    try:
        whole = sha256_of_parts(parts)
    except (TypeError, ValueError):
        whole = ""
    if whole != record.get("sha256_of_parts") or not whole:
        return [f"the manifest contradicts itself: the parts of {key} are not those of its sha256_of_parts"]
    if list(is_.parts) != parts:
        many = [n for n, (one, other) in enumerate(zip(is_.parts, parts), 1) if one != other]
        return [f"altered: {key} has another content in the parts {', '.join(map(str, many))} of {len(parts)}"]
    collected = record.get("collected_sha256")
    if collected and collected != is_.sha256:
        # Nobody could compare it when the manifest was made: the whole was never read in one go.
        return [f"changed before it was archived: {key} had the sha256 {collected}, and has {is_.sha256}"]
    return []


def _link(lines: Sequence[bytes]) -> Record:
    return {"number": len(lines) + 1, "previous": hash_of(lines[-1]) if lines else GENESIS}


def _record(line: bytes) -> Any:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _ends(records: Sequence[Record]) -> List[str]:
    """Return what the closing record says otherwise than the manifest is."""
    if not records or records[-1].get("kind") != CLOSING:
        return ["the manifest has no closing record: it was cut"]
    opening, closing = records[0], records[-1]
    objects = [each for each in records if each.get("kind") == OBJECT]
    is_ = {
        "records": len(records),
        "objects": len(objects),
        "bytes": sum(each["bytes"] for each in objects if isinstance(each.get("bytes"), int)),
        "last": closing.get("previous"),
        **{name: opening.get(name) for name in ("account", "region", "target", "incident", "manifest")},
    }
    return [
        f"the closing record says {name} {closing.get(name)!r}, and it is {value!r}"
        for name, value in is_.items()
        if closing.get(name) != value
    ]
