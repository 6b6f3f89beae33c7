"""A detection with one clause changed: a case has to notice. A sample each time, all with ``script/test --full``.

``--full`` stops after `MOST` of them.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, List

import pytest

pytest.importorskip("pydantic", reason="detections are read where they are worked on, with Python 3.11")

from savedsearches.content.detection import Detection
from savedsearches.content.reading import FOLDER, read_files
from tests.sampling import sample, told

from .cases import Case, cases_of, fill
from .harness import AT_A_TIME, Harness, shown
from .mutations import Mutation, mutations_of

DETECTIONS: List[Detection] = list(read_files(sorted(FOLDER.glob("*.yml")))[0].values())
MUTATIONS = [mutation for detection in DETECTIONS for mutation in mutations_of(detection)]
#: Each runs cases until one notices: about three of them.
A_RUN = 10
#: ``--full`` stops here and says so.
MOST = 1_000


@pytest.mark.fast
def test_every_detection_has_mutations_of_its_clauses() -> None:
    for detection in DETECTIONS:
        kinds = {mutation.kind.split()[0] for mutation in mutations_of(detection)}
        assert "window" in kinds, detection.name
    assert len({mutation.id for mutation in MUTATIONS}) > len(DETECTIONS) * 4


def test_a_sample_of_changed_clauses_is_noticed(harness: Harness) -> None:
    """Most of them: what is not noticed is told, and is an error of its own under ``--full``."""
    drawn = sample("mutations of detections", MUTATIONS, A_RUN)[:MOST]
    for detection in {mutation.detection.name: mutation.detection for mutation in drawn}.values():
        harness.load(cases_of(_shipped(detection.name)))
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        noticed = list(pool.map(lambda mutation: is_noticed(mutation, harness), drawn))
    survivors = [mutation.id for mutation, seen in zip(drawn, noticed) if not seen]
    told.append(f"mutations of detections that no case noticed: {survivors or 'none'}")
    assert len(survivors) <= len(drawn) // 2, survivors


@pytest.mark.full
@pytest.mark.parametrize("mutation", MUTATIONS[:MOST], ids=lambda mutation: mutation.id)
def test_a_changed_clause_is_noticed(mutation: Mutation, harness: Harness) -> None:
    harness.load(cases_of(_shipped(mutation.detection.name)))
    if not is_noticed(mutation, harness):
        name = mutation.detection.name
        pytest.fail(f"{name}.yml: no case notices: {mutation.kind}: {mutation.what}", pytrace=False)


def is_noticed(mutation: Mutation, harness: Harness) -> bool:
    """Return whether a case comes out otherwise than it has to."""
    cases = cases_of(_shipped(mutation.detection.name))
    for case in cases:
        fill(case)
    # What a clause is about is where it is most likely noticed: negatives of the same words first.
    words = set(mutation.what.replace(":", " ").replace("NOT ", "").split())
    cases.sort(key=lambda case: -len(words & set(_clause(case).replace(":", " ").split())))
    return any(_notices(case, harness, mutation) for case in cases)


def _shipped(name: str) -> Detection:
    return next(each for each in DETECTIONS if each.name == name)


def _clause(case: Case) -> str:
    negatives = {f"negative {each.name}": each.clause for each in case.detection.labelled.negative}
    return negatives.get(case.name, "")


def _notices(case: Case, harness: Harness, mutation: Mutation) -> bool:
    """Return whether a case comes out otherwise than it has to."""
    outcome = harness.run(case, mutation.detection.search, mutation.detection)
    if outcome.error is not None or any(text.startswith("WARN") for text in outcome.messages):
        return True
    rows: List[Dict[str, Any]] = [{name: shown(value) for name, value in row.items()} for row in outcome.rows]
    if case.expect is None:
        return not rows
    wanted = [{name: shown(value) for name, value in row.items()} for row in case.expect]
    if len(rows) != len(wanted):
        return True
    return any({name: row.get(name) for name in want} != want for row, want in zip(rows, wanted))
