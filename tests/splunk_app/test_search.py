"""``| elasticsearch`` on the wire: the app's script in a child process, against a real engine."""

import json
import shutil
from typing import Any, Callable, Dict, List

import pytest

from lab.engine import Engine
from lab.splunkd import User

from .conftest import START_MS, Splunk, Store

pytestmark = pytest.mark.splunk_python


def seconds(ms: int) -> str:
    return f"{ms // 1000}.{ms % 1000:03d}"


def ids(rows: List[Dict[str, Any]]) -> List[str]:
    return [row["doc_id"] for row in rows]


@pytest.mark.parametrize("output", ["fields", "raw"])
@pytest.mark.parametrize("count", [0, 1, 250, 1000, 1250, 5250, 5251])
def test_every_document_once_newest_first(prod: Splunk, store: Store, output: str, count: int) -> None:
    index = store.fill({"n": n} for n in range(count))
    ended = prod.run(f"| elasticsearch index={index} size=0 output={output}").done
    assert ids(ended.rows) == [f"d{n}" for n in range(count)]
    assert ended.messages == []
    assert ended.stderr == ""


def test_getinfo_says_stateful_and_generating(prod: Splunk) -> None:
    with prod.start("| elasticsearch index=x") as command:
        reply = command.getinfo()
    assert reply.metadata["type"] == "stateful"
    assert reply.metadata["generating"] is True
    assert reply.body == b""


def test_first_rows_come_early_then_larger_chunks(prod: Splunk, store: Store) -> None:
    index = store.fill({"n": n} for n in range(3000))
    ended = prod.run(f"| elasticsearch index={index} size=0").done
    sizes = [len(list(reply.rows())) for reply in ended.replies[1:]]
    assert 0 < sizes[0] <= 250
    assert max(sizes) == 1000
    assert sum(sizes) == 3000


def test_the_seeds_call_runs_unchanged(prod: Splunk, store: Store) -> None:
    import time

    now_ms = int(time.time() * 1000)
    minute = 60_000
    documents = [
        {"@timestamp": now_ms - minutes * minute, "errorCode": code, "eventName": f"{code}-{minutes}"}
        for minutes in (1, 29, 31)
        for code in ("AccessDenied", "Other")
    ]
    index = store.fill(documents)
    ended = prod.run(
        '| elasticsearch index="*cloudtrail*" query="errorCode:AccessDenied" size=10000 start_time=now-30m '
        "end_time=now",
        earliest="1",
        latest="2",  # the options win over the picker
    ).done
    found = [row["eventName"] for row in ended.rows if row["index"] == index]
    assert found == ["AccessDenied-1", "AccessDenied-29"]


def test_a_row_has_everything_splunk_expects(prod: Splunk, store: Store) -> None:
    document = {"@timestamp": START_MS + 7, "eventName": "GetObject", "requestParameters": {"items": [{"id": "i-1"}]}}
    index = store.fill([document])
    (row,) = prod.run(f"| elasticsearch index={index}").done.rows
    assert row["_time"] == seconds(START_MS + 7)
    assert row["source"] == f"prod:{index}"
    assert row["sourcetype"] == "aws:cloudtrail"
    assert row["host"] == "prod"
    assert row["index"] == index
    assert row["doc_id"] == "d0"
    assert row["eventName"] == "GetObject"
    assert row["requestParameters.items{}.id"] == "i-1"
    assert row["_raw"] == json.dumps(document)


def test_late_columns_are_there_in_every_chunk(prod: Splunk, store: Store) -> None:
    documents = [{"always": "a", **({f"late{n}": f"v{n}"} if n % 900 == 899 else {})} for n in range(2700)]
    index = store.fill(documents)
    rows = prod.run(f"| elasticsearch index={index} size=0").done.rows
    for n in (899, 1799, 2699):
        assert rows[n][f"late{n}"] == f"v{n}"


def test_fields_and_sourcetype(prod: Splunk, store: Store) -> None:
    index = store.fill([{"a": {"b": "1", "c": "2"}, "d": "3"}])
    (row,) = prod.run(f'| elasticsearch index={index} fields="a.b, d*" sourcetype=my:type').done.rows
    assert {name for name in row if name in ("a.b", "a.c", "d")} == {"a.b", "d"}
    assert row["sourcetype"] == "my:type"
    assert json.loads(row["_raw"])["a"]["c"] == "2"


def test_cut_result_warns_with_how_many_matched(prod: Splunk, store: Store) -> None:
    index = store.fill({"n": n} for n in range(30))
    ended = prod.run(f"| elasticsearch index={index} size=7").done
    assert ids(ended.rows) == [f"d{n}" for n in range(7)]
    (warning,) = ended.texts("INFO")
    assert "30" in warning
    assert "7" in warning
    assert "size=0" in warning


def test_query_and_dsl_both_apply(prod: Splunk, store: Store) -> None:
    index = store.fill([{"a": "x", "b": "y"}, {"a": "x", "b": "z"}, {"a": "q", "b": "y"}])
    dsl = json.dumps({"match": {"b": "y"}}).replace('"', '\\"')
    ended = prod.run(f'| elasticsearch index={index} query="a:x" dsl="{dsl}"').done
    assert ids(ended.rows) == ["d0"]


def test_a_phrase_keeps_its_quotes(prod: Splunk, store: Store) -> None:
    index = store.fill([{"m": "access denied here"}, {"m": "denied access"}])
    ended = prod.run(f'| elasticsearch index={index} query="m:\\"access denied\\""').done
    assert ids(ended.rows) == ["d0"]


