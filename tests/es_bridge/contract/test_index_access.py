"""What role A may not read stays unread, however it is spelt: no row, no count, no name of it comes back.

``{u}`` stands for the tag of a test. Role A may read ``aws-{u}-*`` and ``trap-{u}-*``; ``sec-{u}-*`` is role B's.
"""

from __future__ import annotations

import json
import os
import threading
import uuid
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import pytest

from es_bridge.errors import BridgeError, IndexNotAllowed, NothingMatched, PartialResult, QueryError, ResponseError
from es_bridge.index_access import allowed
from es_bridge.lookup.event_key import EventKey, LookupRequest
from es_bridge.lookup.lookup import Lookup
from es_bridge.query import SearchRequest, parse_dsl
from es_bridge.search import Search, open_search
from es_bridge.transport import Transport
from lab.engine import Engine
from lab.front.server import LocalServer, Received, Reply, forward

from .conftest import PLAIN, START_MS, Cluster, watched_cluster

pytestmark = pytest.mark.fast

#: The engines whose rules for names differ; the others behave as one of them and have their turn with ``--full``.
OWN_RULES = ("opensearch-1.3", "opensearch-2.19", "elasticsearch-7.10.2", "elasticsearch-9.0")
EVERYWHERE = bool(os.environ.get("AWS_SIEM_BRIDGE_FULL"))
ENGINES_HERE = [engine_id for engine_id in PLAIN if EVERYWHERE or engine_id in OWN_RULES]
#: In every document of role B; its documents are the newest.
MARK = "belongs to role B"
ROWS_1, ROWS_2, ROWS_B = 300, 20, 7


@pytest.fixture(params=ENGINES_HERE)
def cluster(request: pytest.FixtureRequest, engine_by_id: Callable[[str], Engine]) -> Iterator[Cluster]:
    yield from watched_cluster(request.param, engine_by_id)


