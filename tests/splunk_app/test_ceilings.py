"""The ceilings of a cluster as a search of the command meets them, and what else may end a search before them."""

from __future__ import annotations

import json
import signal
import threading
from dataclasses import replace
from typing import Any, Tuple

import psutil
import pytest

from lab.front.faults import FaultyServer
from lab.front.server import Handler, Received
from lab.splunkd import add_cluster

from .conftest import Ended, Splunk, Store

pytestmark = pytest.mark.splunk_python

MANY = 14_000


@pytest.fixture(scope="module")
def many_index(engine: Any) -> str:
    return Store(engine).fill(({"n": n, "text": "x" * 100} for n in range(MANY)), shards=3)


def with_ceilings(splunk: Splunk, store: Store, hosts: Any = None, page_size_docs: int = 5000, **values: str) -> None:
    config = replace(store.config, hosts=hosts or store.config.hosts, page_size_docs=page_size_docs)
    add_cluster(splunk.splunkd.state, config, ceilings=values)


class TestRows:
    @pytest.mark.parametrize("size", ["size=0", "size=14000", "size=13999"])
    @pytest.mark.parametrize("max_rows", [100, 11_000])
    def test_rest_is_cut_with_a_warning(
        self, prod: Splunk, store: Store, many_index: str, max_rows: int, size: str
    ) -> None:
        with_ceilings(prod, store, max_rows=str(max_rows))
        ended = prod.run(f"| elasticsearch index={many_index} {size}").done
        assert [row["n"] for row in ended.rows] == [str(n) for n in range(max_rows)]
        (warning,) = ended.texts("WARN")
        for words in (f"max_rows = {max_rows}", str(MANY), "'prod'", "configuration page, tab Clusters"):
            assert words in warning

    def test_as_many_as_there_are_is_no_warning(self, prod: Splunk, store: Store, many_index: str) -> None:
        with_ceilings(prod, store, max_rows=str(MANY))
        ended = prod.run(f"| elasticsearch index={many_index} size=0").done
        assert len(ended.rows) == MANY and ended.texts("WARN") == []

    def test_a_head_that_wants_fewer_hears_nothing_of_it(self, prod: Splunk, store: Store, many_index: str) -> None:
        with_ceilings(prod, store, max_rows="12000")
        with prod.start(f"| elasticsearch index={many_index} size=0") as command:
            command.getinfo()
            reply = command.execute()
            assert reply.rows() and not reply.messages
            command.close_input()
            assert command.wait() == 0
            assert 'outcome="closed"' in command.audit_log()

    def test_finalize_ends_as_done(self, prod: Splunk, store: Store, many_index: str) -> None:
        with_ceilings(prod, store, max_rows="12000", max_run_time_s="3600", max_mib="1000")
        with prod.start(f"| elasticsearch index={many_index} size=0") as command:
            command.getinfo()
            assert command.execute().rows()
            command.write_status("FINALIZING", 1)
            reply = command.execute()
            assert reply.finished and [level for level, _ in reply.messages] == ["INFO"]
            assert command.wait() == 0
            assert 'outcome="finalized"' in command.audit_log()


class TestMib:
    """What worker processes receive counts too: the first page alone, here 250 documents, stays below the ceiling."""

    def test_search_fails(self, prod: Splunk, store: Store, many_index: str) -> None:
        with_ceilings(prod, store, page_size_docs=500, max_mib="1")
        ended = prod.run(f"| elasticsearch index={many_index} size=0")
        assert "max_mib = 1," in ended.error and "tab Clusters" in ended.error
        assert 250 < len(ended.rows) < MANY
        assert 'outcome="failed"' in ended.audit

    def test_partial_allow_is_done_with_a_warning(self, prod: Splunk, store: Store, many_index: str) -> None:
        with_ceilings(prod, store, page_size_docs=500, max_mib="1")
        ended = prod.run(f"| elasticsearch index={many_index} size=0 partial=allow").done
        assert [row["n"] for row in ended.rows] == [str(n) for n in range(len(ended.rows))]
        assert 250 < len(ended.rows) < MANY
        assert any("max_mib = 1," in warning for warning in ended.texts("WARN"))


