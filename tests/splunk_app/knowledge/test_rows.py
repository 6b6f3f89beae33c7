"""Rows of ``| elasticsearch`` after the macros: the command's own output, out of the story on an engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Set, Tuple

import pytest

pytest.importorskip("yaml", reason="the table is read with Python 3.11")

from es_bridge.config import ClusterConfig
from es_bridge.times import now_ms
from lab.story.files import write_story
from savedsearches.runner.app_commands import AppCommands
from savedsearches.runner.knowledge import read_knowledge
from savedsearches.runner.local_settings import LocalSettings
from savedsearches.runner.lookups import Lookup, shipped_lookups
from savedsearches.runner.macros import read_macros
from savedsearches.runner.moment import Moment
from savedsearches.runner.run import run_to_list
from savedsearches.runner.session import Session
from splunk_app.knowledge.mapping import Dataset, read_table
from splunk_app.knowledge.render import APP
from tests.splunk_app.knowledge.cim import missing, models_of

ROOT = Path(__file__).resolve().parents[3]
ROWS: Dict[str, Dataset] = {dataset.name: dataset for dataset in read_table() if dataset.macro}
INDICES = {"cloudtrail": "aws-cloudtrail-*", "vpc_flow": "aws-vpcflow-*", "dns": "aws-dns-*", "waf": "aws-waf-*"}
MODELS = {
    "cloudtrail": {"Change", "Authentication"},
    "vpc_flow": {"Network_Traffic"},
    "dns": {"Network_Resolution"},
    "waf": {"Web", "Intrusion_Detection"},
}
MACROS = read_macros(ROOT / APP / "macros.conf")
LOOKUPS = shipped_lookups((ROOT / APP).parent)

Rows = List[Dict[str, Any]]


@pytest.fixture(scope="module")
def story(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dict[str, Rows]]:
    """Log -> rows of the command, as it gives them."""
    folder = tmp_path_factory.mktemp("story")
    end_ms = now_ms()
    write_story(folder, 2_000, 1, end_ms - 6 * 3_600_000, end_ms)
    command = [sys.executable, "-m", "aws_siem_bridge", "load", str(folder), "--url", engine.url]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    moment = Moment(end_ms / 1000, end_ms / 1000 - 6 * 3600, end_ms / 1000)
    with LocalSettings(ClusterConfig((engine.url,), name="story")) as settings:
        session = Session(moment, own=AppCommands(settings, lambda level, text: None))
        yield {
            name: run_to_list(f"| elasticsearch index={index} size=0 | head 1500", session)
            for name, index in INDICES.items()
        }


def after(rows: Rows, *macros: str) -> Rows:
    """Return the rows after macros, through the runner."""
    session = Session(Moment(0.0), lookups={"rows": Lookup(rows), **LOOKUPS}, macros=MACROS)
    return run_to_list("| inputlookup rows" + "".join(f" | `{macro}`" for macro in macros), session)


def test_there_is_a_macro_for_every_log() -> None:
    assert set(ROWS) == set(INDICES)


@pytest.mark.parametrize("name", ROWS)
def test_cim_has_what_it_requires_or_the_table_says_why_not(story: Dict[str, Rows], name: str) -> None:
    lacks = ROWS[name].lacks
    models: Set[str] = set()
    for row in after(story[name], ROWS[name].macro):
        for model in models_of(row):
            models.add(model)
            for field, problem in missing(row, model):
                assert problem == "missing" and field in lacks.get(model, {}), f"{model}.{field} {problem}: {row}"
    assert models == MODELS[name]


@pytest.mark.parametrize("name", ROWS)
def test_nothing_of_a_row_is_lost_but_what_cim_calls_otherwise(story: Dict[str, Rows], name: str) -> None:
    made = {*ROWS[name].fields, "tag"}
    for before, row in zip(story[name], after(story[name], ROWS[name].macro)):
        assert {key: value for key, value in before.items() if key not in made}.items() <= row.items()


@pytest.mark.parametrize("name", ROWS)
def test_a_macro_twice_is_as_once(story: Dict[str, Rows], name: str) -> None:
    macro = ROWS[name].macro
    assert after(story[name], macro, macro) == after(story[name], macro)


@pytest.mark.parametrize("name", ROWS)
def test_the_result_is_the_same_where_props_do_apply(story: Dict[str, Rows], name: str, tmp_path: Path) -> None:
    """Should Splunk apply props to rows of a generating command: those of our app, and others' for the sourcetype."""
    sourcetype = story[name][0]["sourcetype"]
    # What the official add-on calculates, under its names; AWS's own names are left alone.
    others = sorted(set(ROWS[name].fields) - {key for row in story[name] for key in row})
    lines = [f"[{sourcetype}]", "KV_MODE = json", *(f'EVAL-{field} = "another app"' for field in others)]
    (tmp_path / "props.conf").write_text("\n".join(lines) + "\n")
    knowledge = read_knowledge(tmp_path, ROOT / APP)
    rows = story[name][:200]
    applied = [knowledge.apply(dict(row)) for row in rows]
    assert all(row[others[0]] == "another app" for row in applied)
    for one, other in zip(after(rows, ROWS[name].macro), after(applied, ROWS[name].macro)):
        fields = {*ROWS[name].fields, "tag"}
        assert {key: one.get(key) for key in fields} == {key: other.get(key) for key in fields}


@pytest.mark.parametrize(
    ("name", "search", "expected"),
    [
        ("cloudtrail", 'eventName="ConsoleLogin"', {("authentication", "success"), ("authentication", "failure")}),
        ("cloudtrail", 'eventName="CreateUser"', {("account,change", "created")}),
        ("cloudtrail", 'eventName="RunInstances"', {("change,instance", "created")}),
        ("cloudtrail", 'eventName="DescribeInstances"', {("", "read")}),
        ("vpc_flow", 'action="ACCEPT"', {("communicate,network", "allowed")}),
        ("vpc_flow", 'action="REJECT"', {("communicate,network", "blocked")}),
        ("waf", 'waf.verdict="blocked"', {("attack,ids,web", "blocked")}),
        ("waf", 'waf.verdict="counted"', {("attack,ids,web", "allowed")}),
        ("waf", 'waf.verdict="passed"', {("web", "allowed")}),
    ],
)
def test_what_an_analyst_finds_by_it(
    story: Dict[str, Rows], name: str, search: str, expected: Set[Tuple[str, str]]
) -> None:
    field, _, value = search.partition("=")
    rows = [row for row in story[name] if row.get(field) == value.strip('"')]
    found = after(rows, ROWS[name].macro)
    tags = [row.get("tag", "") for row in found]
    texts = [",".join(sorted(tag)) if isinstance(tag, list) else tag for tag in tags]
    assert rows and set(zip(texts, (row["action"] for row in found))) <= expected
