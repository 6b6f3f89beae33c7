"""A page on a search head without a cluster, and for somebody without a right: what it says can be acted on."""

from __future__ import annotations

from typing import Any, Iterator

import pytest

from es_bridge.config import ClusterConfig
from lab.splunkd import SplunkdStandIn, User, add_cluster
from splunk_app.dashboards.definition import ANY
from splunk_app.dashboards.tokens import filled
from splunk_bridge.rest import Splunkd

from .place import APP, PAGES

PASSWORD = "analyst-password-1"
SEARCHES = [
    (page, search)
    for page in sorted(PAGES)
    for search, query in PAGES[page].searches.items()
    if query.lstrip().startswith("| elastic")
]


@pytest.fixture
def splunkd() -> Iterator[SplunkdStandIn]:
    with SplunkdStandIn(APP) as server:
        server.state.users.set_password(User("kim", ("user",)), PASSWORD)
        yield server


def said(splunkd: SplunkdStandIn, page: str, search: str) -> str:
    query = filled(PAGES[page].searches[search], dict.fromkeys(PAGES[page].inputs, ANY))
    user = Splunkd(splunkd.uri)
    user.sign_in("kim", PASSWORD)
    job = user.run(query.strip(), earliest_time="-1d", latest_time="now")
    assert job.is_failed
    return " ".join(job.texts("FATAL", "ERROR"))


@pytest.mark.parametrize(("page", "search"), [each for each in SEARCHES if each[0] in ("home", "waf")])
def test_without_a_cluster_a_page_says_where_one_is_made(splunkd: SplunkdStandIn, page: str, search: str) -> None:
    assert "Configuration" in said(splunkd, page, search) or "administrator" in said(splunkd, page, search)


def test_without_a_right_a_page_says_which_rule_is_missing(splunkd: SplunkdStandIn, engine: Any) -> None:
    add_cluster(splunkd.state, ClusterConfig((engine.url,), name="prod"), default=True, access={})
    text = said(splunkd, "waf", "times")
    assert "rule" in text and "administrator" in text, text
