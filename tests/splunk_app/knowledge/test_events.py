"""Events of the inputs after the app's search-time knowledge: CIM has what it requires, or the table says why not.

The events are those of the sources' golden files: documented findings, polled and delivered, and WAF's records.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterator, List, Set, Tuple

import pytest

pytest.importorskip("yaml", reason="the table is read with Python 3.11")

from aws_bridge.object_ref import ObjectRef
from collectors.records.record import Context
from collectors.sources.registry import FINDINGS
from collectors.sources.waf.selected import kept
from savedsearches.runner.knowledge import EXTRACTION_CUTOFF, Knowledge, read_knowledge
from splunk_app.knowledge.mapping import Dataset, read_table
from splunk_app.knowledge.render import APP, PARSING, rendered
from tests.splunk_app.knowledge.cim import MODELS, missing, models_of
from tests.splunk_app.knowledge.test_rows import MODELS as ROW_MODELS

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "tests" / "golden"
#: Kinds of findings that the golden files have no example of, made after AWS's documentation.
MORE = json.loads((ROOT / "tests" / "data" / "cim_events.json").read_text("utf-8"))
DATASETS: Dict[str, Dataset] = {dataset.name: dataset for dataset in read_table()}
WITH_EVENTS = [name for name, dataset in DATASETS.items() if dataset.sourcetype]


def raw_events(dataset: str) -> Iterator[Dict[str, Any]]:
    """Yield what an input writes, decoded."""
    if dataset == "waf":
        for path in sorted((ROOT / "tests" / "data" / "waf").glob("*.jsonl")):
            for number, line in enumerate(path.read_bytes().splitlines()):
                text = kept(line, f"{path.name}:{number}", number, Context(ObjectRef("logs", path.name))).record.text
                yield from [json.loads(text)] if text else []
    elif (GOLDEN / "findings" / f"{dataset}.json").exists():
        for found in json.loads((GOLDEN / "findings" / f"{dataset}.json").read_text("utf-8")).values():
            yield from (each["event"] for each in found if isinstance(each, dict))
    yield from MORE.get(dataset, ())


def as_event(dataset: Dataset, body: Dict[str, Any], source: str = "") -> Dict[str, Any]:
    """Return an event as the input hands it to Splunk."""
    raw = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    source = source or f"{dataset.source}111122223333:eu-west-1"
    return {"_raw": raw, "source": source, "sourcetype": dataset.sourcetype, "host": "h", "index": "aws"}


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return read_knowledge(ROOT / APP)


@pytest.fixture(scope="module")
def made(knowledge: Knowledge) -> Dict[str, List[Dict[str, Any]]]:
    """Dataset -> its events with all fields."""
    return {
        name: [knowledge.apply(as_event(DATASETS[name], body)) for body in raw_events(name)] for name in WITH_EVENTS
    }


def test_the_files_are_those_of_the_table() -> None:
    for path, text in rendered().items():
        assert (ROOT / path).read_text("utf-8") == text, f"python -m splunk_app.knowledge writes {path}"


@pytest.mark.parametrize("name", FINDINGS)
def test_sourcetypes_are_those_that_the_inputs_write(name: str) -> None:
    assert DATASETS[name].sourcetype == FINDINGS[name].sourcetype


def test_every_dataset_has_events(made: Dict[str, List[Dict[str, Any]]]) -> None:
    assert all(made.values())


@pytest.mark.parametrize("name", WITH_EVENTS)
def test_cim_has_what_it_requires_or_the_table_says_why_not(made: Dict[str, List[Dict[str, Any]]], name: str) -> None:
    lacks = DATASETS[name].lacks
    used: Set[Tuple[str, str]] = set()
    models: Set[str] = set()
    for event in made[name]:
        for model in models_of(event):
            models.add(model)
            for field, problem in missing(event, model):
                assert problem == "missing" and field in lacks.get(model, {}), (
                    f"{model}.{field} {problem}: {event['_raw'][:300]}"
                )
                used.add((model, field))
    assert models or name == "event"
    said = {(model, field) for model, fields in lacks.items() for field in fields}
    assert said == used, "the table excuses more than is missing"


@pytest.mark.parametrize(
    ("dataset", "models"),
    [
        ("guardduty", {"Alerts", "Intrusion_Detection"}),
        ("securityhub", {"Alerts", "Vulnerabilities"}),
        ("securityhub_v2", {"Alerts", "Vulnerabilities"}),
        ("prowler", {"Alerts"}),
        ("shield", {"Alerts"}),
        ("inspector", {"Alerts", "Vulnerabilities"}),
        ("macie", {"Alerts"}),
        ("accessanalyzer", {"Alerts"}),
        ("signin", {"Alerts"}),
        ("waf", {"Web", "Intrusion_Detection"}),
        ("asset", {"Change"}),
        ("response", {"Change"}),
    ],
)
def test_events_are_part_of_their_models(made: Dict[str, List[Dict[str, Any]]], dataset: str, models: Set[str]) -> None:
    assert {model for event in made[dataset] for model in models_of(event)} == models


def test_every_model_that_is_promised_has_events_or_rows(made: Dict[str, List[Dict[str, Any]]]) -> None:
    of_events = {model for events in made.values() for event in events for model in models_of(event)}
    assert of_events | {model for models in ROW_MODELS.values() for model in models} == set(MODELS)


def test_what_lies_behind_the_cut_off_is_found(knowledge: Knowledge) -> None:
    """A finding of 100 kB has its resource last."""
    dataset = DATASETS["securityhub"]
    body = next(body for body in raw_events("securityhub") if body["Resources"][0]["Id"])
    small = knowledge.apply(as_event(dataset, body))
    padding = {"ProductFields": {f"k{number}": "x" * 50 for number in range(2_000)}}
    ours = {key: body[key] for key in ("finding_key", "version_key", "severity_number", "severity_label")}
    large = {**ours, **padding, **body}
    event = as_event(dataset, {**large, "Resources": large.pop("Resources")})
    assert event["_raw"].index('"Resources"') > EXTRACTION_CUTOFF
    found = knowledge.apply(event)
    assert found["dest"] == small["dest"] and found["severity"] == small["severity"]


@pytest.mark.parametrize("name", WITH_EVENTS)
def test_a_finding_of_any_shape_is_an_event(knowledge: Knowledge, name: str) -> None:
    """AWS adds what it likes, and others choose names: no expression meets what it cannot compute with."""
    body = next(iter(raw_events(name)))
    inside = "detail" if isinstance(body.get("detail"), dict) else ""
    for key in body[inside] if inside else body:
        for value in (None, [], "x", 7, True, {"x": [{}]}, ["a", "b"], [{"Id": "a"}, {"Id": ["b", "c"]}]):
            changed = {**body, inside: {**body[inside], key: value}} if inside else {**body, key: value}
            assert knowledge.apply(as_event(DATASETS[name], changed))["source"].startswith("aws_siem_bridge:")


def test_a_sample_is_told_apart(knowledge: Knowledge) -> None:
    body = next(iter(raw_events("guardduty")))
    for is_sample in (True, False):
        found = knowledge.apply(as_event(DATASETS["guardduty"], {**body, **({"sample": True} if is_sample else {})}))
        assert ("aws_siem_bridge_sample" in found["eventtype"]) is is_sample


@pytest.mark.parametrize(
    ("number", "label", "severity"),
    [(9.5, None, "critical"), (8.9, None, "high"), (2, "unknown", "low"), (0.5, None, "informational")],
)
def test_a_finding_that_firehose_pushed_has_a_severity(
    knowledge: Knowledge, number: float, label: Any, severity: str
) -> None:
    body = dict(next(iter(raw_events("guardduty"))))
    body = {**body, "detail": {**body["detail"], "severity": number}}
    for key in ("finding_key", "version_key", "severity_number", "severity_label"):
        body.pop(key)
    if label:
        body["severity_label"] = label
    source = "aws_siem_bridge:guardduty:firehose"
    assert knowledge.apply(as_event(DATASETS["guardduty"], body, source))["severity"] == severity


@pytest.mark.parametrize("name", ["guardduty", "securityhub", "securityhub_v2", "inspector", "macie", "accessanalyzer"])
def test_keys_are_the_inputs_and_those_of_pushed_findings_tell_them_apart_as_well(
    knowledge: Knowledge, name: str
) -> None:
    bodies = list(raw_events(name))
    ours, pushed = {}, {}
    for body in bodies:
        found = knowledge.apply(as_event(DATASETS[name], body))
        assert (found["finding_key"], found["version_key"]) == (body["finding_key"], body["version_key"])
        bare = {key: value for key, value in body.items() if key not in ("finding_key", "version_key")}
        again = knowledge.apply(as_event(DATASETS[name], bare, f"{DATASETS[name].source}firehose"))
        ours.setdefault(found["version_key"], set()).add(again["version_key"])
        pushed.setdefault(again["version_key"], set()).add(found["version_key"])
    assert {len(keys) for keys in [*ours.values(), *pushed.values()]} == {1}


def official(stanzas: Dict[str, Dict[str, str]]) -> str:
    """Return a props.conf that gives fields of the official add-on's names a value that is easily told."""
    lines = []
    for stanza, fields in stanzas.items():
        lines += [f"[{stanza}]", "KV_MODE = json", *(f"{key} = {value}" for key, value in fields.items()), ""]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Tuple[Knowledge, Dict[str, Dict[str, str]]]:
    """Our app and one with the official add-on's sourcetypes and every CIM field, with the stronger place in turn."""
    stanzas: Dict[str, Dict[str, str]] = {}
    for name in WITH_EVENTS:
        fields = {f"EVAL-{field}": '"official"' for field in DATASETS[name].fields}
        stanzas[DATASETS[name].sourcetype] = {**fields, "FIELDALIAS-official": "sourcetype AS official"}
    folder = tmp_path_factory.mktemp("official")
    (folder / "props.conf").write_text(official(stanzas))
    return read_knowledge(folder, ROOT / APP), stanzas