class TwoRoles:
    """The indices of both roles on one engine."""

    def __init__(self, cluster: Cluster) -> None:
        self.u = uuid.uuid4().hex[:10]
        self.cluster = cluster
        self.patterns = (f"aws-{self.u}-*", f"trap-{self.u}-*")
        #: Names that may be in nothing that role A reads, unless A wrote them.
        self.secret_names: List[str] = []
        index, theirs = self._index, self._theirs
        index("aws-{u}-1", ROWS_1)
        index("aws-{u}-2", ROWS_2)
        index("<aws-{u}-{now/d}>", 1)
        theirs("sec-{u}-b", ROWS_B)
        theirs("<sec-{u}-{now/d}>", ROWS_B)
        theirs("sec-{u}-closed", ROWS_B)
        theirs("sec-{u}-hidden", ROWS_B, hidden=True)
        theirs("sec-{u}-text", ROWS_B, time_type="keyword")
        self.add_alias("alias-{u}-a", "aws-{u}-1", "aws-{u}-2")
        self.add_alias("alias-{u}-both", "aws-{u}-1", "sec-{u}-b")
        self.add_alias("alias-{u}-filtered", "sec-{u}-b", filter={"term": {"n": 1}})
        self.add_alias("trap-{u}-alias", "sec-{u}-b")
        self.add_alias("trap-{u}-text", "aws-{u}-1", "sec-{u}-text")
        self.add_alias("trap-{u}-closed", "aws-{u}-2", "sec-{u}-closed")
        self._send("POST", (self.name("sec-{u}-closed"), "_close"))
        self.has_data_streams = cluster.id != "elasticsearch-7.10.2"
        if self.has_data_streams:
            self._data_streams()
        # As if it were a backing index of role A's data stream.
        theirs(".ds-aws-{u}-ds-fake", ROWS_B)

    def name(self, spelling: str) -> str:
        """Return a spelling with the tag in it."""
        return spelling.replace("{u}", self.u)

    def ask(self, spelling: str, **options: Any) -> Tuple[List[Any], Search, Optional[BridgeError]]:
        """Return what a search of role A gives: hits, the search, its error."""
        return self.ask_through(self.cluster.transport, spelling, **options)

    def ask_through(
        self, transport: Transport, spelling: str, **options: Any
    ) -> Tuple[List[Any], Search, Optional[BridgeError]]:
        """Return what a search of role A gives by way of another transport."""
        options = {"size": 0, "allowed_indices": self.patterns, **options}
        hits: List[Any] = []
        search = open_search(transport, SearchRequest(index=self.name(spelling), **options))
        with search:
            try:
                for page in search:
                    hits += page.hits
            except BridgeError as exc:
                return hits, search, exc
        return hits, search, None

    def assert_nothing_told(self, spelling: str, hits: List[Any], search: Search, error: Optional[BridgeError]) -> None:
        """Assert that role A learnt nothing of role B's, neither rows nor counts nor names."""
        assert hits == [] and search.emitted == 0
        assert search.matched is None
        told = "\n".join([str(error), *search.warnings, *search.notes])
        assert MARK not in told
        for name in self.secret_names:
            assert name not in told or name in self.name(spelling)

    def _index(self, spelling: str, documents: int, text: str = "", at: int = 0, **settings: Any) -> None:
        name = self.add_index(spelling, **settings)
        if text:
            self.secret_names.append(name)
        self.cluster.fill(
            name, ((f"{name}-{n}", {"@timestamp": START_MS + at + n, "n": n, "text": text}) for n in range(documents))
        )

    def _theirs(self, spelling: str, documents: int, **settings: Any) -> None:
        self._index(spelling, documents, MARK, 10**9, **settings)

    def add_index(self, name: str, time_type: str = "date", **settings: Any) -> str:
        """Create an index and return its name, in which date math has been worked out."""
        body = {
            "settings": {"index": {"number_of_shards": 1, "number_of_replicas": 0, **settings}},
            "mappings": {"properties": {"@timestamp": {"type": time_type}}},
        }
        created: str = self._send("PUT", (self.name(name),), body=body)["index"]
        return created

    def add_alias(self, name: str, *indices: str, **options: Any) -> None:
        """Add indices to an alias."""
        actions = [{"add": {"index": self.name(i), "alias": self.name(name), **options}} for i in indices]
        self._send("POST", ("_aliases",), body={"actions": actions})

    def _data_streams(self) -> None:
        settings = {"index": {"number_of_replicas": 0}}
        template = {
            "index_patterns": [f"*-{self.u}-ds"],
            "data_stream": {},
            "priority": 500,
            "template": {"settings": settings},
        }
        self._send("PUT", ("_index_template", f"t-{self.u}"), body=template)
        for stream, text in (("aws-{u}-ds", ""), ("sec-{u}-ds", MARK)):
            document = {"@timestamp": START_MS, "text": text}
            written = self._send(
                "POST", (self.name(stream), "_doc"), {"op_type": "create", "refresh": True}, body=document
            )
            if text:
                self.secret_names.append(written["_index"])
            else:
                self.backing_index = written["_index"]

    def _send(self, method: str, path: Tuple[str, ...], params: Any = None, body: Any = None) -> Any:
        return self.cluster.transport.request(method, path, params, body).json()


_made: Dict[str, TwoRoles] = {}


@pytest.fixture
def roles(cluster: Cluster) -> TwoRoles:
    if cluster.id not in _made:
        _made[cluster.id] = TwoRoles(cluster)
    return _made[cluster.id]


@pytest.fixture(params=ENGINES_HERE)
def roles_unwatched(request: pytest.FixtureRequest, engine_by_id: Callable[[str], Engine]) -> TwoRoles:
    """Return the same, for searches after which the engine itself leaves a context open."""
    if request.param not in _made:
        _made[request.param] = TwoRoles(Cluster(engine_by_id(request.param)))
    return _made[request.param]


@contextmanager
def its_own_remote(roles: TwoRoles) -> Iterator[None]:
    """Make the engine its own remote cluster, called ``rem``."""

    def set_seeds(seeds: Optional[List[str]]) -> None:
        body = {"persistent": {"cluster": {"remote": {"rem": {"seeds": seeds}}}}}
        roles.cluster.transport.request("PUT", ("_cluster", "settings"), body=body)

    nodes = roles.cluster.transport.request("GET", ("_nodes", "transport")).json()["nodes"]
    set_seeds([node["transport"]["publish_address"] for node in nodes.values()])
    try:
        # The first search connects; with skip_unavailable it would be passed over until then.
        roles.cluster.transport.request("GET", (roles.name("rem:aws-{u}-1"), "_field_caps"), {"fields": "n"})
        yield
    finally:
        set_seeds(None)


@pytest.fixture
def remote(roles: TwoRoles) -> Iterator[None]:
    with its_own_remote(roles):
        yield


