"""The 40-line command this product replaces: one `GET _search?q=` page, at most 10,000 events, the SDK's writer."""

import json
import sys

import urllib3
from splunklib.searchcommands import Configuration, GeneratingCommand, Option, dispatch


@Configuration()
class OnePageCommand(GeneratingCommand):
    url = Option(require=True)
    index = Option(require=True)
    size = Option(require=True)

    def generate(self):
        address = f"{self.url}/{self.index}/_search?q=*&sort=@timestamp:desc&size={self.size}"
        reply = json.loads(urllib3.PoolManager().request("GET", address).data)
        for hit in reply["hits"]["hits"]:
            row = {"_raw": json.dumps(hit["_source"]), "sourcetype": "elasticsearch", "index": hit["_index"]}
            row.update(hit["_source"])
            yield row


dispatch(OnePageCommand, sys.argv, sys.stdin, sys.stdout, __name__)
