"""The fields of a flow log record, and what the common fields say about it: from texts to values."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, NamedTuple, Optional, Tuple

from collectors.records.cache import BoundedCache
from collectors.records.event_time import EventTime, from_epoch_ms
from collectors.sources.vpc_flow.columns import ABSENT, NUMBERS, PORTS, TIMES
from collectors.sources.vpc_flow.log import LOG
from collectors.sources.vpc_flow.protocols import flag_names, protocol_name

DATASET = LOG.event_dataset
LONGEST_LONG = 2**63 - 1
LAST_PORT = 65_535

#: No leading zero: such a thing is no number in JSON.
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_OUTCOMES = {"ACCEPT": "success", "REJECT": "failure"}

Fields = Dict[str, Any]


class Time(NamedTuple):
    """An event's time as `EventTime` has it, and the beginning of the record's text."""

    epoch_ms: int
    stamp: str
    head: str


def event_time(text: str) -> Optional[Time]:
    """Return the time of ``text``, seconds since 1970; None if it is none."""
    found = from_epoch_ms(int(text) * 1000) if _NUMBER.fullmatch(text) else None
    return found and time_of(found)


def time_of(found: EventTime) -> Time:
    """Return what a record needs of a time."""
    return Time(found.epoch_ms, found.stamp, f'{{"@timestamp":"{found.stamp}",')


#: ``times[text]`` is `event_time`, remembered: records of a file share theirs.
times: BoundedCache[str, Optional[Time]] = BoundedCache(event_time, most=16_384, longest=32)


def is_port(text: str) -> bool:
    """Whether ``text`` is the number of a port."""
    return _NUMBER.fullmatch(text) is not None and int(text) <= LAST_PORT


def typed(columns: Iterable[Tuple[str, str]]) -> Tuple[Fields, Fields]:
    """Return the fields that have a value, as text or number, and apart from them what is no such number."""
    fields: Fields = {}
    unmapped: Fields = {}
    for name, text in columns:
        if text == ABSENT:
            continue
        if name not in NUMBERS:
            fields[name] = text
        elif _is_number(name, text):
            fields[name] = int(text)
        else:
            unmapped[name] = text
    return fields, unmapped


def is_count(text: str) -> bool:
    """Whether ``text`` is a whole number that every engine's ``long`` holds."""
    return _NUMBER.fullmatch(text) is not None and int(text) <= LONGEST_LONG


def _is_number(name: str, text: str) -> bool:
    if name in PORTS:
        return is_port(text)
    if name in TIMES:
        return event_time(text) is not None
    return is_count(text)


def event(fields: Fields) -> Fields:
    """Return the members of ``event``."""
    found = {"dataset": DATASET}
    action = fields.get("action")
    if action:
        found["action"] = action.lower()
    if action in _OUTCOMES:
        found["outcome"] = _OUTCOMES[action]
    return found


def network(fields: Fields) -> Fields:
    """Return the members of ``network`` that are neither told by the addresses nor amounts."""
    found: Fields = {}
    if "protocol" in fields:
        found["transport"] = protocol_name(fields["protocol"])
        found["iana_number"] = str(fields["protocol"])
    if "flow_direction" in fields:
        found["direction"] = fields["flow_direction"]
    return found


def cloud(fields: Fields, account: str, region: str) -> Fields:
    """Return the members of ``cloud``; ``account`` and ``region`` are those of the object, for formats without."""
    found: Fields = {"provider": "aws"}
    region, account = fields.get("region", region), fields.get("account_id", account)
    if region:
        found["region"] = region
    if "az_id" in fields:
        found["availability_zone"] = fields["az_id"]
    if account:
        found["account"] = {"id": account}
    if "instance_id" in fields:
        found["instance"] = {"id": fields["instance_id"]}
    return found


def flags(fields: Fields) -> Fields:
    """Return ``tcp_flag_names``, nothing where no flag is set."""
    names = flag_names(fields.get("tcp_flags", 0))
    return {"tcp_flag_names": names} if names else {}
