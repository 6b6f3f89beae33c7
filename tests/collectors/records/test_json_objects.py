"""The objects of a file, however it is cut into pieces and whatever is broken in it."""

from __future__ import annotations

import json
from typing import Any, Iterator, List

import pytest

from collectors.errors import DamagedFile
from collectors.records.json_objects import objects_of
from collectors.records.record import BadRecord

pytestmark = pytest.mark.splunk_python

OBJECTS = [{"a": "], [{é\ud83d\ude00"}, {}, {"b": [1, {"c": "}"}]}, {"long": "x" * 5000}]
LIST = "\ufeff \n" + json.dumps(OBJECTS, indent=4, ensure_ascii=False)
LINES = "\n\n".join(json.dumps(each) for each in OBJECTS)
GLUED = "".join(json.dumps(each) for each in OBJECTS if each)


def pieces(text: str, size: int) -> Iterator[bytes]:
    content = text.encode("utf-8", "surrogatepass")
    return (content[start : start + size] for start in range(0, len(content), size))


def fields_of(found: List[Any]) -> List[Any]:
    return [each.fields for each in found if not isinstance(each, BadRecord)]


@pytest.mark.parametrize("size", [1, 3, 64, 100_000])
def test_a_list_and_lines_have_the_same_objects_in_pieces_of_any_size(size: int):
    objects = json.loads(json.dumps(OBJECTS))
    for text in (LIST.replace("\ud83d\ude00", "\U0001f600"), LINES):
        found = list(objects_of(pieces(text, size)))
        assert fields_of(found) == objects and [each.number for each in found] == [1, 2, 3, 4]
    assert fields_of(list(objects_of(pieces(GLUED, size)))) == [each for each in objects if each]


@pytest.mark.parametrize("text", ["", " \n", "[]", " [ ] "])
def test_nothing_and_a_list_of_nothing_are_no_objects(text: str):
    assert list(objects_of(pieces(text, 2))) == []


@pytest.mark.parametrize(
    ("text", "whole", "says"),
    [
        ('[{"a":1},{"b":', 1, "object 2 is broken, cut or too long"),
        ('[{"a":1} {"b":2}]', 1, "something else than a comma"),
        ('[{"a":1},]', 1, "object 2 is broken"),
        ('[{"a":1}] x', 1, "something behind the end of the list"),
        ('[{"a":1},{"b":"' + "x" * 4000 + '"}]', 1, "object 2 is broken, cut or too long"),
    ],
)
def test_what_is_broken_in_a_list_ends_it_after_every_whole_object(text: str, whole: int, says: str):
    found = []
    with pytest.raises(DamagedFile, match=says):
        for each in objects_of(pieces(text, 7), limit_bytes=1000):
            found.append(each)
    assert len(fields_of(found)) == whole


def test_a_broken_line_is_said_and_the_others_are_read():
    found = list(objects_of(pieces('{"a":1}\n{"b"\n[2]\n{"c":3}', 5)))
    assert fields_of(found) == [{"a": 1}, {"c": 3}]
    assert [each.number for each in found if isinstance(each, BadRecord)] == [2, 3]
    (number,) = [each for each in objects_of(pieces("[7]", 9)) if isinstance(each, BadRecord)]
    assert "no JSON object" in number.reason
