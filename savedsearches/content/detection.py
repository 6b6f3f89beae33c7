"""One detection, as its YAML file says it. What a member means for whoever writes one: ``docs/detections.md``.

The schema is strict: an unknown member, a missing one or one of another type is an error, and all errors of a file come
at once. What needs more than the file itself (macros, lookups, fields of the templates) is in `checks`.
"""

from __future__ import annotations

import re
import uuid
from typing import Any, Dict, Iterator, List, Literal, Mapping, Optional, Tuple, Union

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

RAW = ("cloudtrail", "vpc_flow", "route53_resolver", "waf", "linux")
SPLUNK = ("findings", "assets", "waf_detections", "health", "app_log")
Data = Literal[
    "cloudtrail", "vpc_flow", "route53_resolver", "waf", "linux", "findings", "assets", "waf_detections", "health",
    "app_log", "lookups",
]  # fmt: skip
#: Where the data model's name of an entity's type is one of Enterprise Security's.
EntityType = Literal["user", "system", "other"]
ThreatType = Literal[
    "command", "domain", "email_address", "email_subject", "file_hash", "file_name", "hostname", "http_user_agent",
    "ip_address", "other", "process", "process_name", "url", "user",
]  # fmt: skip
Severity = Literal["informational", "low", "medium", "high", "critical"]
Level = Literal["DEBUG", "INFO", "WARN"]

