"""Date math is the engine's own notation, so the engine says what is right.

An expression after ``now`` means the same after a fixed date and ``||``; a ``date_range`` aggregation answers with the
instant it read. 300 random expressions go to the engine in one request.
"""

from __future__ import annotations

import json
import random
import urllib.request
from datetime import timezone

from es_bridge.times import format_utc, parse_time

SEED = 20261121
FIRST_MS, LAST_MS = 946_684_800_000, 2_145_916_800_000  # 2000 to 2038


def expression(chance: random.Random) -> str:
    steps = []
    for _ in range(chance.randint(1, 4)):
        unit = chance.choice("yMwdhHms")
        if chance.random() < 0.4:
            steps.append(f"/{unit}")
        else:
            steps.append(chance.choice("+-") + chance.choice(["", str(chance.randint(0, 40))]) + unit)
    return "".join(steps)


def test_date_math_is_read_as_the_engine_reads_it(engine):
    chance = random.Random(SEED)
    cases = {}
    for number in range(300):
        now_ms = chance.randint(FIRST_MS, LAST_MS)
        cases[f"case {number}"] = (now_ms, expression(chance))
    ranges = [{"key": key, "from": f"{format_utc(now_ms)}||{math}"} for key, (now_ms, math) in cases.items()]
    body = {"size": 0, "aggs": {"read": {"date_range": {"field": "nowhere", "format": FORMAT, "ranges": ranges}}}}
    answer = _search(engine.url, body)
    engines = {bucket["key"]: int(bucket["from"]) for bucket in answer["aggregations"]["read"]["buckets"]}
    assert len(engines) == len(cases)
    ours = {key: parse_time(f"now{math}", now_ms=ms, zone=timezone.utc) for key, (ms, math) in cases.items()}
    differing = {cases[key]: (engines[key], ours[key]) for key in cases if engines[key] != ours[key]}
    assert differing == {}


FORMAT = "strict_date_optional_time"


def _search(url: str, body: dict) -> dict:
    index = f"{url}/times-oracle"
    headers = {"Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(index, method="PUT")).close()
    try:
        request = urllib.request.Request(f"{index}/_search", json.dumps(body).encode(), headers, method="POST")
        with urllib.request.urlopen(request) as response:
            return json.load(response)
    finally:
        urllib.request.urlopen(urllib.request.Request(index, method="DELETE")).close()
