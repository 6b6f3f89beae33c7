"""The app's own search command, started as splunkd starts it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Optional

from splunk_bridge.chunked import CommandProcess, Job

#: In the source tree; a built app has its own.
SCRIPT = Path(__file__).resolve().parents[1] / "splunk_app" / "package" / "bin" / "elastic_search.py"


class AppCommand(CommandProcess):
    """A running ``| elasticsearch``."""

    def __init__(self, job: Job, *, python: str = sys.executable, script: Path = SCRIPT, home: Optional[Path] = None):
        """Start it. ``home`` is ``$SPLUNK_HOME``, a temporary folder when not given."""
        super().__init__(job, script, python=python, home=home)

    def audit_log(self) -> str:
        """Return the command's own log."""
        return self.log("aws_siem_bridge_search.log")
