"""Documented findings of each source, and what is made of them: polled and as an event."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

import pytest

from collectors.errors import InvalidRecord
from collectors.records.finding import Finding
from collectors.records.record import Origin
from collectors.sources.eventbridge import dataset_of, findings_of
from collectors.sources.registry import FINDINGS, source_of

pytestmark = pytest.mark.splunk_python

DATA = Path(__file__).resolve().parents[3] / "data" / "findings"
CASES: Dict[str, Dict[str, Dict[str, Any]]] = {
    path.stem: json.loads(path.read_text("utf-8")) for path in sorted(DATA.glob("*.json"))
}
ASKED = Origin("999988887777", "us-east-1")


def shown(finding: Finding) -> Dict[str, Any]:
    record = finding.record
    return {
        "time_ms": record.time_ms,
        "finding_key": finding.finding_key,
        "matter": finding.matter.hex(),
        "origin": list(record.origin or ()),
        "severity": list(finding.severity),
        "rule": finding.rule,
        "resource": finding.resource,
        "sample": finding.sample,
        "passed": finding.passed,
        "members": list(json.loads(record.text)),
        "event": json.loads(record.text),
    }


def made(dataset: str, name: str, pipeline: str) -> List[Finding]:
    given = CASES[dataset][name][pipeline]
    if pipeline == "event":
        assert dataset_of(given) == dataset
        return list(findings_of(given))
    return [source_of(dataset).finding(given, ASKED)]


def test_there_are_examples_of_every_source():
    assert set(CASES) == set(FINDINGS)


@pytest.mark.parametrize("dataset", CASES)
def test_golden(golden, dataset):
    found: Dict[str, Any] = {}
    for name, pipelines in CASES[dataset].items():
        for pipeline in pipelines:
            try:
                found[f"{name}/{pipeline}"] = [shown(each) for each in made(dataset, name, pipeline)]
            except InvalidRecord as exc:
                found[f"{name}/{pipeline}"] = str(exc)
    golden(f"findings/{dataset}.json", found)


BOTH = [(dataset, name) for dataset in CASES for name, each in CASES[dataset].items() if {"api", "event"} <= set(each)]


@pytest.mark.parametrize(("dataset", "name"), BOTH, ids=lambda value: value)
def test_one_version_is_the_same_whatever_the_pipeline(dataset, name):
    (polled,), (delivered,) = made(dataset, name, "api"), made(dataset, name, "event")
    assert polled.record.identity == delivered.record.identity and polled.record.time_ms == delivered.record.time_ms
    assert polled._replace(record=None) == delivered._replace(record=None)
    one, other = json.loads(polled.record.text), json.loads(delivered.record.text)
    # What only EventBridge can know.
    assert {name for name in {*one, *other} if one.get(name) != other.get(name)} <= {"id", "time", "resources"}


@pytest.mark.parametrize(
    ("dataset", "before", "after", "version_differs", "matter_differs"),
    [
        ("guardduty", "ssh_brute_force", "archived_without_an_update", True, True),
        ("securityhub", "failed_control", "suppressed_by_a_person", True, True),
        ("securityhub", "failed_control", "evaluated_again", True, False),
        ("securityhub_v2", "detection", "resolved_without_a_change_of_time", True, True),
        ("securityhub_v2", "detection", "only_times_moved", True, False),
        ("shield", "begun", "goes_on", False, True),
        ("shield", "begun", "ended", True, True),
    ],
)
def test_what_makes_a_version_and_what_matters(dataset, before, after, version_differs, matter_differs):
    (one,), (other,) = made(dataset, before, "api"), made(dataset, after, "api")
    assert one.finding_key == other.finding_key
    assert (one.record.identity != other.record.identity) is version_differs
    assert (one.matter != other.matter) is matter_differs


def test_our_own_members_and_what_is_short_come_before_what_splunk_may_not_extract():
    (finding,) = made("guardduty", "attack_sequence", "api")
    members = list(json.loads(finding.record.text))
    assert members[:5] == ["finding_key", "version_key", "severity_number", "severity_label", "attack_sequence"]
    detail = json.loads(finding.record.text)["detail"]
    assert members[-1] == "detail" and list(detail)[-1] == "service" and "title" in list(detail)[:13]


@pytest.mark.parametrize("value", [None, [], "x", 7, {"x": [{}]}])
@pytest.mark.parametrize("dataset", [name for name in FINDINGS if name not in ("event", "signin")])
def test_any_shape_is_a_finding_or_an_error_in_words(dataset, value):
    example = next(iter(CASES[dataset].values()))
    fields = example.get("api") or example["event"]["detail"]
    for name in fields:
        try:
            assert source_of(dataset).finding({**fields, name: value}, ASKED).finding_key
        except InvalidRecord as exc:
            assert "finding" in str(exc)


def test_half_a_surrogate_pair_in_a_name_is_written_as_json():
    fields = CASES["guardduty"]["ssh_brute_force"]["api"]
    finding = source_of("guardduty").finding({**fields, "title": "\ud800"}, ASKED)
    assert json.loads(finding.record.text)["detail"]["title"] == "\ud800"