SPELLINGS = [
    "sec-{u}-b",
    " sec-{u}-b ",
    "aws-{u}-1,sec-{u}-b",
    "aws-{u}-1, ,sec-{u}-b",
    "aws-{u}-*,sec-{u}-b",
    "aws-{u}-*,-aws-{u}-*,sec-{u}-b",
    "sec-{u}-b,-aws-{u}-*",
    "sec-{u}-hidden",
    "sec-{u}-closed",
    "sec-{u}-text",
    "sec-{u}*",
    "*-{u}-b",
    "*{u}*",
    "*",
    "_all",
    "**",
    "*,-aws-{u}-*",
    "*{u}*,-aws-{u}-*",
    "*{u}*,-sec-{u}-*",
    "-aws-{u}-*",
    "-*,*",
    "-_all",
    "+sec-{u}-b",
    "+sec-{u}*",
    "SEC-{u}-B",
    "sec-{u}-b\u200b",
    "\uff0a",
    "aws-{u}-1\u3000,sec-{u}-b",
    "sec-{u}-%62",
    "sec-{u}-%2a",
    "%2a",
    "aws-{u}-1%2csec-{u}-b",
    "aws-{u}-1%2f..%2fsec-{u}-b",
    "aws-{u}-1&index=sec-{u}-b",
    "aws-{u}-1;sec-{u}-b",
    "aws-{u}-1|sec-{u}-b",
    "aws-{u}-1 sec-{u}-b",
    "aws-{u}-1\x00,sec-{u}-b",
    "aws-{u}-1\n,sec-{u}-b",
    "<sec-{u}-{now/d}>",
    "<sec-{u}-*{now/d}>",
    "<sec-{u}-{now/d{'b'}}>",
    "<*{now/d{''}}>",
    "<aws-{u}-{now/d}>,<sec-{u}-{now/d}>",
    "alias-{u}-both",
    "alias-{u}-filtered",
    "alias-{u}-*",
    "aws-{u}-1,alias-{u}-both",
    "trap-{u}-alias",
    "trap-{u}-*",
    "trap-{u}-text",
    "aws-{u}-*,trap-{u}-alias",
    ".ds-aws-{u}-ds-fake",
    ".ds-aws-{u}-ds-*",
    ".*",
    "sec-{u}-ds",
    "*-{u}-ds",
    "sec-{u}-b::data",
    "sec-{u}-ds::data",
    "sec-{u}-ds::failures",
    "sec-{u}-ds::*",
    "*::data",
    "aws-{u}-1::data,sec-{u}-b",
    "*:*",
    "*:sec-{u}-b",
    "*:aws-{u}-1",
    "nowhere*:aws-{u}-1",
    ":sec-{u}-b",
    "nowhere:sec-{u}-b",
    "local:sec-{u}-b",
    "_local:sec-{u}-b",
    "(local):sec-{u}-b",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("partial", ["fail", "allow"])
def test_no_spelling_reaches_role_b(roles: TwoRoles, spelling: str, partial: str) -> None:
    hits, search, error = roles.ask(spelling, partial=partial)
    roles.assert_nothing_told(spelling, hits, search, error)
    if all(allowed(part, roles.patterns) for part in search.request.index.split(",")):
        assert isinstance(error, (IndexNotAllowed, NothingMatched))
        return
    assert isinstance(error, IndexNotAllowed)
    assert all(pattern in str(error) for pattern in roles.patterns)


@pytest.mark.parametrize(
    "spelling",
    [
        "aws-1/../sec-b",
        "../sec-b",
        "aws-1/_search?index=sec-b",
        "aws-1#,sec-b",
        "%3csec-{now/d}%3e",
        "rem:<sec-{now/d}>",
        "sec-?",
        "aws\\*",
        "a\nb",
        ",",
        "",
    ],
)
def test_what_no_index_name_holds_is_not_sent(spelling: str) -> None:
    with pytest.raises(QueryError):
        SearchRequest(index=spelling, allowed_indices=("aws-*",))


REMOTE_SPELLINGS = [
    "rem:sec-{u}-b",
    "rem:sec-{u}-hidden",
    "rem:sec-{u}-closed",
    "rem:*",
    "rem:_all",
    "*:*",
    "*:aws-{u}-*",
    "r*:aws-{u}-*",
    "rem:aws-{u}-1",
    "rem:alias-{u}-both",
    "rem:trap-{u}-alias",
    "<rem:sec-{u}-{now/d}>",
    "rem:sec-{u}-ds",
    "rem:aws-{u}-*,-rem:aws-{u}-2",
    "*,-rem:*",
    "rem:*,-rem:aws-{u}-*",
    "rem:-aws-{u}-1",
]


@pytest.mark.usefixtures("remote")
@pytest.mark.parametrize("spelling", REMOTE_SPELLINGS)
def test_no_spelling_reaches_a_remote_cluster(roles: TwoRoles, spelling: str) -> None:
    hits, search, error = roles.ask(spelling)
    assert isinstance(error, IndexNotAllowed)
    roles.assert_nothing_told(spelling, hits, search, error)


# An engine that is its own remote cluster frees one of the two contexts ("num_freed": 1), so nothing is counted here.
@pytest.mark.parametrize(
    "spelling", ["aws-{u}-1,rem:aws-{u}-2", "aws-{u}-1,rem:sec-{u}-b", "rem:aws-{u}-1,sec-{u}-b", "aws-{u}-*,rem:*"]
)
def test_no_spelling_reaches_a_remote_cluster_beside_the_own(roles_unwatched: TwoRoles, spelling: str) -> None:
    with its_own_remote(roles_unwatched):
        hits, search, error = roles_unwatched.ask(spelling)
    assert isinstance(error, IndexNotAllowed)
    roles_unwatched.assert_nothing_told(spelling, hits, search, error)


@pytest.mark.usefixtures("remote")
def test_remote_indices_that_a_pattern_names_are_read_and_no_others(roles: TwoRoles) -> None:
    patterns = (roles.name("rem:aws-{u}-*"), roles.name("rem:trap-{u}-*"))
    hits, search, error = roles.ask("rem:aws-{u}-1,rem:aws-{u}-2", allowed_indices=patterns)
    assert error is None and len(hits) == search.matched == ROWS_1 + ROWS_2
    assert {hit.index for hit in hits} == {roles.name("rem:aws-{u}-1"), roles.name("rem:aws-{u}-2")}
    if roles.has_data_streams:
        hits, _, error = roles.ask("rem:aws-{u}-ds", allowed_indices=patterns)
        assert error is None and [hit.index for hit in hits] == [f"rem:{roles.backing_index}"]
    hits, _, error = roles.ask("*:aws-{u}-1", allowed_indices=patterns)
    assert error is None and {hit.index for hit in hits} == {roles.name("rem:aws-{u}-1")}
    for spelling in ("rem:sec-{u}-b", "rem:trap-{u}-alias", "rem:*", "*:*-{u}-b", "aws-{u}-1"):
        hits, search, error = roles.ask(spelling, allowed_indices=patterns)
        assert isinstance(error, IndexNotAllowed), spelling
        roles.assert_nothing_told(spelling, hits, search, error)


def looked_up(roles: TwoRoles, spelling: str, patterns: Tuple[str, ...]) -> List[Any]:
    """Return (matches, their indices) of an event at the start, by its time."""
    request = SearchRequest(index=roles.name(spelling), allowed_indices=patterns)
    with Lookup(roles.cluster.transport, LookupRequest(request, ("@timestamp",))) as lookup:
        (found,) = lookup.answers([EventKey(((str(START_MS),),), START_MS, START_MS + 1000)])
        lookup.finish()
    return [found.matched, [hit.index for hit in found.hits]] if found else []


@pytest.mark.usefixtures("remote")
def test_events_are_looked_up_in_the_remote_indices_that_may_be_read(roles: TwoRoles) -> None:
    """Also where every search is held to the concrete indices that were checked."""
    patterns = (roles.name("rem:aws-{u}-*"),)
    assert looked_up(roles, "rem:aws-{u}-1", patterns) == [1, [roles.name("rem:aws-{u}-1")]]
    for spelling in ("rem:sec-{u}-b", "rem:*", "aws-{u}-1"):
        with pytest.raises(IndexNotAllowed):
            looked_up(roles, spelling, patterns)


def test_events_are_looked_up_in_a_data_stream(roles: TwoRoles) -> None:
    if not roles.has_data_streams:
        pytest.skip("no data streams here")
    assert looked_up(roles, "aws-{u}-ds", roles.patterns) == [1, [roles.backing_index]]
    with pytest.raises(IndexNotAllowed):
        looked_up(roles, "sec-{u}-ds", roles.patterns)


LEGAL = {
    "aws-{u}-1": ROWS_1,
    "aws-{u}-1,aws-{u}-2": ROWS_1 + ROWS_2,
    " aws-{u}-1 , aws-{u}-2,": ROWS_1 + ROWS_2,
    "aws-{u}-1*": ROWS_1,
    "aws-{u}-1*,aws-{u}-2": ROWS_1 + ROWS_2,
    "aws-{u}-*,-aws-{u}-1,-*ds,-*.*": ROWS_2,
    "aws-{u}-1*,-sec-{u}*": ROWS_1,
    # Written wider than the rules, leading to what they cover.
    "*-{u}-1": ROWS_1,
    "*ws-{u}-2,aws-{u}-1": ROWS_1 + ROWS_2,
    "*ws-{u}*,-*ws-{u}-1,-*ds,-*.*": ROWS_2,
    "alias-{u}-a": ROWS_1 + ROWS_2,
    "<aws-{u}-{now/d}>": 1,
}


@pytest.mark.parametrize("spelling", LEGAL)
def test_what_role_a_may_read_comes_whole(roles: TwoRoles, spelling: str) -> None:
    hits, search, error = roles.ask(spelling)
    assert error is None
    assert len(hits) == search.matched == LEGAL[spelling]
    assert not any(MARK.encode() in hit.source for hit in hits)
    assert search.warnings == []


def test_data_stream_is_read_by_its_name_and_by_a_backing_index(roles: TwoRoles) -> None:
    if not roles.has_data_streams:
        pytest.skip("no data streams here")
    for spelling in ("aws-{u}-ds", "aws-{u}-d*", roles.backing_index):
        hits, _, error = roles.ask(spelling)
        assert error is None and [hit.index for hit in hits] == [roles.backing_index], spelling


def test_backing_indices_that_a_pattern_names_need_no_data_stream(roles: TwoRoles) -> None:
    hits, _, error = roles.ask(".ds-aws-{u}-ds-fake", allowed_indices=(roles.name(".ds-aws-{u}-*"),))
    assert error is None and len(hits) == ROWS_B


@pytest.mark.parametrize(
    ("there", "not_there"),
    [
        ("sec-{u}-b", "sec-{u}-c"),
        ("sec-{u}-closed", "sec-{u}-clothed"),
        ("sec-{u}-text", "sec-{u}-tent"),
        ("sec-{u}*", "zzz-{u}*"),
        ("aws-{u}-1,sec-{u}-b", "aws-{u}-1,sec-{u}-c"),
        ("aws-{u}-*,-sec-{u}-b", "aws-{u}-*,-sec-{u}-c"),
        ("*,-sec-{u}*", "*,-zzz-{u}*"),
        ("aws-{u}-1,*ec-{u}-b", "aws-{u}-1,*zz-{u}-b"),
        ("*-{u}-1,*ec-{u}-b,-trap*", "*-{u}-1,*zz-{u}-b,-trap*"),
        ("<sec-{u}-{now/d}>", "<zzz-{u}-{now/d}>"),
        ("alias-{u}-both", "alias-{u}-bath"),
        ("nowhere:sec-{u}-b", "nowhere:sec-{u}-c"),
    ],
)
@pytest.mark.parametrize("partial", ["fail", "allow"])
def test_the_answer_does_not_tell_whether_an_index_exists(
    roles: TwoRoles, there: str, not_there: str, partial: str
) -> None:
    answers = []
    for spelling in (there, not_there):
        hits, search, error = roles.ask(spelling, partial=partial)
        assert isinstance(error, IndexNotAllowed)
        answers.append((str(error).replace(roles.name(spelling), "X"), hits, search.warnings, search.notes))
    assert answers[0] == answers[1]


def test_own_pattern_that_matches_nothing_says_so(roles: TwoRoles) -> None:
    for spelling in ("aws-{u}-nothing*", "aws-{u}-nothing"):
        _, _, error = roles.ask(spelling)
        assert isinstance(error, NothingMatched), spelling


def test_error_of_the_engine_about_a_closed_index_of_role_b_is_withheld(roles: TwoRoles) -> None:
    hits, search, error = roles.ask("trap-{u}-closed")
    assert isinstance(error, ResponseError)
    assert "closed" in str(error).replace("trap-", "") and "administrator" in str(error)
    roles.assert_nothing_told("trap-{u}-closed", hits, search, error)


def test_error_in_the_query_itself_is_shown(roles: TwoRoles) -> None:
    _, _, error = roles.ask("aws-{u}-1", query="a AND (")
    assert isinstance(error, ResponseError)
    assert "a AND (" in str(error)


DSL = [
    {"terms": {"n": {"index": "sec-{u}-b", "id": "sec-{u}-b-1", "path": "n"}}},
    {"bool": {"filter": [{"terms": {"n": {"index": "sec-{u}-b", "id": "sec-{u}-b-1", "path": "n"}}}]}},
    {"function_score": {"functions": [{"filter": {"terms": {"n": {"index": "sec-{u}-b", "id": "x", "path": "n"}}}}]}},
    {"more_like_this": {"fields": ["text"], "like": [{"_index": "sec-{u}-b", "_id": "sec-{u}-b-1"}]}},
    {"geo_shape": {"at": {"indexed_shape": {"index": "sec-{u}-b", "id": "sec-{u}-b-1", "path": "at"}}}},
    {"percolate": {"field": "q", "index": "sec-{u}-b", "id": "sec-{u}-b-1"}},
    {"pinned": {"docs": [{"_index": "sec-{u}-b", "_id": "sec-{u}-b-1"}], "organic": {"match_all": {}}}},
    {"wrapper": {"query": "eyJtYXRjaF9hbGwiOnt9fQ=="}},
    {"query": {"match_all": {}}, "indices_boost": [{"sec-{u}-b": 1}]},
    {"match_all": {}, "pit": {"id": "x"}},
]


@pytest.mark.parametrize("dsl", DSL, ids=lambda dsl: json.dumps(dsl)[:50])
def test_no_query_clause_reads_another_index(dsl: Dict[str, Any]) -> None:
    with pytest.raises(QueryError):
        parse_dsl(json.dumps(dsl))


@pytest.mark.parametrize(
    "options",
    [
        {"dsl": {"term": {"_index": "sec-{u}-b"}}},
        {"dsl": {"terms": {"_index": ["sec-{u}-b", "aws-{u}-9"]}}},
        {"dsl": {"bool": {"must_not": [{"prefix": {"_index": "aws"}}]}}},
        {"dsl": {"query_string": {"query": '_index:"sec-{u}-b"'}}},
        {"dsl": {"ids": {"values": ["sec-{u}-b-1"]}}},
        {"query": '_index:"sec-{u}-b"'},
        {"query": '") OR _index:"sec-{u}-b'},
        {"query": f'text:"{MARK}"'},
    ],
    ids=json.dumps,
)
def test_a_query_selects_among_the_indices_asked_for_only(roles: TwoRoles, options: Dict[str, Any]) -> None:
    hits, search, error = roles.ask("aws-{u}-1,aws-{u}-2", **json.loads(roles.name(json.dumps(options))))
    assert hits == []
    assert search.matched == 0 or isinstance(error, ResponseError)


@pytest.mark.parametrize("name", ["_index", "text", "n", "*", "sec-*", "@timestamp,text", "no_such_field"])
@pytest.mark.parametrize("spelling", ["sec-{u}-b", "trap-{u}-text", "alias-{u}-both"])
def test_the_time_field_tells_nothing_of_role_b(roles: TwoRoles, name: str, spelling: str) -> None:
    hits, search, error = roles.ask(spelling, time_field=name, earliest_ms=1)
    assert isinstance(error, IndexNotAllowed)
    roles.assert_nothing_told(spelling, hits, search, error)


class Switching(LocalServer):
    """Passes requests on, and changes an alias after its indices were looked up and before they are searched."""

    def __init__(self, upstream: str, change: Callable[[], None]) -> None:
        self.upstream = upstream
        self.change = change
        self.changed = threading.Event()
        super().__init__()

    def answer(self, received: Received) -> Reply:
        """Answer by the engine; a point in time is opened only once the alias is another one."""
        if "_field_caps" in received.target:
            reply = forward(self.upstream, received)
            self.change()
            self.changed.set()
            return reply
        if "point_in_time" in received.target or "/_pit?" in received.target:
            self.changed.wait(60)
        return forward(self.upstream, received)


@pytest.mark.parametrize("where", ["newest", "oldest", "without_time", "one_millisecond"])
def test_documents_of_an_index_that_an_alias_got_meanwhile(roles: TwoRoles, where: str) -> None:
    theirs, alias = roles.name("sec-{u}-" + where.replace("_", "-")), roles.name("alias-{u}-" + where)
    times: Dict[str, Any] = {
        "newest": lambda n: {"@timestamp": START_MS + 10**9 + n},
        "oldest": lambda n: {"@timestamp": START_MS - 10**9 - n},
        "without_time": lambda n: {},
        "one_millisecond": lambda n: {"@timestamp": START_MS - 10**9},
    }
    roles.add_index(theirs)
    roles.cluster.fill(theirs, ((f"{theirs}-{n}", {**times[where](n), "text": MARK}) for n in range(60)))
    roles.add_alias(alias, "aws-{u}-1")
    with Switching(roles.cluster.config.hosts[0], lambda: roles.add_alias(alias, theirs)) as server:
        transport = Transport(replace(roles.cluster.config, hosts=(server.url,)))
        hits, _, error = roles.ask_through(transport, alias, page_size_docs=25)
    assert isinstance(error, IndexNotAllowed)
    assert theirs not in str(error)
    assert {hit.index for hit in hits} <= {roles.name("aws-{u}-1")}
    if where != "newest" and roles.cluster.has_pit:
        assert hits, "role B's documents were not reached after the first page"


class Altering(LocalServer):
    """Passes requests on; what the engine says about fields is answered by ``alter``, given what it said."""

    def __init__(self, upstream: str, alter: Callable[[Dict[str, Any]], Reply]) -> None:
        self.upstream = upstream
        self.alter = alter
        super().__init__()

    def answer(self, received: Received) -> Reply:
        """Answer by the engine."""
        reply = forward(self.upstream, received)
        return self.alter(json.loads(reply.body)) if "_field_caps" in received.target else reply


def test_indices_that_could_not_be_looked_up_are_not_searched(roles: TwoRoles) -> None:
    def with_failures(said: Dict[str, Any]) -> Reply:
        said["failures"] = [{"indices": ["rem:" + MARK], "failure": {"reason": MARK}}]
        return Reply(200, json.dumps(said).encode())

    with Altering(roles.cluster.config.hosts[0], with_failures) as server:
        transport = Transport(replace(roles.cluster.config, hosts=(server.url,)))
        hits, search, error = roles.ask_through(transport, "aws-{u}-1", partial="allow")
        assert isinstance(error, PartialResult)
        roles.assert_nothing_told("aws-{u}-1", hits, search, error)
        _, search, error = roles.ask_through(transport, "aws-{u}-1", allowed_indices=None)
        assert error is None and search.emitted == ROWS_1


@pytest.mark.parametrize("spelling", ["sec-{u}-b", "alias-{u}-both", "trap-{u}-alias", "<sec-{u}-{now/d}>"])
def test_without_field_capabilities_the_documents_tell_their_index(roles: TwoRoles, spelling: str) -> None:
    nothing = Reply(404, b'{"error": "no handler found for uri"}')
    with Altering(roles.cluster.config.hosts[0], lambda said: nothing) as server:
        transport = Transport(replace(roles.cluster.config, hosts=(server.url,)))
        hits, search, error = roles.ask_through(transport, spelling)
        assert isinstance(error, IndexNotAllowed)
        roles.assert_nothing_told(spelling, hits, search, error)
        hits, search, error = roles.ask_through(transport, "alias-{u}-a")
        assert error is None and len(hits) == search.matched == ROWS_1 + ROWS_2


@pytest.mark.parametrize(
    ("name", "pattern", "covered"),
    [
        ("aws-a", "aws-*", True),
        ("aws-", "aws-*", True),
        ("aws", "aws-*", False),
        ("xaws-a", "aws-*", False),
        ("aws-a", "*", True),
        (".kibana", "*", True),
        ("rem:aws-a", "*", False),
        ("rem:aws-a", "rem:*", True),
        ("rem:aws-a", "*:aws-*", True),
        ("rem:x:aws-a", "rem:*", False),
        ("AWS-a", "aws-*", False),
        ("aws.a", "aws?a", False),
        ("awsxa", "aws.a", False),
        ("aws[1]", "aws[1]", True),
        ("aws1", "aws[1]", False),
        ("a-b-c", "a*b*c", True),
        ("aws-*", "aws-*", True),
        ("aws*", "aws-*", False),
        ("aws-a", "", False),
    ],
)
def test_what_a_pattern_covers(name: str, pattern: str, covered: bool) -> None:
    assert allowed(name, (pattern,)) is covered
    assert allowed(name, ("no-such", pattern)) is covered