@pytest.mark.parametrize("name", WITH_EVENTS)
def test_with_the_official_add_on_our_events_keep_our_fields_and_its_events_its_own(
    both: Tuple[Knowledge, Dict[str, Dict[str, str]]], made: Dict[str, List[Dict[str, Any]]], name: str
) -> None:
    merged, _ = both
    dataset = DATASETS[name]
    for ours, body in zip(made[name], raw_events(name)):
        found = merged.apply(as_event(dataset, body))
        assert {field: found.get(field) for field in dataset.fields} == {
            field: ours.get(field) for field in dataset.fields
        }
        assert (found.get("tag"), found["official"]) == (ours.get("tag"), dataset.sourcetype)
        theirs = merged.apply(as_event(dataset, body, source="eventbridge"))
        assert {theirs[field] for field in dataset.fields} == {"official"}
        assert "tag" not in theirs


def test_no_setting_has_the_stanza_and_key_of_the_official_add_on(
    knowledge: Knowledge, both: Tuple[Knowledge, Dict[str, Dict[str, str]]]
) -> None:
    _, stanzas = both
    assert not set(stanzas) & set(knowledge.props)
    assert all(stanza.startswith("source::aws_siem_bridge:") for stanza in knowledge.props)
    assert all(name.startswith("aws_siem_bridge_") for name in knowledge.eventtypes)
    assert {key.partition("=")[2] for key in knowledge.tags} <= set(knowledge.eventtypes)


