"""AWS WAF's full log of the shop's web ACL: visitors, robots, and the exploit's first steps.

Fields: https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html
"""

from __future__ import annotations

import random
from itertools import accumulate
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple
from urllib.parse import quote

from lab.story import attack, cast
from lab.story.addresses import country_of
from lab.story.labelled import LabelledRecord

Request = Dict[str, Any]
Header = Tuple[str, str]
Shape = Callable[[int], Request]

RULE_GROUP = "AWS#AWSManagedRulesKnownBadInputsRuleSet"
COMMON_GROUP = "AWS#AWSManagedRulesCommonRuleSet"
BROWSERS = tuple(person.user_agent for person in cast.PEOPLE[:2]) + (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Linux; Android 15; SM-S931N) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile",
)
ROBOTS = ("curl/8.15.0", "python-requests/2.32.5", "ExampleBot/3.1 (+https://bot.example.com/about)", "zgrab/0.x")


class RequestMaker:
    """Makes records from one stream of random numbers."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def request(
        self,
        time_ms: int,
        client: str,
        agent: str,
        uri: str,
        *,
        args: str = "",
        method: str = "GET",
        headers: Sequence[Header] = (),
        action: str = "ALLOW",
        blocked_by: Tuple[str, str] = ("", ""),
        matched: Optional[List[Dict[str, Any]]] = None,
        counted_by: str = "",
        labels: Sequence[str] = (),
    ) -> Request:
        """Return one record. ``blocked_by`` is a rule group and its rule, ``counted_by`` a rule that only counts."""
        group, rule = blocked_by
        groups: List[Dict[str, Any]] = [
            {
                "ruleGroupId": name,
                "terminatingRule": {"ruleId": rule, "action": action, "ruleMatchDetails": None}
                if name == group
                else None,
                "nonTerminatingMatchingRules": [],
                "excludedRules": None,
                "customerConfig": None,
            }
            for name in (COMMON_GROUP, RULE_GROUP)
        ]
        counted = {"ruleId": counted_by, "action": "COUNT", "ruleMatchDetails": []}
        sent = [("host", cast.SITE), ("user-agent", agent), ("accept", "*/*"), ("accept-encoding", "gzip, br")]
        record: Request = {
            "timestamp": time_ms,
            "formatVersion": 1,
            "webaclId": cast.WEB_ACL_ARN,
            "terminatingRuleId": group.replace("#", "-") if group else "Default_Action",
            "terminatingRuleType": "MANAGED_RULE_GROUP" if group else "REGULAR",
            "action": action,
            "terminatingRuleMatchDetails": matched or [],
            "httpSourceName": "ALB",
            "httpSourceId": f"{cast.PRODUCTION}-{cast.LOAD_BALANCER_ARN.rpartition('loadbalancer/')[2]}",
            "ruleGroupList": groups,
            "rateBasedRuleList": [],
            "nonTerminatingMatchingRules": [counted] if counted_by else [],
            "requestHeadersInserted": None,
            "responseCodeSent": None,
            "httpRequest": {
                "clientIp": client,
                "country": country_of(client),
                "headers": [{"name": name, "value": value} for name, value in [*sent, *headers]],
                "uri": uri,
                "args": args,
                "httpVersion": "HTTP/2.0",
                "httpMethod": method,
                "requestId": self._request_id(time_ms),
                "fragment": "",
                "scheme": "https",
                "host": cast.SITE,
            },
            "labels": [{"name": label} for label in labels],
            "ja3Fingerprint": f"{self.rng.getrandbits(4) * 0x1234567:032x}",
            "ja4Fingerprint": f"t13d1516h2_{self.rng.getrandbits(3) * 0x1234567:012x}_e5627efa2ab1",
            "requestBodySize": 0 if method == "GET" else self.rng.randrange(40, 900),
            "requestBodySizeInspectedByWAF": 0,
        }
        record["requestBodySizeInspectedByWAF"] = record["requestBodySize"]
        return record

    def _request_id(self, time_ms: int) -> str:
        # The trace id of a load balancer: time and 96 random bits.
        return f"1-{time_ms // 1000:08x}-{self.rng.getrandbits(96):024x}"


def attack_records(seed: int, start_ms: int, end_ms: int) -> List[LabelledRecord]:
    """Return the scanner's probes and the request that gets through, in the order of time."""
    make = RequestMaker(random.Random(f"{seed}:waf:attack"))
    found = []
    for step in attack.TIMELINE:
        if step.log != "waf":
            continue
        wanted = attack.requests(step)
        for number, (uri, header) in enumerate(wanted):
            minute = step.minute - step.lasts * number / len(wanted)
            time_ms = max(start_ms, attack.moment_ms(minute, start_ms, end_ms))
            record = _probe(make, step, time_ms, uri, header) if header else _exploit(make, step, time_ms, uri)
            found.append(LabelledRecord(time_ms // 1000, step.name, record))
    return sorted(found, key=lambda labelled: labelled.record["timestamp"])


def _probe(make: RequestMaker, step: attack.Step, time_ms: int, uri: str, header: str) -> Request:
    payload = step.facts["payload"]
    agent = payload if header == "User-Agent" else ROBOTS[1]
    more = [] if header == "User-Agent" else [(header, payload)]
    matched = [
        {
            "conditionType": "REGEX",
            "sensitivityLevel": "",
            "location": "HEADER",
            "matchedData": ["${jndi:", cast.CALLBACK_HOST],
            "matchedFieldName": header.lower(),
        }
    ]
    return make.request(
        time_ms,
        step.facts["client_ip"],
        agent,
        uri,
        headers=more,
        action="BLOCK",
        blocked_by=(RULE_GROUP, "Log4JRCE_HEADER"),
        matched=matched,
        labels=("awswaf:managed:aws:known-bad-inputs:Log4JRCE_Header",),
    )


def _exploit(make: RequestMaker, step: attack.Step, time_ms: int, uri: str) -> Request:
    args = "username=" + quote(step.facts["payload"], safe="") + "&remember=1"
    client = step.facts["client_ip"]
    return make.request(time_ms, client, ROBOTS[1], uri, args=args, method="POST")


class Background:
    """The ordinary requests. ``records(times)`` makes one record for each moment."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(f"{seed}:waf:background")
        self._make = RequestMaker(self._rng)
        shapes: List[Tuple[float, Shape]] = [
            (50, self._page),
            (14, self._product),
            (12, self._search),
            (8, self._login),
            (6, self._robot),
            (4, self._counted),
            (3, self._blocked_scan),
            (1, self._challenged),
        ]
        self._shapes = [shape for _, shape in shapes]
        self._weights = list(accumulate(weight for weight, _ in shapes))

    def records(self, times_s: List[int]) -> Iterator[Request]:
        """Yield one record for each of ``times_s``, in their order."""
        chosen = self._rng.choices(self._shapes, cum_weights=self._weights, k=len(times_s))
        fractions = sorted(self._rng.randrange(1000) for _ in times_s)
        for time_s, fraction, shape in zip(times_s, fractions, chosen):
            yield shape(time_s * 1000 + fraction)

    def _visit(self, time_ms: int, uri: str, **more: Any) -> Request:
        client = self._rng.choice(cast.VISITORS)
        cookie = ("cookie", f"session={self._rng.getrandbits(64):016x}; lang=ko-KR")
        return self._make.request(time_ms, client, self._rng.choice(BROWSERS), uri, headers=(cookie,), **more)

    def _page(self, time_ms: int) -> Request:
        pages = ("/", "/cart", "/orders", "/static/css/shop+print.css", "/static/js/shop.js", "/help/배송")
        return self._visit(time_ms, self._rng.choice(pages))

    def _product(self, time_ms: int) -> Request:
        return self._visit(time_ms, f"/products/{self._rng.randrange(1000)}", args="ref=main")

    def _search(self, time_ms: int) -> Request:
        word = self._rng.choice(("신발", "가방", "winter coat", "usb-c cable"))
        return self._visit(time_ms, "/search", args="q=" + quote(word))

    def _login(self, time_ms: int) -> Request:
        return self._visit(time_ms, "/login", method="POST")

    def _robot(self, time_ms: int) -> Request:
        client = self._rng.choice(cast.SCANNERS)
        return self._make.request(time_ms, client, self._rng.choice(ROBOTS), "/robots.txt")

    def _counted(self, time_ms: int) -> Request:
        return self._visit(
            time_ms, "/api/cart", method="POST", counted_by="slow-lane", labels=("shop:cart:unusual-size",)
        )

    def _blocked_scan(self, time_ms: int) -> Request:
        client = self._rng.choice(cast.SCANNERS)
        uri = self._rng.choice(("/.env", "/wp-login.php", "/../../etc/passwd", "/phpmyadmin/index.php"))
        return self._make.request(
            time_ms,
            client,
            self._rng.choice(ROBOTS),
            uri,
            action="BLOCK",
            blocked_by=(COMMON_GROUP, "GenericLFI_URIPATH"),
            labels=("awswaf:managed:aws:core-rule-set:GenericLFI_URIPath",),
        )

    def _challenged(self, time_ms: int) -> Request:
        record = self._visit(time_ms, "/login", method="POST", action="CAPTCHA")
        record.update(
            {
                "terminatingRuleId": "captcha-on-login",
                "responseCodeSent": 405,
                "captchaResponse": {"responseCode": 405, "failureReason": "TOKEN_MISSING"},
            }
        )
        return record
