"""``| elasticfields`` and ``| elasticindices`` as Splunk starts them: options, rows, rules, ceilings, failures."""

from __future__ import annotations

import signal
from typing import Any, Dict, Iterator, List, Tuple

import pytest

from es_bridge.errors import QueryError
from lab.front.faults import FaultyServer, Hang
from lab.splunkd import User, add_cluster
from splunk_bridge.chunked import Reply

from .conftest import START_MS, Splunk, Store

from search_command import table  # isort: skip
from search_command.elasticfields.options import FieldsOptions, parse_options  # isort: skip
from search_command.elasticindices.options import parse_options as parse_indices_options  # isort: skip

pytestmark = pytest.mark.splunk_python

MARK = "belongs to role B"
ALICE = User("alice", roles=("role_a",))
COMMANDS = ("elasticfields", "elasticindices")


@pytest.fixture(scope="module")
def indices(engine: Any) -> Tuple[str, str]:
    """Return one index of each role."""
    store = Store(engine)
    mine = store.fill(
        ({"n": n, "user": {"name": ("ann", "bob", "ann", "eve")[n % 4]}, "tags": ["a", "b"]} for n in range(40)),
        shards=1,
    )
    theirs = store.fill(({"n": 5000, "secret_field": MARK} for _ in range(7)), shards=1)
    return mine, theirs


@pytest.fixture
def two_roles(splunk: Splunk, store: Store, indices: Tuple[str, str]) -> Iterator[Splunk]:
    mine, theirs = indices
    add_cluster(splunk.splunkd.state, store.config, access={"role_a": (mine, mine + "-*"), "role_b": (theirs,)})
    yield splunk


def by(rows: List[Dict[str, Any]], column: str) -> Dict[str, Dict[str, Any]]:
    return {row[column]: row for row in rows}


def test_fields_are_rows_of_a_table(prod: Splunk, indices: Tuple[str, str]) -> None:
    mine = indices[0]
    ended = prod.run(f'| elasticfields index={mine} fields="user.*,tags*,n" top=2').done
    assert ended.replies[0].metadata["type"] == "reporting"
    assert ended.replies[0].metadata["generating"] is True
    rows = by(ended.rows, "field")
    assert list(rows) == ["n", "tags", "tags.keyword", "user.name", "user.name.keyword"]
    assert rows["user.name.keyword"] == {
        "field": "user.name.keyword", "type": "keyword", "indexed": ["searchable", "aggregatable"], "count": "40",
        "percent": "100.00", "of": "40", "is_sample": "0", "distinct_count": "3", "is_exact": "0",
        "values": ["ann", "bob"], "value_counts": ["20", "10"], "values_of": "40", "counts_error": "0",
    }  # fmt: skip
    assert (rows["tags"]["spl_field"], rows["tags"]["values"]) == ("tags{}", ["a", "b"])
    assert (rows["n"]["type"], rows["n"]["values"]) == ("long", ["0", "1"])
    metrics = ended.replies[-1].metadata["inspector"]["metric.elasticfields.rows"]
    assert metrics[2:] == [40, 5]
    line = ended.audit.splitlines()[-1]
    for fact in (
        'command="elasticfields"',
        f'index="{mine}"',
        'outcome="done"',
        "rows=5",
        "matched=40",
        'engine="open',
    ):
        assert fact in line


def test_the_picker_and_the_query_bound_the_fields(prod: Splunk, indices: Tuple[str, str]) -> None:
    mine = indices[0]
    ended = prod.run(
        f'| elasticfields index={mine} query="user.name:ann" fields=n',
        earliest=f"{(START_MS - 9) / 1000:.3f}",
        latest=f"{(START_MS + 1) / 1000:.3f}",
    ).done
    ((row,),) = [ended.rows]
    assert (row["count"], row["of"]) == ("5", "5")
    ended = prod.run(f"| elasticfields index={mine} query=usr.name:ann fields=n").done
    assert [text for text in ended.texts("WARN") if "usr.name" in text]


def test_indices_are_rows_of_a_table(prod: Splunk, indices: Tuple[str, str]) -> None:
    mine = indices[0]
    ended = prod.run(f"| elasticindices index={mine}").done
    (row,) = ended.rows
    assert row.pop("size_bytes") == row.pop("primary_bytes")
    assert float(row.pop("lag_s")) > 10**7
    assert row == {
        "index": mine, "docs": "40", "oldest": "2023-11-14T22:13:19.961Z", "newest": "2023-11-14T22:13:20.000Z",
        "phase": "unknown", "lifecycle_failed": "0", "status": "open", "health": "green", "time_type": "date",
    }  # fmt: skip
    assert ended.texts("INFO") == ["lifecycle phases: not known, because the engine does not offer it"]
    line = ended.audit.splitlines()[-1]
    assert 'command="elasticindices"' in line and "rows=1" in line and "matched=1" in line