_SPAN = re.compile(r"([1-9][0-9]*)(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
#: How often a search may run: what a cron line can say evenly, and at most 12 times an hour.
EVERY = ("5m", "10m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d")
#: A search head that is back within this raises nothing twice.
MADE_UP_WITHIN_S = 3600
_ROW = re.compile(r"\$row\.([\w.{}\-]+)\$")

Change = Optional[Dict[str, Any]]


def seconds(span: str) -> int:
    """Return the seconds of ``15m``, ``2h``, ``1d``. Raises ValueError for any other text."""
    match = _SPAN.fullmatch(span)
    if match is None:
        raise ValueError(f"{span!r} is no time such as 30s, 15m, 4h, 2d")
    return int(match.group(1)) * _SECONDS[match.group(2)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Schedule(_Strict):
    """How often it runs, how much time of arrival it looks at, and how late it looks."""

    every: str
    window: str
    lag: str
    #: A cron line of its own, where ``every`` is not enough.
    cron: str = ""

    @field_validator("every")
    @classmethod
    def _even(cls, span: str) -> str:
        if span not in EVERY:
            raise ValueError(f"one of {', '.join(EVERY)}")
        return span

    @field_validator("window", "lag")
    @classmethod
    def _span(cls, span: str) -> str:
        seconds(span)
        return span

    @model_validator(mode="after")
    def _no_gap(self) -> Schedule:
        if seconds(self.window) % 60 or seconds(self.lag) % 60:
            raise ValueError("window and lag are whole minutes")
        if seconds(self.window) < seconds(self.every):
            raise ValueError("window is shorter than every: what arrives between two windows would never be seen")
        return self


class Suppress(_Strict):
    """Alerts of one thing are raised once in ``for``."""

    by: List[str] = Field(min_length=1)
    for_: str = Field(alias="for")

    @field_validator("for_")
    @classmethod
    def _span(cls, span: str) -> str:
        seconds(span)
        return span


class RiskObject(_Strict):
    """A field of the rows that gets the score."""

    field: str
    type: EntityType


class ThreatObject(_Strict):
    """A field of the rows that is what threatens."""

    field: str
    type: ThreatType


class Risk(_Strict):
    """Enterprise Security's risk."""

    score: int = Field(ge=0, le=100)
    objects: List[RiskObject] = Field(min_length=1)
    threats: List[ThreatObject] = []


class FirstStep(_Strict):
    """A search to start with, and the decision it serves."""

    search: str
    decides: str


class Drilldown(_Strict):
    """Where the alert leads."""

    title: str
    search: str


class FalseAlarms(_Strict):
    """Most false alarms a day on ordinary traffic; above one it is said why."""

    most: int = Field(ge=0)
    why: str = ""

    @model_validator(mode="after")
    def _said(self) -> FalseAlarms:
        if self.most > 1 and not self.why:
            raise ValueError("more than one false alarm a day needs why:")
        return self


class Events(_Strict):
    """A named group of labelled events: records in AWS's own form, over a plain record of that log."""

    data: Data
    #: Of findings: which product's.
    kind: str = "guardduty"
    set: Dict[str, Any] = {}
    at: str = "10m"
    #: Before the end of the window, too; negative (``-5m``) is after it. Default: two minutes after ``at``.
    arrives: Optional[str] = None
    repeat: int = Field(default=1, ge=1, le=5000)
    every: str = "1s"
    vary: Dict[str, Union[str, List[Any]]] = {}

    @field_validator("at", "arrives")
    @classmethod
    def _offset(cls, text: Optional[str]) -> Optional[str]:
        if text is not None:
            seconds(text.removeprefix("-"))
        return text

    @field_validator("every")
    @classmethod
    def _span(cls, span: str) -> str:
        seconds(span)
        return span


class Case(_Strict):
    """A change of the events, and for a negative the clause of the search that it is about."""

    name: str
    change: Dict[str, Change]
    #: How many raw events it pulls, where that matters: a filter that only spares them.
    raw_rows: Optional[int] = Field(default=None, ge=0)


class Positive(Case):
    """Must still alert; ``expect`` where the rows matter."""

    expect: List[Dict[str, Any]] = []


class Negative(Case):
    """Must not alert, and differs from the events in one thing."""

    clause: str

    @model_validator(mode="after")
    def _one_change(self) -> Negative:
        changes = [
            f"{group}.{member}" if member != "set" else f"{group}.set.{path}"
            for group, change in self.change.items()
            for member, value in ({"": None} if change is None else change).items()
            for path in (value if member == "set" and isinstance(value, dict) else [""])
        ]
        if len(changes) != 1:
            raise ValueError(
                f"a negative differs from the events in exactly one change, this one in {len(changes)}: "
                f"{', '.join(changes)}"
            )
        return self


class Lookup(_Strict):
    """Rows of a lookup table that the events are tried with."""

    rows: List[Dict[str, str]]


class Labelled(_Strict):
    """Events that the search is tried on."""

    events: Dict[str, Events]
    #: Lookup table -> rows that take the place of the shipped ones.
    lookups: Dict[str, List[Dict[str, str]]] = {}
    expect: List[Dict[str, Any]] = Field(min_length=1)
    positive: List[Positive] = []
    negative: List[Negative] = Field(min_length=1)

    @model_validator(mode="after")
    def _known_groups(self) -> Labelled:
        problems = []
        for case in (*self.positive, *self.negative):
            for group, change in case.change.items():
                if group not in self.events and not group.startswith("lookup:"):
                    problems.append(f"{case.name!r} changes {group!r}, which is none of the events")
                elif group in self.events:
                    problems += self._problems_of(case.name, group, change)
        names = [case.name for case in (*self.positive, *self.negative)]
        problems += [
            f"two cases are called {name!r}" for name in sorted({name for name in names if names.count(name) > 1})
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _problems_of(self, name: str, group: str, change: Change) -> Iterator[str]:
        if change is None:
            return
        unknown = set(change) - {"set", "at", "arrives", "repeat", "every", "vary"}
        if unknown:
            yield f"{name!r}: {group} cannot change {', '.join(sorted(unknown))}"
            return
        try:
            changed = self.changed({group: change})[group]
        except ValueError as exc:
            yield f"{name!r}: {group}: {exc}"
            return
        if changed == self.events[group]:
            yield f"{name!r}: {group} is as it is without the change"

    def changed(self, change: Mapping[str, Change]) -> Dict[str, Events]:
        """Return the groups after a change; a group that is ``None`` is left out."""
        groups = dict(self.events)
        for group, members in change.items():
            if group.startswith("lookup:"):
                continue
            if members is None:
                del groups[group]
                continue
            old = groups[group].model_dump()
            new = {**old, **members, "set": {**old["set"], **members.get("set", {})}}
            if "vary" in members:
                new["vary"] = {**old["vary"], **members["vary"]}
            groups[group] = Events.model_validate(new)
        return groups


class Detection(_Strict):
    """One detection."""

    id: str
    name: str = Field(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)+$", max_length=60)
    title: str = Field(max_length=100)
    version: int = Field(ge=1)
    description: str
    data: List[Data] = Field(min_length=1)
    search: str
    schedule: Schedule
    suppress: Suppress
    severity: Severity
    risk: Risk
    attack: List[str]
    cim: List[str]
    guardduty: str = Field(min_length=3)
    false_positives: str = Field(min_length=10)
    first_steps: List[FirstStep] = Field(min_length=3, max_length=3)
    drilldown: Drilldown
    response: List[str]
    raw_rows: int = Field(ge=0)
    false_alarms_a_day: FalseAlarms
    #: Missing only in what was imported and is ``untested``: nothing untested ships.
    labelled: Optional[Labelled] = None
    untested: bool = False
    #: A pack it belongs to beside that of its data.
    packs: List[str] = []

    @field_validator("id")
    @classmethod
    def _uuid4(cls, text: str) -> str:
        if str(uuid.UUID(text)) != text or uuid.UUID(text).version != 4:
            raise ValueError("not a UUID of version 4 in small letters")
        return text

    @field_validator("attack")
    @classmethod
    def _techniques(cls, ids: List[str]) -> List[str]:
        wrong = [each for each in ids if not re.fullmatch(r"T[0-9]{4}(\.[0-9]{3})?", each)]
        if wrong:
            raise ValueError(f"no ATT&CK technique: {', '.join(wrong)}")
        return ids

    @model_validator(mode="after")
    def _fits_together(self) -> Detection:
        problems = []
        last = self.search.strip().splitlines()[-1].strip()
        match = re.fullmatch(r"\|\s*`aws_detection\((\w+),\s*([\w.]+)\)`", last)
        if match is None:
            problems.append("the last line of search is not | `aws_detection(<name>, <entity field>)`")
        elif match.group(1) != self.name:
            problems.append(f"`aws_detection` names {match.group(1)}, the detection is {self.name}")
        if (self.labelled is None) != self.untested:
            problems.append("labelled is missing: only an imported detection is untested, and one with events is not")
        elif self.labelled:
            used = {group.data for group in self.labelled.events.values()}
            used |= {"lookups"} if self.labelled.lookups else set()
            problems += [f"data lists {each}, no group of events has it" for each in self.data if each not in used]
            only = used - {"lookups"}
            problems += [f"events of {each} are not in data" for each in sorted(only) if each not in self.data]
        overlap = seconds(self.schedule.window) - seconds(self.schedule.every)
        if overlap and seconds(self.suppress.for_) < seconds(self.schedule.window) + MADE_UP_WITHIN_S:
            problems.append(
                "windows overlap (window is longer than every), so suppress.for has to be an hour longer than window: "
                "a run that is made up for within that hour must not raise again what was raised"
            )
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def entity(self) -> str:
        """The field that exceptions are about."""
        return self.search.strip().splitlines()[-1].rpartition(",")[2].strip().rstrip(")`").strip()

    @property
    def all_packs(self) -> Tuple[str, ...]:
        """The packs that turn it on: one for each kind of data it reads, and those it names."""
        return tuple(dict.fromkeys((*self.data, *self.packs)))

    @property
    def reads_splunk(self) -> bool:
        """Whether it reads an index of Splunk."""
        return any(each in SPLUNK for each in self.data)

    def tokens(self) -> Iterator[Tuple[str, str]]:
        """Yield (where, field) for every ``$row.<field>$``."""
        texts = {f"first_steps[{n}]": step.search for n, step in enumerate(self.first_steps)}
        texts["drilldown"] = self.drilldown.search
        for where, text in texts.items():
            for match in _ROW.finditer(text):
                yield where, match.group(1)
