"""How many examples hypothesis tries: all of them under ``script/test --full``, a fifth of them in every other run."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import settings


def examples(all_of_them: int, **options: Any) -> settings:
    """Return a decorator for a property; ``options`` are hypothesis's own."""
    count = all_of_them if os.environ.get("AWS_SIEM_BRIDGE_FULL") else all_of_them // 5
    return settings(max_examples=count, **options)
