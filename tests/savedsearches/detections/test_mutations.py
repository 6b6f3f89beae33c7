"""A detection with one clause changed: a case has to notice. A sample each time, all with ``script/test --full``.

``--full`` begins none later than `WITHIN_S` after the first, and says how many it left out.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, List, Optional

import pytest

pytest.importorskip("pydantic", reason="detections are read where they are worked on, with Python 3.11")

from savedsearches.content.detection import Detection
from savedsearches.content.reading import FOLDER, read_files
from tests.sampling import sample, told

from .cases import Case, cases_of
from .harness import AT_A_TIME, Harness, shown
from .mutations import Mutation, mutations_of

DETECTIONS: List[Detection] = list(read_files(sorted(FOLDER.glob("*.yml")))[0].values())
MUTATIONS = [mutation for detection in DETECTIONS for mutation in mutations_of(detection)]
#: Each runs cases until one notices: about three of them.
A_RUN = 10
#: Time limit of ``--full``, seconds: five times as long as it takes on two cores.
WITHIN_S = 1_800


@pytest.mark.fast
def test_every_detection_has_mutations_of_its_clauses() -> None:
    for detection in DETECTIONS:
        kinds = {mutation.kind.split()[0] for mutation in mutations_of(detection)}
        assert ("window" in kinds) != (detection.data == ["lookups"]), detection.name
    assert len({mutation.id for mutation in MUTATIONS}) > len(DETECTIONS) * 4


@pytest.mark.timeout(WITHIN_S + 600)
def test_changed_clauses_are_noticed(harness: Harness) -> None:
    """A sample of the mutations, under ``--full`` all of them. What no case notices is an error."""
    drawn = sample("mutations of detections", MUTATIONS, A_RUN)
    names = list(dict.fromkeys(mutation.detection.name for mutation in drawn))
    cases = {name: cases_of(_shipped(name)) for name in names}
    for name in names:
        harness.load(cases[name])
    began_s = time.monotonic()

    def noticed(mutation: Mutation) -> Optional[bool]:
        in_time = time.monotonic() - began_s < WITHIN_S
        return is_noticed(mutation, cases[mutation.detection.name], harness) if in_time else None

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        found = list(pool.map(noticed, drawn))
    survivors = [mutation.id for mutation, seen in zip(drawn, found) if seen is False]
    took = f"{time.monotonic() - began_s:.0f} s, {found.count(None)} left out"
    told.append(f"mutations of detections that no case noticed, of {len(drawn)}: {survivors or 'none'} ({took})")
    assert not survivors, "no case notices:\n" + "\n".join(survivors)
    assert None not in found, f"not run within {WITHIN_S} s: {found.count(None)}"


def is_noticed(mutation: Mutation, cases: List[Case], harness: Harness) -> bool:
    """Return whether a case comes out otherwise than it has to."""
    # What a clause is about is where it is most likely noticed: negatives of the same words first.
    words = set(mutation.what.replace(":", " ").replace("NOT ", "").split())
    likely = sorted(cases, key=lambda case: -len(words & set(_clause(case).replace(":", " ").split())))
    return any(_notices(case, harness, mutation) for case in likely)


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
    if case.raw_rows not in (None, outcome.raw_rows):
        return True
    rows: List[Dict[str, Any]] = [{name: shown(value) for name, value in row.items()} for row in outcome.rows]
    if case.expect is None:
        return not rows
    wanted = [{name: shown(value) for name, value in row.items()} for row in case.expect]
    if len(rows) != len(wanted):
        return True
    return any({name: row.get(name) for name in want} != want for row, want in zip(rows, wanted))
