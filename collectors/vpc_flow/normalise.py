"""A flow log record as the document that is stored and searched. Pure: no network, no file, no clock.

The document is AWS's record, names with underscores, numbers as numbers, ``-`` left out; in front of it stand a few
fields that have the same names for every log of this product (Elastic Common Schema,
https://www.elastic.co/guide/en/ecs/current/ecs-field-reference.html):

==========================  ==========================================================================================
common field                comes from
==========================  ==========================================================================================
@timestamp                  ``end``, else ``start``
event.dataset               ``aws.vpcflow``
event.action                ``action`` in lower case: ``accept``, ``reject``
event.outcome               ``success`` for ACCEPT, ``failure`` for REJECT, as for a refused call in CloudTrail
event.oversized             names of the fields that are longer than an index takes (``ignore_above``)
source.ip, destination.ip   ``srcaddr``, ``dstaddr``, with what is known about them: scope, country, AS
source.address, ...         the same column when it holds something else than an address
source.port, ...            ``srcport``, ``dstport``
network.type                ``ipv4`` or ``ipv6``, told by the address
network.transport           the name of ``protocol``: `collectors.vpc_flow.protocols`
network.iana_number         ``protocol``, as text
network.direction           ``flow_direction``: ``ingress`` or ``egress``, seen from the network interface
network.bytes, .packets     ``bytes``, ``packets``
cloud.account.id, .region   ``account_id``, ``region``; where the format lacks them, those of the object's key
cloud.availability_zone     ``az_id``: the zone's id, not its name, which differs from account to account
cloud.instance.id           ``instance_id``
tcp_flag_names              the bits of ``tcp_flags``: ``fin syn rst psh ack urg ece cwr``
unmapped                    values that are no number where one is expected, and columns whose names are taken
==========================  ==========================================================================================

Rows NODATA and SKIPDATA are records without the fields of the traffic. A record without a usable time is an
`InvalidRecord`. Index: ``aws-vpcflow-YYYY.MM.DD``; id: `collectors.records.record_id`.

Speed: a file repeats itself, so what depends on columns that repeat (interface, subnet, action, flags ...) is made
once for each combination and joined with the rest as text. Measured on version 5, one core, from gzip to NDJSON:
135,000 records/s this way, 40,000 the plain way (`Normaliser._unusual`, for records that lack or have something
unusual). Both give the same bytes.
"""

from __future__ import annotations

import re
from operator import itemgetter
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple, TypeVar

from collectors.datasets import DATASETS
from collectors.errors import InvalidRecord
from collectors.event_time import from_epoch_ms
from collectors.records import Context, Document, record_id
from collectors.shape import LONGEST_INDEXED
from collectors.vpc_flow.columns import ABSENT, KNOWN, NUMBERS, PORTS, TIMES
from collectors.vpc_flow.protocols import flag_names, protocol_name

INDEX_PREFIX = DATASETS["vpc_flow"].index_prefix
DATASET = "aws.vpcflow"
#: Names of the common fields of all logs and of this module's own; a column of that name moves to ``unmapped``.
TAKEN = frozenset(
    ("@timestamp", "event", "source", "destination", "network", "cloud", "tcp_flag_names", "unmapped")
    + ("user", "user_agent", "dns", "url", "http", "rule")
)
#: Values remembered at once in each of the memories below. A full one is begun anew.
CAPACITY = 65_536
LONGEST_LONG = 2**63 - 1
LAST_PORT = 65_535

#: Columns whose values change from record to record, and those that repeat, in the order of the documents.
_CHANGING = ("srcaddr", "dstaddr", "srcport", "dstport", "packets", "bytes", "start", "end")
_CHANGING += ("pkt_srcaddr", "pkt_dstaddr")
_REPEATING = tuple(name for name in KNOWN if name not in _CHANGING)
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_ACCOUNT = re.compile(r"(?:AWSLogs/|AWSLogs/o-[a-z0-9]+/|aws-account-id=)(\d{12})/", re.ASCII)
_REGION = re.compile(r"(?:/vpcflowlogs/|aws-region=)([a-z]{2,4}(?:-[a-z]+)+-\d+)/", re.ASCII)
_OUTCOMES = {"ACCEPT": "success", "REJECT": "failure"}
_NETWORK_TYPES = {4: "ipv4", 6: "ipv6"}

T = TypeVar("T")
Fields = Dict[str, Any]


