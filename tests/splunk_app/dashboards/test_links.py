"""Whatever stands in a row, a click leads to one search, and to what was clicked."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Dict, Iterator, List, Tuple
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from collectors.store.templates import pieces_for, write
from es_bridge.config import ClusterConfig
from es_bridge.dialect import detect
from es_bridge.transport import Transport
from savedsearches.content.commands_of import commands_of
from savedsearches.runner.knowledge import Knowledge
from savedsearches.runner.macros import Macro, expand_macros
from splunk_app.dashboards.definition import ANY
from splunk_app.dashboards.definitions import definitions
from splunk_app.dashboards.tokens import filled, tokens_of
from tests.savedsearches.detections import story

from .place import PAGES, Place, base_macros

PLAIN = "x"
#: What an attacker writes into a path, a user agent, a name.
VALUES = (
    "<script>alert(1)</script>", "$what$", "$row.src.value|u$", "javascript:alert(1)", '"', "'", "|", "a] [b", "\\",
    '\\" | outputlookup aws_triage', "`aws_findings`", "%2522%20", "a=b, c", "//evil.example/", "a\nb", "한글",
)  # fmt: skip
ALL = "".join(value for value in VALUES if "\n" not in value)
DASHBOARDS = {each.name: each for each in definitions()}
TIMES = {"global_time.earliest": str(story.ORDINARY_S), "global_time.latest": str(story.LOOKED_AT_S)}
HANDLERS: List[Tuple[str, str, Dict[str, Any]]] = [
    (name, panel, handler)
    for name, each in DASHBOARDS.items()
    for panel, shown in each.definition["visualizations"].items()
    for handler in shown.get("eventHandlers", [])
]


@lru_cache(maxsize=1000)  # each value is compared with the same plain search
def names_of(search: str) -> List[str]:
    return [command.name for command in commands_of(expand_macros(search, base_macros()))]


def values_for(text: str, value: str) -> Dict[str, str]:
    return {**{token.name: value for token in tokens_of(text)}, **TIMES}


@pytest.mark.parametrize(("name", "panel", "handler"), HANDLERS, ids=[f"{name}-{panel}" for name, panel, _ in HANDLERS])
def test_a_value_stays_a_value(name: str, panel: str, handler: Dict[str, Any]) -> None:
    options = handler["options"]
    for value in VALUES:
        if handler["type"] == "drilldown.linkToSearch":
            wanted = names_of(filled(options["query"], values_for(options["query"], PLAIN)))
            assert names_of(filled(options["query"], values_for(options["query"], value))) == wanted
            continue
        url = filled(options["url"], values_for(options["url"], value))
        # Splunk follows only what begins like this and has no blank (dashboard-utils, isValidUrl).
        assert url.startswith(("/app/aws_siem_bridge/", "https://console.aws.amazon.com/")) and not url.split()[1:]
        parts = urlsplit(url)
        if parts.netloc:
            assert value in unquote(url)
            continue
        given = {key.removeprefix("form."): found[0] for key, found in parse_qs(parts.query).items()}
        assert {key: given.pop(key) for key in TIMES} == TIMES
        assert set(given.values()) == {value}
        target = DASHBOARDS[parts.path.rpartition("/")[2]]
        for source in target.data_sources.values():
            query = source["options"]["query"]
            chosen = {**dict.fromkeys(PAGES[target.page].inputs, ANY), **given}
            plain = {**dict.fromkeys(PAGES[target.page].inputs, ANY), **dict.fromkeys(given, PLAIN)}
            begin = "| makeresults " if source["type"] == "ds.chain" else ""
            assert names_of(begin + filled(query, chosen)) == names_of(begin + filled(query, plain))


#: Log -> a document in which everything a stranger may choose is hostile.
DOCUMENTS: Dict[str, Dict[str, Any]] = {
    "waf": {
        "url": {"path": ALL, "domain": ALL, "original": ALL}, "waf": {"verdict": "blocked"}, "rule": {"id": ALL},
        "terminatingRuleId": ALL, "source": {"ip": "203.0.113.9", "geo": {"country_iso_code": "NL"}},
        "user_agent": {"original": ALL}, "httpRequest": {"httpMethod": "GET"},
    },
    "route53_resolver": {
        "dns": {"question": {"name": ALL.lower(), "registered_domain": ALL.lower(), "length": len(ALL)}},
        "query_name": ALL, "query_type": "A", "rcode": "NXDOMAIN", "srcaddr": "10.0.0.9", "source": {"ip": "10.0.0.9"},
        "srcids": {"instance": ALL},
    },
    "cloudtrail": {
        "eventSource": ALL, "eventName": ALL, "event": {"outcome": "failure"}, "errorCode": ALL, "userAgent": ALL,
        "userIdentity": {"arn": ALL, "accessKeyId": ALL}, "user": {"name": ALL}, "sourceIPAddress": ALL,
        "source": {"ip": "203.0.113.9"},
    },
}  # fmt: skip
INDEX = {"waf": "aws-waf-hostile", "route53_resolver": "aws-dns-hostile", "cloudtrail": "aws-cloudtrail-hostile"}
MACRO = {"waf": "aws_waf_raw", "route53_resolver": "aws_dns_raw", "cloudtrail": "aws_cloudtrail_raw"}


@pytest.fixture(scope="module")
def hostile_store(engine: Any, settings: Any) -> Iterator[None]:
    """A hostile document of each log, beside ordinary ones of the same time."""
    with Transport(ClusterConfig((engine.url,), name="story"), "tests") as transport:
        dialect = detect(transport)
        lines: List[bytes] = []
        for log, hostile in DOCUMENTS.items():
            for piece in pieces_for(transport, dialect, log):
                write(transport, piece)
            ordinary = json.loads(json.dumps(hostile).replace(json.dumps(ALL)[1:-1], "plain"))
            for number, document in enumerate((hostile, ordinary, ordinary)):
                shared = {
                    "@timestamp": "2026-11-21T01:00:00.000Z",
                    "cloud": {"account": {"id": "111122223333"}, "region": "ap-northeast-2"},
                }
                body = {**shared, **document, "event": {**document.get("event", {}), "dataset": f"aws.{log}"}}
                lines.append(json.dumps({"create": {"_index": INDEX[log], "_id": str(number)}}).encode())
                lines.append(json.dumps(body).encode())
        reply = transport.request("POST", ("_bulk",), {"refresh": "true"}, b"\n".join(lines) + b"\n").json()
        assert not reply["errors"], reply
        yield
        transport.request("DELETE", (",".join(INDEX.values()),))


@pytest.fixture
def hostile(hostile_store: None, on_story: Place, knowledge: Knowledge) -> Place:
    """The same, and a finding whose texts are hostile."""
    on_story.macros = {**on_story.macros, **{MACRO[log]: Macro(index) for log, index in INDEX.items()}}
    on_story.macros["aws_all_raw"] = Macro(",".join(INDEX.values()))
    finding = next(row for row in on_story.events if row.get("app") == "Amazon GuardDuty" and row["severity"] == "high")
    body = json.loads(str(finding["_raw"]).replace(json.dumps(str(finding["signature"]))[1:-1], json.dumps(ALL)[1:-1]))
    body["finding_key"], body["version_key"] = ALL, ALL
    made = {name: finding[name] for name in ("_time", "_indextime", "index", "sourcetype", "source", "host")}
    on_story.events = [*on_story.events, knowledge.apply({**made, "_raw": json.dumps(body)})]
    return on_story


#: (page, panel, a column that shows the hostile value, rows behind it when it is clicked)
CLICKS = (
    ("waf", "path", "path"),
    ("waf", "rule", "rule"),
    ("dns", "domains", "domain"),
    ("dns", "rare", "domain"),
    ("cloudtrail", "calls", "eventName"),
    ("guardduty", "kinds", "signature"),
    ("security", "kinds", "signature"),
    ("triage", "open", "finding_key"),
)


@pytest.mark.parametrize(("page", "panel", "column"), CLICKS, ids=[f"{page}-{panel}" for page, panel, _ in CLICKS])
def test_a_click_on_a_hostile_row_leads_to_that_row(page: str, panel: str, column: str, hostile: Place) -> None:
    rows = hostile.panels(page)[panel]
    (clicked,) = [row for row in rows if str(row[column]).lower() == ALL.lower()]
    link = next(each.link for each in PAGES[page].panels if each.id == panel)
    assert link is not None and set(link.row_fields) <= set(clicked)
    values = {f"row.{name}.value": str(clicked[name]) for name in link.row_fields}
    values.update(dict.fromkeys(PAGES[page].inputs, ANY), **{"env:user": "kim"})
    if link.search:
        found = hostile.rows(filled(link.search, values))
        texts = [str(value).lower() for row in found for value in row.values()]
        assert len(found) == 1 and ALL.lower() in texts
        return
    chosen = {name: filled(text, values) for name, text in link.inputs.items()}
    given = {name: unquote(text) for name, text in chosen.items()}
    after = hostile.panels(link.page, given)[panel]
    assert [str(row[column]).lower() for row in after] == [ALL.lower()]


def test_a_row_of_the_work_list_is_changed_by_its_search(hostile: Place) -> None:
    """The prepared search writes one row under the finding's key, and the page shows it."""
    (link,) = [panel.link for panel in PAGES["triage"].panels if panel.id == "open" and panel.link]
    prepared = filled(link.search, {"row.finding_key.value": ALL, "env:user": "kim"}).replace('note=""', 'note="mine"')
    (written,) = hostile.rows(prepared)
    hostile.lookups = {**hostile.lookups, "aws_triage": [written]}
    (shown,) = [row for row in hostile.panels("triage")["open"] if row["finding_key"] == ALL]
    assert (shown["state"], shown["owner"], shown["note"]) == ("working", "kim", "mine")


def test_the_investigation_of_a_hostile_value_finds_all_logs_that_have_it(hostile: Place) -> None:
    panels = hostile.panels("cloudtrail", {"what": ALL})
    assert panels["calls_made"] == [{"calls": "1"}]
    logs = {"aws.cloudtrail", "aws.route53_resolver", "aws.waf"}
    assert {name for row in panels["when"] for name in row} - {"_time"} == logs
