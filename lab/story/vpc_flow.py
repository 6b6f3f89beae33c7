"""VPC Flow Logs, version 5: the VPC's ordinary traffic, and the attacker's among it.

Fields and examples: https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html. A record is a dictionary
of texts by AWS's column names, ``-`` where there is nothing to say.
"""

from __future__ import annotations

import random
from functools import partial
from itertools import accumulate
from typing import Callable, Dict, Iterator, List, Tuple, Union

from lab.story import attack, cast
from lab.story.labelled import LabelledRecord

#: Versions 2 to 5, in the order of their appearance.
COLUMNS = (
    "version",
    "account-id",
    "interface-id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "start",
    "end",
    "action",
    "log-status",
    "vpc-id",
    "subnet-id",
    "instance-id",
    "tcp-flags",
    "type",
    "pkt-srcaddr",
    "pkt-dstaddr",
    "region",
    "az-id",
    "sublocation-type",
    "sublocation-id",
    "pkt-src-aws-service",
    "pkt-dst-aws-service",
    "flow-direction",
    "traffic-path",
)
TCP, UDP, ICMP = 6, 17, 1
#: What is set in the TCP flags of the packets of one interval.
SYN, SYN_ACK, FIN_SYN, FIN_SYN_ACK, NO_FLAGS = 2, 18, 3, 19, 0
INGRESS, EGRESS = "ingress", "egress"
THROUGH_NAT, INTERNET_GATEWAY, GATEWAY_ENDPOINT = "1", "8", "7"
#: The shell sends its packets now and then; an interval without any has no record.
SHELL_RECORDS = 80

Here = Union[cast.Instance, cast.Interface]
Flow = Dict[str, str]
Shape = Callable[[int], Flow]
#: Packets and bytes.
Size = Tuple[int, int]


def line(flow: Flow) -> str:
    """Return a record as one line of text."""
    return " ".join([flow[column] for column in COLUMNS])


