"""The app's own search commands, started as splunkd starts them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Optional

from savedsearches.runner.app_commands import COMMANDS, SCRIPTS
from splunk_bridge.chunked import CommandProcess, Job

#: In the source tree; a built app has its own.
SCRIPT = SCRIPTS / COMMANDS["elasticsearch"]


class AppCommand(CommandProcess):
    """A running command of the app: the one that the job names, unless ``script`` is another."""

    def __init__(
        self, job: Job, *, python: str = sys.executable, script: Optional[Path] = None, home: Optional[Path] = None
    ):
        """Start it. ``home`` is ``$SPLUNK_HOME``, a temporary folder when not given."""
        super().__init__(job, script or SCRIPTS / COMMANDS[job.command], python=python, home=home)

    def audit_log(self) -> str:
        """Return the command's own log."""
        return self.log("aws_siem_bridge_search.log")
