"""L: the fastest exact, ordered pull of the same bytes. Planned windows on one PIT, two threads, nothing decoded.

Usage: python -m benchmarks.peers.limit URL INDEX. Prints events, bytes and the seconds from first request to last byte.
"""

import json
import sys
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor

from es_bridge.config import ClusterConfig
from es_bridge.dialect import detect
from es_bridge.pit import PitSearch
from es_bridge.query import SearchRequest
from es_bridge.reply import new_nonce
from es_bridge.time_field import TimeField
from es_bridge.transport import Transport
from es_bridge.windows import Window, plan


def main(url: str, index: str) -> None:
    transport = Transport(ClusterConfig((url,)))
    started = time.monotonic()
    dialect = detect(transport)
    pit = dialect.open_pit(transport, index, partial=False)
    pit_search = PitSearch(transport, SearchRequest(index=index, size=0), TimeField("@timestamp"), pit.id)
    overview = pit_search.overview()

    def fetch(window: Window) -> "tuple[int, int]":
        nonce = new_nonce()
        body = {
            "size": 5000,
            "query": {
                "bool": {
                    "filter": [
                        {"range": {"@timestamp": {"gte": window.gte, "lt": window.lt, "format": "epoch_millis"}}}
                    ],
                    "_name": nonce,
                }
            },
            "sort": [{"@timestamp": "desc"}],
            "track_total_hits": False,
            "pit": {"id": pit_search.pit_id, "keep_alive": "2m"},
        }
        reply = transport.request("POST", ("_search",), body=body).body
        return reply.count(nonce.encode()), len(reply)

    events = received = 0
    whole = Window(overview.oldest_ms, overview.newest_ms + 1, overview.total)
    with ThreadPoolExecutor(2) as pool:
        pending = deque()
        for window in plan(pit_search, whole, lambda: 5000):
            pending.append(pool.submit(fetch, window))
            if len(pending) > 4:
                count, size = pending.popleft().result()
                events, received = events + count, received + size
        for future in pending:
            count, size = future.result()
            events, received = events + count, received + size
    seconds = time.monotonic() - started
    dialect.close_pit(transport, pit_search.pit_id, 5)
    print(json.dumps({"events": events, "bytes": received, "seconds": seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
