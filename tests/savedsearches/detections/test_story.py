"""All detections on the lab's story: what fires, in order, tells the attack; on an ordinary day hardly anything does.

Each is run over the hours of the attack at once, and over the day before at once. That is the answer of its schedule
where it counts up, and for others that of one long window; under ``--full`` each window is run by itself.
"""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest

pytest.importorskip("pydantic", reason="detections are read where they are worked on, with Python 3.11")

from aws_bridge.object_ref import ObjectRef
from collectors.records.record import Context, Record
from collectors.sources.registry import source_of
from es_bridge.config import ClusterConfig
from es_bridge.transport import Transport
from lab.lambda_runtime.environment import Answer
from lab.lambda_runtime.front import LambdaFront
from lab.splunkd import SplunkdStandIn
from lab.splunkd.alert_actions import AlertActions
from lab.splunkd.response import set_up_response
from lab.splunkd.scheduler import Scheduler
from lab.story import cast
from savedsearches.backtest.backtest import days_of, is_monotone
from savedsearches.backtest.runs import Around
from savedsearches.content.detection import Detection, seconds
from savedsearches.content.dispatch import moment_of_runs
from savedsearches.content.reading import FOLDER, read_files
from savedsearches.content.render import settings_of, stanza_of
from savedsearches.runner import values
from savedsearches.runner.knowledge import read_knowledge
from savedsearches.runner.local_settings import LocalSettings
from savedsearches.runner.lookups import shipped_lookups
from savedsearches.runner.macros import Macro, shipped_macros
from savedsearches.runner.values import Row

from . import story
from .forked import ForkServer
from .harness import APP, AT_A_TIME

DETECTIONS: List[Detection] = list(read_files(sorted(FOLDER.glob("*.yml")))[0].values())
#: A step of the story -> what has to fire: the attack is told from the first probe to the end.
TOLD = {
    "the exploit": ("waf_log4shell_burst", "waf_log4shell_callback"),
    "the stolen credentials": ("cloudtrail_instance_credentials_elsewhere",),
    "looking around": ("cloudtrail_discovery_burst", "cloudtrail_denied_burst"),
    "rights": ("cloudtrail_role_rights_to_itself", "cloudtrail_admin_policy_written"),
    "blinding": ("cloudtrail_trail_weakened", "cloudtrail_guard_disabled"),
    "a way back": ("cloudtrail_group_opened_to_world",),
    "mining": ("cloudtrail_gpu_instances",),
    "what AWS saw": ("findings_attack_sequence", "findings_guardduty_instance", "findings_same_resource"),
}
#: The engine is the session's, and has other tests' indices.
_PATTERNS = {
    "aws_cloudtrail_raw": "aws-cloudtrail-2026.*",
    "aws_vpc_flow_raw": "aws-vpcflow-2026.*",
    "aws_dns_raw": "aws-dns-2026.*",
    "aws_waf_raw": "aws-waf-2026.*",
    "linux_raw": "beats-filebeat-2026.*",
}
OWN_INDICES = {name: Macro(pattern) for name, pattern in _PATTERNS.items()}
OWN_INDICES["aws_all_raw"] = Macro(",".join(list(_PATTERNS.values())[:4]))
WINDOW_BY_WINDOW = bool(os.environ.get("AWS_SIEM_BRIDGE_FULL"))
#: Seconds: a day has 288 windows of five minutes.
WITHIN_S = 3_600 if WINDOW_BY_WINDOW else 300
_TIMES = ("first_time", "last_time", "_time")


@pytest.fixture(scope="module")
def around(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Around]:
    config = ClusterConfig((engine.url,), name="story")
    story.load(config, tmp_path_factory.mktemp("story"))
    macros = {
        **shipped_macros(APP),
        "aws_findings_index": Macro("index=aws_findings"),
        "aws_local_offset_s(1)": Macro("32400", ("time",)),
        **OWN_INDICES,
    }
    lookups = shipped_lookups(APP)
    for name, key in (("aws_assets", "key"), ("aws_accounts", "account")):  # built an hour ago
        lookups[name].replace([{key: "none", "seen": str(story.END_S)}])
    lookups["aws_enrichment"].replace(
        [{"name": name, "built": str(story.BEGIN_S)} for name in ("aws_ip_ranges", "country")]
    )
    events = story.splunk_events(read_knowledge(APP / "default"))
    with LocalSettings(config) as settings, ForkServer() as fork:
        yield Around(settings, macros, lookups, events, popen=fork.popen)


