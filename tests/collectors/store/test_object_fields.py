"""Which of CloudTrail's objects an engine indexes: by its version, and by what was chosen."""

from __future__ import annotations

import json

import pytest

from collectors.errors import CollectorError
from collectors.store.object_fields import COMPONENT, NOT_INDEXED, OBJECTS, chosen_in, decide, explained, parse_choice
from collectors.store.templates import deployed, pieces
from es_bridge.dialect import Dialect, Elasticsearch, Serverless

SOME = ("requestParameters", "additionalEventData")


@pytest.mark.parametrize(
    ("dialect", "indexed"),
    [
        (Dialect((1, 3, 0), "1.3.0"), ()),
        (Dialect((2, 7, 0), "2.7.0"), ()),
        (Dialect((2, 18, 0), "2.18.0"), ()),
        (Dialect((2, 19), "2.19"), OBJECTS),
        (Dialect((2, 19, 4), "2.19.4"), OBJECTS),
        (Dialect((3, 8, 0), "3.8.0"), OBJECTS),
        (Elasticsearch((7, 10, 2), "7.10.2", "oss"), ()),
        (Elasticsearch((7, 17, 9), "7.17.9", "default"), ()),
        (Elasticsearch((8, 0, 0), "8.0.0"), OBJECTS),
        (Elasticsearch((9, 0, 1), "9.0.1"), OBJECTS),
    ],
    ids=str,
)
def test_the_version_decides_and_a_choice_narrows(dialect, indexed):
    assert decide(dialect, None) == (indexed, None, False)
    assert decide(dialect, SOME) == (SOME if indexed else (), SOME, False)
    assert decide(dialect, ()) == ((), (), False)
    said = explained(dialect, decide(dialect, None))
    assert ("none: " in said) is not bool(indexed)
    assert str(dialect) in said or indexed


@pytest.mark.parametrize("dialect", [Dialect(), Elasticsearch(), Serverless()], ids=str)
def test_without_a_version_what_is_there_stays_unless_somebody_chooses(dialect):
    assert decide(dialect, None) == ((), None, True)
    assert decide(dialect, SOME) == (SOME, SOME, False)
    assert "--index-objects all" in explained(dialect, decide(dialect, None))
    assert "stored only: responseElements" in explained(dialect, decide(dialect, SOME))


@pytest.mark.parametrize("engine", ["opensearch", "elasticsearch"])
@pytest.mark.parametrize("choice", [None, (), SOME, OBJECTS], ids=str)
def test_the_component_has_what_is_indexed_and_what_was_chosen(engine, choice):
    dialect = Dialect((3, 0)) if engine == "opensearch" else Elasticsearch((9, 0))
    decision = decide(dialect, choice)
    (piece,) = (piece for piece in pieces("cloudtrail", engine, objects=decision) if piece.name == COMPONENT)
    file = json.loads(deployed(engine, "component_templates", f"{COMPONENT}.json"))["template"]["mappings"][
        "properties"
    ]
    assert tuple(file) == OBJECTS
    for name, field in piece.body["template"]["mappings"]["properties"].items():
        assert field == (file[name] if name in decision.indexed else NOT_INDEXED)
    assert chosen_in(piece.body) == choice


@pytest.mark.parametrize(
    "found", [None, {}, {"_meta": {}}, {"_meta": {"indexed": "default"}}, {"_meta": {"indexed": 5}}]
)
def test_no_choice_is_no_choice(found):
    assert chosen_in(found) is None


def test_a_choice_is_read_in_its_order_and_a_name_that_is_none_is_named():
    assert parse_choice(None) is None
    assert (parse_choice("all"), parse_choice("none")) == (OBJECTS, ())
    assert parse_choice("additionalEventData, requestParameters") == SOME
    for text in ("requestparameters", "requestParameters,", "", "eventContext", "default"):
        with pytest.raises(CollectorError, match="--index-objects: '.*' is none of requestParameters, "):
            parse_choice(text)
