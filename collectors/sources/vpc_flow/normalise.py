"""A flow log record as it is stored and searched. Pure: no network, no file, no clock.

Its text is AWS's record, names with underscores, numbers as numbers, ``-`` left out; in front of it stand a few
fields that have the same names for every log of this product (Elastic Common Schema,
https://www.elastic.co/guide/en/ecs/current/ecs-field-reference.html):

==========================  ==========================================================================================
common field                comes from
==========================  ==========================================================================================
@timestamp                  ``end``, else ``start``, else the object's time: `collectors.records.object_time`
event.time_from             only in the last case: ``object_key`` or ``object_written``
event.dataset               ``aws.vpcflow``
event.action                ``action`` in lower case: ``accept``, ``reject``
event.outcome               ``success`` for ACCEPT, ``failure`` for REJECT, as for a refused call in CloudTrail
event.oversized             names of the fields that are longer than an index takes (``ignore_above``)
source.ip, destination.ip   ``srcaddr``, ``dstaddr``, with what is known about them: scope, country, AS
source.address, ...         the same column, whatever it holds
source.port, ...            ``srcport``, ``dstport``
network.type                ``ipv4`` or ``ipv6``, told by the address
network.transport           the name of ``protocol``: `collectors.sources.vpc_flow.protocols`
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
`InvalidRecord`. Identity: `collectors.records.record.record_id`. Most records are made faster, by `fast_path`.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Dict, List, Sequence, Tuple

from collectors.errors import InvalidRecord
from collectors.records.key_origin import origin_of
from collectors.records.record import Context, Record, record_id
from collectors.records.shape import LONGEST_INDEXED
from collectors.sources.vpc_flow import fields as field
from collectors.sources.vpc_flow.columns import ABSENT, KNOWN, RARE
from collectors.sources.vpc_flow.fields import Fields, times
from collectors.sources.vpc_flow.log import LOG

#: Names of the common fields of all logs and of this module's own; a column of that name moves to ``unmapped``.
TAKEN = frozenset(
    ("@timestamp", "event", "source", "destination", "network", "cloud", "tcp_flag_names", "unmapped")
    + ("user", "user_agent", "dns", "url", "http", "rule", "aws", "error", "log")
)

Texts = Tuple[str, ...]

#: Columns of the interface where a flow was seen, those that tell the kind of flow, and those that change from record
#: to record: in the order of the documents.
CHANGING: Texts = ("srcaddr", "dstaddr", "srcport", "dstport", "packets", "bytes", "start", "end")
CHANGING += ("pkt_srcaddr", "pkt_dstaddr")
FLOW: Texts = ("protocol", "tcp_flags", "action", "log_status", "flow_direction", "traffic_path", "type")
FLOW += ("pkt_src_aws_service", "pkt_dst_aws_service", "reject_reason", "encryption_status")
INTERFACE = tuple(name for name in KNOWN if name not in CHANGING + FLOW + RARE)
NETWORK_TYPES = {4: "ipv4", 6: "ipv6"}
_KNOWN = frozenset(KNOWN)


class Normaliser:
    """Makes records of the lines of one object, whose columns are ``columns`` (as `plain_name` writes them)."""

    def __init__(self, columns: Sequence[str], context: Context) -> None:
        self.context = context
        self.identity = context.ref.identity
        self.codec = context.codec
        self.addresses = context.addresses
        #: Account and region of the object.
        self.origin = origin_of(context.ref.key)
        #: Column -> its place in a line.
        self.places: Dict[str, int] = {}
        unknown: List[Tuple[str, int]] = []
        #: Columns that the documents cannot have under their own names: name and place.
        self.moved: List[Tuple[str, int]] = []
        for place, name in enumerate(columns):
            if name in self.places:
                self.moved.append((f"{name}#{place + 1}", place))
                continue
            self.places[name] = place
            if name in TAKEN or "." in name or not name:
                self.moved.append((name, place))
            elif name not in _KNOWN:
                unknown.append((name, place))
        for name, _ in sorted(unknown + self.moved, key=itemgetter(1)):
            context.name_column(name)
        #: Columns that few flow logs have, and those that are not known here.
        self.others = [(name, self.places[name]) for name in RARE if name in self.places] + unknown
        order = INTERFACE + FLOW + CHANGING
        #: All but the moved ones, in the order of the documents.
        self.kept = [(name, self.places[name]) for name in order if name in self.places] + self.others

    def record(self, values: List[str], number: int, may_be_oversized: bool = False) -> Record:
        """Return record ``number``, whose columns hold ``values``; these are not left as they are.

        ``may_be_oversized`` says that a value may be longer than `LONGEST_INDEXED`. Raises `InvalidRecord` for a
        record without a value, or without a time in an object that has none.
        """
        fields, unmapped = field.typed((name, values[place]) for name, place in self.kept)
        unmapped.update((name, values[place]) for name, place in self.moved if values[place] != ABSENT)
        time = times[str(fields.get("end"))] or times[str(fields.get("start"))]
        event = field.event(fields)
        if time is None:
            if not fields and not unmapped:
                raise InvalidRecord("the record has no value in any column")
            borrowed = self.context.object_time
            if borrowed is None:
                raise InvalidRecord("the record has no usable time: neither end nor start is a number of seconds")
            time = field.time_of(borrowed.time)
            event["time_from"] = borrowed.source
        oversized = [name for name, value in fields.items() if isinstance(value, str) and len(value) > LONGEST_INDEXED]
        if oversized:
            event["oversized"] = oversized
        network = field.network(fields)
        source = self.addresses[fields.get("srcaddr", ABSENT)]
        if source.is_ip:
            network = {"type": NETWORK_TYPES[source.version], **network}
        network.update((name, fields[name]) for name in ("bytes", "packets") if name in fields)
        common = {
            "@timestamp": time.stamp,
            "event": event,
            "source": self._side(fields, "srcaddr", "srcport"),
            "destination": self._side(fields, "dstaddr", "dstport"),
            "network": network,
            "cloud": field.cloud(fields, *self.origin),
            **field.flags(fields),
            "unmapped": unmapped,
        }
        present = {name: value for name, value in common.items() if value}
        text = self.codec.dumps({**present, **fields})
        return Record(LOG.name, time.epoch_ms, record_id(self.identity, number), text, number)

    def _side(self, fields: Fields, address: str, port: str) -> Fields:
        side: Fields = {}
        if address in fields:
            facts = self.addresses[fields[address]]
            side = {"address": fields[address], **facts.fields}
        if port in fields:
            side["port"] = fields[port]
        return side
