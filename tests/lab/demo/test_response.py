"""The end of the demo's story: the alert, the response, the release, and the page of the incident."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import List, Tuple
from urllib.parse import unquote, urlsplit

import pytest

from lab.demo.response.estate import SERVER
from lab.demo.response.page import Told, page_of
from tests.lab.demo.conftest import LONGEST_S, Kept

pytestmark = pytest.mark.timeout(LONGEST_S)

#: Steps of a whole response, in the order in which the workflow tells of them.
STEPS = (
    "begin", "soft_isolation", "notify", "collect_volatile", "collect_context", "snapshot", "hard_isolation",
    "snapshot", "collect_logs", "archive", "update_finding", "end", "release",
)  # fmt: skip
#: There are no flow records of the time after the isolation: nobody waits an hour for them.
PARTIAL = {"collect_logs", "archive", "end"}


class _Reader(HTMLParser):
    """What a browser would see: tags, and texts of cells."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: List[str] = []
        self.attributes: List[Tuple[str, str]] = []
        self.rows: List[List[str]] = []

    def handle_starttag(self, tag: str, attrs: List[Tuple[str, str]]) -> None:  # type: ignore[override]
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    return reader


def told(kept: Kept) -> str:
    return kept.done.stdout.partition("The response: ")[2]


def test_the_alert_ends_with_a_release_that_is_exact(kept: Kept) -> None:
    shown = told(kept)
    assert f"findings about {SERVER.id}; | sendalert aws_respond" in shown, kept.done.stdout[-4000:] + kept.done.stderr
    said = re.findall(r"^\+ +[0-9.]+ s  (\w+): (\w+)\. ", shown, re.MULTILINE)
    assert sorted(step for step, _ in said) == sorted(STEPS)
    for step, result in said:
        wanted = ("partial",) if step in PARTIAL else ("done", "started", "already_done")
        assert result in wanted, shown
    # What AWS says, by its own calls: isolated meanwhile, and as before at the end.
    groups = re.findall(r"AWS says: (.*), (with 0 rules that let anything by|as before)$", shown, re.MULTILINE)
    (isolated, _), (after, _) = groups
    assert isolated != after and isolated.count(" in sg-") == after.count(" in sg-") == 2
    assert "verified: chain, signature and objects; " in shown and "NOT as collected" not in shown
    assert ", the rest" not in shown, "log objects that are in the bucket were not found"
    assert "no flow record of" in shown, "what is not there is said"
    assert "not in the evidence, as the manifest says: collect_volatile: memory" not in shown


def test_the_page_has_the_timeline_of_the_events_in_splunk(kept: Kept) -> None:
    (uri,) = re.findall(r"The incident on one page: (file://\S+)$", kept.done.stdout, re.MULTILINE)
    page = read(Path(unquote(urlsplit(uri).path)).read_text("utf-8"))
    timeline = [row for row in page.rows if len(row) == 5][1:]
    assert [step for _, step, *_ in timeline] == list(STEPS)
    seconds = [float(row[0]) for row in timeline]
    assert seconds == sorted(seconds) and seconds[0] >= 0
    assert not {"script", "img", "link", "iframe"} & set(page.tags)
    # The table of the search is on the screen, too, and the events are there for the next start on this engine.
    table = told(kept).partition("by the status events")[2]
    assert f"{len(STEPS)} rows in " in table and "hard_isolation" in table


def test_a_page_runs_nothing_that_an_attacker_wrote() -> None:
    evil = '<script>alert(1)</script><img src=x onerror=alert(1)>"\' onclick="x\x1b[2J\u202e'
    row = dict.fromkeys(("after", "step", "state", "result", "says"), evil)
    text = page_of(Told(evil, [(evil, evil)], [row, {"step": [evil, "b"]}], False, [evil], 0.0))
    page = read(text)
    assert not {"script", "img"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "<script" not in text and "\x1b" not in text and "default-src 'none'" in text
    assert "<script>alert(1)</script>" in page.rows[0][0], "it is shown as it is"
    assert "The evidence is NOT as it was collected" in text
