"""A search command as the older ones are: the client's `helpers.scan`, flattened dicts, the SDK's own writer.

Speaks the chunked protocol, so it is driven exactly as ours. Its columns are those of the first row of each chunk.
"""

import sys

from opensearchpy import OpenSearch
from opensearchpy.helpers import scan
from splunklib.searchcommands import Configuration, GeneratingCommand, Option, dispatch


def flatten(value, prefix, row):
    if isinstance(value, dict):
        for key, inner in value.items():
            flatten(inner, f"{prefix}.{key}" if prefix else key, row)
    elif isinstance(value, list):
        for inner in value:
            flatten(inner, prefix + "{}", row)
    else:
        row[prefix] = value


@Configuration()
class ScanCommand(GeneratingCommand):
    url = Option(require=True)
    index = Option(require=True)

    def generate(self):
        client = OpenSearch(self.url)
        for hit in scan(client, index=self.index, query={"query": {"match_all": {}}}, size=1000):
            row = {"_time": hit["_source"]["@timestamp"], "index": hit["_index"], "sourcetype": "elasticsearch"}
            flatten(hit["_source"], "", row)
            yield row


dispatch(ScanCommand, sys.argv, sys.stdin, sys.stdout, __name__)
