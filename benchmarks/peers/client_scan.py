"""`helpers.scan` of the official client, to JSON lines: what most export scripts do. No order, no `_time`.

Usage: python -m benchmarks.peers.client_scan URL INDEX > lines
"""

import json
import sys

from opensearchpy import OpenSearch
from opensearchpy.helpers import scan


def main(url: str, index: str) -> None:
    client = OpenSearch(url)
    for hit in scan(client, index=index, query={"query": {"match_all": {}}}, size=1000):
        sys.stdout.write(json.dumps(hit["_source"]) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
