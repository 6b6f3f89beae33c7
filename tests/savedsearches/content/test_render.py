"""What Splunk reads is what the detections say, and nothing changes without a higher version."""

from __future__ import annotations

import configparser
import json
import re
from collections import Counter
from typing import Any, Dict

import pytest

pytest.importorskip("pydantic", reason="detections are read where they are worked on, with Python 3.11")

from lab.splunkd.scheduler.cron import Cron
from savedsearches.content.coverage import techniques, unknown_techniques
from savedsearches.content.detection import Detection, seconds
from savedsearches.content.reading import FOLDER, read_detections
from savedsearches.content.render import ROOT, rendered, savedsearches_conf, settings_of, stanza_of
from savedsearches.content.schedule import cron
from savedsearches.content.versions import Locked, digest_of, lock_text, problems_with, read_lock

DETECTIONS = read_detections()
EXAMPLE = next(each for each in DETECTIONS if each.name == "cloudtrail_root_use")


CHANGED = (
    f"cloudtrail_root_use.yml: its content has changed since version {EXAMPLE.version}: "
    f"raise version to {EXAMPLE.version + 1}"
)


def changed(**members: Any) -> Detection:
    return EXAMPLE.model_copy(update=members)


def read_conf(text: str) -> Dict[str, Dict[str, str]]:
    parser = configparser.RawConfigParser(strict=True, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(re.sub(r"\\\n", "\n ", text))
    return {stanza: dict(parser[stanza]) for stanza in parser.sections()}


def test_the_files_are_those_of_the_detections() -> None:
    for path, text in rendered(DETECTIONS).items():
        assert (ROOT / path).read_text("utf-8") == text, f"python -m savedsearches.content writes {path}"


def test_content_has_not_changed_without_a_higher_version() -> None:
    assert problems_with(DETECTIONS, read_lock()) == []
    assert set(read_lock()) == {each.name for each in DETECTIONS}, "python -m savedsearches.content writes the lock"


@pytest.mark.parametrize(
    ("new", "says"),
    [
        (
            changed(severity="low"),
            CHANGED,
        ),
        (changed(severity="low", version=EXAMPLE.version + 1), ""),
        (changed(version=0), f"cloudtrail_root_use.yml: version is 0, and was {EXAMPLE.version} already"),
        (changed(labelled=None), ""),
    ],
)
def test_the_lock(new: Detection, says: str) -> None:
    locked = {EXAMPLE.name: Locked(EXAMPLE.version, digest_of(EXAMPLE))}
    assert problems_with([new], locked) == ([says] if says else [])
    assert f"{EXAMPLE.name} {EXAMPLE.version} {digest_of(EXAMPLE)}\n" in lock_text([EXAMPLE])


def test_everything_ships_off_and_none_responds() -> None:
    stanzas = read_conf(savedsearches_conf(DETECTIONS))
    assert len(stanzas) > len(DETECTIONS)
    for name, settings in stanzas.items():
        assert settings["disabled"] == "1", name
        on = [key for key in settings if re.fullmatch(r"action\.[^.]+", key) and settings[key] != "0"]
        assert on == [], name
    assert {stanza_of(each) for each in DETECTIONS} <= set(stanzas)


def test_a_stanza_says_what_the_file_says(golden: Any) -> None:
    settings = read_conf(savedsearches_conf([EXAMPLE]))[stanza_of(EXAMPLE)]
    assert [line.strip() for line in settings["search"].splitlines()] == [
        line.strip() for line in EXAMPLE.search.splitlines()
    ]
    golden("savedsearches/cloudtrail_root_use.json", settings)


def test_a_search_of_findings_looks_by_arrival() -> None:
    settings = settings_of(changed(search="`aws_findings` severity=high\n| `aws_detection(cloudtrail_root_use, dest)`"))
    assert settings["dispatch.index_earliest"] == "-10m@m" and settings["dispatch.index_latest"] == "-5m@m"
    assert settings["dispatch.earliest_time"] == "-7d@m"


def test_enterprise_security_s_values_are_json() -> None:
    for each in DETECTIONS:
        settings = settings_of(each)
        risk = json.loads(settings["action.risk.param._risk"])
        assert [entry["risk_object_field"] for entry in risk if "risk_object_field" in entry] == [
            entry.field for entry in each.risk.objects
        ]
        assert "$row." not in settings["action.notable.param.drilldown_searches"]
        assert json.loads(settings["action.correlationsearch.annotations"])["mitre_attack"] == each.attack


def test_schedules_are_even_and_staggered() -> None:
    """At most 12 runs an hour of each, none closer than it says, and no minute has more than a part of all."""
    day = 1_795_132_800
    minutes: Counter[int] = Counter()
    for each in DETECTIONS:
        line = Cron(cron(each))
        runs = [time for time in range(day, day + 86_400, 60) if line.fits_utc(time)]
        every = 86_400 if each.schedule.cron else seconds(each.schedule.every)
        assert len(runs) == max(1, 86_400 // every), each.name
        assert len({later - earlier for earlier, later in zip(runs, runs[1:])}) <= 1, each.name
        minutes.update(run // 60 % 60 for run in runs if every <= 3600)
    assert len(minutes) > min(len(DETECTIONS), 10)


def test_every_technique_is_known() -> None:
    assert unknown_techniques(DETECTIONS) == []
    assert unknown_techniques([changed(attack=["T9999"])])[0].startswith("cloudtrail_root_use.yml: attack: T9999")
    assert all(technique.tactics for technique in techniques().values())


def test_every_file_is_read() -> None:
    assert len(DETECTIONS) == len(list(FOLDER.iterdir()))
