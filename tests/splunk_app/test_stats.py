"""``| elasticstats`` on the wire: the rows of ``| elasticsearch ... | stats ...``, without moving the events."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import Any, Dict, List, Tuple

import pytest

from es_bridge.times import zone_named
from lab.engine import Engine
from lab.splunkd import User, add_cluster
from savedsearches.runner.app_commands import AppCommands, SettingsSource
from savedsearches.runner.moment import Moment
from savedsearches.runner.run import run_to_list
from savedsearches.runner.session import Session

from .conftest import START_MS, Splunk, Store
from .test_cancel import Gate, behind

NAMES = ("ConsoleLogin", "CreateUser", "DeleteTrail")


def documents() -> List[Dict[str, Any]]:
    """Return events of the four kinds that count: without a field, with several values, with texts and numbers."""
    return [
        {
            "@timestamp": START_MS + number * 61_000,
            "eventName": NAMES[number % 3],
            **({"userName": f"user {number % 4}"} if number % 7 else {}),
            **({"bytes": number * 3} if number % 3 else {}),
            "port": [443, 80, 8080][number % 3],
            "mfa": number % 2 == 0,
            "sourceIPAddress": f"10.0.0.{number % 11}",
            "tags": ["x", "y", "z"][: number % 4] or None,
            "account": {"id": f"{number % 2:012d}"},
        }
        for number in range(420)
    ]


@pytest.fixture(scope="module")
def index(engine: Engine) -> str:
    rows = [{name: value for name, value in row.items() if value is not None} for row in documents()]
    return Store(engine).fill(rows)


def spl(splunk: Splunk, search: str) -> Tuple[List[Dict[str, Any]], List[Tuple[str, str]]]:
    """Return the rows of a whole pipeline, run by the SPL runner with our commands as processes, and their messages."""
    said: List[Tuple[str, str]] = []
    key = splunk.splunkd.state.session(User("analyst", tz="Asia/Seoul"))
    settings = SettingsSource(splunk.splunkd.uri, key, splunk.home)
    commands = AppCommands(settings, lambda level, text: said.append((level, text)), python=splunk.python)
    moment = Moment(now_s=START_MS / 1000, zone=zone_named("Asia/Seoul"))
    return run_to_list(search, Session(moment, own=commands)), said


SAME = [
    ("count, dc(sourceIPAddress) as ips, values(userName)", "eventName", "", ""),
    ("count, sum(bytes), min(bytes), max(bytes), avg(bytes)", "eventName, userName", "", ""),
    ("count, count(userName), dc(userName), values(mfa), sum(bytes) as bytes", "", "", ""),
    ("count, earliest(eventName), latest(sourceIPAddress), min(eventName), max(port)", "account.id", "", ""),
    ("count, values(port)", "tags{}", "", ""),
    ("count, dc(port)", "port, mfa", "", ""),
    ("count", "eventName", "5m", "bin span=5m _time"),
    ("count, sum(bytes)", "", "1d", "bin span=1d _time"),
    ("min(_time) as first, max(_time) as last", "eventName", "", ""),
    ("count", "index", "", ""),
]


@pytest.mark.parametrize(("stats", "by", "span", "binning"), SAME)
def test_rows_are_those_of_elasticsearch_and_stats(
    prod: Splunk, index: str, stats: str, by: str, span: str, binning: str
) -> None:
    options = f'stats="{stats}"' + (f' by="{by}"' if by else "") + (f" span={span}" if span else "")
    ours, _ = spl(prod, f"| elasticstats index={index} {options}")
    fields = ", ".join(filter(None, ["_time" if span else "", by]))
    pipeline = f"| elasticsearch index={index} size=0 " + (f"| {binning} " if binning else "")
    theirs, _ = spl(prod, f"{pipeline}| stats {stats}" + (f" by {fields}" if fields else ""))
    assert len(ours) == len(theirs) > 0
    for one, other in zip(ours, theirs):
        assert list(one) == list(other) or set(one) == set(other)
        for column, value in other.items():
            if isinstance(value, float):
                assert float(str(one[column])) == pytest.approx(value, rel=1e-12), column
            else:
                assert one[column] == (value if isinstance(value, list) else str(value)), column


def test_where_sort_and_limit(prod: Splunk, index: str) -> None:
    line = f'| elasticstats index={index} stats="count, sum(bytes) as bytes" by=userName'
    everything, _ = spl(prod, line)
    ours, said = spl(prod, f'{line} where="count>60 AND bytes>=0" sort="-bytes" limit=2')
    theirs, _ = spl(prod, f"{line} | where count>60 AND bytes>=0 | sort 0 -bytes | head 2")
    assert ours == theirs and len(ours) == 2 < len(everything)
    assert ("WARN", "4 rows, the first 2 are returned (limit=2). Use limit=0 for all") in said or any(
        "the first 2 are returned" in text for _, text in said
    )


def test_rows_are_what_timechart_needs(prod: Splunk, index: str) -> None:
    ours, _ = spl(
        prod, f"| elasticstats index={index} by=eventName span=1h | timechart span=1h sum(count) by eventName"
    )
    theirs, _ = spl(prod, f"| elasticsearch index={index} size=0 | timechart span=1h count by eventName")
    assert len(ours) == len(theirs) > 3
    assert [{name: str(value) for name, value in row.items()} for row in ours] == [
        {name: str(value) for name, value in row.items()} for row in theirs
    ]


@pytest.mark.splunk_python
def test_messages_metrics_type_and_audit_line(prod: Splunk, index: str) -> None:
    line = f'| elasticstats index={index} by="userName, eventName" query="evntName:x OR mfa:true" limit=1'
    with prod.start(line, User("mallory"), sid="1700.5") as command:
        replies = list(command.run())
        assert command.wait() == 0 and command.stderr() == ""
        (audit,) = command.audit_log().splitlines()
    assert replies[0].metadata["type"] == "reporting" and replies[0].metadata["generating"] is True
    assert replies[1].body.startswith(b'"userName","eventName","count"\n')
    messages = [message for reply in replies for message in reply.messages]
    assert [level for level, text in messages if "evntName" in text] == ["WARN"]
    assert [level for level, text in messages if "the first 1 are returned" in text] == ["INFO"]  # a person watches
    assert replies[-1].metadata["inspector"]["metric.elasticstats.rows"][3] == 1
    for fact in ('user="mallory"', 'command="elasticstats"', f'index="{index}"', "rows=1", 'outcome="done"'):
        assert fact in audit
    assert "matched=210" in audit and "cut=0" not in audit and "evntName" not in audit


def test_multivalue_cells_are_splunks(prod: Splunk, store: Store) -> None:
    index = store.fill([{"n": "1$", "m": 'a"b'}, {"n": "2;\n", "m": "c,d"}, {"n": "", "m": "\ud800x"}])
    reply = prod.run(f'| elasticstats index={index} stats="values(n), values(m)"').replies[1]
    (row,) = reply.rows()
    assert row == {"values(n)": ["1$", "2;\n"], "values(m)": ['a"b', "c,d", "\ufffdx"]}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("satts=count", "Did you mean 'stats'?"),
        ('stats="median(x)"', "Functions: count, dc, estdc, sum, min, max, avg, values, earliest, latest"),
        ('by="event*"', "wildcards are not possible"),
        ("span=2d", "Use 1d"),
        ('where="cuont>1"', "no column. Columns: count"),
        ("sort=-cuont", "no column. Columns: count"),
        ("limit=-1", "limit=-1"),
        ('dsl="{\\"aggs\\": {}}"', "| elasticstats"),
        ('by="nosuch" unknown_fields=fail', "indexed field 'nosuch'"),
        ('query="mfa:("', "opened and not closed"),
    ],
)
def test_a_failure_fails_the_job_and_says_what_to_do(prod: Splunk, index: str, options: str, said: str) -> None:
    assert said in prod.run(f"| elasticstats index={index} {options}").error


def test_the_refusal_of_aggregations_names_the_command(prod: Splunk, index: str) -> None:
    assert "| elasticstats" in prod.run(f'| elasticsearch index={index} dsl="{{\\"aggs\\": {{}}}}"').error


#: Texts that would be something else, were they ever part of a query's text.
HOSTILE = [
    'x" }}, "aggs": {"y": {"terms": {"field": "_index"}}}, "z": {"a": "',
    "_source; DROP",
    "a b) OR (*:*",
    "../../_all",
    "{{userName}}",
    "${jndi:ldap://x}",
]


@pytest.mark.parametrize(("option", "hostile"), zip(("by=", "stats=") * 3, HOSTILE))
def test_a_hostile_name_is_a_name(prod: Splunk, index: str, option: str, hostile: str) -> None:
    quoted = "'" + hostile.replace("\\", "\\\\").replace("'", "\\'") + "'"
    text = option + (quoted if option == "by=" else f"count, dc({quoted}) as n")
    with prod.start(f"| elasticstats index={index}") as command:
        command.job.args = command.job.raw_args = [f"index={index}", text]
        replies = list(command.run())
        status = command.wait()
    messages = " ".join(text for reply in replies for _, text in reply.messages)
    rows = [row for reply in replies[1:] for row in reply.rows()]
    if status == 0:
        assert rows == ([] if option == "by=" else [{"count": "420", "n": "0"}])
        assert "indexed field" in messages
    else:
        assert rows == [] and ("holds" in messages or "engine's own" in messages)


def test_the_rules_hold(splunk: Splunk, store: Store, index: str) -> None:
    theirs = store.fill([{"secret": "belongs to role B"}])
    add_cluster(splunk.splunkd.state, store.config, access={"role_a": (index,), "role_b": (theirs,)})
    alice = User("alice", roles=("role_a",))
    assert splunk.run(f"| elasticstats index={index}", alice).done.rows == [{"count": "420"}]
    beyond = (theirs, f"{index},{theirs}", "aws-cloudtrail-*", "_all", f"{index},-x")
    for asked, more in zip(beyond, ("", "by=index", 'stats="values(secret)"', "span=1h", "by=secret partial=allow")):
        ended = splunk.run(f'| elasticstats index="{asked}" {more}', alice)
        assert "tab Access" in ended.error and ended.rows == []
        assert theirs not in ended.error.replace(asked, "")
        assert 'outcome="refused"' in ended.audit.splitlines()[-1]


def test_ceilings_of_a_cluster_hold(splunk: Splunk, store: Store, index: str) -> None:
    add_cluster(splunk.splunkd.state, store.config, ceilings={"max_rows": "5", "max_query_wildcards": "1"})
    line = f"| elasticstats index={index} by=sourceIPAddress"
    assert "max_rows = 5" in splunk.run(line).error
    allowed = splunk.run(f"{line} partial=allow").done
    assert "max_rows = 5" in " ".join(allowed.texts("WARN"))
    assert "max_query_wildcards" in splunk.run(f'{line} query="a* b*"').error
    assert len(splunk.run(f"| elasticstats index={index} by=eventName").done.rows) == 3


@pytest.mark.splunk_python
@pytest.mark.parametrize(("held", "answered"), [("POST point_in_time", True), ("POST /_search?", False)])
def test_cancelled_while_a_request_is_under_way(
    splunk: Splunk, store: Store, index: str, held: str, answered: bool
) -> None:
    gate = Gate(store.config.hosts[0], held, answered)
    try:
        behind(gate, splunk, store)
        with splunk.start(f'| elasticstats index={index} stats="count, dc(userName)" by=eventName') as command:
            command.getinfo()
            command.ask()
            assert gate.reached.wait(30)
            command.process.send_signal(signal.SIGTERM)
            if "point_in_time" in held:
                gate.opened.set()
            assert command.wait() == 128 + signal.SIGTERM, command.audit_log()
            assert command.stderr() == ""
            assert 'outcome="cancelled"' in command.audit_log()
    finally:
        gate.opened.set()
        gate.stop()
    assert store.contexts_left(index) == 0


def test_a_killed_command_leaves_nothing_but_what_ends_by_itself(splunk: Splunk, store: Store, index: str) -> None:
    add_cluster(splunk.splunkd.state, replace(store.config), default=True)
    with splunk.start(f"| elasticstats index={index} by=eventName") as command:
        command.getinfo()
        command.ask()
        command.process.kill()
        command.wait()
    rows = splunk.run(f"| elasticstats index={index}").done.rows  # no slot is held
    assert rows == [{"count": "420"}]
