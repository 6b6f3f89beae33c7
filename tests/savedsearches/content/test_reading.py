"""What a file of a detection may say: each wrong one names its place and what is wrong, all of them at once."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, Dict, List

import pytest

pytest.importorskip("pydantic", reason="detections are read where they are worked on, with Python 3.11")

import yaml

from savedsearches.content.checks import problems_of
from savedsearches.content.reading import FOLDER, ContentError, read_detections, read_files

GOOD: Dict[str, Any] = yaml.safe_load((FOLDER / "cloudtrail_root_use.yml").read_text("utf-8"))


def changed(path: str, value: Any) -> Dict[str, Any]:
    """Return the good file with one member of another value; ``...`` takes it away."""
    content = copy.deepcopy(GOOD)
    *above, last = path.split("/")
    node: Any = content
    for name in above:
        node = node[int(name)] if isinstance(node, list) else node[name]
    if value is ...:
        del node[last]
    elif isinstance(node, list):
        node[int(last)] = value
    else:
        node[last] = value
    return content


def problems(tmp_path: Path, *contents: Dict[str, Any]) -> List[str]:
    paths = []
    for content in contents:
        paths.append(tmp_path / f"{content.get('name', 'nameless_one')}.yml")
        paths[-1].write_text(yaml.safe_dump(content), "utf-8")
    found, wrong = read_files(paths)
    return [*wrong, *problems_of(found)]


def test_the_good_one_is_good(tmp_path: Path) -> None:
    assert problems(tmp_path, GOOD) == []


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    content = changed("version", "1")
    content["risk"]["score"] = 101
    content["sverity"] = content.pop("severity")
    del content["labelled"]["negative"]
    found = problems(tmp_path, content)
    assert all(line.startswith("cloudtrail_root_use.yml: ") for line in found)
    assert [line.split(": ")[1] for line in found] == [
        "version", "severity", "risk.score", "labelled.negative", "sverity",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("id", "0d0f6c0e-1b9f-1c0e-9d0a-2f3d7b6a5c11", "UUID of version 4"),
        ("schedule/window", "1m", "shorter than every"),
        ("schedule/every", "7m", "one of 5m"),
        ("schedule/lag", "soon", "no time such as"),
        ("schedule/window", "4h", "suppress.for has to be an hour longer"),
        ("attack", ["T1"], "no ATT&CK technique: T1"),
        ("false_alarms_a_day", {"most": 3}, "needs why"),
        ("data", ["cloudtrail", "waf"], "no group of events has it"),
        ("first_steps", [], "at least 3"),
        ("labelled/negative/0/change", {"login": {"set": {"a": 1, "b": 2}}}, "exactly one change, this one in 2"),
        ("labelled/negative/0/change", {"logn": None}, "none of the events"),
        ("labelled/negative/0/change", {"login": {"at": "4m"}}, "is as it is without the change"),
        ("labelled/negative/0/change", {"login": {"sett": {}}}, "cannot change sett"),
        ("labelled/negative/1/name", "an IAM user", "two cases are called"),
        ("search", GOOD["search"].replace("(cloudtrail_root_use", "(other"), "names other"),
        ("search", GOOD["search"].rpartition("|")[0].strip(), "last line of search"),
        ("search", GOOD["search"].replace("| eval user", "| evil user"), "command 'evil'"),
        ("search", GOOD["search"].replace("aws_cloudtrail_raw", "aws_trail"), "no macro aws_trail"),
        ("search", GOOD["search"].replace("| eval user", "| lookup none account | eval user"), "'none'"),
        ("search", GOOD["search"].replace("eventType:", "responseType:"), "responseType is not indexed"),
        ("search", GOOD["search"].replace("_exists_:userIdentity.invokedBy", "_exists_:who"), "who is not indexed"),
        ("search", GOOD["search"].replace("values(awsRegion)", "values(requestParameters.x)"), "not counted"),
        ("search", GOOD["search"].replace("time_field=event.ingested", ""), "say time_field"),
        ("search", GOOD["search"].replace("time_field", "start_time=now-1d time_field"), "own clock"),
        ("search", GOOD["search"].replace("`aws_cloudtrail_raw`", "logs-*"), "no template of ours"),
        ("raw_rows", 5, "pulls no raw rows"),
        ("drilldown/search", "| makeresults", r"no $row.<field>$"),
        ("first_steps/1/search", "| elasticstats index=`aws_waf_raw` by=$row.src$ x", "first_steps[1]"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(tmp_path: Path, path: str, value: Any, says: str) -> None:
    found = problems(tmp_path, changed(path, value))
    assert found and says in "\n".join(found)


def test_two_files_share_nothing(tmp_path: Path) -> None:
    problems(tmp_path, GOOD, {**GOOD, "name": "cloudtrail_other", "title": "Other", "search": GOOD["search"].replace(
        "cloudtrail_root_use", "cloudtrail_other")})  # fmt: skip
    with pytest.raises(ContentError, match="id is that of"):
        read_detections(tmp_path)


def test_a_member_that_is_written_twice_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "cloudtrail_twice.yml").write_text("id: a\nid: b\n")
    assert "written twice: id" in read_files([tmp_path / "cloudtrail_twice.yml"])[1][0]
