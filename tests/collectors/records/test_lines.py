"""Lines out of pieces: however the content is cut, the same lines with the same numbers and offsets."""

from __future__ import annotations

import tracemalloc
from typing import Any, Iterable, Iterator, List, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.errors import DamagedFile
from collectors.records.lines import Lines, Numbered
from collectors.records.record import EXCERPT_BYTES, MAX_RECORD_BYTES, BadRecord
from tests.examples import examples


def in_pieces(content: bytes, size: int) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


def found(content: bytes, size: int = 5, **options: object) -> List[object]:
    return list(Lines(in_pieces(content, size), **options))  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"\n", []),
        (b"one", [b"one"]),
        (b"one\n", [b"one"]),
        (b"one\ntwo", [b"one", b"two"]),
        (b"one\r\ntwo\r\n", [b"one", b"two"]),
        (b"\n\none\n \t\r\n\ntwo\n\n", [b"one", b"two"]),
        (b"  one  \n\ttwo", [b"one", b"two"]),
    ],
)
def test_lines_are_numbered_and_blank_ones_are_none(content, lines, size):
    assert found(content, size) == list(enumerate(lines, start=1))


def test_a_byte_order_mark_is_no_part_of_the_first_line():
    lines = Lines([b"\xef\xbb\xbf{one}\n", b"bad"])
    offsets = [lines.bad(number, line, "").offset for number, line in lines]
    assert offsets == [3, 9]


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_lines_before_the_first_number_are_counted_only(size):
    assert found(b"a\n\nb\nc\nd", size, first_number=3) == [(3, b"c"), (4, b"d")]


def test_the_offset_of_a_line_is_where_its_text_begins():
    content = b"one\n\n  two\r\nthree\nfour"
    lines = Lines(in_pieces(content, 9))
    assert [lines.bad(number, line, "odd") for number, line in lines] == [
        BadRecord(1, 0, "odd", b"one"),
        BadRecord(2, 7, "odd", b"two"),
        BadRecord(3, 12, "odd", b"three"),
        BadRecord(4, 18, "odd", b"four"),
    ]


@pytest.mark.parametrize("size", [1, 3, 64, 1000])
@pytest.mark.parametrize("end", [b"", b"\nafter"])
def test_a_line_that_is_too_long_is_a_bad_record_with_a_number(size, end):
    content = b"before\n" + b"x" * 101 + end
    after = [(3, b"after")] if end else []
    bad = BadRecord(2, 7, "the record is longer than 100 bytes", b"x" * 100 + b"x")
    assert found(content, size, limit_bytes=100) == [(1, b"before"), bad, *after]
    assert found(content, size, limit_bytes=101) == [(1, b"before"), (2, b"x" * 101), *after]
    assert found(content, size, limit_bytes=100, first_number=3) == after


