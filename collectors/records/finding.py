"""What passes between the reading of a finding and its delivery: one version of it, and what is decided by.

A finding is a thing that AWS keeps and changes; a log record is not. So it has two keys. ``finding_key`` is equal for
all versions of it, ``version_key``, the identity of its `Record`, for one version wherever it comes from: polled, as an
event, or twice.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import urlsafe_b64encode
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from collectors.errors import InvalidRecord
from collectors.records.event_time import EventTime, odd_time
from collectors.records.record import Origin, Record

_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?\s*(Z|UTC|[+-]\d\d:?\d\d)?", re.ASCII)
#: Names of OCSF's numeric times: ``time``, ``modified_time``.
_TIME_NAME = re.compile(r"(.*_)?time")
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, sort_keys=True, default=str).encode
_write = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode

INFORMATIONAL, LOW, MEDIUM, HIGH, CRITICAL, UNKNOWN = "informational", "low", "medium", "high", "critical", "unknown"


class Severity(NamedTuple):
    """``number`` from 0 to 10 on GuardDuty's scale, and its label."""

    number: float
    label: str


#: GuardDuty's bounds: https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings-severity.html
_FROM = ((9.0, CRITICAL), (7.0, HIGH), (4.0, MEDIUM), (1.0, LOW))
_LOWEST = {INFORMATIONAL: 0.0, UNKNOWN: 0.0, **{label: number for number, label in _FROM}}


def severity_of_number(number: Any) -> Severity:
    """Return the severity of a number from 0 to 10; unknown for what is none."""
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        return Severity(0.0, UNKNOWN)
    return Severity(float(number), next((label for least, label in _FROM if number >= least), INFORMATIONAL))


def severity_of_label(label: Any) -> Severity:
    """Return the severity of a word, with the least number that has it; unknown for another word."""
    known = str(label or "").lower()
    return Severity(_LOWEST.get(known, 0.0), known if known in _LOWEST else UNKNOWN)


class Finding(NamedTuple):
    """One version of one finding."""

    record: Record
    finding_key: str
    #: Equal for versions in which nothing but times differs.
    matter: bytes
    severity: Severity
    #: What a person would group by: the type, the control, and what it is about.
    rule: str = ""
    resource: str = ""
    sample: bool = False
    #: A control that found nothing wrong.
    passed: bool = False
    #: Of Security Hub's findings: the product that found it, and standards that its own control is part of.
    product: str = ""
    standards: Tuple[str, ...] = ()


class Described(NamedTuple):
    """What a source knows of one finding. The common part, `make`, turns it into a `Finding`."""

    dataset: str
    finding_key: str
    updated: Optional[EventTime]
    #: What may change while the time of the update stays.
    may_change: Any
    origin: Origin
    severity: Severity
    rule: str = ""
    resource: str = ""
    sample: bool = False
    passed: bool = False
    product: str = ""
    standards: Tuple[str, ...] = ()
    #: More members of our own.
    own: Mapping[str, Any] = {}


def make(known: Described, finding: Mapping[str, Any], event: Mapping[str, Any]) -> Finding:
    """Return a finding; ``event`` is what is written of it, ``finding`` what it is about.

    Our own members come first, then what is short: Splunk extracts fields of the first 5,000 bytes only
    (``extraction_cutoff`` in limits.conf). Raises `InvalidRecord` without a key or a time.
    """
    if not known.finding_key.strip("|:"):
        raise InvalidRecord(f"a finding of {known.dataset} without an id")
    if known.updated is None:
        raise InvalidRecord(f"the finding {known.finding_key} of {known.dataset} does not say when it was updated")
    version = hashlib.blake2b(digest_size=18)
    version.update(_encode([known.finding_key, known.updated.epoch_ms, known.may_change]).encode("utf-8", "replace"))
    version_key = urlsafe_b64encode(version.digest()).decode()
    own: Dict[str, Any] = {
        "finding_key": known.finding_key,
        "version_key": version_key,
        "severity_number": known.severity.number,
        "severity_label": known.severity.label,
        **({"sample": True} if known.sample else {}),
        **known.own,
    }
    text = _write({**own, **{name: value for name, value in event.items() if name not in own}})
    return Finding(
        Record(known.dataset, known.updated.epoch_ms, version_key, _utf8(text), 0, known.origin),
        known.finding_key,
        hashlib.blake2b(_encode(without_times(finding)).encode("utf-8", "replace"), digest_size=8).digest(),
        known.severity,
        known.rule,
        known.resource,
        known.sample,
        known.passed,
        known.product,
        known.standards,
    )


def whole_event(dataset: str, event: Mapping[str, Any]) -> Finding:
    """Return an event of EventBridge as it is: its id and time are the identity, and it has no severity.

    Raises `InvalidRecord` without an id or a time.
    """
    known = Described(
        dataset=dataset,
        finding_key=text(event.get("id")),
        updated=time_of(event.get("time")),
        may_change=None,
        origin=Origin(text(event.get("account")), text(event.get("region"))),
        severity=severity_of_label(None),
        rule=text(event.get("detail-type")),
    )
    return make(known, event, short_first(event))


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which an attacker can put into a name
        return json.dumps(json.loads(text), separators=(",", ":")).encode()


def short_first(members: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the members with the scalars first, then objects and lists, the largest last."""
    large = {name: value for name, value in members.items() if isinstance(value, (dict, list))}
    by_size = sorted(large, key=lambda name: len(_write(large[name])))
    scalars = {name: value for name, value in members.items() if name not in large}
    return {**scalars, **{name: large[name] for name in by_size}}


def without_times(value: Any) -> Any:
    """Return ``value`` without the members that are times, by their form or, of numbers, by their name."""
    if isinstance(value, dict):
        return {name: without_times(item) for name, item in value.items() if not _is_time(name, item)}
    return [without_times(item) for item in value] if isinstance(value, list) else value


def _is_time(name: str, value: Any) -> bool:
    if isinstance(value, str):
        return _TIME.fullmatch(value) is not None
    return isinstance(value, (int, float)) and _TIME_NAME.fullmatch(name) is not None


def time_of(*values: Any) -> Optional[EventTime]:
    """Return the first of the values that is a time."""
    return next((found for found in map(odd_time, values) if found is not None), None)


def inside(value: Any, *path: Any) -> Any:
    """Return what is at ``path``, names and positions; ``None`` where there is nothing, or something of another shape.

    AWS adds types of findings and resources as it likes, so that nothing but the identity is taken for granted.
    """
    for part in path:
        if isinstance(part, int):
            value = value[part] if isinstance(value, list) and len(value) > part else None
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return value


def text(value: Any) -> str:
    """Return a text; empty for what is none."""
    return value if isinstance(value, str) else ""


def objects(value: Any) -> List[Dict[str, Any]]:
    """Return the objects of a list; none for what is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
