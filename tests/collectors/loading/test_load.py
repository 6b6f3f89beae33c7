"""The command: what it finds, what it says, how it ends, and that an end in the middle costs nothing."""

from __future__ import annotations

import gzip
import json
import os
import pty
import signal
import subprocess
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from collectors.delivery.dead_letters import DeadLetters
from collectors.delivery.letter_store import letter_store
from collectors.errors import CollectorError
from collectors.loading.files import find_files
from collectors.store.templates import ensure_template
from lab.front.faults import FaultyServer
from tests.collectors.conftest import event, table, write_log
from tests.collectors.four_logs import BUCKET, write_all

AWS_FOLDER = "AWSLogs/111122223333/CloudTrail/ap-northeast-2/1999/12/31"
AWS_NAME = "111122223333_CloudTrail_ap-northeast-2_19991231T0005Z_abcdefghijklmnop.json"


# --- which files -----------------------------------------------------------------------------------------------------


def test_log_files_digests_and_others_are_told_apart(tmp_path):
    log = write_log(tmp_path / AWS_FOLDER / AWS_NAME, [])
    digest = tmp_path / AWS_FOLDER.replace("CloudTrail", "CloudTrail-Digest") / "x_CloudTrail-Digest_y.json.gz"
    digest.parent.mkdir(parents=True)
    digest.write_bytes(b"")
    readme = tmp_path / "README.md"
    readme.write_text("hello")
    found = find_files([tmp_path, log, tmp_path / AWS_FOLDER])
    assert [entry.path for entry in found.logs] == [log]
    assert found.digests == [digest]
    assert found.others == [readme]
    assert [entry.path for entry in find_files([readme]).logs] == [readme]


def test_a_path_that_is_not_there_and_a_folder_without_logs_are_said(cluster, tmp_path):
    missing = cluster.load(tmp_path / "nowhere")
    empty = cluster.load(tmp_path)
    for done, words in ((missing, "is not there"), (empty, "no log file")):
        assert done.returncode == 1
        assert words in done.stderr
        assert "Traceback" not in done.stderr


# --- what is loaded --------------------------------------------------------------------------------------------------