class _Memory(Dict[str, T]):
    """``memory[text]`` is what is made of ``text``: made once, then one look into a dictionary."""

    def __init__(self, make: Callable[[str], T]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, text: str) -> T:
        made = self._make(text)
        if len(self) >= CAPACITY:
            self.clear()
        self[text] = made
        return made


class _Repeating(NamedTuple):
    """JSON made of the repeating columns, each part with the comma that follows it."""

    event: str
    #: Members of ``network``.
    network: str
    #: ``cloud``, ``tcp_flag_names`` and AWS's own fields.
    rest: str


class _Time(NamedTuple):
    """An event's time: its index, its ``@timestamp``, and the beginning of its document."""

    index: str
    stamp: str
    head: str


class Normaliser:
    """Makes documents of the records of one object, whose columns are ``columns`` (as `plain_name` writes them)."""

    def __init__(self, columns: Sequence[str], context: Context) -> None:
        self._identity = context.ref.identity
        self._codec = context.codec
        self._addresses = context.addresses
        self._account = _found(_ACCOUNT, context.ref.key)
        self._region = _found(_REGION, context.ref.key)
        places: Dict[str, int] = {}
        #: Columns that the documents have under their own names, and those that cannot: name and place.
        self._kept: List[Tuple[str, int]] = []
        self._moved: List[Tuple[str, int]] = []
        others: List[Tuple[str, int]] = []
        for place, name in enumerate(columns):
            if name in places:
                self._moved.append((f"{name}#{place + 1}", place))
            elif name in TAKEN or "." in name or not name:
                self._moved.append((name, place))
            elif name not in KNOWN:
                others.append((name, place))
            places.setdefault(name, place)
        self._kept = [(name, places[name]) for name in _REPEATING + _CHANGING if name in places] + others
        self._others = [(f",{self._text(name)}:", place) for name, place in others]
        # A column that is not there is read behind the last one, where `document` puts an ABSENT.
        self._changing = itemgetter(*[places.get(name, len(columns)) for name in _CHANGING])
        self._repeating = itemgetter(*[places.get(name, len(columns)) for name in _REPEATING])
        self._repeated: Dict[Tuple[str, ...], Optional[_Repeating]] = {}
        self._times: _Memory[Optional[_Time]] = _Memory(_time)
        self._ports: _Memory[bool] = _Memory(_is_port)
        self._texts: _Memory[str] = _Memory(self._text)

    def document(self, values: List[str], number: int, may_be_oversized: bool = False) -> Document:
        """Return the document of record ``number``, whose columns hold ``values`` (an ABSENT is appended to these).

        ``may_be_oversized`` says that a value may be longer than `LONGEST_INDEXED`. Raises `InvalidRecord` for a
        record without a usable time.
        """
        values.append(ABSENT)
        src, dst, src_port, dst_port, packets, size, start, end, packet_src, packet_dst = self._changing(values)
        key = self._repeating(values)
        try:
            repeating = self._repeated[key]
        except KeyError:
            repeating = self._repeat(key)
        time = self._times[end]
        source, destination = self._addresses[src], self._addresses[dst]
        amounts = packets + size
        if (
            time is None
            or repeating is None
            or may_be_oversized
            or self._moved
            or not (source.is_ip and destination.is_ip and self._ports[src_port] and self._ports[dst_port])
            or not (amounts.isdigit() and amounts.isascii() and packets[0] != "0" != size[0])
            or not (len(packets) < 19 > len(size))
            or not (start == ABSENT or self._times[start])
        ):
            return self._unusual(values, number)
        started = "" if start == ABSENT else f'"start":{start},'
        others = "" if packet_src == ABSENT else f',"pkt_srcaddr":{self._texts[packet_src]}'
        if packet_dst != ABSENT:
            others += f',"pkt_dstaddr":{self._texts[packet_dst]}'
        for name, place in self._others:
            if values[place] != ABSENT:
                others += name + self._texts[values[place]]
        body = (
            f'{time.head}{repeating.event}"source":{{{source.members},"port":{src_port}}},'
            f'"destination":{{{destination.members},"port":{dst_port}}},'
            f'"network":{{"type":"{_NETWORK_TYPES[source.version]}",{repeating.network}'
            f'"bytes":{size},"packets":{packets}}},{repeating.rest}"srcaddr":"{src}","dstaddr":"{dst}",'
            f'"srcport":{src_port},"dstport":{dst_port},"packets":{packets},"bytes":{size},'
            f'{started}"end":{end}{others}}}'
        )
        return Document(time.index, record_id(self._identity, number), body.encode(), number)

    def _repeat(self, key: Tuple[str, ...]) -> Optional[_Repeating]:
        """Return what is made of the repeating columns; None if something in them is unusual."""
        fields, unmapped = _typed(zip(_REPEATING, key))
        made = None
        if not unmapped:
            rest = {"cloud": self._cloud(fields), **_flags(fields), **fields}
            made = _Repeating(*map(self._members, ({"event": _event(fields)}, _network(fields), rest)))
        if len(self._repeated) >= CAPACITY:
            self._repeated.clear()
        self._repeated[key] = made
        return made

    def _members(self, fields: Fields) -> str:
        return self._codec.dumps(fields).decode()[1:-1] + "," if fields else ""

    def _text(self, text: str) -> str:
        return self._codec.dumps(text).decode()

    def _unusual(self, values: Sequence[str], number: int) -> Document:
        """Return the document of a record that lacks something, or has what most have not; slower, for any record."""
        fields, unmapped = _typed((name, values[place]) for name, place in self._kept)
        unmapped.update((name, values[place]) for name, place in self._moved if values[place] != ABSENT)
        time = self._times[str(fields.get("end"))] or self._times[str(fields.get("start"))]
        if time is None:
            raise InvalidRecord("the record has no usable time: neither end nor start is a number of seconds")
        event = _event(fields)
        oversized = [name for name, value in fields.items() if isinstance(value, str) and len(value) > LONGEST_INDEXED]
        if oversized:
            event["oversized"] = oversized
        network = _network(fields)
        source = self._addresses[str(fields.get("srcaddr"))]
        if source.is_ip:
            network = {"type": _NETWORK_TYPES[source.version], **network}
        network.update((name, fields[name]) for name in ("bytes", "packets") if name in fields)
        common = {
            "@timestamp": time.stamp,
            "event": event,
            "source": self._side(fields, "srcaddr", "srcport"),
            "destination": self._side(fields, "dstaddr", "dstport"),
            "network": network,
            "cloud": self._cloud(fields),
            **_flags(fields),
            "unmapped": unmapped,
        }
        present = {name: value for name, value in common.items() if value}
        return Document(time.index, record_id(self._identity, number), self._codec.dumps({**present, **fields}), number)

    def _side(self, fields: Fields, address: str, port: str) -> Fields:
        side: Fields = {}
        if address in fields:
            facts = self._addresses[fields[address]]
            side.update(facts.fields if facts.is_ip else {"address": fields[address]})
        if port in fields:
            side["port"] = fields[port]
        return side

    def _cloud(self, fields: Fields) -> Fields:
        cloud: Fields = {"provider": "aws"}
        region = fields.get("region", self._region)
        account = fields.get("account_id", self._account)
        if region:
            cloud["region"] = region
        if "az_id" in fields:
            cloud["availability_zone"] = fields["az_id"]
        if account:
            cloud["account"] = {"id": account}
        if "instance_id" in fields:
            cloud["instance"] = {"id": fields["instance_id"]}
        return cloud


