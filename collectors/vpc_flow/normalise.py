"""A flow log record as the document that is stored and searched. Pure: no network, no file, no clock.

The document is AWS's record, names with underscores, numbers as numbers, ``-`` left out; in front of it stand a few
fields that have the same names for every log of this product (Elastic Common Schema,
https://www.elastic.co/guide/en/ecs/current/ecs-field-reference.html):

==========================  ==========================================================================================
common field                comes from
==========================  ==========================================================================================
@timestamp                  ``end``, else ``start``, else the object's time: `collectors.object_time`
event.time_from             only in the last case: ``object_key`` or ``object_written``
event.dataset               ``aws.vpcflow``
event.action                ``action`` in lower case: ``accept``, ``reject``
event.outcome               ``success`` for ACCEPT, ``failure`` for REJECT, as for a refused call in CloudTrail
event.oversized             names of the fields that are longer than an index takes (``ignore_above``)
source.ip, destination.ip   ``srcaddr``, ``dstaddr``, with what is known about them: scope, country, AS
source.address, ...         the same column, whatever it holds
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

Rows NODATA and SKIPDATA are records without the fields of the traffic. A record without a single value is an
`InvalidRecord`. Index: ``aws-vpcflow-YYYY.MM.DD``; id: `collectors.records.record_id`.

Speed: a file repeats itself, so what depends on columns that repeat (interface, subnet, action, flags ...) is made
once for each combination and joined with the rest as text. Measured on version 5, one core, from gzip to NDJSON:
125,000 records/s this way, 40,000 the plain way (`Normaliser._unusual`, for records that lack or have something
unusual). Both give the same bytes.
"""

from __future__ import annotations

from functools import lru_cache
from operator import itemgetter
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple, TypeVar

from collectors.errors import InvalidRecord
from collectors.json_codec import Codec
from collectors.key_origin import origin_of
from collectors.records import Context, Document, record_id
from collectors.shape import LONGEST_INDEXED
from collectors.vpc_flow import fields as field
from collectors.vpc_flow.columns import ABSENT, KNOWN, NUMBERS, RARE
from collectors.vpc_flow.fields import Fields, Time

#: Names of the common fields of all logs and of this module's own; a column of that name moves to ``unmapped``.
TAKEN = frozenset(
    ("@timestamp", "event", "source", "destination", "network", "cloud", "tcp_flag_names", "unmapped")
    + ("user", "user_agent", "dns", "url", "http", "rule", "aws", "error", "log")
)

Texts = Tuple[str, ...]

#: Columns of the interface where a flow was seen, those that tell the kind of flow, and those that change from record
#: to record: in the order of the documents.
_CHANGING: Texts = ("srcaddr", "dstaddr", "srcport", "dstport", "packets", "bytes", "start", "end")
_CHANGING += ("pkt_srcaddr", "pkt_dstaddr")
_FLOW: Texts = ("protocol", "tcp_flags", "action", "log_status", "flow_direction", "traffic_path", "type")
_FLOW += ("pkt_src_aws_service", "pkt_dst_aws_service", "reject_reason", "encryption_status")
_INTERFACE = tuple(name for name in KNOWN if name not in _CHANGING + _FLOW + RARE)
_KNOWN = frozenset(KNOWN)
_NETWORK_TYPES = {4: "ipv4", 6: "ipv6"}

K = TypeVar("K")
T = TypeVar("T")