def test_plain_gzip_and_repeated_files_across_days(cluster, tmp_path):
    records = [event(number, time=f"1999-12-{30 + number % 2}T00:00:{number % 60:02d}Z") for number in range(100)]
    plain = write_log(tmp_path / AWS_FOLDER / AWS_NAME, records[:60])
    packed = tmp_path / AWS_FOLDER / (AWS_NAME.replace("a", "b") + ".gz")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    write_log(tmp_path / AWS_FOLDER / "more.json", records[50:])
    done = cluster.load(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "3 of 3 files, 170 events" in done.stdout
    assert table(done.stdout) == {"CloudTrail": [3, 170, 100, 70, 0]}
    assert cluster.indices() == ["aws-cloudtrail-1999.12.30", "aws-cloudtrail-1999.12.31"]
    assert cluster.count() == 100


def test_all_four_logs_are_recognised_and_a_second_load_stores_nothing(cluster, tmp_path):
    expected = write_all(tmp_path)
    first = cluster.load(tmp_path, options=("--as", f"s3://{BUCKET}"))
    assert first.returncode == 0, first.stdout + first.stderr
    assert "is a copy" not in first.stderr
    assert table(first.stdout) == {
        "CloudTrail": [2, 100, 100, 0, 0],
        "Route 53 Resolver query logs": [2, 100, 100, 0, 0],
        "VPC Flow Logs": [4, 200, 200, 0, 0],
        "AWS WAF": [2, 100, 100, 0, 0],
    }
    assert cluster.places().keys() == {doc_id for ids in expected.values() for doc_id in ids}
    again = cluster.load(tmp_path, options=("--as", f"s3://{BUCKET}/"))
    assert again.returncode == 0, again.stdout + again.stderr
    assert [row[2:4] for row in table(again.stdout).values()] == [[0, 100], [0, 100], [0, 200], [0, 100]]


@pytest.mark.parametrize("prefix", ["", "central/logs/"])
def test_a_part_of_a_copy_and_a_single_file_get_the_ids_of_the_bucket(cluster, tmp_path, prefix):
    expected = write_all(tmp_path, files=1, records=3, prefix=prefix)
    for number, (key, ids) in enumerate(expected.items()):
        relative = Path(key[len(prefix) :])
        folder, name = (tmp_path / relative).parent, relative.name
        as_folder = f"s3://{BUCKET}/{prefix}{relative.parent.as_posix()}"
        # The ways take turns: a path is told from an address in the same way whatever the log is.
        ways = [(folder, as_folder), (folder / name, as_folder + "/"), (folder / name, f"{as_folder}/{name}")]
        path, uri = ways[number % len(ways)]
        assert cluster.load(path, options=("--as", uri)).returncode == 0
        assert cluster.places().keys() >= set(ids)
    assert len(cluster.places()) == sum(map(len, expected.values()))


def test_without_an_address_ids_are_made_of_the_path_from_awslogs_on(cluster, tmp_path):
    write_all(tmp_path / "here", files=1, records=3)
    first = cluster.load(tmp_path / "here")
    assert first.returncode == 0, first.stderr
    assert "--as s3://bucket/prefix" in first.stderr
    (tmp_path / "here").rename(tmp_path / "there")
    again = cluster.load(tmp_path / "there" / "AWSLogs")
    assert {row[2] for row in table(again.stdout).values()} == {0}
    assert len(cluster.places()) == 15


def test_two_files_that_would_get_the_same_ids_are_refused(tmp_path):
    for place in ("a", "b"):
        write_all(tmp_path / place, files=1, records=1)
    with pytest.raises(CollectorError, match="would get the same ids"):
        find_files([tmp_path])
    with pytest.raises(CollectorError, match="give one path"):
        find_files([tmp_path / "a", tmp_path / "b"], "s3://log-archive")


def test_a_log_that_is_not_recognised_can_be_named(cluster, tmp_path):
    path = tmp_path / "odd.log"
    path.write_text(json.dumps({"exportedBy": "a tool", "Records": [event(0)]}))
    unknown = cluster.load(path)
    assert unknown.returncode == 1
    assert "none of the logs" in unknown.stdout
    done = cluster.load(path, options=("--dataset", "cloudtrail"))
    assert table(done.stdout)["CloudTrail"][:3] == [1, 1, 1], done.stdout + done.stderr


def test_damaged_files_give_their_complete_records_and_a_failed_end(cluster, tmp_path):
    write_log(tmp_path / "whole.json", [event(number) for number in range(200)])
    packed = gzip.compress(write_log(tmp_path / "cut.md", [event(n) for n in range(200, 400)]).read_bytes())
    (tmp_path / "cut.json.gz").write_bytes(packed[:-200])
    (tmp_path / "other.json").write_text('{"configurationItems": []}')
    (tmp_path / "digest.json").write_text('{"awsAccountId": "1", "digestStartTime": "1999-12-31T00:00:00Z"}')
    done = cluster.load(tmp_path)
    assert done.returncode == 1
    assert "files with a problem: 1" in done.stdout
    assert f"{tmp_path}/cut.json.gz: " in done.stdout
    assert "cut short" in done.stdout
    assert "passed over, because neither key nor content is that of a log: 1. " in done.stdout
    assert f"    {tmp_path}/other.json\n" in done.stdout
    assert "not loaded, because it is none of the logs: CloudTrail-Digest (1), other files (1)" in done.stdout
    assert 200 < cluster.count() < 400
    assert set(cluster.sources()) >= {f"{event(number)['eventID']}-111122223333" for number in range(200)}


def test_records_that_cannot_become_documents_are_counted_with_file_number_and_reason(cluster, tmp_path):
    path = write_log(tmp_path / "a.json", [event(0), "text", 17, event(3)])
    done = cluster.load(path)
    assert done.returncode == 1
    assert table(done.stdout) == {"CloudTrail": [1, 4, 2, 0, 2]}
    assert f"{path}, record 2: " in done.stdout
    assert f"{path}, record 3: " in done.stdout
    assert done.stdout.count("the record is not a JSON object") == 2
    assert cluster.count() == 2


def test_records_without_a_time_are_stored_and_marked(cluster, tmp_path):
    odd_time, no_time = event(1, time="tomorrow"), event(2)
    del no_time["eventTime"]
    path = write_log(tmp_path / "a_CloudTrail_b_20261121T0455Z_c.json", [event(0), odd_time, no_time])
    assert cluster.load(path).returncode == 0
    marks = {id: source["event"].get("time_from") for id, source in cluster.sources().items()}
    assert marks == {f"{event(n)['eventID']}-111122223333": mark for n, mark in enumerate([None, *["object_key"] * 2])}


def test_columns_of_flow_logs_that_nobody_knows_are_named_in_the_summary(cluster, tmp_path):
    path = tmp_path / "vpcflowlogs" / "a_vpcflowlogs_b.log"
    path.parent.mkdir()
    header = "version srcaddr dstaddr end segment-name tgw-id"
    path.write_text(f"{header}\n6 10.0.0.1 10.0.0.2 946598400 prod tgw-1\n")
    done = cluster.load(path)
    assert (done.returncode, table(done.stdout)) == (0, {"VPC Flow Logs": [1, 1, 1, 0, 0]}), done.stderr
    assert "flow log columns that this version does not know, stored and not indexed: segment_name (1)" in done.stdout


def test_what_the_engine_refuses_is_counted_with_file_number_and_reason(cluster, tmp_path):
    path = write_log(tmp_path / "a.json", [event(0), event(1, time="1999-12-30T00:00:00Z")])
    assert cluster.load(path).returncode == 0
    cluster.transport.request("PUT", ("aws-cloudtrail-1999.12.30", "_settings"), body={"index.blocks.write": True})
    done = cluster.load(path)
    assert done.returncode == 1
    assert f"{path}, record 2: index not writable: aws-cloudtrail-1999.12.30" in done.stdout
    assert table(done.stdout) == {"CloudTrail": [1, 2, 0, 1, 1]}


def test_with_a_dead_letter_store_what_cannot_be_stored_is_kept_there_and_the_load_has_succeeded(cluster, tmp_path):
    write_log(tmp_path / "logs" / "a.json", [event(0), "no event", event(2)])
    whole = gzip.compress(write_log(tmp_path / "x", [event(n) for n in range(100, 400)]).read_bytes())
    (tmp_path / "logs" / "cut.json.gz").write_bytes(whole[:-200])
    place = tmp_path / "dead"
    done = cluster.load(tmp_path / "logs", options=("--dead-letters", str(place)))
    assert done.returncode == 0, done.stdout + done.stderr
    assert table(done.stdout)["CloudTrail"][4] == 1
    assert f"dlq list {place}" in done.stdout
    letters = list(DeadLetters(letter_store(str(place))).iterate())
    assert sorted((letter.key.rpartition("/")[2], letter.number) for letter in letters) == [
        ("a.json", 2),
        ("cut.json.gz", 0),
    ]


def test_events_older_than_the_retention_and_ahead_of_the_clock_create_no_index(cluster, tmp_path):
    ahead = (datetime.now(timezone.utc) + timedelta(days=3)).strftime("%Y-%m-%dT00:00:00Z")
    today = datetime.now(timezone.utc).strftime("%Y-%m-%dT00:00:00Z")
    path = write_log(tmp_path / "a.json", [event(0), event(1, time=ahead), event(2, time=today)])
    done = cluster.load(path, options=("--retention-days", "30", "--dead-letters", str(tmp_path / "dead")))
    assert done.returncode == 0, done.stdout + done.stderr
    assert table(done.stdout) == {"CloudTrail": [1, 3, 1, 0, 2]}
    assert cluster.indices() == [f"aws-cloudtrail-{today[:10].replace('-', '.')}"]
    everything = cluster.load(path)
    assert everything.returncode == 1
    assert table(everything.stdout) == {"CloudTrail": [1, 3, 1, 1, 1]}
    assert "more than a day ahead" in everything.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "give files and folders"),
        (["a.json", "--queue", "https://sqs.example/1/q"], "give files and folders"),
        (["s3://a/b", "c.json"], "one s3://bucket/prefix at a time"),
        (["s3://a/b", "--as", "s3://c"], "--as is for files"),
        (["a.json", "--since", "2026-11-21"], "--since, --until, --late and --state are for s3://"),
        (["a.json", "--workers", "0"], "at least one"),
        (["s3://a/b", "--since", "2026-11-22", "--until", "2026-11-21"], "is not before"),
        (["s3:///b"], "no address in S3"),
        (["a.json", "--index-objects", "none", "--no-template"], "--index-objects is about the index templates"),
        (["a.json", "--index-objects", "requestParam"], "'requestParam' is none of requestParameters"),
    ],
)
def test_contradictions_are_refused_before_anything_is_done(cluster, arguments, says):
    done = cluster.run(cluster.command(*arguments), environment={"AWS_DEFAULT_REGION": "eu-west-1"})
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_terminal_shows_files_events_rate_and_what_remains(cluster, tmp_path):
    for file in range(3):
        write_log(tmp_path / f"{file}.json", [event(number) for number in range(file * 400, file * 400 + 400)])
    ours, theirs = pty.openpty()
    loader = subprocess.Popen(
        cluster.command(tmp_path), env=cluster.environment(), stdout=subprocess.DEVNULL, stderr=theirs
    )

    def say_when_it_ends() -> None:
        loader.wait(120)
        os.write(theirs, b"<end>")

    # Our side of the terminal stays open until all is read: what is under way when the last writer closes may be lost.
    waiter = threading.Thread(target=say_when_it_ends)
    waiter.start()
    shown = b""
    while b"<end>" not in shown:
        shown += os.read(ours, 65_536)
    waiter.join()
    os.close(ours)
    os.close(theirs)
    assert loader.returncode == 0
    assert b"1,200 events" in shown
    assert b"3/3 files" in shown
    assert b"events/s" in shown
    assert b"100%" in shown


