"""Records as AWS documents them, in every version and in custom formats: what becomes of each.

``tests/data/vpc_flow`` is written after https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-records-examples.html
and the list of columns beside it; ``tests/golden/vpc_flow`` holds the documents, changed by ``pytest --update-golden``
alone.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict

import pytest

from collectors.records.json_codec import PLAIN, fastest
from collectors.records.record import BadRecord, Record
from collectors.sinks.opensearch.index_names import index_of
from collectors.sources.vpc_flow.columns import NUMBERS
from tests.collectors.sources.vpc_flow.flows import REF, read

SAMPLES = Path(__file__).resolve().parents[3] / "data" / "vpc_flow"
NAMES = sorted(path.stem for path in SAMPLES.glob("*.log"))


def shown(made: Any) -> Dict[str, Any]:
    if isinstance(made, BadRecord):
        return {"number": made.number, "offset": made.offset, "reason": made.reason, "excerpt": made.excerpt.decode()}
    return {"index": index_of(made), "id": made.identity, "document": json.loads(made.text)}


@pytest.mark.parametrize("name", NAMES)
def test_documents_are_as_reviewed(golden, name):
    text = (SAMPLES / f"{name}.log").read_bytes()
    made = read(text, fastest())
    assert made == read(text, PLAIN)
    golden(f"vpc_flow/{name}.json", [shown(item) for item in made])


@pytest.mark.parametrize("name", [name for name in NAMES if name != "odd_values"])
def test_every_value_survives_under_its_own_name(name):
    header, *lines = (SAMPLES / f"{name}.log").read_text("utf-8").splitlines()
    made = read((SAMPLES / f"{name}.log").read_bytes())
    assert len(made) == len(lines) > 0
    for line, document in zip(lines, made):
        assert isinstance(document, Record)
        body = json.loads(document.text)
        assert "unmapped" not in body
        for column, text in zip(header.split(), line.split()):
            column = column.replace("-", "_")
            wanted = None if text == "-" else int(text) if column in NUMBERS else text
            assert body.get(column) == wanted, column


def test_ids_are_the_object_and_the_record_and_the_index_is_the_day_of_the_end():
    made = read((SAMPLES / "v2_default.log").read_bytes())
    assert [item.identity for item in made] == [f"{REF.identity}-{number:011d}" for number in range(1, 8)]
    assert {index_of(item) for item in made} == {
        "aws-vpcflow-2014.12.14",
        "aws-vpcflow-2015.05.10",
        "aws-vpcflow-2015.05.29",
        "aws-vpcflow-2016.10.31",
    }