class TestQuestion:
    """Before anything of it is sent, and whatever the user gives: the ceilings are the cluster's."""

    @pytest.mark.parametrize(
        ("line", "told"),
        [
            ('query="*a* OR *b*"', "max_query_wildcards = 3"),
            ('query="a OR b OR c OR d OR e OR f"', "max_query_clauses = 5"),
            (f'query="{"x" * 101}"', "max_query_chars = 100"),
            ('query="*a"', "leading_wildcards = 0"),
            ('dsl="{\\"wildcard\\":{\\"n\\":\\"*a*b*c*\\"}}"', "max_query_wildcards = 3"),
            ('query="(((((((((((((((((((((((((((((((((((((((((((((((((((a"', "50 are allowed"),
        ],
    )
    def test_search_fails_and_the_cluster_is_not_asked(
        self, prod: Splunk, store: Store, many_index: str, line: str, told: str
    ) -> None:
        with FaultyServer(upstream=store.config.hosts[0]) as server:
            with_ceilings(
                prod,
                store,
                (server.url,),
                max_query_chars="100",
                max_query_clauses="5",
                max_query_wildcards="3",
                leading_wildcards="0",
            )
            ended = prod.run(f"| elasticsearch index={many_index} {line}")
            assert told in ended.error
            assert server.received == []
        assert 'outcome="failed"' in ended.audit

    def test_a_search_within_them_runs(self, prod: Splunk, store: Store, many_index: str) -> None:
        with_ceilings(prod, store, max_query_wildcards="1", leading_wildcards="0")
        assert len(prod.run(f'| elasticsearch index={many_index} query="text:x*" size=3').done.rows) == 3


class EngineThatStalls(FaultyServer):
    """Passes everything on to an engine, but never answers a page of a window after so many of them."""

    def __init__(self, upstream: str, pages: int) -> None:
        self.pages = pages
        self.counted = threading.Lock()
        super().__init__(upstream=upstream)

    def serve(self, handler: Handler, received: Received) -> None:
        if b'"_name"' not in received.body or json.loads(received.body)["size"] == 250:
            return super().serve(handler, received)
        with self.counted:
            self.pages -= 1
            stalls = self.pages < 0
        if not stalls:
            return super().serve(handler, received)
        handler.close_connection = True
        self.hanging.set()
        handler.connection.recv(1)
        return None


#: Seconds. How far a search gets in the first one depends on the machine.
RUN_TIMES = ("2.5", "10", "40")


def run_until_it_hangs(splunk: Splunk, store: Store, line: str, pages: int) -> Tuple[str, Ended]:
    """Run a search whose requests hang after some pages; return the shortest run time that got there, and its end."""
    for run_time_s in RUN_TIMES:
        with EngineThatStalls(store.config.hosts[0], pages) as server:
            with_ceilings(splunk, store, (server.url,), page_size_docs=1000, max_run_time_s=run_time_s)
            ended = splunk.run(line)
            if server.hanging.is_set():
                return run_time_s, ended
    raise AssertionError(f"no request hung in {run_time_s} s")


class TestRunTime:
    @pytest.mark.parametrize("output", ["fields", "raw"])
    @pytest.mark.parametrize("pages", [0, 3])
    def test_a_search_whose_requests_hang_fails(
        self, prod: Splunk, store: Store, many_index: str, output: str, pages: int
    ) -> None:
        line = f"| elasticsearch index={many_index} size=0 output={output}"
        run_time_s, ended = run_until_it_hangs(prod, store, line, pages)
        assert f"max_run_time_s = {run_time_s}," in ended.error and "tab Clusters" in ended.error
        assert ended.stderr == ""
        assert len(ended.rows) < MANY
        assert store.contexts_left(many_index) == 0

    def test_partial_allow_is_done_with_the_rows_so_far(self, prod: Splunk, store: Store, many_index: str) -> None:
        line = f"| elasticsearch index={many_index} size=0 partial=allow"
        run_time_s, ended = run_until_it_hangs(prod, store, line, 3)
        assert [row["n"] for row in ended.done.rows] == [str(n) for n in range(len(ended.rows))]
        assert 0 < len(ended.rows) < MANY
        assert any(f"max_run_time_s = {run_time_s}," in warning for warning in ended.texts("WARN"))

    def test_cancel_of_a_search_that_hangs_does_not_wait_for_it(
        self, prod: Splunk, store: Store, many_index: str
    ) -> None:
        with EngineThatStalls(store.config.hosts[0], 0) as server:
            with_ceilings(prod, store, (server.url,), max_run_time_s="3600")
            with prod.start(f"| elasticsearch index={many_index} size=0") as command:
                command.getinfo()
                assert command.execute().rows()  # the first page; the next ones hang
                command.ask()
                assert server.hanging.wait(60)
                workers = psutil.Process(command.process.pid).children()
                command.process.send_signal(signal.SIGTERM)
                assert command.wait(10) == 128 + signal.SIGTERM
                assert command.stderr() == ""
                assert 'outcome="cancelled"' in command.audit_log()
                assert not psutil.wait_procs(workers, timeout=10)[1]
        assert store.contexts_left(many_index) == 0

    def test_a_search_that_ends_in_time_says_nothing(self, prod: Splunk, store: Store, many_index: str) -> None:
        with_ceilings(prod, store, max_run_time_s="3600", max_mib="1000", max_rows="1000000")
        ended = prod.run(f"| elasticsearch index={many_index} size=0").done
        assert len(ended.rows) == MANY and ended.messages == []
