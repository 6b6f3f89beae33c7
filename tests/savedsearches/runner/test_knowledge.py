"""What Splunk makes of an event at search time, rule by rule, after its manual."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict

import pytest

from savedsearches.runner.errors import SplSyntaxError
from savedsearches.runner.knowledge import EXTRACTION_CUTOFF, Knowledge, extracted, read_knowledge
from savedsearches.runner.paths import all_members


def event(raw: Any, **more: str) -> Dict[str, Any]:
    return {"source": "aws_siem_bridge:a:1", "sourcetype": "s", "_raw": json.dumps(raw), **more}


def made(tmp_path: Path, found: Dict[str, Any], **files: str) -> Dict[str, Any]:
    for name, text in files.items():
        (tmp_path / f"{name}.conf").write_text(text)
    return read_knowledge(tmp_path).apply(found)


@pytest.mark.parametrize(
    "raw",
    [
        {"a": {"b": "x", "c": [1, 2.5, True, None]}, "d": [{"e": "f"}, {"e": "g"}], "empty": {}, "none": []},
        {"가": 'a "quoted" text', "nested": [[1], [2]], "deep": {"a": {"b": {"c": -5}}}},
    ],
)
def test_every_member_of_a_short_event_is_a_field(raw: Any) -> None:
    text = json.dumps(raw, indent=1, ensure_ascii=False)
    assert extracted(text) == all_members(text)


def test_what_ends_behind_the_cut_off_is_no_field_but_spath_finds_it(tmp_path: Path) -> None:
    long = {"first": "a", "text": "x" * EXTRACTION_CUTOFF, "last": "z"}
    found = made(tmp_path, event(long), props='[s]\nKV_MODE = json\nEVAL-found = spath(_raw,"last")\n')
    assert (found["first"], found["found"]) == ("a", "z")
    assert "last" not in found and "text" not in found
    assert extracted("no JSON") == {}


def test_metadata_is_not_changed_by_what_an_event_says(tmp_path: Path) -> None:
    found = made(tmp_path, event({"source": "aws.guardduty", "host": "h"}), props="[s]\nKV_MODE = json\n")
    assert found["source"] == "aws_siem_bridge:a:1" and "host" not in found


def test_aliases_come_before_calculated_fields_and_these_do_not_see_each_other(tmp_path: Path) -> None:
    props = """[s]
KV_MODE = json
FIELDALIAS-1 = one AS two, missing AS gone
FIELDALIAS-2 = one ASNEW kept
EVAL-one = "new"
EVAL-sees = 'one'.'two'
EVAL-nothing = nullif(one, "1")
"""
    found = made(tmp_path, event({"one": "1", "two": "2", "gone": "x", "kept": "k", "nothing": "y"}), props=props)
    assert (found["one"], found["two"], found["kept"], found["sees"]) == ("new", "1", "k", "11")
    assert "gone" not in found and "nothing" not in found


def app_of(tmp_path: Path, transforms: str, props: str) -> Knowledge:
    (tmp_path / "default").mkdir()
    (tmp_path / "default" / "transforms.conf").write_text(transforms)
    (tmp_path / "default" / "props.conf").write_text(props)
    return read_knowledge(tmp_path / "default")


TABLE = "[names]\nexternal_type = kvstore\ncollection = c\nfields_list = id,name,team\nmax_matches = 1\n"


def test_automatic_lookups_read_calculated_fields_and_come_before_eventtypes(tmp_path: Path) -> None:
    props = """[s]
KV_MODE = json
EVAL-who = lower(user)
LOOKUP-a = names id AS who OUTPUT name AS full_name, team AS kept
LOOKUP-b = names id AS who OUTPUTNEW team AS kept team
LOOKUP-c = names id AS full_name OUTPUT team AS of_another_lookup
"""
    knowledge = app_of(tmp_path, TABLE, props)
    rows = [{"id": "ann", "name": "Ann", "team": "red", "other": "x"}, {"id": "Ann", "team": "no"}]
    knowledge.lookups["names"].replace(rows)
    found = knowledge.apply(event({"user": "ANN", "kept": "k"}))
    assert (found["full_name"], found["team"]) == ("Ann", "red")
    assert "of_another_lookup" not in found, "no lookup sees what another one found"
    assert "other" not in knowledge.lookups["names"].rows[0], "a column that the definition does not have"
    nobody = knowledge.apply(event({"user": "eve", "full_name": "x", "team": "t"}))
    assert "full_name" not in nobody and nobody["team"] == "t"
    assert "full_name" not in knowledge.apply(event({"user": ["ANN", "eve"]}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nobody id OUTPUT name", "defines no lookup nobody"),
        ("names number OUTPUT name", "names has no column number"),
        ("names id", "is not <table>"),
    ],
)
def test_an_automatic_lookup_that_cannot_be(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SplSyntaxError, match=message):
        app_of(tmp_path, TABLE, f"[s]\nLOOKUP-a = {text}\n")


def test_a_transform_that_is_no_lookup(tmp_path: Path) -> None:
    with pytest.raises(SplSyntaxError, match="does not have REGEX"):
        app_of(tmp_path, "[t]\nREGEX = a\n", "[s]\nKV_MODE = json\n")


def test_fields_by_a_pattern_come_first(tmp_path: Path) -> None:
    props = (
        '[s]\nEXTRACT-a = "user": "(?<user>\\w+)\nEXTRACT-b = ^aws_(?<what>\\w+): in source\nEVAL-both = user . what\n'
    )
    assert made(tmp_path, event({"user": "ann"}), props=props)["both"] == "annsiem_bridge"


def test_settings_of_the_source_are_over_those_of_the_sourcetype(tmp_path: Path) -> None:
    props = '[s]\nEVAL-a = "type"\nEVAL-b = "type"\n\n[source::aws_siem_bridge:a:...]\nEVAL-a = "source"\n'
    found = made(tmp_path, event({}, source="aws_siem_bridge:a:/x/y"), props=props)
    assert (found["a"], found["b"]) == ("source", "type")
    other = made(tmp_path, event({}, source="aws_siem_bridge:ab:1"))
    assert other["a"] == "type"


def test_of_two_apps_the_first_wins_key_by_key(tmp_path: Path) -> None:
    for name, value in (("one", "1"), ("other", "2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "props.conf").write_text(f'[s]\nEVAL-a = "{value}"\nEVAL-{name} = "{value}"\n')
    found = read_knowledge(tmp_path / "one", tmp_path / "other").apply(event({}))
    assert (found["a"], found["one"], found["other"]) == ("1", "1", "2")


def test_event_types_find_calculated_fields_and_bring_their_tags(tmp_path: Path) -> None:
    found = made(
        tmp_path,
        event({"n": 5}),
        props='[s]\nKV_MODE = json\nEVAL-kind = if(n>3,"much","little")\n',
        eventtypes="[t]\nsearch = sourcetype=s kind=much\n\n[u]\nsearch = sourcetype=s kind=little\n",
        tags="[eventtype=t]\nalert = enabled\nattack = enabled\nold = disabled\n\n[eventtype=u]\nother = enabled\n",
    )
    assert (found["eventtype"], found["tag"]) == ("t", ["alert", "attack"])


def test_what_the_runner_does_not_have_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "props.conf").write_text("[s]\nREPORT-x = y\n")
    with pytest.raises(SplSyntaxError, match="REPORT-x"):
        read_knowledge(tmp_path)