# --- the template ----------------------------------------------------------------------------------------------------


def test_an_account_that_may_only_create_is_told_what_to_do_and_can_load_without(cluster_by_id, tmp_path):
    cluster = cluster_by_id("opensearch-2.19-secured")
    path = write_log(tmp_path / "a.json", [event(number) for number in range(50)])
    refused = cluster.load(path, user="loader")
    assert refused.returncode == 1
    assert "--no-template" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert cluster.engine.users["loader"] not in refused.stderr + refused.stdout
    ensure_template(cluster.transport, "cloudtrail")
    done = cluster.load(path, user="loader", options=("--no-template",))
    assert done.returncode == 0, done.stderr
    assert "lacks the permission indices:admin/refresh on aws-cloudtrail-*" in done.stdout.splitlines()[-1]
    assert done.stderr.count("searchable only after the refresh interval") == 1
    assert cluster.count() == 50
    again = cluster.load(path, user="loader", options=("--no-template",))
    assert "refresh" not in again.stdout + again.stderr  # nothing new
    other = write_log(tmp_path / "b.json", [event(50)])
    assert "refresh" not in cluster.load(other, options=("--no-template",)).stdout


# --- an end in the middle --------------------------------------------------------------------------------------------


class KillsTheLoader(FaultyServer):
    """Passes requests on and kills the loader at the ``at``-th bulk request, before or after the engine has it."""

    def __init__(self, upstream: str, at: int, stored: bool) -> None:
        super().__init__(upstream=upstream)
        self.loader: subprocess.Popen | None = None
        self._at, self._stored, self._bulks = at, stored, 0

    def answer(self, received):
        if received.target.startswith("/_bulk"):
            with self._lock:
                self._bulks += 1
                fatal = self._bulks == self._at
            if fatal:
                if self._stored:
                    super().answer(received)
                os.kill(self.loader.pid, signal.SIGKILL)
        return super().answer(received)


