"""Where engines run that outlive the command that started them; asked without loading what starts one."""

from __future__ import annotations

from typing import List

from .catalog import ENGINES
from .detached import find_detached


def running_urls() -> List[str]:
    """Return the URLs of the running engines, the last started first."""
    found = [state for state in map(find_detached, ENGINES) if state]
    return [state.url for state in sorted(found, key=lambda state: -state.started_at)]
