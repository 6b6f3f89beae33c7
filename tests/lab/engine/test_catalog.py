"""Every engine of the catalogue really starts, takes an index, a bulk and a search, and stops."""

from __future__ import annotations

import psutil
import pytest

from lab.engine import ENGINES


@pytest.mark.parametrize("engine_id", list(ENGINES))
def test_an_engine_takes_an_index_a_bulk_and_a_search(engine_id, engine_by_id, call):
    engine = engine_by_id(engine_id)
    user = "root" if engine.users else None
    _, root = call(engine, "GET", "/", user=user)
    assert root["version"]["number"] == ENGINES[engine_id].version
    mapping = {"properties": {"@timestamp": {"type": "date"}, "word": {"type": "keyword"}}}
    created = {"settings": {"number_of_shards": 3, "number_of_replicas": 0}, "mappings": mapping}
    assert call(engine, "PUT", "/lab-catalog", created, user=user)[0] == 200
    lines = "".join(
        f'{{"create":{{"_id":"{n}"}}}}\n{{"@timestamp":{1700000000000 + n},"word":"w{n % 2}"}}\n' for n in range(500)
    )
    status, bulk = call(engine, "POST", "/lab-catalog/_bulk?refresh=true", lines, user=user)
    assert (status, bulk["errors"], len(bulk["items"])) == (200, False, 500)
    search = {"size": 2, "sort": [{"@timestamp": "desc"}], "query": {"query_string": {"query": "word:w1"}}}
    status, found = call(engine, "POST", "/lab-catalog/_search", search, user=user)
    assert [hit["_id"] for hit in found["hits"]["hits"]] == ["499", "497"]
    assert found["hits"]["total"]["value"] == 250
    assert call(engine, "DELETE", "/lab-catalog", user=user)[0] == 200
    assert psutil.pid_exists(engine.pid)
