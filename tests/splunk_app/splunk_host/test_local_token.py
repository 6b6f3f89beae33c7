"""The token that proves a caller to be a local process of Splunk's own user."""

import errno
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest
from splunk_host import local_token

from es_bridge.errors import ConfigError

from ..conftest import BIN

ROOT = BIN.parents[2]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``$SPLUNK_HOME`` of a splunkd that runs."""
    (tmp_path / "var" / "run" / "splunk").mkdir(parents=True)
    monkeypatch.setenv("SPLUNK_HOME", str(tmp_path))
    start(tmp_path, 1)
    return tmp_path


def start(home: Path, second: int) -> None:
    """Let splunkd write its pid file, always with the same process id, as in a container."""
    pid_file = home / "var" / "run" / "splunk" / "splunkd.pid"
    pid_file.write_text("42\n43\n")
    os.utime(pid_file, (second, second))


def token_files(home: Path) -> List[Path]:
    return list((home / "var" / "run" / "splunk" / "aws_siem_bridge").iterdir())


def test_it_stays_until_the_next_start_and_only_its_owner_can_read_it(home: Path) -> None:
    umask = os.umask(0)
    try:
        token = local_token.current()
    finally:
        os.umask(umask)
    assert len(token) >= 64
    assert local_token.current() == token
    (file,) = token_files(home)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    start(home, 2)
    assert local_token.current() != token
    (file,) = token_files(home)  # the former one is gone
    assert file.read_text() == local_token.current()


def test_without_a_pid_file_there_is_one_too(home: Path) -> None:
    (home / "var" / "run" / "splunk" / "splunkd.pid").unlink()
    assert local_token.current() == local_token.current()


def test_processes_that_come_at_once_agree(home: Path) -> None:
    program = "import sys; sys.stdin.read(); from splunk_host import local_token; print(local_token.current())"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(BIN), str(ROOT)])}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for _ in range(8)
    ]
    for process in processes:
        assert process.stdin
        process.stdin.close()
    said = {process.stdout.read() for process in processes if process.stdout}
    assert [process.wait() for process in processes] == [0] * 8
    assert said == {local_token.current() + "\n"}
    assert len(token_files(home)) == 1


@pytest.mark.parametrize("problem", [errno.EROFS, errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("function", ["mkstemp", "mkdir", "link"])
def test_a_disk_that_takes_nothing_is_said(
    home: Path, monkeypatch: pytest.MonkeyPatch, problem: int, function: str
) -> None:
    if function != "mkdir":
        local_token.private_folder()

    def fail(*_: object, **__: object) -> None:
        raise OSError(problem, os.strerror(problem))

    module = {"mkstemp": local_token.tempfile, "mkdir": Path, "link": os}[function]
    monkeypatch.setattr(module, function, fail)
    with pytest.raises(ConfigError, match=re.escape(os.strerror(problem))) as refused:
        local_token.current()
    assert "aws_siem_bridge" in str(refused.value)
    assert not list(home.rglob("new-*"))


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o602])
def test_a_file_that_others_could_read_or_write_is_refused(home: Path, mode: int) -> None:
    local_token.current()
    (file,) = token_files(home)
    file.chmod(mode)
    with pytest.raises(ConfigError, match=rf"is open to other users \(mode {mode:04o}\).*Remove it") as refused:
        local_token.current()
    assert file.read_text() not in str(refused.value)


def test_a_folder_that_others_could_enter_is_refused(home: Path) -> None:
    local_token.current()
    (file,) = token_files(home)
    file.parent.chmod(0o750)
    with pytest.raises(ConfigError, match=r"aws_siem_bridge is open to other users \(mode 0750\)"):
        local_token.current()


def test_a_file_of_another_user_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local_token.current()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(ConfigError, match="belongs to another user"):
        local_token.current()


def test_a_link_is_not_followed(home: Path, tmp_path: Path) -> None:
    local_token.current()
    (file,) = token_files(home)
    elsewhere = tmp_path / "known"
    elsewhere.write_text(file.read_text())
    elsewhere.chmod(0o600)
    file.unlink()
    file.symlink_to(elsewhere)
    with pytest.raises(ConfigError, match="cannot be read"):
        local_token.current()


def test_a_folder_that_is_a_link_is_refused(home: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "theirs"
    elsewhere.mkdir(0o700)
    (home / "var" / "run" / "splunk" / "aws_siem_bridge").symlink_to(elsewhere)
    with pytest.raises(ConfigError, match="is not what this app put there"):
        local_token.current()


@pytest.mark.parametrize("content", ["", "short", "한" * 64])
def test_a_file_without_a_token_is_refused(home: Path, content: str) -> None:
    local_token.current()
    (file,) = token_files(home)
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be read"):
        local_token.current()


def test_without_splunk_home_it_says_who_should_start_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPLUNK_HOME", raising=False)
    with pytest.raises(ConfigError, match="SPLUNK_HOME is not set"):
        local_token.current()
