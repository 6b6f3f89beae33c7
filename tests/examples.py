"""How many examples hypothesis tries: all of them under ``script/test --full``, a fifth of them in every other run.

``pytest --fast`` tries a fifth of these again, also of properties that name no number (hypothesis's own is 100).
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

USUAL = 100
FEW = USUAL // 5
# A test must not fail because the machine has other work.
_PATIENT: Any = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("beside other work", max_examples=USUAL, **_PATIENT)
settings.register_profile("a few examples", max_examples=FEW, **_PATIENT)


def choose_profile(config: pytest.Config) -> None:
    """Settle how many are tried, before a test module is read."""
    settings.load_profile("a few examples" if config.getoption("--fast") else "beside other work")


def examples(all_of_them: int, **options: Any) -> settings:
    """Return a decorator for a property; ``options`` are hypothesis's own."""
    count = all_of_them if os.environ.get("AWS_SIEM_BRIDGE_FULL") else all_of_them // 5
    if settings.default.max_examples == FEW:
        count = max(count // 5, 1)
    return settings(max_examples=count, **options)
