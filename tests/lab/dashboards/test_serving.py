"""What draws dashboards, without the half gigabyte that draws them: the page, its searches, and the question before."""

from __future__ import annotations

import http.client
import io
import json
import re
from pathlib import Path
from typing import Any, Dict, Iterator
from urllib.parse import urlencode, urlsplit

import pytest

from lab.dashboards import DashboardsUnavailable, find_bundle, is_fetched
from lab.dashboards.serving import agreed
from lab.splunkd import SplunkdStandIn, User
from lab.splunkd.jobs import World

NOW_S = 1_795_000_000.0


@pytest.fixture(scope="module")
def splunkd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SplunkdStandIn]:
    bundle = tmp_path_factory.mktemp("bundle") / "page.js"
    bundle.write_text("draw()")
    with SplunkdStandIn(web=True) as server:
        server.pages.dashboards = bundle
        event = {"_time": NOW_S - 60, "_raw": "x", "index": "mine", "kind": "a", "n": "2"}
        server.state.jobs.world = World([event, {**event, "n": "3"}], now_s=NOW_S)
        yield server


def get(splunkd: SplunkdStandIn, path: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(urlsplit(splunkd.web_uri).netloc, timeout=60)
    connection.request("GET", path)
    return connection.getresponse()


def ask(splunkd: SplunkdStandIn, method: str, path: str, **form: str) -> Dict[str, Any]:
    key = splunkd.state.session(User("admin", ("admin",)))
    connection = http.client.HTTPConnection(urlsplit(splunkd.uri).netloc, timeout=60)
    headers = {"Authorization": f"Splunk {key}", "Content-Type": "application/x-www-form-urlencoded"}
    body = urlencode({"output_mode": "json", **form})
    if method == "GET":
        path, body = f"{path}?{body}", ""
    connection.request(method, path, body, headers)
    answer: Dict[str, Any] = json.loads(connection.getresponse().read())
    return answer


def test_a_page_has_its_definition_and_what_draws_it(splunkd: SplunkdStandIn) -> None:
    page = get(splunkd, "/en-US/app/aws_siem_bridge/waf").read().decode()
    (text,) = re.findall(r'id="dashboard">(.*?)</script>', page, re.DOTALL)
    dashboard = json.loads(text)
    assert dashboard["theme"] == "light" and "search_who" in dashboard["definition"]["dataSources"]
    (script,) = re.findall(r'src="([^"]+page\.js)"', page)
    assert get(splunkd, script).read() == b"draw()"


@pytest.mark.parametrize(
    ("path", "leads"),
    [
        ("/en-US/app/aws_siem_bridge/", "/en-US/app/aws_siem_bridge/home"),
        ("/app/aws_siem_bridge/waf?form.what=a%26b", "/en-US/app/aws_siem_bridge/waf?form.what=a%26b"),
    ],
)
def test_links_lead_to_pages(splunkd: SplunkdStandIn, path: str, leads: str) -> None:
    answer = get(splunkd, path)
    assert (answer.status, answer.headers["Location"]) == (303, leads)


def test_a_chain_goes_on_from_the_rows_of_its_search(splunkd: SplunkdStandIn) -> None:
    search = "search index=mine earliest=-1h | table _time kind n"
    sid = ask(splunkd, "POST", "/services/search/jobs", search=search, exec_mode="blocking")["sid"]
    path = f"/services/search/v2/jobs/{sid}/results_preview"
    whole = ask(splunkd, "GET", path, output_mode="json_cols", count="0")
    assert [field["name"] for field in whole["fields"]] == ["_time", "kind", "n"]
    assert whole["columns"][0] == ["2026-11-18T11:05:40.000+00:00"] * 2, "not as splunkd writes times"
    chain = ask(splunkd, "POST", path, output_mode="json_cols", search="| stats sum(n) AS n BY kind")
    assert (chain["fields"], chain["columns"]) == ([{"name": "kind"}, {"name": "n"}], [["a"], ["5"]])
    wrong = ask(splunkd, "POST", path, output_mode="json_cols", search="| nosuch")
    assert "nosuch" in wrong["messages"][0]["text"]


def test_a_saved_search_is_dispatched(splunkd: SplunkdStandIn) -> None:
    splunkd.state.set_stanza("savedsearches", "mine", {"search": "search index=mine | stats count"})
    sid = ask(splunkd, "POST", "/services/saved/searches/mine/dispatch", exec_mode="blocking")["sid"]
    assert ask(splunkd, "GET", f"/services/search/jobs/{sid}/results")["results"] == [{"count": "2"}]
    assert "nosuch" in ask(splunkd, "POST", "/services/saved/searches/nosuch/dispatch")["messages"][0]["text"]


@pytest.mark.parametrize(
    ("at_terminal", "yes", "answer", "goes_on"),
    [(True, False, "n\n", False), (True, False, "\n", True), (True, True, "", True), (False, False, "", True)],
)
def test_it_says_what_is_fetched_and_asks_once(
    at_terminal: bool, yes: bool, answer: str, goes_on: bool,
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("AWS_SIEM_BRIDGE_CACHE", str(tmp_path))
    typed = io.StringIO(answer)
    monkeypatch.setattr(typed, "isatty", lambda: at_terminal, raising=False)
    monkeypatch.setattr("sys.stdin", typed)
    monkeypatch.setattr("sys.stderr.isatty", lambda: at_terminal, raising=False)
    assert not is_fetched() and agreed(yes) is goes_on
    said = capsys.readouterr().err
    assert "Apache License 2.0" in said and "MB" in said and ("[Y/n]" in said) is (at_terminal and not yes)


@pytest.mark.slow("pip or npm, without a network")
def test_without_a_registry_the_error_says_so_and_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_SIEM_BRIDGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(DashboardsUnavailable, match="Check the network"):
        find_bundle(lambda *progress: None)
    assert [path.suffix for path in (tmp_path / "cache" / "dashboards").iterdir()] == [".lock"]
