"""Each detection on its own events: it finds what it has to, and nothing where one clause is not fulfilled."""

from __future__ import annotations

from typing import Any, List

import pytest

pytest.importorskip("pydantic", reason="detections are read where they are worked on, with Python 3.11")

from savedsearches.content.checks import problems_of
from savedsearches.content.reading import FOLDER, read_files

from .cases import Case, cases_of
from .harness import Harness, shown

READ, PROBLEMS = read_files(sorted(FOLDER.glob("*.yml")))
#: A file that cannot be read has no case: `test_the_files_can_be_used` says why.
CASES: List[Case] = [case for detection in READ.values() for case in cases_of(detection)]


def names() -> List[str]:
    return [path.stem for path in sorted(FOLDER.glob("*.yml"))]


@pytest.mark.fast
@pytest.mark.parametrize("name", names())
def test_the_file_can_be_used(name: str) -> None:
    path = FOLDER / f"{name}.yml"
    found, problems = read_files([path])
    problems += problems_of(found)
    assert not problems, "\n" + "\n".join(problems)


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_a_case(case: Case, harness: Harness) -> None:
    outcome = harness.outcome(case)
    where = f"{case.detection.name}.yml, {case.name}"
    if outcome.error is not None:
        pytest.fail(f"{where}: {outcome.error}", pytrace=False)
    warnings = [text for text in outcome.messages if text.startswith("WARN")]
    if warnings:
        pytest.fail(f"{where}: the search warns: {warnings}", pytrace=False)
    rows = [{name: shown(value) for name, value in row.items()} for row in outcome.rows]
    if case.expect is None:
        if not rows:
            pytest.fail(f"{where}: no row, it must still alert. Messages: {outcome.messages}", pytrace=False)
    else:
        wanted = [{name: shown(value) for name, value in row.items()} for row in case.expect]
        found = [{name: row.get(name) for name in wanted[n]} if n < len(wanted) else row for n, row in enumerate(rows)]
        if found != wanted:
            told = f" Messages: {outcome.messages}" if not rows else ""
            pytest.fail(f"{where}:\n  expected {wanted}\n  found    {rows}{told}", pytrace=False)
    if outcome.raw_rows > case.detection.raw_rows:
        pytest.fail(f"{where}: {outcome.raw_rows} raw rows, raw_rows says {case.detection.raw_rows}", pytrace=False)
    if case.raw_rows not in (None, outcome.raw_rows):
        pytest.fail(f"{where}: {outcome.raw_rows} raw rows, not {case.raw_rows}", pytrace=False)
    _named_fields_are_there(case, rows, where)


def _named_fields_are_there(case: Case, rows: List[Any], where: str) -> None:
    """What suppression, risk, steps and drill-down name has to be in the first row of the expected ones."""
    if case.name != "events":
        return
    detection = case.detection
    named = {*detection.suppress.by, *(each.field for each in detection.risk.objects)}
    named |= {each.field for each in detection.risk.threats} | {field for _, field in detection.tokens()}
    missing = sorted(name for name in named if not any(name in row for row in rows))
    if missing:
        pytest.fail(f"{where}: named and in no row: {', '.join(missing)}; rows have {sorted(rows[0])}", pytrace=False)
