"""The searches of docs/verify_on_splunk.md end in the lab as the page expects them to end on a real Splunk."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from lab.splunkd import User, add_cluster
from tests.splunk_app.conftest import Ended, Splunk, Store

PAGE = Path(__file__).resolve().parents[2] / "docs" / "verify_on_splunk.md"
# The test user of the page has Splunk's role "user" by way of two others; here he has it himself.
TESTER = User("bridge_test", tz="Asia/Seoul")
NAMES = ("RunInstances", "ConsoleLogin", "AssumeRole")


def searches() -> Dict[str, str]:
    """Return check number -> the part of its search that is ours."""
    rows = re.findall(
        r"^\| ([A-Z]\d+) \| .*?`(\\\| elasticsearch .*?)`", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    return {number: re.split(r" \\\| (?=[a-z])", search)[0].replace("\\|", "|") for number, search in rows}


def events(count: int) -> Callable[[Ended], Any]:
    def check(ended: Ended) -> None:
        assert len(ended.done.rows) == count

    return check


def fails(*parts: str) -> Callable[[Ended], Any]:
    def check(ended: Ended) -> None:
        assert not [part for part in parts if part not in ended.error], ended.error

    return check


def says_it_is_cut(ended: Ended) -> None:
    (text,) = ended.done.texts("INFO")
    assert "10 are returned" in text and not ended.texts("WARN")


EXPECTED: Dict[str, Callable[[Ended], Any]] = {
    "A1": events(100),
    "A2": events(100),
    "A3": events(100),
    "A6": events(5),
    "B1": fails("aws-cloudtrail-nothing", "'prod'"),
    "B4": says_it_is_cut,
    "B5": fails("siez", "Valid options"),
    "B7": events(10),
    "C1": fails('errorMessage:"not authorized" AND ('),
    "C2": events(1),
    "C3": events(3),
    "C4": events(3),
    "E10": fails("aws-cloudtrail-*"),
}


@pytest.mark.parametrize("number", EXPECTED)
def test_a_search_of_the_page_ends_as_it_says(number: str, splunk: Splunk, store: Store) -> None:
    documents: List[Dict[str, Any]] = [{"eventName": NAMES[n % 3], "eventID": str(n)} for n in range(300)]
    store.fill(documents)
    store.fill(documents[:1], name=f"aws-waf-{uuid.uuid4().hex[:12]}")
    add_cluster(splunk.splunkd.state, store.config, access={"user": ("aws-cloudtrail-*",)})
    EXPECTED[number](splunk.run(searches()[number], TESTER))
