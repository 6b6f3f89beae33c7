"""The unit for systemd works as docs/loading.md prints it."""

from __future__ import annotations

import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterator

import pytest

from lab.engine import Engine
from tests.account import BUCKET, Account
from tests.collectors.delivery.test_daemon_process import Running, put_trail
from tests.collectors.one_store import FOR_EVER_DAYS, Store, trail_ids

PAGE = Path(__file__).resolve().parents[3] / "docs" / "loading.md"
#: What the page installs, and the same program of this environment.
INSTALLED = "/opt/aws-siem-bridge/bin/aws-siem-bridge"
HERE = str(Path(sys.executable).with_name("aws-siem-bridge"))


def block(language: str) -> str:
    """Return the page's only block of a language, without its indentation."""
    [found] = re.findall(rf"^ +```{language}\n(.*?)^ +```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return re.sub(r"^   ", "", found, flags=re.MULTILINE)


@pytest.fixture
def store(engine: Engine) -> Iterator[Store]:
    found = Store(engine.url)
    found.clear()
    yield found
    found.clear()
    found.transport.close()


def verify(unit: str, folder: Path) -> str:
    """Return what systemd finds fault with."""
    file = folder / "aws-siem-bridge-loader.service"
    file.write_text(unit.replace(INSTALLED, HERE), "utf-8")
    done = subprocess.run(["systemd-analyze", "verify", str(file)], capture_output=True, text=True)
    return done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="this machine has no systemd-analyze")
@pytest.mark.parametrize("password", [False, True])
def test_systemd_finds_nothing_wrong_with_it(tmp_path: Path, password: bool) -> None:
    unit = block("systemd")
    if password:
        assert "#LoadCredential" in unit
        unit = unit.replace("#LoadCredential", "LoadCredential")
    assert verify(unit, tmp_path) == ""
    assert "Unknown key" in verify(unit.replace("RestartSec", "RestartSeconds"), tmp_path), "it looks"


def test_what_it_starts_loads_and_ends_in_order(account: Account, store: Store, tmp_path: Path) -> None:
    urls = account.new_queue()
    account.send(urls, put_trail(account, 0, 5))
    variables: Dict[str, str] = dict(line.split("=", 1) for line in block("ini").splitlines())
    examples = {
        "QUEUE": urls.url,
        "DEAD_LETTERS": str(tmp_path / "dead"),
        "AWS_SIEM_BRIDGE_URL": store.url,
        "OPTIONS": variables["OPTIONS"].replace("log-archive", BUCKET).replace("9100", "0")
        + f" --long-poll 1 --retention-days {FOR_EVER_DAYS}",
    }
    variables.update(examples)
    [command] = re.findall(r"^ExecStart=((?:.*\\\n)*.*)$", block("systemd"), re.MULTILINE)
    arguments = []
    for word in shlex.split(command.replace("\\\n", " ")):
        if word.startswith("${"):  # systemd: one argument, whatever it holds
            arguments.append(variables[word[2:-1]])
        elif word.startswith("$"):  # as many arguments as it has words
            arguments += variables[word[1:]].split()
        else:
            arguments.append(word)
    assert arguments.pop(0) == INSTALLED
    started = Running([HERE, *arguments], {**variables, **account.environment}, tmp_path)
    started.until(lambda: account.left(urls.url) == 0)
    assert started.end(signal.SIGTERM) == 0
    assert store.ids() == trail_ids(0, 5)