@pytest.mark.parametrize(("at", "stored"), [(1, True), (3, False), (5, True), (8, False)])
def test_a_loader_that_is_killed_is_run_again_and_nothing_is_lost_or_doubled(cluster, tmp_path, at, stored):
    expected = set()
    for file in range(9):
        numbers = range(file * 1_000, file * 1_000 + 1_050)  # every file repeats fifty events of the next
        write_log(tmp_path / f"{file}.json", [event(number) for number in numbers])
        expected |= {f"{event(number)['eventID']}-111122223333" for number in numbers}
    with KillsTheLoader(cluster.engine.url, at, stored) as server:
        server.loader = subprocess.Popen(
            cluster.command(tmp_path, url=server.url),
            env=cluster.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert server.loader.wait(120) == -signal.SIGKILL
    assert cluster.count() < len(expected)
    again = cluster.load(tmp_path)
    assert again.returncode == 0, again.stderr
    assert cluster.count() == len(expected)
    assert set(cluster.sources()) == expected


def test_a_cluster_that_goes_away_ends_the_load_with_what_to_do(cluster, tmp_path):
    path = write_log(tmp_path / "a.json", [event(0)])
    done = cluster.load(path, url="http://127.0.0.1:1")
    assert done.returncode == 1
    assert "cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr


def test_loading_from_a_write_that_goes_on_is_not_loading_half_a_record(cluster, tmp_path):
    path = Path(tmp_path, "growing.json")
    text = json.dumps({"Records": [event(number) for number in range(3)]})
    path.write_text(text[: text.index("000000000002")])
    first = cluster.load(path)
    assert first.returncode == 1
    assert cluster.count() == 2
    path.write_text(text)
    assert cluster.load(path).returncode == 0
    assert cluster.count() == 3
