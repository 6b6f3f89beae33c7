"""A detection with one clause changed: a case has to notice. A sample each time, all with ``script/test --full``.

What no case notices stands, with its reason, in `SURVIVORS`: a clause that bounds cost or noise and not what is found.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

import pytest

pytest.importorskip("pydantic", reason="detections are read where they are worked on, with Python 3.11")

import yaml

from savedsearches.content.detection import Detection
from savedsearches.content.reading import FOLDER, read_files
from tests.sampling import sample

from .cases import Case, cases_of
from .harness import Harness, shown
from .mutations import Mutation, mutations_of

DETECTIONS: List[Detection] = list(read_files(sorted(FOLDER.glob("*.yml")))[0].values())
MUTATIONS = [mutation for detection in DETECTIONS for mutation in mutations_of(detection)]
#: Each runs cases until one notices: about three of them.
A_RUN = 12
#: ``--full`` stops here and says so.
MOST = 1_000
SURVIVORS: Dict[str, str] = yaml.safe_load((Path(__file__).parent / "survivors.yml").read_text("utf-8")) or {}


@pytest.mark.fast
def test_every_detection_has_mutations_of_its_clauses() -> None:
    for detection in DETECTIONS:
        kinds = {mutation.kind.split()[0] for mutation in mutations_of(detection)}
        assert "window" in kinds, detection.name
    assert len({mutation.id for mutation in MUTATIONS}) > len(DETECTIONS) * 4


@pytest.mark.parametrize(
    "mutation", sample("mutations of detections", MUTATIONS, A_RUN)[:MOST], ids=lambda mutation: mutation.id
)
def test_a_changed_clause_is_noticed(mutation: Mutation, harness: Harness) -> None:
    if mutation.id in SURVIVORS:
        pytest.skip(f"known to survive: {SURVIVORS[mutation.id]}")
    (detection,) = (each for each in DETECTIONS if each.name == mutation.detection.name)
    cases = cases_of(detection)
    harness.load(cases)
    # Where a clause is about is where it is most likely noticed: negatives of the same words first.
    words = set(mutation.what.replace(":", " ").replace("NOT ", "").split())
    cases.sort(key=lambda case: -len(words & set(_clause(case).replace(":", " ").split())))
    if not any(_notices(case, harness, mutation) for case in cases):
        pytest.fail(f"{detection.name}.yml: no case notices: {mutation.kind}: {mutation.what}", pytrace=False)


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