def test_a_line_that_is_too_long_is_not_held():
    held = 0

    def endless() -> Iterator[bytes]:
        nonlocal held
        yield b"first\n"
        piece = b"y" * 262_144
        for _ in range(20 * MAX_RECORD_BYTES // len(piece)):
            yield piece
            held = max(held, memory())
        yield b"\nlast"

    tracemalloc.start()

    def memory() -> int:
        return tracemalloc.get_traced_memory()[0]

    try:
        first, bad, last = Lines(endless())
    finally:
        tracemalloc.stop()
    assert (first, last) == ((1, b"first"), (3, b"last"))
    assert isinstance(bad, BadRecord)
    assert (bad.number, bad.offset, len(bad.excerpt)) == (2, 6, EXCERPT_BYTES)
    assert held < 2.5 * MAX_RECORD_BYTES


def cut_off(content: bytes, size: int) -> Iterator[bytes]:
    yield from in_pieces(content, size)
    raise DamagedFile("cut", len(content))


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_damage_comes_after_every_complete_line_and_takes_the_incomplete_one(size):
    seen: List[object] = []
    with pytest.raises(DamagedFile):
        seen.extend(in_turn(Lines(cut_off(b"one\ntwo\nthr", size)), seen))
    assert seen == [(1, b"one"), (2, b"two")]


def in_turn(items: Iterable[object], seen: List[object]) -> Iterator[object]:
    """Append one by one: what came before an error is kept."""
    for item in items:
        seen.append(item)
    return iter(())


def apart(content: bytes, size: int, **options: Any) -> Iterator[Tuple[Numbered, BadRecord]]:
    """Yield what is handed out when every line is asked to be taken apart, each also as a bad record."""
    lines = Lines(in_pieces(content, size), glued=True, **options)
    for item in lines:
        if isinstance(item, BadRecord):
            yield item, item
        elif not lines.take_apart():
            yield item, lines.bad(item[0], item[1], "")


GLUED = b'{"a":1}{"b":"}{"}{"c":"}{\\"a\\":1}"}\r\n{"d":[{"x":{}}]} \n\n {"e":2}{"f":3}'
OBJECTS = [b'{"a":1}', b'{"b":"}{"}', b'{"c":"}{\\"a\\":1}"}', b'{"d":[{"x":{}}]}', b'{"e":2}', b'{"f":3}']
NUMBERED = list(enumerate(OBJECTS, start=1))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 11, 1000])
def test_objects_with_nothing_between_them_are_told_apart(size):
    assert [item for item, _ in apart(GLUED, size)] == NUMBERED
    on_one_line = GLUED.replace(b"\r\n", b"").replace(b"\n", b"").replace(b" ", b"")
    assert [item for item, _ in apart(on_one_line, size)] == NUMBERED


@pytest.mark.parametrize("size", [1, 2, 3, 5, 11, 1000])
@pytest.mark.parametrize("first_number", range(2, 9))
def test_glued_objects_are_counted_without_being_handed_out(size, first_number):
    assert [item for item, _ in apart(GLUED, size, first_number=first_number)] == NUMBERED[first_number - 1 :]


def test_a_line_is_taken_apart_only_when_asked():
    lines = Lines([GLUED + b"\n"], glued=True)
    assert [item[0] for item in lines] == [1, 2, 3]


def test_objects_are_not_told_apart_where_lines_are_not_glued():
    lines = Lines([GLUED])
    assert [lines.take_apart() for _ in lines] == [False] * 3


@pytest.mark.parametrize("size", [1, 6, 1000])
def test_the_offset_of_a_glued_object(size):
    bad = [record for _, record in apart(GLUED, size)]
    assert [GLUED[each.offset :][: len(each.excerpt)] for each in bad] == OBJECTS


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 1000])
def test_a_glued_object_that_is_too_long_hides_no_other(size):
    long = b'{"long":"' + b"x" * 200 + b'"}'
    content = b'{"a":1}' + long + b'{"b":2}{"c":3}'
    first, bad, *others = [item for item, _ in apart(content, size, limit_bytes=100)]
    assert [first, *others] == [(1, b'{"a":1}'), (3, b'{"b":2}'), (4, b'{"c":3}')]
    assert isinstance(bad, BadRecord)
    assert (bad.number, bad.offset) == (2, 7)
    assert bad.excerpt.startswith(b'{"long":"xxx')


pieces_of = st.lists(
    st.sampled_from([b"a", b"{", b"}", b'"', b"\n", b"\r", b" ", b'}{"k', b"1234567890", b" " * 12]), max_size=40
)


@examples(300)
@given(pieces_of, st.integers(1, 12), st.booleans(), st.integers(1, 5))
def test_where_the_content_is_cut_changes_nothing(parts, size, glued, first_number):
    content = b"".join(parts)

    def places(size: int) -> List[object]:
        if glued:
            found = list(apart(content, size, first_number=first_number, limit_bytes=25))
        else:
            lines = Lines(in_pieces(content, size), first_number, limit_bytes=25)
            found = [(item, item if isinstance(item, BadRecord) else lines.bad(*item, "")) for item in lines]
        # Of a line that is too long, less is known when it is passed over: its white space.
        return [bad.number if isinstance(item, BadRecord) else bad for item, bad in found]

    assert places(size) == places(len(content) + 1)
