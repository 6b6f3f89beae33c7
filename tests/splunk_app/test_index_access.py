"""Two roles of one Splunk on one cluster: the command keeps each to its own indices, and writes down who tried."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Callable, Iterator, Tuple

import pytest

from lab.front.server import LocalServer, Received, Reply, forward
from lab.splunkd import User, add_cluster

from .conftest import Splunk, Store

pytestmark = pytest.mark.splunk_python

MARK = "belongs to role B"
ALICE = User("alice", roles=("role_a",))
BOB = User("bob", roles=("role_b",))
#: Enough for worker processes to be started.
MANY = 14_000


@pytest.fixture(scope="module")
def indices(engine) -> Tuple[str, str]:  # type: ignore[no-untyped-def]
    """Return one index of each role: that of B is the older one."""
    store = Store(engine)
    mine = store.fill(({"n": n} for n in range(MANY)), shards=3)
    theirs = store.fill({"n": n, "text": MARK, "@timestamp": 1_600_000_000_000 + n} for n in range(50))
    return mine, theirs


@pytest.fixture
def two_roles(splunk: Splunk, store: Store, indices: Tuple[str, str]) -> Iterator[Splunk]:
    mine, theirs = indices
    add_cluster(splunk.splunkd.state, store.config, access={"role_a": (mine, mine + "-*"), "role_b": (theirs,)})
    yield splunk
    store.transport.request("DELETE", ("_search", "point_in_time", "_all"), accept_status=(404,))


def test_each_role_reads_its_own(two_roles: Splunk, indices: Tuple[str, str]) -> None:
    for user, index in zip((ALICE, BOB), indices):
        ended = two_roles.run(f"| elasticsearch index={index} size=20", user).done
        assert {row["index"] for row in ended.rows} == {index}
        assert len(ended.rows) == 20


def test_the_others_index_is_refused_and_the_attempt_is_written_down(
    two_roles: Splunk, indices: Tuple[str, str]
) -> None:
    mine, theirs = indices
    for asked in (theirs, f"{mine},{theirs}", "aws-*", "_all"):
        ended = two_roles.run(f'| elasticsearch index="{asked}" size=0', ALICE)
        assert mine in ended.error and "tab Access" in ended.error
        assert theirs not in ended.error.replace(asked, "")
        assert ended.rows == []
        line = ended.audit.splitlines()[-1]
        for fact in ('user="alice"', f'index="{asked}"', 'outcome="refused"', "rows=0", "may read", "matched=-"):
            assert fact in line
        assert not any(reply.metadata.get("inspector", {}).get("metric.elasticsearch.rows") for reply in ended.replies)


def test_user_without_any_rule_is_refused_and_that_is_written_down(two_roles: Splunk) -> None:
    ended = two_roles.run("| elasticsearch index=aws-*", User("mallory", roles=("nobody",)))
    assert "prod" not in ended.error
    line = ended.audit.splitlines()[-1]
    assert 'user="mallory"' in line and 'outcome="refused"' in line


def test_whoever_configures_the_app_reads_everything(two_roles: Splunk, indices: Tuple[str, str]) -> None:
    admin = User("admin", roles=("admin",))
    ended = two_roles.run(f'| elasticsearch index="{",".join(indices)}" size=0', admin).done
    assert {row["index"] for row in ended.rows} == set(indices)


def test_other_options_do_not_widen_what_is_read(two_roles: Splunk, indices: Tuple[str, str]) -> None:
    mine, theirs = indices
    ended = two_roles.run(f'| elasticsearch index={mine} query="_index:{theirs} OR text:belongs"', ALICE).done
    assert ended.rows == []
    lookup = f'{{\\"terms\\":{{\\"n\\":{{\\"index\\":\\"{theirs}\\",\\"id\\":\\"d1\\",\\"path\\":\\"n\\"}}}}}}'
    for option in (f'dsl="{lookup}"', "cluster=../prod", "cluster=prod,other", f"cluster={theirs}"):
        assert two_roles.run(f"| elasticsearch index={mine} {option}", ALICE).error
    # Names of columns and of the sourcetype change what a row is called, not where it comes from.
    ended = two_roles.run(
        f'| elasticsearch index={mine} fields="*,{theirs}:*" sourcetype="{theirs}" size=5', ALICE
    ).done
    assert {row["index"] for row in ended.rows} == {mine}


class AliasThatGrows(LocalServer):
    """Passes requests on, and adds an index to an alias after its indices were looked up, before they are searched."""

    def __init__(self, upstream: str, grow: Callable[[], None]) -> None:
        self.upstream = upstream
        self.grow = grow
        self.grown = threading.Event()
        super().__init__()

    def answer(self, received: Received) -> Reply:
        """Answer by the engine."""
        if "_field_caps" in received.target:
            reply = forward(self.upstream, received)
            self.grow()
            self.grown.set()
            return reply
        if "point_in_time" in received.target:
            self.grown.wait(60)
        return forward(self.upstream, received)


@pytest.mark.parametrize("output", ["fields", "raw"])
def test_worker_processes_look_at_every_document_too(
    two_roles: Splunk, store: Store, indices: Tuple[str, str], output: str
) -> None:
    mine, theirs = indices
    alias = f"{mine}-{output}"

    def add(index: str) -> None:
        body = {"actions": [{"add": {"index": index, "alias": alias}}]}
        store.transport.request("POST", ("_aliases",), body=body)

    add(mine)
    with AliasThatGrows(store.config.hosts[0], lambda: add(theirs)) as server:
        config = replace(store.config, hosts=(server.url,))
        add_cluster(two_roles.splunkd.state, config, access={"role_a": (mine, mine + "-*")})
        ended = two_roles.run(f"| elasticsearch index={alias} size=0 output={output}", ALICE)
    assert "may read" in ended.error
    assert theirs not in ended.error
    # All that came before the first document of the other index.
    assert MANY - 10_000 < len(ended.rows) <= MANY
    assert {row["index"] for row in ended.rows} == {mine}
    assert 'outcome="refused"' in ended.audit
