"""What accounts with few permissions get: everything they may read, or the reason why not."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Callable, Dict, List, Optional, Tuple

import pytest

from es_bridge.config import ClusterConfig
from es_bridge.errors import (
    AuthenticationError,
    BridgeError,
    IndexNotAllowed,
    NothingMatched,
    PermissionDenied,
    TlsError,
)
from es_bridge.lookup.event_key import EventKey, LookupRequest, Matches
from es_bridge.lookup.lookup import Lookup
from es_bridge.query import SearchRequest
from es_bridge.search import Search, open_search
from es_bridge.transport import Transport
from lab.engine import Engine

from .conftest import ASKED_FOR, START_MS, Cluster, assert_once_in_order, config_of

SECURED = [name for name in ("opensearch-2.19-secured", "opensearch-3-secured") if name in ASKED_FOR]


@pytest.fixture(scope="module", params=SECURED or ["opensearch-2.19-secured"])
def secured(request: pytest.FixtureRequest, engine_by_id: Callable[[str], Engine]) -> Engine:
    if not SECURED:
        pytest.skip("no secured engine among AWS_SIEM_BRIDGE_ENGINES")
    return engine_by_id(request.param)


@pytest.fixture(scope="module")
def filled(secured: Engine) -> Tuple[str, Dict[str, int]]:
    times = {f"d{i}": START_MS + (i // 3) * 1000 for i in range(7000)}
    cluster = Cluster(secured)
    index = cluster.create()
    cluster.fill(index, ((doc_id, {"@timestamp": at}) for doc_id, at in times.items()))
    return index, times


def search_as(secured: Engine, user: str, index: str, **options: object) -> Tuple[list, Search]:
    transport = Transport(config_of(secured, user))
    with open_search(transport, SearchRequest(index=index, size=0, **options)) as search:  # type: ignore[arg-type]
        return [hit for page in search for hit in page.hits], search


def test_reader_needs_no_more_than_read(secured: Engine, filled: Tuple[str, Dict[str, int]]) -> None:
    hits, search = search_as(secured, "reader", filled[0])
    assert_once_in_order(hits, filled[1])
    assert search.notes == [] and search.warnings == []


def test_account_without_pit_gets_everything_by_scroll_and_a_note(
    secured: Engine, filled: Tuple[str, Dict[str, int]]
) -> None:
    hits, search = search_as(secured, "reader_nopit", filled[0])
    assert_once_in_order(hits, filled[1])
    assert any("scroll" in note for note in search.notes)
    assert any("field capabilities" in note for note in search.notes)


def test_index_patterns_of_roles_hold_for_an_account_that_may_not_ask_for_field_capabilities(
    secured: Engine, filled: Tuple[str, Dict[str, int]]
) -> None:
    index, times = filled
    hits, search = search_as(secured, "reader_nopit", index[:-3] + "*", allowed_indices=(index[:-4] + "*",))
    assert_once_in_order(hits, times)
    with pytest.raises(IndexNotAllowed) as caught:
        search_as(secured, "reader_nopit", index, allowed_indices=("aws-other-*",))
    assert "aws-other-*" in str(caught.value)


def test_data_stream_is_read_by_its_name_by_an_account_with_read_only(secured: Engine) -> None:
    cluster = Cluster(secured)
    stream = "aws-t-" + uuid.uuid4().hex[:12]
    template = {"index_patterns": [stream], "data_stream": {}, "priority": 500}
    cluster.transport.request("PUT", ("_index_template", stream), body=template)
    params = {"op_type": "create", "refresh": True}
    cluster.transport.request("POST", (stream, "_doc"), params, {"@timestamp": START_MS})
    for user in ("reader", "root"):
        hits, _ = search_as(secured, user, stream, allowed_indices=(stream,))
        assert [hit.time for hit in hits] == [START_MS]


def test_what_the_engine_forbids_names_the_permission_and_nothing_else(
    secured: Engine, filled: Tuple[str, Dict[str, int]]
) -> None:
    cluster = Cluster(secured)
    theirs = "sec-t-" + uuid.uuid4().hex[:12]
    cluster.transport.request("PUT", (theirs,))
    alias = filled[0] + "-alias"
    actions = [{"add": {"index": name, "alias": alias}} for name in (filled[0], theirs)]
    cluster.transport.request("POST", ("_aliases",), body={"actions": actions})
    with pytest.raises((PermissionDenied, IndexNotAllowed)) as caught:
        search_as(secured, "reader", alias, allowed_indices=("aws-t-*",))
    assert theirs not in str(caught.value)


def test_forbidden_index_names_the_permission(secured: Engine, filled: Tuple[str, Dict[str, int]]) -> None:
    transport = Transport(config_of(secured, "root"))
    transport.request("PUT", ("secret-1",), accept_status=(400,))
    for pattern in ("secret-1", f"{filled[0]},secret-1"):
        with pytest.raises(PermissionDenied) as caught:
            search_as(secured, "reader", pattern)
        assert "indices:" in str(caught.value)
    for user in ("reader", "reader_nopit"):
        with pytest.raises((NothingMatched, PermissionDenied)):
            search_as(secured, user, "secret-*")


def test_wrong_password_wrong_ca_and_plain_http(secured: Engine) -> None:
    right = config_of(secured, "reader")
    password = right.auth.password
    wrong: Dict[type, ClusterConfig] = {
        AuthenticationError: replace(right, auth=replace(right.auth, password="nonsense-pw")),
        TlsError: replace(right, ca_file=None),
    }
    for kind, config in wrong.items():
        with pytest.raises(kind) as caught:
            list(open_search(Transport(config), SearchRequest(index="aws-*")))
        assert password not in str(caught.value) and "nonsense-pw" not in str(caught.value)
    plain = replace(right, hosts=(right.hosts[0].replace("https", "http"),), ca_file=None, max_retries=0)
    with pytest.raises(BridgeError):
        list(open_search(Transport(plain), SearchRequest(index="aws-*")))


def test_lookup_needs_what_reading_needs_and_says_what_is_missing(
    secured: Engine, filled: Tuple[str, Dict[str, int]]
) -> None:
    index, times = filled
    events = [EventKey(((str(at),),), at, at + 1) for at in (START_MS, START_MS + 1000)]

    def look_up(user: str) -> Tuple[List[Optional[Matches]], Lookup]:
        request = LookupRequest(SearchRequest(index=index), ("@timestamp",))
        with Lookup(Transport(config_of(secured, user)), request) as lookup:
            found = list(lookup.answers(events))
            lookup.finish()
        return found, lookup

    found, lookup = look_up("reader")
    assert [sorted(hit.id for hit in matches.hits) for matches in found if matches] == [
        sorted(doc_id for doc_id, at in times.items() if at == event.earliest_ms) for event in events
    ]
    assert lookup.notes == [] and lookup.warnings == []
    with pytest.raises(PermissionDenied, match="indices:data/read/msearch"):
        look_up("reader_nopit")