def test_without_index_all_that_the_rules_allow_is_listed(two_roles: Splunk, indices: Tuple[str, str]) -> None:
    ended = two_roles.run("| elasticindices", ALICE).done
    assert [row["index"] for row in ended.rows] == [indices[0]]
    everything = two_roles.run("| elasticindices", User("admin", roles=("admin",))).done
    assert set(indices) <= {row["index"] for row in everything.rows}


def test_rules_that_do_not_fit_a_request(splunk: Splunk, store: Store) -> None:
    add_cluster(splunk.splunkd.state, store.config, access={"role_a": [f"aws-some-log-{n}-*" for n in range(200)]})
    assert "give index=<pattern>" in splunk.run("| elasticindices", ALICE).error


@pytest.mark.parametrize("command", COMMANDS)
def test_the_others_index_is_refused(two_roles: Splunk, indices: Tuple[str, str], command: str) -> None:
    mine, theirs = indices
    for asked in (theirs, f"{mine},{theirs}", "aws-*", "_all"):
        ended = two_roles.run(f'| {command} index="{asked}"', ALICE)
        assert mine in ended.error and "tab Access" in ended.error
        assert theirs not in ended.error.replace(asked, "")
        assert ended.rows == []
        line = ended.audit.splitlines()[-1]
        for fact in ('user="alice"', f'index="{asked}"', 'outcome="refused"', "rows=0", "matched=-"):
            assert fact in line
        assert not any("metric" in str(reply.metadata) for reply in ended.replies)
    nobody = two_roles.run(f"| {command} index={mine}", User("mallory", roles=("nobody",)))
    assert nobody.rows == [] and 'outcome="refused"' in nobody.audit.splitlines()[-1]


def test_ceilings_of_the_cluster_hold(splunk: Splunk, store: Store, indices: Tuple[str, str]) -> None:
    add_cluster(splunk.splunkd.state, store.config, ceilings={"max_rows": "2", "max_concurrent_searches": "1"})
    ended = splunk.run(f"| elasticfields index={indices[0]}").done
    assert len(ended.rows) == 2
    assert [text for text in ended.texts("WARN") if "max_rows = 2" in text]
    ended = splunk.run(f"| elasticindices index={indices[0]},{indices[1]},aws-none*").done
    assert len(ended.rows) == 2 and not ended.texts("WARN")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("| elasticfields index={i} tops=3", "Did you mean 'top'?"),
        ("| elasticfields index={i} top=1001", "top=1001 is too many"),
        ("| elasticfields index={i} sample=x", "sample=x is not a number of documents"),
        ("| elasticfields", "no index given"),
        ('| elasticfields index={i} query="a:["', "query= cannot be read"),
        ("| elasticfields index=aws-no-such-index", "names no index that exists"),
        ("| elasticindices index={i} query=x", "unknown option 'query'"),
        ("| elasticindices index=aws-no-such-index", "names no index"),
        ("| elasticindices cluster=nowhere", "nowhere"),
    ],
)
def test_what_goes_wrong_fails_the_job(prod: Splunk, indices: Tuple[str, str], line: str, said: str) -> None:
    ended = prod.run(line.replace("{i}", indices[0]))
    assert said in ended.error
    assert ended.stderr == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_cancelled_while_the_engine_is_asked(
    splunk: Splunk, store: Store, indices: Tuple[str, str], command: str
) -> None:
    # Who the engine is, the mappings; then nothing more.
    with FaultyServer([None, None, Hang()], store.config.hosts[0]) as server:
        splunk.add_cluster("prod", server.url)
        with splunk.start(f"| {command} index={indices[0]}") as running:
            running.getinfo()
            running.ask()
            assert server.hanging.wait(30)
            running.process.send_signal(signal.SIGTERM)
            assert running.wait() == 128 + signal.SIGTERM, running.audit_log()
            assert running.stderr() == ""
            assert running.audit_log().count("outcome=") == 1
            assert 'outcome="cancelled"' in running.audit_log()


def test_options_as_typed() -> None:
    options = parse_options(["index=a", "fields=b*, c", "top=0", "sample=0", "earliest=-1h"])
    assert options == FieldsOptions(options.question, ("b*", "c"), 0, 0)
    assert (options.question.index, options.question.start_time) == ("a", "-1h")
    assert parse_indices_options(["index=a", "time_field=t"]).question.time_field == "t"
    with pytest.raises(QueryError, match="not an option"):
        parse_indices_options(["aws-*"])


def test_a_table_as_csv() -> None:
    rows: List[Dict[str, Any]] = [
        {"a": 'q"uo\nte', "b": ["1", "2$3"], "c": None, "d": True, "e": 0.5},
        {"a": "한국어\0\ud800", "b": ["only"], "d": False, "e": 10.0},
    ]
    body = table.encode(("a", "b", "c", "d", "e"), rows)
    assert body.startswith(b'"a","b","__mv_b","c","d","e"\n')
    assert list(Reply({}, body).rows()) == [
        {"a": 'q"uo\nte', "b": ["1", "2$3"], "d": "1", "e": "0.5"},
        {"a": "한국어\\u0000\ufffd", "b": "only", "d": "0", "e": "10"},
    ]
