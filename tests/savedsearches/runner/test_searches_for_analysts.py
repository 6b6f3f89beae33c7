"""Every search of docs/searches_for_analysts.md, on the story: it runs, finds something, warns of nothing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Iterator, List, Tuple

import pytest

from es_bridge.config import ClusterConfig
from es_bridge.times import now_ms
from lab.engine import Engine, start_engine
from lab.story import cast
from lab.story.addresses import MMDB_FILE
from lab.story.files import write_story
from lab.story.findings import event, findings
from savedsearches.runner import values
from savedsearches.runner.app_commands import AppCommands
from savedsearches.runner.local_settings import LocalSettings
from savedsearches.runner.moment import Moment
from savedsearches.runner.paths import all_members
from savedsearches.runner.run import run_to_list
from savedsearches.runner.session import Session
from savedsearches.runner.values import Row

PAGE = Path(__file__).resolve().parents[3] / "docs" / "searches_for_analysts.md"


def searches() -> List[Tuple[str, str]]:
    """Return (question, search) of the page."""
    blocks = re.findall(r"^```\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [pair for block in blocks for pair in re.findall(r"^# (.*)\n(\|.*)$", block, re.MULTILINE)]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """One of their own: the searches of the page look at all indices of a log, and other tests leave some."""
    with start_engine("opensearch-2.19") as running:
        yield running


@pytest.fixture(scope="module")
def session(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tuple[Session, List[str]]]:
    folder = tmp_path_factory.mktemp("story")
    end_ms = now_ms()
    start_ms = end_ms - 6 * 3_600_000
    write_story(folder, 4_000, 1, start_ms, end_ms)
    command = [sys.executable, "-m", "aws_siem_bridge", "load", str(folder), "--url", engine.url]
    if (folder / MMDB_FILE).is_file():
        command += ["--mmdb", str(folder / MMDB_FILE)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    messages: List[str] = []
    with LocalSettings(ClusterConfig((engine.url,), name="story")) as settings:
        moment = Moment(end_ms / 1000, end_ms / 1000 - 6 * 3600, end_ms / 1000)
        own = AppCommands(settings, lambda level, text: messages.append(f"{level} {text}"))
        yield Session(moment, guardduty(start_ms, end_ms), own=own), messages


def guardduty(start_ms: int, end_ms: int) -> List[Row]:
    """Return GuardDuty's findings about the story as they are in Splunk."""
    rows: List[Row] = []
    for labelled in findings(start_ms, end_ms):
        if labelled.product == "guardduty":
            fields = all_members(json.dumps(event(labelled)))
            own = {"_time": labelled.time_ms / 1000, "index": "aws_findings", "sourcetype": "aws:cloudwatch:guardduty"}
            rows.append({**fields, **own})
    return rows


def test_the_search_of_elasticlookup_s_page(session: Tuple[Session, List[str]]) -> None:
    """Each version of the finding gets its flows, DNS queries and API calls."""
    running, messages = session
    messages.clear()
    page = (PAGE.parent / "elasticlookup.md").read_text(encoding="utf-8")
    (search,) = re.findall(r"^```\n(index=.*?)^```", page, re.MULTILINE | re.DOTALL)
    rows = run_to_list(search, running)
    assert not [text for text in messages if text.startswith("WARN")]
    assert len(rows) == 2
    for row in rows:
        assert row["attacker"] == cast.ATTACKER_CLOUD_IP and row["instance"] == cast.WEB_1.private_ip
        for lookup in ("flow", "dns", "call"):
            assert int(values.text(row[f"{lookup}_elasticlookup_matched"])) > 0
    found = {
        name: {text for row in rows for text in values.texts(row[name])} for name in ("went_to", "asked_for", "did")
    }
    assert cast.CALLBACK_IP in found["went_to"]
    assert any(cast.CALLBACK_HOST in name for name in found["asked_for"])
    assert {"GetCallerIdentity", "ListBuckets"} <= found["did"]


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