def each(run: Callable[[Detection], Any]) -> List[Any]:
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return list(pool.map(run, DETECTIONS))


def rows_of(around: Around, detection: Detection, since_s: int, until_s: int) -> List[Row]:
    """Return the rows of all runs of a period."""
    if WINDOW_BY_WINDOW:
        days = list(days_of(detection, around, since_s, until_s))
        assert not any(day.error for day in days), days
        return [row for day in days for row in day.alerts]
    long = seconds(detection.schedule.window) >= until_s - since_s
    first_s = until_s if long else since_s + seconds(detection.schedule.every)
    outcome = around.run(detection, moment_of_runs(detection, first_s, until_s))
    assert outcome.error is None, f"{detection.name}: {outcome.error}"
    warnings = [text for text in outcome.warnings if "the range reaches beyond" not in text]  # the story has one day
    assert not warnings, f"{detection.name}: {warnings}"
    return outcome.rows


def things(detection: Detection, rows: List[Row]) -> Dict[Tuple[str, ...], Row]:
    """Return the rows by what suppression takes for one thing, the first of each."""
    found: Dict[Tuple[str, ...], Row] = {}
    for row in rows:
        found.setdefault(tuple(",".join(values.texts(row.get(name))) for name in detection.suppress.by), row)
    return found


def minute_of(row: Row) -> int:
    """Return how many minutes before the end of the attack a row begins; 0 where it does not say."""
    texts = [values.texts(row.get(name))[0] for name in _TIMES if row.get(name) is not None]
    known = [time for time in map(epoch_of, texts) if time > story.BEGIN_S]
    return round((min(known) - story.END_S) / 60) if known else 0


def epoch_of(text: str) -> float:
    number = values.number(text)
    if number is not None:
        return number
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return 0.0


@pytest.mark.timeout(WITHIN_S)
def test_what_fires_tells_the_attack(around: Around, golden: Any) -> None:
    def run(detection: Detection) -> List[Dict[str, Any]]:
        rows = rows_of(around, detection, story.ATTACK_S, story.LOOKED_AT_S)
        return [
            {"minute": minute_of(row), "detection": detection.name, "title": detection.title, "thing": list(thing)}
            for thing, row in things(detection, rows).items()
        ]

    told = sorted((fact for facts in each(run) for fact in facts), key=lambda fact: (fact["minute"], str(fact)))
    fired = {fact["detection"] for fact in told}
    missing = {step: [name for name in names if name not in fired] for step, names in TOLD.items()}
    assert not any(missing.values()), f"not told: {missing}; fired: {sorted(fired)}"
    # One long window counts what several short ones do not, and a thing begins with the window that has it.
    golden(f"savedsearches/{'story_by_window' if WINDOW_BY_WINDOW else 'story'}.json", told)


@pytest.mark.timeout(WITHIN_S)
def test_an_ordinary_day_has_hardly_any_alarm(around: Around) -> None:
    def run(detection: Detection) -> Tuple[str, int, int, str]:
        rows = rows_of(around, detection, story.ORDINARY_S, story.ATTACK_S)
        count = len(things(detection, rows))
        if count > detection.false_alarms_a_day.most and is_monotone(detection, dict(around.macros)):
            days = list(days_of(detection, around, story.ORDINARY_S, story.ATTACK_S))  # a day's window counts too much
            count = max(len(day.alerts) for day in days)
        return detection.name, count, detection.false_alarms_a_day.most, str(rows[:2])

    found = each(run)
    print("false alarms on an ordinary day:", {name: count for name, count, _, _ in found if count} or "none")
    assert not [entry for entry in found if entry[1] > entry[2]]


