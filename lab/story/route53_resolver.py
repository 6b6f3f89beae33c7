"""Route 53 Resolver query logs: what the VPC's servers look up on an ordinary day, and the exploit's call back.

Fields: https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-query-logs-format.html. Answers that the
resolver has in its cache are not logged, so there are far fewer queries than connections.
"""

from __future__ import annotations

import random
from itertools import accumulate
from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple

from lab.story import attack, cast
from lab.story.clock import iso
from lab.story.labelled import LabelledRecord

Query = Dict[str, Any]
Answer = Tuple[str, str]
Shape = Callable[[int], Query]


class QueryMaker:
    """Makes records from one stream of random numbers."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def query(
        self,
        instance: cast.Instance,
        time_s: int,
        name: str,
        kind: str = "A",
        answers: Sequence[Answer] = (),
        rcode: str = "NOERROR",
        transport: str = "UDP",
        **more: str,
    ) -> Query:
        """Return one record; ``answers`` are pairs of data and type."""
        return {
            "version": "1.100000",
            "account_id": cast.PRODUCTION,
            "region": cast.REGION,
            "vpc_id": cast.VPC,
            "query_timestamp": iso(time_s),
            "query_name": name,
            "query_type": kind,
            "query_class": "IN",
            "rcode": rcode,
            "answers": [{"Rdata": data, "Type": found, "Class": "IN"} for data, found in answers],
            "srcaddr": instance.private_ip,
            "srcport": str(self.rng.randrange(32_768, 61_000)),
            "transport": transport,
            "srcids": {"instance": instance.id},
            **more,
        }


def attack_records(seed: int, start_ms: int, end_ms: int) -> List[LabelledRecord]:
    """Return the look-ups of the host that the exploit names: its address, and in vain an IPv6 one."""
    make = QueryMaker(random.Random(f"{seed}:route53_resolver:attack"))
    found = []
    for step in attack.TIMELINE:
        if step.log != "route53_resolver":
            continue
        time_s = max(-(-start_ms // 1000), attack.moment_ms(step.minute, start_ms, end_ms) // 1000)
        name, answer = step.facts["query_name"], step.facts["answer"]
        for query in (
            make.query(cast.WEB_1, time_s, name, "A", [(answer, "A")]),
            make.query(cast.WEB_1, time_s, name, "AAAA"),
        ):
            found.append(LabelledRecord(time_s, step.name, query))
    return found


class Background:
    """The ordinary look-ups. ``records(times)`` makes one record for each moment."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(f"{seed}:route53_resolver:background")
        self._make = QueryMaker(self._rng)
        shapes: List[Tuple[float, Shape]] = [
            (50, self._outside),
            (20, self._outside_v6),
            (14, self._database),
            (6, self._reverse),
            (4, self._unknown),
            (3, self._mail),
            (2, self._alias),
            (0.5, self._failed),
            (0.5, self._firewall_alert),
        ]
        self._shapes = [shape for _, shape in shapes]
        self._weights = list(accumulate(weight for weight, _ in shapes))

    def records(self, times_s: List[int]) -> Iterator[Query]:
        """Yield one record for each of ``times_s``, in their order."""
        chosen = self._rng.choices(self._shapes, cum_weights=self._weights, k=len(times_s))
        for time_s, shape in zip(times_s, chosen):
            yield shape(time_s)

    def _server(self) -> cast.Instance:
        return self._rng.choice(cast.INSTANCES)

    def _outside(self, time_s: int) -> Query:
        host = self._rng.choice(cast.OUTSIDE_HOSTS)
        return self._make.query(self._server(), time_s, host.name + ".", answers=[(host.address, "A")])

    def _outside_v6(self, time_s: int) -> Query:
        return self._make.query(self._server(), time_s, self._rng.choice(cast.OUTSIDE_HOSTS).name + ".", "AAAA")

    def _database(self, time_s: int) -> Query:
        server = self._rng.choice((cast.WEB_1, cast.WEB_2, cast.BATCH))
        return self._make.query(server, time_s, cast.DATABASE_HOST + ".", answers=[(cast.DATABASE.private_ip, "A")])

    def _reverse(self, time_s: int) -> Query:
        target = self._rng.choice(cast.INSTANCES)
        name = ".".join(reversed(target.private_ip.split("."))) + ".in-addr.arpa."
        host = f"ip-{target.private_ip.replace('.', '-')}.{cast.REGION}.compute.internal."
        return self._make.query(self._server(), time_s, name, "PTR", [(host, "PTR")])

    def _unknown(self, time_s: int) -> Query:
        name = f"shop-cache-{self._rng.randrange(9)}.{cast.REGION}.compute.internal."
        return self._make.query(self._server(), time_s, name, rcode="NXDOMAIN")

    def _mail(self, time_s: int) -> Query:
        if self._rng.random() < 0.5:
            return self._make.query(cast.BATCH, time_s, "example.com.", "MX", [("10 smtp.mail.example.com.", "MX")])
        policy = '"v=spf1 include:_spf.mail.example.com -all"'
        return self._make.query(cast.BATCH, time_s, "example.com.", "TXT", [(policy, "TXT")], transport="TCP")

    def _alias(self, time_s: int) -> Query:
        address = self._rng.choice(cast.OUTSIDE_HOSTS[6:]).address
        answers = [("edge.cdn.example.org.", "CNAME"), (address, "A"), (address[:-1] + "8", "A")]
        return self._make.query(self._server(), time_s, "static.partner.example.org.", answers=answers)

    def _failed(self, time_s: int) -> Query:
        return self._make.query(self._server(), time_s, "api.old-supplier.example.", rcode="SERVFAIL")

    def _firewall_alert(self, time_s: int) -> Query:
        return self._make.query(
            cast.BATCH,
            time_s,
            "tracker.ads.example.net.",
            answers=[("192.0.2.199", "A")],
            firewall_rule_action="ALERT",
            firewall_rule_group_id="rslvr-frg-0a1b2c3d4e5f6001",
            firewall_domain_list_id="rslvr-fdl-0a1b2c3d4e5f6001",
        )
