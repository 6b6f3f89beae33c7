"""Rules of Sigma, written for these tests: each becomes a detection that finds what the rule means, or is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

import pytest

pytest.importorskip("sigma", reason="rules of Sigma are imported with Python 3.11")

from savedsearches.content.checks import problems_of
from savedsearches.content.detection import Detection
from savedsearches.content.reading import read_detections, read_yaml
from savedsearches.sigma.importing import Imported, import_files, rule_files
from tests.command_line import run
from tests.savedsearches.detections.cases import Case, cases_of
from tests.savedsearches.detections.harness import Harness
from tests.savedsearches.detections.test_detections import test_a_case as check_case

HERE = Path(__file__).parent
LABELLED: Dict[str, Dict[str, Any]] = read_yaml(HERE / "labelled.yml")
RULES = {each.path.stem: each for each in import_files(rule_files([HERE / "rules"]))}


def detection_with_events(rule: Imported, labelled: Dict[str, Any]) -> Detection:
    assert rule.members is not None, rule.reasons
    return Detection.model_validate({**rule.members, "untested": False, "labelled": labelled})


CASES: List[Case] = [
    case for name, known in LABELLED.items() for case in cases_of(detection_with_events(RULES[name], known["labelled"]))
]


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_what_a_rule_finds_the_detection_finds(case: Case, harness: Harness) -> None:
    check_case(case, harness)


def test_every_rule_has_events_and_its_verdict() -> None:
    assert set(RULES) == set(LABELLED)
    assert {name: rule.verdict for name, rule in RULES.items()} == {
        name: known["verdict"] for name, known in LABELLED.items()
    }
    assert all(rule.reasons for rule in RULES.values() if rule.verdict != "exact")


CLOUDTRAIL = "logsource: {product: aws, service: cloudtrail}"
LINUX = "logsource: {product: linux, category: process_creation}"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (f"{CLOUDTRAIL}\ndetection: {{s: {{eventName: ListRoles}}, f: {{type: AssumedRole}}, condition: s and not f}}",
         "type is not indexed: no event would ever match"),
        (f"{CLOUDTRAIL}\ndetection: {{s: {{requestParameters|contains: admin}}, condition: s}}",
         "requestParameters is an object"),
        (f"{CLOUDTRAIL}\ndetection: {{s: {{requestParameters.policyDocument|contains: admin}}, condition: s}}",
         "no part of one is found"),
        (f"{CLOUDTRAIL}\ndetection: {{s: {{userAgent|cidr: 10.0.0.0/8}}, condition: s}}", "holds texts, not addresses"),
        (f"{CLOUDTRAIL}\ndetection: {{s: {{eventName|re: '(?i)delete.*'}}, condition: s}}", "uses what Lucene has not"),
        (f"{CLOUDTRAIL}\ndetection: {{s: {{eventName|re: 'a$|b'}}, condition: s}}", "an anchor in its middle"),
        (f"{CLOUDTRAIL}\ndetection: {{s: {{errorCode: ''}}, condition: s}}", "which the store does not index"),
        (f"{CLOUDTRAIL}\ndetection: {{k: [secret], condition: k}}", "searches for words without a field"),
        (f"{CLOUDTRAIL}\ndetection: {{s: {{eventName|fieldref: eventSource}}, condition: s}}", "is not supported"),
        (f"{CLOUDTRAIL}\ndetection: {{s: {{requestParameters.maxCount|gt: 10}}, condition: s}}", "is not supported"),
        (f"{CLOUDTRAIL}\ndetection: {{s: {{eventName: x}}, condition: 's | count() by a > 5'}}", "pipe syntax"),
        (f"{CLOUDTRAIL}\ndetection: {{s: {{eventName: x}}, t: {{eventName: y}}, condition: [s, t]}}", "2 conditions"),
        (f"{LINUX}\ndetection: {{s: {{Image|endswith: /curl, CommandLine|contains: http}}, condition: s}}",
         "are in different records of the audit log"),
        (f"{LINUX}\ndetection: {{s: {{ParentImage|endswith: /java}}, condition: s}}", "is not filled by the pipeline"),
        ("logsource: {product: linux, service: sshd}\ndetection: {k: ['a*b'], condition: k}", "has a wildcard inside"),
        ("logsource: {product: windows, category: process_creation}\ndetection: {s: {Image: x}, condition: s}",
         "is not one of these: aws cloudtrail, linux"),
        (f"{CLOUDTRAIL}\ndetection: {{s: {{eventName: x}}, condition: t}}", "t"),
        ("correlation: {type: event_count, rules: [a], group-by: [x], timespan: 5m, condition: {gte: 5}}", "correlat"),
    ],
)  # fmt: skip
def test_what_would_find_nothing_is_refused_with_the_reason(tmp_path: Path, body: str, why: str) -> None:
    path = tmp_path / "rule.yml"
    path.write_text(f"title: A rule\nid: 0a8f4b1c-58c1-4c54-9d2b-0d6c6e1b9a99\n{body}\n", "utf-8")
    ((verdict, reasons),) = [(each.verdict, "; ".join(each.reasons)) for each in import_files([path])]
    assert verdict == "refused" and why in reasons and "while converting" not in reasons


@pytest.mark.parametrize("modifier", ["cased", "contains|cased", "endswith|cased"])
def test_a_modifier_of_case_is_what_the_store_does_anyway(tmp_path: Path, modifier: str) -> None:
    """pySigma's backend has no way to say it, and raised what is no error of Sigma: the whole import ended."""
    path = tmp_path / "rule.yml"
    path.write_text(
        f"title: A rule\n{CLOUDTRAIL}\ndetection: {{s: {{eventName|{modifier}: StopLogging}}, condition: s}}\n", "utf-8"
    )
    (found,) = import_files([path])
    assert (found.verdict, found.reasons) == ("exact", []), found
    assert found.detection and "StopLogging" in found.detection.search


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "title: x\n", "{", "\x00", "title: [1"])
def test_a_file_that_is_no_rule_is_refused_and_stops_no_other(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yml").write_text(text, "utf-8")
    (tmp_path / "b.yml").write_text((HERE / "rules" / "cloudtrail_exact.yml").read_text("utf-8"), "utf-8")
    assert [(each.path.name, each.verdict) for each in import_files(rule_files([tmp_path]))] == [
        ("a.yml", "refused"), ("b.yml", "exact"),
    ]  # fmt: skip


def test_what_is_written_can_be_tried_and_is_off_and_untested(tmp_path: Path, capsys: Any) -> None:
    status, out, err = run(capsys, "sigma", "import", str(HERE / "rules"), "--to", str(tmp_path / "out"))
    assert status == 0 and "exact      cloudtrail_exact.yml" in out and "1 exact, 9 rewritten" in err
    found = read_detections(tmp_path / "out")
    assert len(found) == 10 and all(each.untested for each in found)
    conf = (tmp_path / "out" / "savedsearches.conf").read_text("utf-8")
    assert conf.count("\ndisabled = 1\n") == conf.count("[AWS - sigma_") == 10
    text = (tmp_path / "out" / "sigma_cloudtrail_exact.yml").read_text("utf-8")
    assert "by The makers of this product" in text and "Detection Rule License 1.1" in text
    # Nothing untested ships: among the detections of the product it would be an error.
    assert any("nothing ships" in problem for problem in problems_of({tmp_path / "x.yml": found[0]}))
    status, out, _ = run(capsys, "detections", "list", "--folder", str(tmp_path / "out"))
    assert status == 0 and "sigma_linux_words" in out
    # Once more gives the same files: ids do not change.
    run(capsys, "sigma", "import", str(HERE / "rules"), "--to", str(tmp_path / "again"))
    for path in (tmp_path / "out").iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_mistakes_of_the_command_line(tmp_path: Path, capsys: Any) -> None:
    assert run(capsys, "sigma", "import", str(tmp_path / "none"))[0] == 2
    status, _, err = run(capsys, "sigma", "import", str(tmp_path))
    assert status == 2 and "there is no .yml" in err
    (tmp_path / "w.yml").write_text("title: x\nlogsource: {product: windows}\ndetection: {s: {a: b}, condition: s}\n")
    status, out, err = run(capsys, "sigma", "import", str(tmp_path), "--to", str(tmp_path / "out"))
    assert status == 1 and "no rule was taken" in err and not (tmp_path / "out").exists()
