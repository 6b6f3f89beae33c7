"""A sample of what takes too long to run whole each time: drawn by the commit, so that it changes with what is tested.

``script/test --full`` runs all of it. What was drawn from is told at the end of a run (`told`).
"""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path
from typing import List, Sequence, TypeVar

Each = TypeVar("Each")
#: One line for each sample of this session.
told: List[str] = []


def commit() -> str:
    """Return the hash of the commit that is tested, 'none' outside a repository."""
    shown = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return shown.stdout.strip() or "none"


def sample(what: str, all_of_them: Sequence[Each], count: int) -> List[Each]:
    """Return ``count`` of them in their order, the same for the same commit; all of them under ``--full``."""
    if os.environ.get("AWS_SIEM_BRIDGE_FULL") or count >= len(all_of_them):
        return list(all_of_them)
    by = commit()
    drawn = sorted(random.Random(f"{by} {what}").sample(range(len(all_of_them)), count))
    told.append(f"{what}: {count} of {len(all_of_them)}, drawn by commit {by[:12]}: {', '.join(map(str, drawn))}")
    return [all_of_them[number] for number in drawn]
