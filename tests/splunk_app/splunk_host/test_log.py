"""The log files that all searches of a search head share."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from splunk_host import log

from ..conftest import BIN

WRITERS, LINES = 8, 40
PROGRAM = """
import sys
from splunk_host import log
log.LOG_BYTES, log.LOG_FILES_KEPT = 2000, 1000
opened = log.open_log("x", "x.log")
sys.stdin.read()
for number in range(int(sys.argv[2])):
    opened.warning("%s %d %s", sys.argv[1], number, "p" * 60)
print("done")
"""


def write(home: Path, name: str, lines: int) -> subprocess.Popen:
    environment = {
        **os.environ,
        "SPLUNK_HOME": str(home),
        "PYTHONPATH": os.pathsep.join([str(BIN), str(BIN.parents[2])]),
    }
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, name, str(lines)],
        env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "var" / "log" / "splunk"
    folder.mkdir(parents=True)
    return folder


def test_processes_that_turn_the_file_over_at_once_lose_no_line(tmp_path: Path, logs: Path) -> None:
    writers = [write(tmp_path, f"w{number}", LINES) for number in range(WRITERS)]
    for writer in writers:
        assert writer.stdin
        writer.stdin.close()
    assert [writer.wait() for writer in writers] == [0] * WRITERS
    files = list(logs.iterdir())
    assert len(files) > 10, "it was turned over often"
    written = [line.split(" ")[3:5] for path in files for line in path.read_text("utf-8").splitlines()]
    assert sorted(written) == sorted([f"w{w}", str(n)] for w in range(WRITERS) for n in range(LINES))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is full is /dev/full here")
def test_a_full_disk_fails_nothing_and_says_nothing(tmp_path: Path, logs: Path) -> None:
    (logs / "x.log").symlink_to("/dev/full")
    said, errors = write(tmp_path, "w", 3).communicate("")
    assert (said, errors) == ("done\n", "")


def test_a_file_that_was_removed_is_made_anew(tmp_path: Path, logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLUNK_HOME", str(tmp_path))
    opened = log.open_log("test_log.removed", "x.log")
    opened.warning("first")
    (logs / "x.log").rename(logs / "x.log.1")  # as logrotate or another search does it
    opened.warning("second")
    (logs / "x.log").unlink()
    opened.warning("third")
    assert (logs / "x.log").read_text("utf-8").endswith("third\n")
    assert (logs / "x.log.1").read_text("utf-8").count("\n") == 1
    opened.handlers[0].close()