INVICTUS = Path(__file__).resolve().parents[4] / "shared" / "data" / "cloudtrail_invictus"


#: 2023-07-10 11:45 UTC, three minutes after the first event of the attack, and a while after the last one.
REAL_FIRST_S, REAL_LAST_S = 1_688_989_500, 1_688_996_700
REAL_INDICES = {"aws_cloudtrail_raw": "aws-cloudtrail-2023.07.*", "aws_all_raw": "aws-cloudtrail-2023.07.*"}


@pytest.mark.skipif(not INVICTUS.is_dir(), reason="the real events are not here")
def test_real_events_of_an_attack_raise_alerts(engine: Any, golden: Any) -> None:
    """Stratus Red Team's techniques in a real account: public events, read where somebody has put them.

    Exactly these detections fire, on so many things. Each event arrives five minutes after it happened.
    """
    config = ClusterConfig((engine.url,), name="story")
    with Transport(config, "tests") as transport:
        story.write_records(transport, "cloudtrail", real_records())
    macros = {
        **shipped_macros(APP),
        "aws_local_offset_s(1)": Macro("32400", ("time",)),
        **{name: Macro(pattern) for name, pattern in REAL_INDICES.items()},
    }
    with LocalSettings(config) as settings, ForkServer() as fork:
        given = Around(settings, macros, shipped_lookups(APP), popen=fork.popen)

        def things_found(detection: Detection) -> int:
            if detection.data != ["cloudtrail"]:
                return 0
            outcome = given.run(detection, moment_of_runs(detection, REAL_FIRST_S, REAL_LAST_S))
            assert outcome.error is None, f"{detection.name}: {outcome.error}"
            return len(things(detection, outcome.rows))

        found = dict(zip((detection.name for detection in DETECTIONS), each(things_found)))
    golden("savedsearches/real_events.json", {name: count for name, count in found.items() if count})


def real_records() -> Iterator[Record]:
    """Yield the records of the real account's files, without an address file."""
    for path in sorted((INVICTUS / "CloudTrail").glob("*.json")):
        context = Context(ObjectRef("real", f"AWSLogs/{path.name}"))
        for made in source_of("cloudtrail").records(iter([path.read_bytes()]), context):
            assert isinstance(made, Record), made
            yield made


def test_an_alert_of_the_story_begins_a_response(around: Around, tmp_path: Path) -> None:
    """The detection as an administrator switches it on, its action as splunkd runs it, and what `start` is asked."""
    asked: List[Dict[str, Any]] = []

    def start(body: bytes) -> Answer:
        asked.append(json.loads(body))
        return Answer({"rows": []})

    (detection,) = (each for each in DETECTIONS if each.name == "findings_guardduty_instance")
    name = stanza_of(detection)
    # One run over the whole attack, instead of thirty.
    once = {"cron_schedule": "0 * * * *", "realtime_schedule": "1", "dispatch.index_earliest": "-6h"}
    on = {**once, "disabled": "0", "action.aws_respond": "1", "action.aws_respond.param.mode": "soft"}
    functions = {"aws-siem-bridge-response-start": start}
    with LambdaFront(functions) as lambdas, SplunkdStandIn(splunk_home=tmp_path / "splunk") as splunkd:
        set_up_response(splunkd.state, lambdas.url)
        actions = AlertActions(splunkd, sys.executable)
        scheduler = Scheduler(
            {name: {**settings_of(detection), **on}},
            lambda search, moment: around.run(detection, moment).rows,
            tmp_path / "state",
            began_s=story.ATTACK_S,
            act=actions.run_alert,
        )
        alerts = scheduler.tick(story.LOOKED_AT_S)
        lambdas.wait()
    assert scheduler.failures == [] and alerts
    rows = [row for each in asked for row in each["rows"]]
    raised = [str(row["instance"]) for alert in alerts for row in alert.rows]
    assert [row["instance"] for row in rows] == raised and cast.WEB_1.id in raised
    assert {(each["action"], each["search"], each["options"]["mode"]) for each in asked} == {("respond", name, "soft")}
    assert all(row["account"] and row["region"] for row in rows)