class Normaliser:
    """Makes documents of the records of one object, whose columns are ``columns`` (as `plain_name` writes them)."""

    def __init__(self, columns: Sequence[str], context: Context) -> None:
        self._context = context
        self._identity = context.ref.identity
        self._codec = context.codec
        self._addresses = context.addresses
        self._memories = _memories(context.codec)
        self._place = origin_of(context.ref.key)
        #: Read behind the last column: by columns that are not there, and the place of the object.
        self._behind = [ABSENT, *self._place]
        places: Dict[str, int] = {}
        unknown: List[Tuple[str, int]] = []
        #: Columns that the documents cannot have under their own names: name and place.
        self._moved: List[Tuple[str, int]] = []
        for place, name in enumerate(columns):
            if name in places:
                self._moved.append((f"{name}#{place + 1}", place))
                continue
            places[name] = place
            if name in TAKEN or "." in name or not name:
                self._moved.append((name, place))
            elif name not in _KNOWN:
                unknown.append((name, place))
        for name, _ in sorted(unknown + self._moved, key=itemgetter(1)):
            context.name_column(name)
        others = [(name, places[name]) for name in RARE if name in places] + unknown
        order = _INTERFACE + _FLOW + _CHANGING
        #: All the other columns, in the order of the documents.
        self._kept = [(name, places[name]) for name in order if name in places] + others
        self._others = [(f",{_json(self._codec, name)}:", place, name in NUMBERS) for name, place in others]
        width = len(columns)
        self._changing = itemgetter(*[places.get(name, width) for name in _CHANGING])
        self._flow = itemgetter(*[places.get(name, width) for name in _FLOW])
        self._interface = itemgetter(*[places.get(name, width) for name in _INTERFACE], width + 1, width + 2)

    def document(self, values: List[str], number: int, may_be_oversized: bool = False) -> Document:
        """Return the document of record ``number``, whose columns hold ``values``; these are not left as they are.

        ``may_be_oversized`` says that a value may be longer than `LONGEST_INDEXED`. Raises `InvalidRecord` for a
        record without a value, or without a time in an object that has none.
        """
        values += self._behind
        src, dst, src_port, dst_port, packets, size, start, end, packet_src, packet_dst = self._changing(values)
        interfaces, flows, times, ports, texts, counts = self._memories
        interface = interfaces[self._interface(values)]
        flow = flows[self._flow(values)]
        time = times[end]
        source, destination = self._addresses[src], self._addresses[dst]
        amounts = packets + size
        if (
            time is None
            or flow is None
            or interface is None
            or may_be_oversized
            or self._moved
            or not (source.is_ip and destination.is_ip and ports[src_port] and ports[dst_port])
            or not (amounts.isdigit() and amounts.isascii() and packets[0] != "0" != size[0])
            or not (len(packets) < 19 > len(size))
            or not (start == ABSENT or times[start])
        ):
            return self._unusual(values, number)
        started = "" if start == ABSENT else f'"start":{start},'
        others = "" if packet_src == ABSENT else f',"pkt_srcaddr":{texts[packet_src]}'
        if packet_dst != ABSENT:
            others += f',"pkt_dstaddr":{texts[packet_dst]}'
        for name, place, is_number in self._others:
            text = values[place]
            if text != ABSENT:
                if is_number and not counts[text]:
                    return self._unusual(values, number)
                others += name + (text if is_number else texts[text])
        body = (
            f'{time.head}{flow.event}"source":{{"address":"{src}",{source.members},"port":{src_port}}},'
            f'"destination":{{"address":"{dst}",{destination.members},"port":{dst_port}}},'
            f'"network":{{"type":"{_NETWORK_TYPES[source.version]}",{flow.network}'
            f'"bytes":{size},"packets":{packets}}},{interface.cloud}{flow.flags}{interface.own}{flow.own}'
            f'"srcaddr":"{src}","dstaddr":"{dst}","srcport":{src_port},"dstport":{dst_port},'
            f'"packets":{packets},"bytes":{size},{started}"end":{end}{others}}}'
        )
        return Document(time.index, record_id(self._identity, number), body.encode(), number)

    def _unusual(self, values: Sequence[str], number: int) -> Document:
        """Return the document of any record: also one that lacks something, or has what most have not."""
        fields, unmapped = field.typed((name, values[place]) for name, place in self._kept)
        unmapped.update((name, values[place]) for name, place in self._moved if values[place] != ABSENT)
        times = self._memories.times
        time = times[str(fields.get("end"))] or times[str(fields.get("start"))]
        event = field.event(fields)
        if time is None:
            if not fields and not unmapped:
                raise InvalidRecord("the record has no value in any column")
            borrowed = self._context.object_time
            if borrowed is None:
                raise InvalidRecord("the record has no usable time: neither end nor start is a number of seconds")
            time = field.time_of(borrowed.time)
            event["time_from"] = borrowed.source
        oversized = [name for name, value in fields.items() if isinstance(value, str) and len(value) > LONGEST_INDEXED]
        if oversized:
            event["oversized"] = oversized
        network = field.network(fields)
        source = self._addresses[fields.get("srcaddr", ABSENT)]
        if source.is_ip:
            network = {"type": _NETWORK_TYPES[source.version], **network}
        network.update((name, fields[name]) for name in ("bytes", "packets") if name in fields)
        common = {
            "@timestamp": time.stamp,
            "event": event,
            "source": self._side(fields, "srcaddr", "srcport"),
            "destination": self._side(fields, "dstaddr", "dstport"),
            "network": network,
            "cloud": field.cloud(fields, *self._place),
            **field.flags(fields),
            "unmapped": unmapped,
        }
        present = {name: value for name, value in common.items() if value}
        return Document(time.index, record_id(self._identity, number), self._codec.dumps({**present, **fields}), number)

    def _side(self, fields: Fields, address: str, port: str) -> Fields:
        side: Fields = {}
        if address in fields:
            facts = self._addresses[fields[address]]
            side = {"address": fields[address], **facts.fields}
        if port in fields:
            side["port"] = fields[port]
        return side


