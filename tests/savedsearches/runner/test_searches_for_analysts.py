"""Every search of docs/searches_for_analysts.md, on the story: it runs, finds something, warns of nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator, List, Tuple

import pytest

from es_bridge.config import ClusterConfig
from es_bridge.times import now_ms
from lab.story.addresses import MMDB_FILE
from lab.story.files import write_story
from savedsearches.runner.app_commands import AppCommands
from savedsearches.runner.local_settings import LocalSettings
from savedsearches.runner.moment import Moment
from savedsearches.runner.run import run_to_list
from savedsearches.runner.session import Session

PAGE = Path(__file__).resolve().parents[3] / "docs" / "searches_for_analysts.md"


def searches() -> List[Tuple[str, str]]:
    """Return (question, search) of the page."""
    blocks = re.findall(r"^```\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [pair for block in blocks for pair in re.findall(r"^# (.*)\n(\|.*)$", block, re.MULTILINE)]


@pytest.fixture(scope="module")
def session(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tuple[Session, List[str]]]:
    folder = tmp_path_factory.mktemp("story")
    end_ms = now_ms()
    write_story(folder, 4_000, 1, end_ms - 6 * 3_600_000, end_ms)
    command = [sys.executable, "-m", "aws_siem_bridge", "load", str(folder), "--url", engine.url]
    if (folder / MMDB_FILE).is_file():
        command += ["--mmdb", str(folder / MMDB_FILE)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    messages: List[str] = []
    with LocalSettings(ClusterConfig((engine.url,), name="story")) as settings:
        moment = Moment(end_ms / 1000, end_ms / 1000 - 6 * 3600, end_ms / 1000)
        own = AppCommands(settings, lambda level, text: messages.append(f"{level} {text}"))
        yield Session(moment, own=own), messages


def test_the_page_has_ten_searches_for_each_log() -> None:
    indices = [re.search(r"index=(\S+)", search).group(1) for _, search in searches()]  # type: ignore[union-attr]
    assert {index: indices.count(index) for index in indices} == {
        "aws-cloudtrail-*": 10, "aws-vpcflow-*": 10, "aws-dns-*": 10, "aws-waf-*": 10,
    }  # fmt: skip


@pytest.mark.parametrize(("question", "search"), searches(), ids=[question for question, _ in searches()])
def test_a_search_of_the_page(question: str, search: str, session: Tuple[Session, List[str]]) -> None:
    running, messages = session
    messages.clear()
    rows = run_to_list(search, running)
    assert not [text for text in messages if text.startswith("WARN")]
    assert rows
