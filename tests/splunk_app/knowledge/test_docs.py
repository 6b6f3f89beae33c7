"""What docs/cim.md says of sourcetypes, macros, models and missing fields is what the table says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Set, Tuple

import pytest

pytest.importorskip("yaml", reason="the table is read with Python 3.11")

from splunk_app.knowledge.mapping import read_table

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "cim.md").read_text("utf-8")
TABLE = read_table()
#: Model of CIM as the page writes it -> the tags it is found by.
TAGS = {
    "Alerts": {"alert"},
    "Intrusion Detection": {"ids", "attack"},
    "Web": {"web"},
    "Change": {"change"},
    "Vulnerabilities": {"vulnerability", "report"},
}


def test_sourcetypes_and_models() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(aws:[\w:]+)` \| [^|]+ \| ([^|]+) \|$", PAGE, re.MULTILINE)
    said = {name: (sourcetype, models) for name, sourcetype, models in rows}
    for dataset in TABLE:
        if dataset.sourcetype:
            sourcetype, models = said.pop(dataset.name)
            assert sourcetype == dataset.sourcetype
            tags = {frozenset(each.tags) for each in dataset.eventtypes if each.tags}
            assert tags == {frozenset(TAGS[model]) for model in models.split(", ") if model != "none"}, dataset.name
    assert not said


def test_macros() -> None:
    assert re.findall(r"^\| `(aws_cim_\w+)` \|", PAGE, re.MULTILINE) == [
        f"aws_cim_{name}" for name in ("cloudtrail", "vpc_flow", "dns", "waf")
    ]
    assert {dataset.macro for dataset in TABLE if dataset.macro} == set(re.findall(r"aws_cim_\w+", PAGE))


def test_missing_fields() -> None:
    section = PAGE.partition("\n## What is missing\n")[2].partition("\n## ")[0]
    said: Set[Tuple[str, str]] = set()
    for names, fields in re.findall(r"^\| (`[^|]+) \| (`[^|]+) \|", section, re.MULTILINE):
        said |= {(name, field) for name in re.findall(r"`(\w+)`", names) for field in re.findall(r"`(\w+)`", fields)}
    wanted = {(dataset.name, field) for dataset in TABLE for fields in dataset.lacks.values() for field in fields}
    assert said == wanted