class FlowMaker:
    """Makes records from one stream of random numbers."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def flow(
        self,
        here: Here,
        end_s: int,
        *,
        to: Tuple[str, int] = ("", 0),
        by: Tuple[str, int] = ("", 0),
        protocol: int = TCP,
        size: Size = (4, 20_000),
        accepted: bool = True,
        flags: int = NO_FLAGS,
        service: str = "",
        path: str = "-",
        port: int = 0,
    ) -> Flow:
        """Return one record of the interface of ``here``: towards the other side ``to``, or sent ``by`` it.

        ``size`` is packets and bytes, ``port`` the port on this side (a random one when 0).
        """
        port = port or (0 if protocol == ICMP else self.rng.randrange(32_768, 61_000))
        mine = (here.private_ip, port)
        source, target = (mine, to) if to[0] else (by, mine)
        flow = self.empty(here, end_s, "OK")
        flow.update(
            {
                "srcaddr": source[0],
                "dstaddr": target[0],
                "srcport": str(source[1]),
                "dstport": str(target[1]),
                "protocol": str(protocol),
                "packets": str(size[0]),
                "bytes": str(size[1]),
                "action": "ACCEPT" if accepted else "REJECT",
                "tcp-flags": str(flags if protocol == TCP else 0),
                "type": "IPv6" if ":" in source[0] else "IPv4",
                "pkt-srcaddr": source[0],
                "pkt-dstaddr": target[0],
                "pkt-src-aws-service": "-" if to[0] else service or "-",
                "pkt-dst-aws-service": (service or "-") if to[0] else "-",
                "flow-direction": EGRESS if to[0] else INGRESS,
                "traffic-path": path if to[0] else "-",
            }
        )
        return flow

    def empty(self, here: Here, end_s: int, status: str) -> Flow:
        """Return a record without traffic: NODATA, or SKIPDATA when AWS had no room for it."""
        flow = dict.fromkeys(COLUMNS, "-")
        flow.update(
            {
                "version": "5",
                "account-id": cast.PRODUCTION,
                "interface-id": here.eni,
                "start": str(end_s - self.rng.randrange(5, 59)),
                "end": str(end_s),
                "log-status": status,
                "vpc-id": cast.VPC,
                "subnet-id": here.subnet,
                "instance-id": here.id if isinstance(here, cast.Instance) else "-",
                "region": cast.REGION,
                "az-id": cast.AVAILABILITY_ZONES[here.subnet],
            }
        )
        return flow


def attack_records(seed: int, start_ms: int, end_ms: int) -> List[LabelledRecord]:
    """Return the attacker's traffic in the order of time: probes, the exploit, the call back, the shell."""
    make = FlowMaker(random.Random(f"{seed}:vpc_flow:attack"))
    found: List[LabelledRecord] = []
    for step in attack.TIMELINE:
        shapes = _attack_shapes(make, step)
        for number, shape in enumerate(shapes):
            minute = step.minute - step.lasts * number / len(shapes)
            time_s = max(-(-start_ms // 1000), attack.moment_ms(minute, start_ms, end_ms) // 1000)
            found.append(LabelledRecord(time_s, step.name, shape(time_s)))
    return sorted(found, key=lambda labelled: labelled.time_s)


def _attack_shapes(make: FlowMaker, step: attack.Step) -> List[Shape]:
    """Return what makes the records of one step, in their order."""
    if step.log == "waf":  # the requests that the WAF's log shows come through the load balancer
        return [partial(_visit, make, step) for _ in attack.requests(step)]
    if step.log != "vpc_flow":
        return []
    both = [partial(_outgoing, make, step), partial(_incoming, make, step)]
    if step.name == "callback-ldap":
        return [partial(both[0], size=(6, 612), flags=FIN_SYN), partial(both[1], size=(5, 2_817), flags=FIN_SYN_ACK)]
    opened: List[Shape] = [partial(both[0], size=(7, 803), flags=SYN), partial(both[1], size=(6, 540), flags=SYN_ACK)]
    return opened + both * (SHELL_RECORDS // 2 - 1)


def _visit(make: FlowMaker, step: attack.Step, time_s: int) -> Flow:
    client = (step.facts["client_ip"], make.rng.randrange(32_768, 61_000))
    return make.flow(cast.LOAD_BALANCER, time_s, by=client, port=443, size=(9, 2_210), flags=FIN_SYN)


def _outgoing(make: FlowMaker, step: attack.Step, time_s: int, size: Size = (0, 0), flags: int = NO_FLAGS) -> Flow:
    there, here = _ends(step)
    size = size if size[0] else _shell_size(make)
    return make.flow(cast.WEB_1, time_s, to=there, port=here, size=size, flags=flags, path=THROUGH_NAT)


def _incoming(make: FlowMaker, step: attack.Step, time_s: int, size: Size = (0, 0), flags: int = NO_FLAGS) -> Flow:
    there, here = _ends(step)
    return make.flow(cast.WEB_1, time_s, by=there, port=here, size=size if size[0] else _shell_size(make), flags=flags)


def _ends(step: attack.Step) -> Tuple[Tuple[str, int], int]:
    """Return the attacker's address and port, and the port here: one connection, so the same from first to last."""
    return (step.facts["to"], step.facts["port"]), 40_000 + step.facts["port"]


def _shell_size(make: FlowMaker) -> Size:
    packets = make.rng.randrange(2, 60)
    return packets, packets * make.rng.randrange(60, 900)


class Background:
    """The ordinary traffic. ``records(times)`` makes one record for each moment."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(f"{seed}:vpc_flow:background")
        self._make = FlowMaker(self._rng)
        shapes: List[Tuple[float, Shape]] = [
            (26, self._visitor),
            (22, self._to_database),
            (18, self._from_load_balancer),
            (14, self._to_outside),
            (8, self._nat_gateway),
            (4, self._to_resolver),
            (6, self._scan),
            (1, self._time),
            (1, self._ssh),
            (0.6, self._ping),
            (1.2, self._nodata),
            (0.2, self._skipdata),
        ]
        self._shapes = [shape for _, shape in shapes]
        self._weights = list(accumulate(weight for weight, _ in shapes))

    def records(self, times_s: List[int]) -> Iterator[Flow]:
        """Yield one record for each of ``times_s``, in their order."""
        chosen = self._rng.choices(self._shapes, cum_weights=self._weights, k=len(times_s))
        for time_s, shape in zip(times_s, chosen):
            yield shape(time_s)

    def _either(
        self, here: Here, time_s: int, there: Tuple[str, int], port: int = 0, service: str = "", path: str = "-"
    ) -> Flow:
        """Return one of the two directions of a conversation; who has a port of his own was called, so he answers."""
        size = self._size()
        if self._rng.random() < 0.5:
            flags = FIN_SYN_ACK if port else FIN_SYN
            return self._make.flow(
                here, time_s, to=there, port=port, size=size, flags=flags, service=service, path=path
            )
        flags = FIN_SYN if port else FIN_SYN_ACK
        return self._make.flow(here, time_s, by=there, port=port, size=size, flags=flags, service=service)

    def _size(self, most: int = 200) -> Size:
        packets = self._rng.randrange(4, most)
        return packets, packets * self._rng.randrange(52, 1_400)

    def _port(self) -> int:
        return self._rng.randrange(32_768, 61_000)

    def _visitor(self, time_s: int) -> Flow:
        visitor = (self._rng.choice(cast.VISITORS), self._port())
        return self._either(cast.LOAD_BALANCER, time_s, visitor, 443, path=INTERNET_GATEWAY)

    def _from_load_balancer(self, time_s: int) -> Flow:
        web = self._rng.choice((cast.WEB_1, cast.WEB_2))
        return self._either(web, time_s, (cast.LOAD_BALANCER.private_ip, self._port()), 8080)

    def _to_database(self, time_s: int) -> Flow:
        server = self._rng.choice((cast.WEB_1, cast.WEB_2, cast.BATCH))
        if self._rng.random() < 0.5:
            return self._either(server, time_s, (cast.DATABASE.private_ip, 3306))
        return self._either(cast.DATABASE, time_s, (server.private_ip, self._port()), 3306)

    def _to_outside(self, time_s: int) -> Flow:
        host = self._rng.choice(cast.OUTSIDE_HOSTS)
        path = GATEWAY_ENDPOINT if host.aws_service in ("S3", "DYNAMODB") else THROUGH_NAT
        server = self._rng.choice(cast.INSTANCES[:3])
        return self._either(server, time_s, (host.address, host.port), service=host.aws_service, path=path)

    def _nat_gateway(self, time_s: int) -> Flow:
        host = self._rng.choice(cast.OUTSIDE_HOSTS[1:])
        if self._rng.random() < 0.5:
            there = (host.address, host.port)
            return self._either(cast.NAT_GATEWAY, time_s, there, service=host.aws_service, path=INTERNET_GATEWAY)
        # What the servers send to the gateway: the packet's own target is the host outside.
        server = self._rng.choice(cast.INSTANCES[:3])
        flow = self._make.flow(
            cast.NAT_GATEWAY,
            time_s,
            by=(server.private_ip, self._port()),
            port=host.port,
            size=self._size(),
            flags=FIN_SYN,
        )
        flow.update({"pkt-dstaddr": host.address, "pkt-dst-aws-service": host.aws_service or "-"})
        return flow

    def _to_resolver(self, time_s: int) -> Flow:
        server = self._rng.choice(cast.INSTANCES)
        return self._make.flow(server, time_s, to=(cast.RESOLVER_IP, 53), protocol=UDP, size=(2, 142))

    def _time(self, time_s: int) -> Flow:
        server = self._rng.choice(cast.INSTANCES)
        return self._make.flow(server, time_s, to=(cast.TIME_SERVICE_IP, 123), protocol=UDP, size=(1, 76))

    def _scan(self, time_s: int) -> Flow:
        here = self._rng.choice((cast.BASTION, cast.LOAD_BALANCER, cast.NAT_GATEWAY))
        port = self._rng.choice((22, 23, 445, 1433, 3389, 5900, 6379, 8080, 8443, 9200))
        scanner = (self._rng.choice(cast.SCANNERS), self._port())
        return self._make.flow(here, time_s, by=scanner, port=port, size=(1, 40), accepted=False, flags=SYN)

    def _ssh(self, time_s: int) -> Flow:
        person = self._rng.choice([person for person in cast.PEOPLE if ":" not in person.address])
        return self._either(cast.BASTION, time_s, (person.address, self._port()), 22, path=INTERNET_GATEWAY)

    def _ping(self, time_s: int) -> Flow:
        there = (cast.LOAD_BALANCER.private_ip, 0)
        return self._make.flow(cast.BATCH, time_s, to=there, protocol=ICMP, size=(4, 336))

    def _nodata(self, time_s: int) -> Flow:
        return self._make.empty(cast.QUIET, time_s, "NODATA")

    def _skipdata(self, time_s: int) -> Flow:
        return self._make.empty(cast.LOAD_BALANCER, time_s, "SKIPDATA")