class _Interface(NamedTuple):
    """JSON made of the columns of an interface, each part with the comma that follows it."""

    cloud: str
    #: AWS's own fields.
    own: str


class _Flow(NamedTuple):
    """JSON made of the columns that tell the kind of a flow."""

    event: str
    #: Members of ``network``.
    network: str
    flags: str
    own: str


class _Memory(Dict[K, T]):
    """``memory[key]`` is what is made of ``key``: made once, then one look into a dictionary.

    At most ``capacity`` are remembered; a full memory is begun anew, which is cheaper than to know the oldest.
    """

    def __init__(self, make: Callable[[K], T], capacity: int) -> None:
        super().__init__()
        self._make = make
        self._capacity = capacity

    def __missing__(self, key: K) -> T:
        made = self._make(key)
        if len(self) >= self._capacity:
            self.clear()
        self[key] = made
        return made


class _Memories(NamedTuple):
    """What is remembered from object to object; None stands for what takes the way of the unusual."""

    interfaces: _Memory[Texts, Optional[_Interface]]
    flows: _Memory[Texts, Optional[_Flow]]
    times: _Memory[str, Optional[Time]]
    ports: _Memory[str, bool]
    texts: _Memory[str, str]
    counts: _Memory[str, bool]


@lru_cache(maxsize=2)
def _memories(codec: Codec) -> _Memories:
    """Return the memories of documents written by ``codec``, some 80 MB when all are full."""

    def interface(key: Texts) -> Optional[_Interface]:
        fields, unmapped = field.typed(zip(_INTERFACE, key))
        cloud = {"cloud": field.cloud(fields, *key[-2:])}
        return None if unmapped else _Interface(_members(codec, cloud), _members(codec, fields))

    def flow(key: Texts) -> Optional[_Flow]:
        fields, unmapped = field.typed(zip(_FLOW, key))
        parts = ({"event": field.event(fields)}, field.network(fields), field.flags(fields), fields)
        return None if unmapped else _Flow(*(_members(codec, part) for part in parts))

    return _Memories(
        _Memory(interface, 16_384),
        _Memory(flow, 16_384),
        _Memory(field.event_time, 16_384),
        _Memory(field.is_port, 65_536),
        _Memory(lambda text: _json(codec, text), 65_536),
        _Memory(field.is_count, 16_384),
    )


def _members(codec: Codec, fields: Fields) -> str:
    return codec.dumps(fields).decode()[1:-1] + "," if fields else ""


def _json(codec: Codec, text: str) -> str:
    return codec.dumps(text).decode()