def test_the_app_for_indexers_has_the_version_of_the_app() -> None:
    version = json.loads((ROOT / "splunk_app/package/app.manifest").read_text())["info"]["id"]["version"]
    lines = (ROOT / PARSING / "app.conf").read_text().splitlines()
    assert [line for line in lines if line.startswith("version")] == [f"version = {version}"] * 2


def test_the_index_time_part_is_the_same_on_both_tiers_and_nothing_else(knowledge: Knowledge) -> None:
    parsing = read_knowledge(ROOT / PARSING).props
    assert set(parsing) == set(knowledge.props)
    for stanza, settings in parsing.items():
        assert not any(key.startswith(("EVAL-", "KV_MODE")) for key in settings)
        assert settings.items() <= knowledge.props[stanza].items()


@pytest.mark.parametrize("name", WITH_EVENTS)
def test_joined_events_are_divided_and_dated_by_themselves(knowledge: Knowledge, name: str) -> None:
    """As Firehose joins them, with texts in them that look like the joint."""
    import re

    settings = knowledge.props[f"source::{DATASETS[name].source}..."]
    evil = {"zz": "ends like this }{", "zy": '}{"x', "zx": '} {"version":"0"'}
    bodies = [json.dumps({**body, **evil}, separators=(",", ":")) for body in raw_events(name)]
    for joint in ("", "\n", "\r\n"):
        text, events, start = joint.join(bodies), [], 0
        for match in re.finditer(settings["LINE_BREAKER"], text):
            events.append(text[start : match.start(1)])
            start = match.end(1)
        assert [*events, text[start:]] == bodies
    for body in bodies:
        match = re.search(settings["TIME_PREFIX"], body)
        assert match and re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d|\d{13}|\d{10}\.\d", body[match.end() :]), body[:200]