def _typed(columns: Iterable[Tuple[str, str]]) -> Tuple[Fields, Fields]:
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


def _is_number(name: str, text: str) -> bool:
    if name in PORTS:
        return _is_port(text)
    if name in TIMES:
        return _time(text) is not None
    return _NUMBER.fullmatch(text) is not None and int(text) <= LONGEST_LONG


def _is_port(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None and int(text) <= LAST_PORT


def _time(text: str) -> Optional[_Time]:
    found = from_epoch_ms(int(text) * 1000) if _NUMBER.fullmatch(text) else None
    return found and _Time(INDEX_PREFIX + found.day, found.stamp, f'{{"@timestamp":"{found.stamp}",')


def _event(fields: Fields) -> Fields:
    event = {"dataset": DATASET}
    action = fields.get("action")
    if action:
        event["action"] = action.lower()
    if action in _OUTCOMES:
        event["outcome"] = _OUTCOMES[action]
    return event


def _network(fields: Fields) -> Fields:
    """Return the members of ``network`` that the repeating columns tell."""
    network: Fields = {}
    if "protocol" in fields:
        network["transport"] = protocol_name(fields["protocol"])
        network["iana_number"] = str(fields["protocol"])
    if "flow_direction" in fields:
        network["direction"] = fields["flow_direction"]
    return network


def _flags(fields: Fields) -> Fields:
    names = flag_names(fields.get("tcp_flags", 0))
    return {"tcp_flag_names": names} if names else {}


def _found(pattern: re.Pattern[str], key: str) -> str:
    found = pattern.search("/" + key)
    return found.group(1) if found else ""
