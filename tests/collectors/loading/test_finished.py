"""What is done stays noted through every end of a process, and nothing else counts as done."""

from __future__ import annotations

import resource
import signal
from pathlib import Path

import pytest

from collectors.errors import CollectorError
from collectors.loading.finished import Finished, default_path

SUBJECT = {"from": "s3://log-archive/AWSLogs/", "to": "http://localhost:9200"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "work.state"


def opened(path, subject=SUBJECT) -> Finished:
    return Finished(path, subject)


def test_what_was_added_is_there_after_a_restart_and_nothing_else(path):
    first = opened(path)
    for name in ("one", "two", "three\n3\n\udcff"):
        first.add(name)
    first.close()
    again = opened(path)
    assert len(again) == 3
    assert "two" in again
    assert "three\n3\n\udcff" in again
    assert "four" not in again
    again.close()


def test_a_cut_at_any_byte_loses_at_most_the_last_line_and_never_adds_one(path):
    first = opened(path)
    header_bytes = path.stat().st_size
    first.add("one")
    first.add("two")
    first.close()
    whole = path.read_bytes()
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        found = opened(path)
        assert ("one" in found, "two" in found) == (size >= header_bytes + 17, size >= header_bytes + 34)
        found.add("three")
        found.close()
        then = opened(path)
        assert ("one" in then, "two" in then, "three" in then) == ("one" in found, "two" in found, True)
        then.close()


def test_a_file_of_another_work_is_refused_and_left_alone(path):
    opened(path).close()
    before = path.read_bytes()
    with pytest.raises(CollectorError, match="is of another work"):
        opened(path, {**SUBJECT, "to": "http://elsewhere:9200"})
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"my notes", b"my notes\n", b"{}\n" + b"x" * 17])
def test_a_file_of_somebody_else_is_refused_and_left_alone(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(CollectorError, match="is of another work"):
        opened(path)
    assert path.read_bytes() == content


def test_two_processes_do_not_share_a_file(path):
    first = opened(path)
    with pytest.raises(CollectorError, match="under way in another process"):
        opened(path)
    first.close()
    opened(path).close()


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CollectorError, match="cannot be written.*--state"):
        opened(tmp_path / "file" / "work.state")


@pytest.mark.parametrize("device", ["/dev/full", "/dev/null"])
def test_what_is_no_regular_file_is_refused_before_it_is_read(device):
    with pytest.raises(CollectorError, match="cannot be written: it is no regular file.*--state"):
        opened(Path(device))


def test_a_disk_that_gets_full_is_said_and_leaves_only_whole_lines(path):
    """The limit of a file's size is met as a disk's end is: what still fits is written, then nothing."""
    first = opened(path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 17 + 5, before[1]))
        first.add("one")
        for _ in range(2):
            with pytest.raises(CollectorError, match="state file .* cannot be written"):
                first.add("two")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    first.add("three")
    first.close()
    again = opened(path)
    assert ("one" in again, "two" in again, "three" in again) == (True, False, True)
    again.close()


def test_the_default_file_is_in_the_users_cache_and_one_for_each_work(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = default_path(SUBJECT)
    assert tmp_path in path.parents
    assert path == default_path(dict(reversed(SUBJECT.items())))
    assert path != default_path({**SUBJECT, "to": "http://elsewhere:9200"})
