"""All cases that a session asks for, loaded at once and run side by side."""

from __future__ import annotations

from typing import Any, Iterator, List

import pytest


@pytest.fixture(scope="session")
def harness(request: pytest.FixtureRequest, engine: Any) -> Iterator[Any]:
    """Return the harness with the cases of the tests that were selected."""
    from tests.savedsearches.detections.harness import Harness

    cases: List[Any] = []
    for item in request.session.items:
        case = getattr(item, "callspec", None) and item.callspec.params.get("case")  # type: ignore[attr-defined]
        if case is not None and case not in cases:
            cases.append(case)
    found = Harness(engine.url, cases)
    yield found
    found.close()
