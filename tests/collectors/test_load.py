"""The command: what it finds, what it says, how it ends, and that an end in the middle costs nothing."""

from __future__ import annotations

import gzip
import json
import os
import pty
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from collectors.files import find_files
from collectors.templates import ensure_template
from lab.front.faults import FaultyServer
from tests.collectors.conftest import TEMPLATE, event, write_log

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
    assert cluster.count() == 100
    assert "3 of 3 files, 170 events" in done.stdout
    assert "in aws-cloudtrail-1999.12.30  85" in done.stdout
    assert "in aws-cloudtrail-1999.12.31  85" in done.stdout


def test_damaged_files_give_their_complete_records_and_a_failed_end(cluster, tmp_path):
    whole = write_log(tmp_path / "whole.json", [event(number) for number in range(200)])
    text = whole.read_bytes()
    (tmp_path / "cut.json.gz").write_bytes(
        gzip.compress(write_log(tmp_path / "x", [event(n) for n in range(200, 400)]).read_bytes())[:-200]
    )
    (tmp_path / "broken.json").write_bytes(
        text[:5_000].replace(b"0" * 12, b"9" * 12) + b'{"oops": nothing}' + text[5_000:]
    )
    (tmp_path / "other.json").write_text('{"configurationItems": []}')
    (tmp_path / "digest.json").write_text('{"awsAccountId": "1", "digestStartTime": "1999-12-31T00:00:00Z"}')
    done = cluster.load(tmp_path)
    assert done.returncode == 1
    assert "not read to their end, or not CloudTrail: 3" in done.stdout
    assert "cut.json.gz: the gzip data is cut short" in done.stdout
    assert "broken.json: the JSON is broken" in done.stdout
    assert "at byte 5," in done.stdout
    assert 'other.json: the JSON has no list "Records"' in done.stdout
    assert "digest files skipped: 1" in done.stdout
    assert 200 < cluster.count() < 410
    assert set(cluster.sources()) >= {f"{event(number)['eventID']}-111122223333" for number in range(200)}


def test_records_that_cannot_become_documents_are_counted_with_file_number_and_reason(cluster, tmp_path):
    no_id, no_time = event(1), event(2)
    del no_id["eventID"], no_time["eventTime"]
    path = write_log(tmp_path / "a.json", [event(0), no_id, no_time, event(3)])
    done = cluster.load(path)
    assert done.returncode == 1
    assert f"{path}, record 2: the record has no eventID" in done.stdout
    assert f"{path}, record 3: the record's eventTime is 'None'" in done.stdout
    assert cluster.count() == 2


def test_what_the_engine_refuses_is_counted_with_file_number_and_reason(cluster, tmp_path):
    path = write_log(tmp_path / "a.json", [event(0), event(1, time="1999-12-30T00:00:00Z")])
    assert cluster.load(path).returncode == 0
    cluster.transport.request("PUT", ("aws-cloudtrail-1999.12.30", "_settings"), body={"index.blocks.write": True})
    done = cluster.load(path)
    assert done.returncode == 1
    assert f"{path}, record 2: index not writable: aws-cloudtrail-1999.12.30" in done.stdout
    assert [line.split()[-1] for line in done.stdout.splitlines()[1:4]] == ["0", "1", "1"]


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


def test_a_template_edited_in_the_cluster_stays_until_ours_changes(cluster):
    assert ensure_template(cluster.transport, "cloudtrail")
    edited = cluster.transport.request("GET", TEMPLATE).json()["index_templates"][0]["index_template"]
    edited["template"]["settings"]["index"]["number_of_shards"] = "3"
    cluster.transport.request("PUT", TEMPLATE, body=edited)
    assert not ensure_template(cluster.transport, "cloudtrail")
    edited["_meta"]["sha256"] = "of an older version"
    cluster.transport.request("PUT", TEMPLATE, body=edited)
    assert ensure_template(cluster.transport, "cloudtrail")
    now = cluster.transport.request("GET", TEMPLATE).json()["index_templates"][0]["index_template"]
    assert now["template"]["settings"]["index"]["number_of_shards"] == "1"


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
    assert cluster.count() == 50


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
