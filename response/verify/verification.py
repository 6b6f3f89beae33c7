"""Compares the evidence of an incident with its manifests: chain, signature, and every object."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional

from response.core.custody import FOLDER, ITEM, OBJECT, Manifest, differences, hash_of, read_manifest
from response.core.part_hashes import Hashes
from response.errors import BadEvidence
from response.verify.copies import Copy
from response.verify.signature import fingerprint, is_signature, public_key

_MANIFEST = re.compile(re.escape(FOLDER) + r"manifest(?:-(\d+))?\.jsonl")
_BESIDE = re.compile(re.escape(FOLDER) + r"public_key(?:-\d+)?\.pem")


@dataclass
class Verdict:
    """What was found. The evidence is as it was collected when ``problems`` is empty."""

    incident: str = ""
    objects: int = 0
    bytes: int = 0
    manifests: int = 0
    closed_at: str = ""
    #: sha256 of the key's DER.
    key: str = ""
    problems: List[str] = field(default_factory=list)
    #: What was to be collected and is not there, by the manifest's own words.
    lacking: List[str] = field(default_factory=list)
    notes: List[str] = field(default_factory=list)
    #: Signatures and keys that belong to a manifest.
    belongs: List[str] = field(default_factory=list)

    def to_json(self) -> Dict[str, Any]:
        """Return it for a script."""
        known = {name: value for name, value in self.__dict__.items() if name != "belongs"}
        return {**known, "verified": not self.problems}


def verify(copy: Copy, trusted: Optional[bytes] = None, incident: str = "") -> Verdict:
    """Verify the evidence of one incident.

    ``trusted``: the public key, from somewhere else than the evidence; without it the one beside the manifest is used,
    which only shows that nothing changed since somebody signed. ``incident``: which one it has to be; any, if empty.
    Raises `BadEvidence` where there is no manifest, or where the trusted key cannot be read.
    """
    given = None if trusted is None else public_key(trusted)
    names = copy.names()
    numbers = {name: int(found[1] or 1) for name in names for found in [_MANIFEST.fullmatch(name)] if found}
    if not numbers:
        raise BadEvidence(
            f"there is no manifest ({FOLDER}manifest.jsonl) below this place: name the folder of one incident, and one "
            "for which the step archive has ended"
        )
    verdict = Verdict(manifests=len(numbers))
    if given is None:
        verdict.notes.append(
            "the public key beside the manifest was used: whoever can write there could have signed anew. Fetch the "
            "key once from KMS (aws kms get-public-key), keep it elsewhere, and give it as --public-key"
        )
    earlier = ""
    last = Manifest([], b"", [])
    for place, name in enumerate(sorted(numbers, key=lambda each: numbers[each]), 1):
        last = read_manifest(copy.read(name))
        where = f"{name}: "
        verdict.problems += [where + each for each in last.problems]
        if numbers[name] != place:
            verdict.problems.append(f"{where}manifest {place} is missing: it was removed")
        if last.opening.get("manifest") != numbers[name] or last.opening.get("earlier") != earlier:
            verdict.problems.append(f"{where}it does not follow the manifest before it: one was changed or removed")
        verdict.problems += [where + each for each in _signature(copy, names, numbers[name], last, given, verdict)]
        earlier = hash_of(last.closing)
    _incident(copy, last, incident, verdict)
    _objects(copy, names, last, verdict)
    return verdict


def _signature(
    copy: Copy, names: List[str], number: int, manifest: Manifest, given: Any, verdict: Verdict
) -> List[str]:
    name = FOLDER + ("signature.json" if number == 1 else f"signature-{number}.json")
    if name not in names:
        return [f"it is not signed: there is no {name}"]
    verdict.belongs.append(name)
    try:
        known = json.loads(copy.read(name))
        signature = base64.b64decode(known["signature"], validate=True)
        beside = FOLDER + str(known["public_key"])
    except (ValueError, KeyError, TypeError, binascii.Error) as exc:
        return [f"its signature {name} cannot be read: {exc!r}"]
    if _BESIDE.fullmatch(beside):
        verdict.belongs.append(beside)
    key = given
    if key is None:
        if beside not in names or not _BESIDE.fullmatch(beside):
            return [f"its public key {beside} is missing: give one with --public-key"]
        try:
            key = public_key(copy.read(beside))
        except BadEvidence as exc:
            return [f"{beside}: {exc}"]
    verdict.key = fingerprint(key)
    if not manifest.closing or not is_signature(key, signature, manifest.closing):
        return ["its signature does not fit: the closing record was changed, or another key signed it"]
    return []


def _incident(copy: Copy, manifest: Manifest, incident: str, verdict: Verdict) -> None:
    opening = manifest.opening
    verdict.incident = str(opening.get("incident", ""))
    verdict.closed_at = str(manifest.records[-1].get("closed_at", "")) if manifest.records else ""
    if incident and verdict.incident != incident:
        verdict.problems.append(f"the manifest is of the incident {verdict.incident!r}, not of {incident!r}")
    if copy.folder and opening.get("folder") != copy.folder:
        verdict.problems.append(f"the manifest is of {opening.get('folder')!r}, and lies in {copy.folder!r}")


def _objects(copy: Copy, names: List[str], manifest: Manifest, verdict: Verdict) -> None:
    versions = {str(each.get("key")): str(each.get("version") or "") for each in manifest.of_kind(OBJECT)}
    part_bytes = {str(each.get("key")): each.get("part_bytes") for each in manifest.of_kind(OBJECT)}
    there: Dict[str, Hashes] = {}
    unread: Dict[str, str] = {}
    for name in names:
        if name in verdict.belongs or _MANIFEST.fullmatch(name):
            continue
        if name not in versions:
            there[name] = Hashes("", 0)
            continue
        size = part_bytes[name]
        try:
            there[name] = copy.hashed(name, versions[name], size if isinstance(size, int) and size > 0 else 0)
        except BadEvidence as exc:
            unread[name] = str(exc)
    found = differences(manifest, there)
    verdict.problems += [f"unreadable: {text}" for text in unread.values()]
    verdict.problems += [each for each in found if each not in [f"missing: {name}" for name in unread]]
    verdict.problems += copy.oddities(versions)
    objects = manifest.of_kind(OBJECT)
    verdict.objects, verdict.bytes = len(objects), sum(_size(each) for each in objects)
    verdict.lacking = [
        f"{each.get('step')}: {each.get('item')}: {each.get('outcome')}: {each.get('why')}"
        for each in manifest.of_kind(ITEM)
    ]


def _size(record: Mapping[str, Any]) -> int:
    return record["bytes"] if isinstance(record.get("bytes"), int) else 0
