"""One engine with the story for all pages, in indices of their own."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List

import pytest

from collectors.records.record import Record
from collectors.sinks.opensearch.index_names import index_of
from es_bridge.config import ClusterConfig
from es_bridge.transport import Transport
from lab.story.in_splunk import own_event
from response.core.status import status_of, statuses_of_rows
from savedsearches.runner.knowledge import Knowledge, read_knowledge
from savedsearches.runner.local_settings import LocalSettings
from savedsearches.runner.macros import Macro
from savedsearches.runner.moment import Moment
from savedsearches.runner.values import Row
from tests.savedsearches.detections import story

from .place import APP, NOTHING, Place, base_macros

#: Index macro -> pattern of what the story is loaded into here.
OWN_INDICES = {
    "aws_cloudtrail_raw": Macro("aws-cloudtrail-pages-*"),
    "aws_vpc_flow_raw": Macro("aws-vpcflow-pages-*"),
    "aws_dns_raw": Macro("aws-dns-pages-*"),
    "aws_waf_raw": Macro("aws-waf-pages-*"),
}
ALL_OWN = Macro(",".join(macro.definition for macro in OWN_INDICES.values()))


def own_index(record: Record) -> str:
    """Return the index of a record: ``aws-waf-pages-2026.11.21``."""
    log, _, day = index_of(record).rpartition("-")
    return f"{log}-pages-{day}"


@pytest.fixture(scope="package")
def knowledge() -> Knowledge:
    return read_knowledge(APP / "default")


@pytest.fixture(scope="package")
def settings(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSettings]:
    config = ClusterConfig((engine.url,), name="story")
    story.load(config, tmp_path_factory.mktemp("story"), index_of=own_index)
    with LocalSettings(config) as found:
        yield found
    with Transport(config, "tests") as transport:  # others on this engine ask for all indices of a log
        transport.request("DELETE", (",".join(macro.definition for macro in OWN_INDICES.values()),))


@pytest.fixture(scope="package")
def inputs_events(knowledge: Knowledge) -> List[Row]:
    """Two inputs: one that works, one that fails in a region, one that is silent."""
    common = {"forwarder": "hf-1", "heartbeat_s": 600, "account": "111122223333"}
    guardduty = {**common, "input": "aws_guardduty://all", "dataset": "guardduty"}
    hub = {**common, "input": "aws_securityhub://all", "dataset": "securityhub"}
    here, there = {"region": "ap-northeast-2"}, {"region": "us-east-1"}
    return [
        own_event(knowledge, story.LOOKED_AT_S - age_s, "health", members)
        for age_s, members in (
            (120, {**guardduty, **here, "status": "ok", "lag_s": 30}),
            (4000, {**guardduty, **there, "status": "ok", "lag_s": 30}),
            (180, {**guardduty, **there, "status": "failing", "error": "AccessDenied"}),
            (90_000, {**hub, **here, "status": "ok", "lag_s": 5}),
        )
    ]


#: (minutes before the end, step, result, says), as the workflow has them.
STEPS = (
    (70, "begin", "started", "respond began"),
    (69, "approval", "done", "agreed by kim"),
    (68, "soft_isolation", "done", "every interface is in the quarantine group, read back"),
    (66, "collect_context", "done", "12 items"),
    (60, "collect_volatile", "partial", "no memory: the kernel module was refused"),
    (40, "snapshot", "failed", "the key may not be used"),
)
OLD_STEPS = (
    (1200, "begin", "started", "respond began"),
    (1199, "hard_isolation", "done", "isolated"),
    (1100, "release", "done", "as it was saved"),
    (1100, "end", "done", "as it was saved"),
)
#: (minutes before the end, clock, hours it was given, started or stopped)
CLOCKS = ((10, "report-24h", 24, "started"), (10, "authority", 72, "started"), (5, "authority", 72, "stopped"))


#: Isolated nothing: it says what it would have done.
TRIED_STEPS = (
    (55, "begin", "started", "respond began"),
    (54, "soft_isolation", "planned", "every interface would be in the quarantine group"),
    (50, "end", "done", "a dry run"),
)


@pytest.fixture(scope="package")
def response_events(knowledge: Knowledge) -> List[Row]:
    """One incident that is open, with a step that failed, an older one that was released, a dry run, a row refused."""
    place = {"account": "111122223333", "region": "ap-northeast-2"}
    alert = {"action": "respond", "sid": "1.2", "search": "AWS - waf_log4shell_callback - Rule"}
    told = []
    stories = (("i-0f1e2d3c4b5a60001", STEPS), ("i-0f1e2d3c4b5a60004", OLD_STEPS), ("i-0f1e2d3c4b5a60007", TRIED_STEPS))
    for instance, steps in stories:
        for minutes, step, result, says in steps:
            said: Dict[str, Any] = {
                "step": step,
                "result": result,
                "says": says,
                "state": "finished" if step == "end" else "step",
            }
            said["dry_run"] = steps is TRIED_STEPS
            incident = {"incident": f"{instance}-1", "target": instance, "time": story.END_S - minutes * 60}
            told.append(status_of({**place, **alert, **incident, **said}, story.END_S))
    # Two clocks of the first, an hour later than it began; one was stopped.
    incident = {"incident": "i-0f1e2d3c4b5a60001-1", "target": "i-0f1e2d3c4b5a60001", "step": "clock", "state": "step"}
    for minutes, clock, hours, result in CLOCKS:
        due = {"clock": clock, "due": story.END_S - 10 * 60 + hours * 3600, "time": story.END_S - minutes * 60}
        told.append(status_of({**place, **alert, **incident, **due, "result": result, "says": clock}, story.END_S))
    refused = {"row": 0, "result": "refused", "says": "it has the tag aws-siem-bridge:protected"}
    told += statuses_of_rows(alert, [{**place, "instance": "i-0f1e2d3c4b5a60009"}], [refused], story.END_S)
    # Lambda delivers one twice.
    return [own_event(knowledge, status["time"], "response", status) for status in [*told, told[0]]]


@pytest.fixture(scope="package")
def tables(knowledge: Knowledge) -> Dict[str, List[Row]]:
    """What analysts wrote down, and what exceptions hid."""
    severe = [row for row in story.splunk_events(knowledge) if row.get("severity") in ("high", "critical")]
    keys = sorted({str(row["finding_key"]) for row in severe})
    taken = {"acknowledged": str(story.END_S), "updated": str(story.END_S)}
    scanner = {"detection": "waf_rate", "entity": "203.0.113.12"}
    return {
        "aws_triage": [
            {"triage_key": "1", "finding_key": keys[0], "status": "working", "owner": "kim", "note": "mine", **taken},
            {"triage_key": "2", "finding_key": keys[1], "status": "closed", "owner": "lee", "note": "ours", **taken},
        ],
        "aws_detection_hidden": [{**scanner, "hidden_key": "1", "day": "2026-11-20", "hidden": "4"}],
        "aws_detection_exceptions": [{**scanner, "reason": "load test", "owner": "kim", "until": "2026-12-31"}],
    }


@pytest.fixture
def on_story(
    settings: LocalSettings,
    knowledge: Knowledge,
    inputs_events: List[Row],
    response_events: List[Row],
    tables: Dict[str, List[Row]],
) -> Place:
    """The hours of the attack and the day before, as they look an hour later."""
    moment = Moment(story.LOOKED_AT_S, story.ORDINARY_S, story.LOOKED_AT_S)
    macros = {**base_macros(), **OWN_INDICES, "aws_all_raw": ALL_OWN}
    events = [*story.splunk_events(knowledge), *inputs_events, *response_events]
    return Place(settings, moment, macros, events, tables)


@pytest.fixture
def on_nothing(settings: LocalSettings) -> Place:
    """A search head on which the app was just installed, with a cluster and no log in it."""
    moment = Moment(story.LOOKED_AT_S, story.ORDINARY_S, story.LOOKED_AT_S)
    return Place(settings, moment, {**base_macros(), **NOTHING, "aws_findings_index": Macro("index=*")})
