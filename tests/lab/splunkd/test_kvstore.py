"""The KV store, through the SDK."""

import json
from typing import Callable

import pytest
import splunklib.binding
import splunklib.client

from lab.splunkd import User

from .conftest import Call

pytestmark = pytest.mark.fast


def test_documents_live_and_die(sdk: Callable[..., splunklib.client.Service]) -> None:
    service = sdk()
    service.kvstore.create("more")
    assert {collection.name for collection in service.kvstore} == {"states", "more"}
    data = service.kvstore["states"].data
    key = data.insert(json.dumps({"name": "a", "n": 1}))["_key"]
    assert data.query_by_id(key) == {"name": "a", "n": 1, "_key": key, "_user": "nobody"}
    data.update(key, json.dumps({"name": "b"}))
    assert data.query(query=json.dumps({"name": "b"}))[0]["_key"] == key
    assert data.query(query=json.dumps({"name": "a"})) == []
    assert data.batch_save({"_key": "x", "n": 2}, {"_key": key, "n": 2}, {"n": 3})[:2] == ["x", key]
    assert len(data.query(query=json.dumps({"n": 2}))) == 2
    assert len(data.query(limit=1, skip=2)) == 1
    data.delete(json.dumps({"n": 2}))
    assert [document["n"] for document in data.query()] == [3]
    data.delete()
    assert data.query() == []
    service.kvstore["more"].delete()
    assert [collection.name for collection in service.kvstore] == ["states"]


def test_missing_taken_and_malformed(call: Call, sdk: Callable[..., splunklib.client.Service]) -> None:
    data = sdk().kvstore["states"].data
    data.insert(json.dumps({"_key": "k"}))
    for attempt, status in (
        (lambda: data.insert(json.dumps({"_key": "k"})), 409),
        (lambda: data.query_by_id("no"), 404),
        (lambda: data.update("no", "{}"), 404),
        (lambda: data.delete_by_id("no"), 404),
        (lambda: data.insert("{"), 400),
        (lambda: data.insert("[1]"), 400),
        # Not answered with everything: what it cannot compare it refuses.
        (lambda: data.query(query='{"n": {"$gt": 1}}'), 501),
        (lambda: data.query(query="{"), 400),
    ):
        with pytest.raises(splunklib.binding.HTTPError) as refused:
            attempt()
        assert refused.value.status == status
    assert call("GET", "storage/collections/data/unknown").status == 404
    assert call("GET", "storage/collections/config/unknown").status == 404
    assert call("POST", "storage/collections/config", name="states").status == 409


def test_who_may_write(sdk: Callable[..., splunklib.client.Service]) -> None:
    data = sdk(User("u")).kvstore["states"].data
    assert data.query() == []
    with pytest.raises(splunklib.binding.HTTPError) as refused:
        data.insert("{}")
    assert refused.value.status == 403
