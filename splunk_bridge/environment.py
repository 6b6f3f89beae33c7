"""The environment of a child that runs an app's script."""

from __future__ import annotations

import os
import re
from typing import Dict

#: Of the caller's environment a child gets this much: enough to run, and to find AWS credentials.
_PASSED_ON = re.compile("PATH|HOME|TMPDIR|SYSTEMROOT|LD_LIBRARY_PATH|AWS_(?!SIEM_BRIDGE_).*")


def passed_on() -> Dict[str, str]:
    """Return what a child gets of our own environment. Another thread may change that meanwhile."""
    found = {name: os.environ.get(name) for name in os.environ if _PASSED_ON.fullmatch(name)}
    return {name: value for name, value in found.items() if value is not None}
