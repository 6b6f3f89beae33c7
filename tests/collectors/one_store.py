"""The cluster as the tests of messages look at it: what is stored for the year 2019, which is theirs alone."""

from __future__ import annotations

from typing import Any, List

from es_bridge.config import ClusterConfig
from es_bridge.transport import Transport

DAY = "2019-03-01"
OURS = "aws-*-2019.*"
#: A retention under which that year still counts.
FOR_EVER_DAYS = "36500"


class Store:
    """One engine without security, by its URL."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.transport = Transport(ClusterConfig((url,)))

    def clear(self) -> None:
        """Delete the indices of 2019."""
        found = self.transport.request("GET", ("_cat", "indices", OURS), {"format": "json", "h": "index"}).json()
        for entry in found:
            self.transport.request("DELETE", (entry["index"],))

    def ids(self) -> List[str]:
        """Return the id of every document, as often as it is there; at most 10,000."""
        self.transport.request("POST", (OURS, "_refresh"))
        body: Any = {"size": 10_000, "_source": False, "query": {"match_all": {}}}
        found = self.transport.request("POST", (OURS, "_search"), body=body).json()
        assert not found["_shards"]["failed"]
        return sorted(hit["_id"] for hit in found["hits"]["hits"])

    def count(self) -> int:
        """Return how many documents there are."""
        self.transport.request("POST", (OURS, "_refresh"))
        return self.transport.request("GET", (OURS, "_count")).json()["count"]


def trail_ids(first: int, count: int) -> List[str]:
    """Return the ids of the records of `account.trail_file`."""
    return [f"00000000-0000-4000-a000-{number:012d}-111122223333" for number in range(first, first + count)]
