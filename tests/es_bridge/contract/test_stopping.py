"""What goes on in an engine after a search was cancelled or cut off: next to nothing."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from typing import Any, Callable, Dict, Iterable, List, Union

import pytest

from es_bridge.errors import BridgeError, QueryError
from es_bridge.limits import Ceilings
from es_bridge.lookup.event_key import EventKey, LookupRequest
from es_bridge.lookup.lookup import Lookup
from es_bridge.query import SearchRequest
from es_bridge.query_bounds import check_question
from es_bridge.search import Search, open_search
from es_bridge.stopping import cancel_tasks
from es_bridge.transport import Transport
from lab.engine import Engine
from lab.front.faults import FaultyServer

from .conftest import ASKED_FOR, PLAIN, START_MS, Cluster, config_of, each_of

#: As many fields as the mappings of CloudTrail have, and one in which all values differ.
FIELDS = 180
DOCUMENTS = 60_000


cluster = each_of(PLAIN)


def tasks_of(cluster: Cluster, opaque_id: str) -> List[str]:
    """Return the searches that go on; not the look-ups of fields, which come before.

    Old engines keep the entry of a cancelled ``_msearch``, without a search below it (see docs/engines.md).
    """
    actions = "indices:data/read/search*,indices:data/read/msearch*,indices:data/read/scroll*"
    reply = cluster.transport.request("GET", ("_tasks",), {"actions": actions}).json()
    keeps = () if cluster.has_pit else ("indices:data/read/msearch",)
    return [
        task_id
        for node in reply["nodes"].values()
        for task_id, task in node["tasks"].items()
        if task.get("headers", {}).get("X-Opaque-Id") == opaque_id and task["action"] not in keeps
    ]


def fill(cluster: Cluster, documents: int = DOCUMENTS) -> str:
    names = [f"f{n}" for n in range(FIELDS)]
    properties: Dict[str, Any] = {name: {"type": "keyword"} for name in names}
    index = cluster.create(shards=1, properties={"@timestamp": {"type": "date"}, **properties})
    cluster.fill(
        index,
        (
            (str(n), {"@timestamp": START_MS + n, "f0": f"{n * 2654435761 % 2**32:08x}" * 8, "f1": f"v{n % 100}"})
            for n in range(documents)
        ),
    )
    return index


_indices: Dict[str, str] = {}


def filled(cluster: Cluster) -> str:
    """Return an index of 20,000 documents, made once an engine."""
    if cluster.id not in _indices:
        _indices[cluster.id] = fill(cluster, 20_000)
    return _indices[cluster.id]


def heaviest() -> str:
    """Return bare words with wildcards on both sides, as many as the default ceilings let through."""
    words: List[str] = []
    while True:
        query = " OR ".join([*words, f"*{len(words):x}*"])
        try:
            check_question(SearchRequest(index="x", query=query), Ceilings(), "x")
        except QueryError:
            return " OR ".join(words)
        words.append(f"*{len(words):x}*")


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "query",
    [
        pytest.param(heaviest(), id="bare"),
        pytest.param("f0:(" + heaviest() + ")", id="one field"),
        pytest.param(" OR ".join(f"/.*{n}.*/" for n in range(10)), id="regular expressions"),
        pytest.param(" OR ".join(f"word{n}~2" for n in range(40)), id="fuzzy"),
    ],
)
def test_another_search_is_answered_after_a_heavy_one_was_cut_off(cluster: Cluster, query: str) -> None:
    index = fill(cluster)
    other = SearchRequest(index=index, query="f1:v7", size=1)
    took_s = []
    for _ in range(3):  # the machine of a test may be busy with something else
        with open_search(
            Transport(cluster.config, "heavy"),
            SearchRequest(index=index, query=query, size=0),
            ceilings=Ceilings(max_run_time_s=5),
        ) as search:
            try:
                list(search)
            except BridgeError:
                pass  # cut off, or the engine itself says that it is too much
        started = time.monotonic()
        with open_search(cluster.transport, other) as search:
            assert [len(page.hits) for page in search] == [1]
        took_s.append(time.monotonic() - started)
        if took_s[-1] < 2:
            break
    assert min(took_s) < 2, took_s


@pytest.mark.parametrize("kind", ["search", "lookup"])
def test_a_search_behind_a_proxy_that_keeps_its_connection_is_cancelled_by_name(cluster: Cluster, kind: str) -> None:
    index = filled(cluster)
    query = "f0:(" + " OR ".join(f"*{n:x}*" for n in range(900)) + ")"
    request = SearchRequest(index=index, query=query, unknown_fields="ignore")
    with FaultyServer(upstream=cluster.config.hosts[0]) as proxy:
        for _ in range(5):  # an engine that is too busy to list its tasks in time is not told, and stops later
            cancels = cancelled_by_name(cluster, request, proxy, kind == "lookup")
            if cancels:
                break
    assert cancels and all("/_tasks/" in target for target in cancels)


def cancelled_by_name(cluster: Cluster, request: SearchRequest, proxy: FaultyServer, is_lookup: bool) -> List[str]:
    """Close a search at work, wait until nothing of it goes on, and return the requests that cancelled its tasks."""
    transport = Transport(replace(cluster.config, hosts=(proxy.url,)), f"cancelled {request.index}")
    ceilings = Ceilings(max_query_wildcards=10_000)
    search: Union[Search, Lookup] = open_search(transport, request, ceilings=ceilings)
    reader = threading.Thread(target=lambda: ended(search))
    if is_lookup:
        search = lookup = Lookup(transport, LookupRequest(request, ("f1",)), ceilings)
        events = [EventKey((("v1",),), START_MS, START_MS + 10**6 + n) for n in range(20)]
        reader = threading.Thread(target=lambda: ended(lookup.answers(events)))
    reader.start()
    while reader.is_alive() and not tasks_of(cluster, transport.opaque_id):
        time.sleep(0.01)
    search.close()
    reader.join()
    cancels = [received.target for received in proxy.received if received.target.endswith("/_cancel")]
    for _ in range(600):
        if not tasks_of(cluster, transport.opaque_id):
            break
        time.sleep(0.1)
    assert tasks_of(cluster, transport.opaque_id) == []
    return cancels


def ended(search: Iterable[Any]) -> None:
    try:
        list(search)
    except BridgeError:
        pass


def test_only_the_tasks_of_this_search_are_cancelled(cluster: Cluster) -> None:
    """A search of another name goes on, whatever else is cancelled meanwhile."""
    index = filled(cluster)
    query = "f0:(" + " OR ".join(f"*{n:x}*" for n in range(60)) + ")"
    request = SearchRequest(index=index, query=query, size=0, unknown_fields="ignore")
    found: List[int] = []

    def other() -> None:
        with open_search(
            Transport(cluster.config, "other"), request, ceilings=Ceilings(max_query_wildcards=10_000)
        ) as search:
            found.append(sum(len(page.hits) for page in search))

    reader = threading.Thread(target=other)
    reader.start()
    cancels = 0
    while reader.is_alive():
        cancel_tasks(Transport(cluster.config, "othe")).join()
        cancels += 1
        reader.join(0.05)
    assert found == [20_000] and cancels > 1


def test_every_search_says_when_nobody_waits_any_more(cluster: Cluster) -> None:
    index = cluster.create()
    cluster.fill(index, [("1", {"@timestamp": START_MS})])
    with FaultyServer(upstream=cluster.config.hosts[0]) as server:
        transport = Transport(replace(cluster.config, hosts=(server.url,)))
        for run_time_s, told in ((None, "122000ms"), (30, "32000ms")):
            server.received.clear()
            with open_search(
                transport, SearchRequest(index=index), ceilings=Ceilings(max_run_time_s=run_time_s)
            ) as search:
                assert [len(page.hits) for page in search] == [1]
            asked = [received for received in server.received if b'"_name"' in received.body]
            assert asked and all(json.loads(received.body)["timeout"] == told for received in asked)
            is_told = [f"cancel_after_time_interval={told}" in received.target for received in asked]
            assert is_told == [cluster.id.startswith("opensearch")] * len(asked)


@pytest.mark.parametrize("engine_id", [name for name in ASKED_FOR if name.endswith("-secured")])
@pytest.mark.parametrize("user", ["root", "reader"])
def test_an_account_that_may_not_cancel_does_without(
    engine_by_id: Callable[[str], Engine], engine_id: str, user: str
) -> None:
    transport = Transport(config_of(engine_by_id(engine_id), user))
    cancel_tasks(transport).join()
    assert transport.requests_sent == 1
