"""What role A may not read stays unread in lists of fields and of indices, which are no documents, however it is spelt.

The indices of both roles are those of `test_index_access`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import pytest

from es_bridge.errors import BridgeError, IndexNotAllowed, NothingMatched
from es_bridge.field_summary.summary import FieldSummary, SummaryRequest
from es_bridge.index_access import IndexAccess, allowed
from es_bridge.index_summary import IndexSummary
from es_bridge.query import SearchRequest
from es_bridge.summary import Summary
from es_bridge.transport import Transport
from lab.engine import Engine
from lab.front.server import LocalServer, Received, Reply, forward

from .conftest import START_MS, watched_cluster
from .test_index_access import (
    ENGINES_HERE,
    LEGAL,
    MARK,
    ROWS_1,
    ROWS_2,
    ROWS_B,
    SPELLINGS,
    TwoRoles,
    _made,
    its_own_remote,
)

pytestmark = pytest.mark.fast

KINDS = ("fields", "indices")


@pytest.fixture(params=ENGINES_HERE)
def roles(request: pytest.FixtureRequest, engine_by_id: Callable[[str], Engine]) -> Iterator[TwoRoles]:
    for cluster in watched_cluster(request.param, engine_by_id):
        if cluster.id not in _made:
            _made[cluster.id] = TwoRoles(cluster)
        yield _made[cluster.id]


def ask(
    roles: TwoRoles, kind: str, spelling: str, transport: Optional[Transport] = None, **options: Any
) -> Tuple[List[Dict[str, Any]], Summary[Any], Optional[BridgeError]]:
    """Return what role A learns of fields or indices: rows, the question, its error."""
    request = SearchRequest(index=roles.name(spelling), **{"size": 0, "allowed_indices": roles.patterns, **options})
    transport = transport or roles.cluster.transport
    summary: Summary[Any] = (
        IndexSummary(transport, request) if kind == "indices" else FieldSummary(transport, SummaryRequest(request))
    )
    rows: List[Dict[str, Any]] = []
    with summary:
        try:
            for found in summary:
                rows += [asdict(each) if kind == "indices" else each._asdict() for each in found]
        except BridgeError as exc:
            return rows, summary, exc
    return rows, summary, None


def assert_nothing_told(
    roles: TwoRoles, spelling: str, rows: List[Dict[str, Any]], summary: Summary[Any], error: Optional[BridgeError]
) -> None:
    assert rows == [] and summary.emitted == 0
    assert summary.matched is None
    told = "\n".join([str(error), *summary.warnings, *summary.notes])
    assert MARK not in told
    for name in roles.secret_names:
        assert name not in told or name in roles.name(spelling)


@pytest.mark.parametrize("kind", KINDS)
def test_no_spelling_reaches_role_b(roles: TwoRoles, kind: str) -> None:
    for spelling in SPELLINGS:
        for partial in ("fail", "allow"):
            rows, summary, error = ask(roles, kind, spelling, partial=partial)
            assert_nothing_told(roles, spelling, rows, summary, error)
            if all(allowed(part, roles.patterns) for part in summary.request.index.split(",")):
                assert isinstance(error, (IndexNotAllowed, NothingMatched)), spelling
            else:
                assert isinstance(error, IndexNotAllowed), spelling


def test_what_role_a_may_read_comes_whole(roles: TwoRoles) -> None:
    for spelling, documents in LEGAL.items():
        rows, summary, error = ask(roles, "fields", spelling)
        assert (spelling, error, summary.matched) == (spelling, None, documents)
        assert {row["of_documents"] for row in rows} == {documents}
        rows, _, error = ask(roles, "indices", spelling)
        assert (spelling, error, sum(row["documents"] for row in rows)) == (spelling, None, documents)
    if roles.has_data_streams:
        rows, _, _ = ask(roles, "indices", "aws-{u}-ds")
        assert [(row["name"], row["data_stream"]) for row in rows] == [(roles.backing_index, roles.name("aws-{u}-ds"))]
        assert ask(roles, "fields", "aws-{u}-ds")[1].matched == 1


def test_a_filtered_alias_keeps_its_filter(roles: TwoRoles) -> None:
    roles.add_alias("trap-{u}-filtered", "aws-{u}-1", filter={"term": {"n": 1}})
    rows, summary, error = ask(roles, "fields", "trap-{u}-filtered")
    assert (error, summary.matched) == (None, 1)
    assert {row["name"]: row["values"] for row in rows}["n"] == (("1", 1),)


def test_closed_indices_of_role_b_are_not_listed(roles: TwoRoles) -> None:
    roles.add_index("aws-{u}-closed")
    roles.cluster.transport.request("POST", (roles.name("aws-{u}-closed"), "_close"))
    try:
        rows, summary, error = ask(roles, "indices", "aws-{u}-2,trap-{u}-closed,aws-{u}-c*", partial="allow")
        assert_nothing_told(roles, "", rows, summary, error)
        rows, _, error = ask(roles, "indices", "aws-{u}-2,aws-{u}-c*")
        assert error is None
        assert {row["name"]: row["status"] for row in rows} == {
            roles.name("aws-{u}-2"): "open",
            roles.name("aws-{u}-closed"): "closed",
        }
    finally:
        roles.cluster.transport.request("DELETE", (roles.name("aws-{u}-closed"),))


class Meanwhile(LocalServer):
    """Passes requests on; does something once, before the request that ``when`` says yes to is answered."""

    def __init__(self, upstream: str, when: Callable[[Received], bool], act: Callable[[], None]) -> None:
        self.upstream = upstream
        self.when = when
        self.act: Optional[Callable[[], None]] = act
        super().__init__()

    def answer(self, received: Received) -> Reply:
        """Answer by the engine."""
        if self.act is not None and self.when(received):
            act, self.act = self.act, None
            act()
        return forward(self.upstream, received)


def asked(*words: str) -> Callable[[Received], bool]:
    return lambda received: all(word in received.target + " " + received.body.decode() for word in words)


@pytest.mark.parametrize(
    ("kind", "when", "is_refused"),
    [
        ("fields", asked("_field_caps?fields=%2A"), True),
        ("fields", asked('"_score"'), False),
        ("fields", asked('"having"'), False),
        ("indices", asked("by_index"), False),
        ("indices", asked("/_resolve/"), False),
        ("indices", asked("/_stats/"), False),
        ("indices", asked("/_cluster/health"), False),
    ],
    ids=["mappings", "documents", "counts", "by index", "resolved", "sizes", "health"],
)
def test_an_index_that_is_made_between_check_and_request(
    roles: TwoRoles, kind: str, when: Callable[[Received], bool], is_refused: bool
) -> None:
    """An alias that role A may name leads to a new index of role B, once the concrete indices were looked at."""
    tag = str(len(roles.secret_names))
    alias, theirs = roles.name("trap-{u}-race") + tag, roles.name("sec-{u}-race") + tag

    def make() -> None:
        roles.add_index(theirs)
        roles.secret_names.append(theirs)
        document = {"@timestamp": START_MS, "text": MARK, "secret_field": MARK, "n": 5000}
        roles.cluster.fill(theirs, [(f"{theirs}-{n}", document) for n in range(9)])
        roles.add_alias(alias, theirs)

    roles.add_alias(alias, "aws-{u}-2")
    with Meanwhile(roles.cluster.config.hosts[0], when, make) as server:
        with Transport(replace(roles.cluster.config, hosts=(server.url,))) as transport:
            rows, summary, error = ask(roles, kind, alias, transport)
        assert server.act is None
    if is_refused:
        assert isinstance(error, IndexNotAllowed)
        assert_nothing_told(roles, alias, rows, summary, error)
        return
    assert error is None
    told = json.dumps(rows) + "\n".join([*summary.warnings, *summary.notes])
    assert MARK not in told and theirs not in told and "secret_field" not in told and "5000" not in told
    if kind == "fields":
        assert summary.matched == ROWS_2
        assert {row["of_documents"] for row in rows} == {ROWS_2}
    else:
        assert [(row["name"], row["documents"]) for row in rows] == [(roles.name("aws-{u}-2"), ROWS_2)]


@pytest.mark.parametrize("more", [0, 700])
def test_counts_of_another_index_are_refused_or_left_out(roles: TwoRoles, more: int) -> None:
    """With few names other indices are left out, with hundreds the answer tells of them."""
    alias = roles.name("trap-{u}-counted") + str(more)
    roles.add_alias(alias, "aws-{u}-1", "sec-{u}-b")
    request = SearchRequest(index=alias, allowed_indices=roles.patterns)
    known = [roles.name("aws-{u}-1"), *(f"aws-no-{number}" for number in range(more))]
    access = IndexAccess(roles.cluster.transport, request, known)
    body = {
        "size": 0,
        "track_total_hits": True,
        "query": {"bool": {"filter": access.clauses_if_few()}},
        "aggs": access.counting(),
    }
    reply = roles.cluster.transport.request("POST", (alias, "_search"), None, body).json()
    if not more:
        assert reply["hits"]["total"]["value"] == ROWS_1
        access.check_counted(reply)
        return
    assert reply["hits"]["total"]["value"] == ROWS_1 + ROWS_B
    with pytest.raises(IndexNotAllowed):
        access.check_counted(reply)


def test_indices_of_a_remote_cluster(roles: TwoRoles) -> None:
    with its_own_remote(roles):
        patterns = (roles.name("rem:aws-{u}-*"),)
        rows, summary, error = ask(roles, "fields", "rem:aws-{u}-1,rem:aws-{u}-2", allowed_indices=patterns)
        assert (error, summary.matched) == (None, ROWS_1 + ROWS_2)
        rows, summary, error = ask(roles, "fields", "rem:sec-{u}-b", allowed_indices=patterns)
        assert isinstance(error, IndexNotAllowed)
        assert_nothing_told(roles, "rem:sec-{u}-b", rows, summary, error)
        rows, summary, error = ask(roles, "indices", "rem:aws-{u}-1", allowed_indices=patterns)
        assert error is None
        assert [(row["name"], row["documents"]) for row in rows] == [(roles.name("rem:aws-{u}-1"), ROWS_1)]