class TestTimePicker:
    """earliest is inclusive, latest exclusive; "0" is no bound; a side that is not given comes from the picker."""

    @pytest.fixture
    def index(self, store: Store) -> str:
        return store.fill({"@timestamp": START_MS + n * 1000} for n in range(10))

    @pytest.mark.parametrize(
        ("earliest", "latest", "expected"),
        [
            ("0", "0", range(9, -1, -1)),
            (seconds(START_MS + 3000), "0", range(9, 2, -1)),
            ("0", seconds(START_MS + 3000), range(2, -1, -1)),
            (seconds(START_MS + 3000), seconds(START_MS + 5000), (4, 3)),
            # A fraction below a millisecond rounds up on both sides.
            (f"{START_MS // 1000 + 3}.0000001", f"{START_MS // 1000 + 5}.0000001", (5, 4)),
        ],
    )
    def test_range(self, prod: Splunk, index: str, earliest: str, latest: str, expected: Any) -> None:
        rows = prod.run(f"| elasticsearch index={index}", earliest=earliest, latest=latest).done.rows
        assert ids(rows) == [f"d{n}" for n in expected]

    def test_one_option_and_one_side_of_the_picker(self, prod: Splunk, index: str) -> None:
        picker = {"earliest": seconds(START_MS + 2000), "latest": seconds(START_MS + 8000)}
        rows = prod.run(f"| elasticsearch index={index} start_time={START_MS + 6000}", **picker).done.rows
        assert ids(rows) == ["d7", "d6"]
        rows = prod.run(f"| elasticsearch index={index} latest={START_MS + 4000}", **picker).done.rows
        assert ids(rows) == ["d3", "d2"]

    def test_option_zero_lifts_the_pickers_bound(self, prod: Splunk, index: str) -> None:
        ended = prod.run(f"| elasticsearch index={index} start_time=0", earliest=seconds(START_MS + 9000), latest="0")
        assert len(ended.done.rows) == 10

    def test_an_empty_range_is_said(self, prod: Splunk, index: str) -> None:
        ended = prod.run(f"| elasticsearch index={index} start_time={START_MS}", latest=seconds(START_MS - 1000))
        assert "from the time picker" in ended.error

    def test_real_time_is_refused(self, prod: Splunk, index: str) -> None:
        assert "real-time" in prod.run(f"| elasticsearch index={index}", earliest="rt-1m", latest="rt").error

    def test_relative_time_snaps_in_the_users_zone(self, prod: Splunk, store: Store) -> None:
        # Midnight of that day in Seoul is 15:00 UTC of the day before.
        midnight_ms = 1_700_060_400_000
        index = store.fill([{"@timestamp": midnight_ms}, {"@timestamp": midnight_ms - 1}])
        day = "2023-11-16T00:00:00"
        rows = prod.run(f"| elasticsearch index={index} earliest={day}", User("kim", tz="Asia/Seoul")).done.rows
        assert ids(rows) == ["d0"]
        asked = [path for _, path in prod.splunkd.requests if "current-context" in path]
        assert len(asked) == 1

    @pytest.mark.parametrize("start_time", ["now-30m", "2026-11-21T08:00"])
    def test_one_request_to_splunkd_whatever_the_times_need(self, prod: Splunk, index: str, start_time: str) -> None:
        prod.run(f"| elasticsearch index={index} start_time={start_time}", User("kim", tz="Asia/Seoul"))
        posted = [path for method, path in prod.splunkd.requests if method == "POST"]
        # Asked once for everything; after the search told which engine answered, for the next one.
        assert posted == ["/services/aws_siem_bridge/search_settings"] * 2


def test_wildcard_without_an_index_fails_unless_partial_is_allowed(prod: Splunk) -> None:
    assert "no-such-*" in prod.run("| elasticsearch index=no-such-*").error
    ended = prod.run("| elasticsearch index=no-such-* partial=allow").done
    assert ended.rows == []
    assert "no-such-*" in ended.texts("WARN")[0]


def test_metrics_and_audit_line_have_the_figures(prod: Splunk, store: Store) -> None:
    index = store.fill({"n": n} for n in range(12))
    ended = prod.run(f'| elasticsearch index={index} query="n:[2 TO 6]"', User("mallory"), sid="1700.5").done
    inspector = ended.replies[-1].metadata["inspector"]
    assert inspector["metric.elasticsearch.rows"][3] == 5
    assert inspector["metric.elasticsearch.requests"][1] >= 1
    (line,) = ended.audit.splitlines()
    for fact in (
        'user="mallory"',
        'sid="1700.5"',
        'command="elasticsearch"',
        'cluster="prod"',
        f'index="{index}"',
        "rows=5",
        "matched=5",
    ):
        assert f" {fact} " in line
    assert 'outcome="done"' in line
    assert "TO 6" not in line


def test_log_that_cannot_be_written_does_not_matter(prod: Splunk, store: Store) -> None:
    index = store.fill([{"n": 1}])
    prod.run(f"| elasticsearch index={index}").done  # noqa: B018 - the handler runs, splunkd needs its own log no more
    with prod.start(f"| elasticsearch index={index}") as command:
        logs = prod.home / "var" / "log" / "splunk"
        command.getinfo()
        # The log opens its file with the first line it writes.
        shutil.rmtree(logs)
        logs.write_text("not a folder")
        replies = [command.execute()]
        while not replies[-1].finished:
            replies.append(command.execute())
        assert command.wait() == 0
        assert command.stderr() == ""
    assert len([row for reply in replies for row in reply.rows()]) == 1


def test_engine_with_tls_and_password(as_user: Callable[..., Splunk], secured: Engine) -> None:
    index = Store(secured).fill([{"n": 1}, {"n": 2}])
    ended = as_user("reader").run(f"| elasticsearch index={index}").done
    assert ids(ended.rows) == ["d0", "d1"]
