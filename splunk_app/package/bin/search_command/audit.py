"""The command's own log: one line a search, for whoever has to answer "who read what".

The line is ``key=value`` with quoted text. It says who, where, what range and how much, and how it ended. The query is
not in it, unless the engine quotes it in its error; a secret never is. It is written whatever the log level: that one
decides about everything else in the log.
"""

from __future__ import annotations

import logging
from typing import Any, Dict

from cluster_settings import log

LOG_NAME = "aws_siem_bridge_search.log"


def open_log() -> logging.Logger:
    """Return the command's log."""
    return log.open_log("aws_siem_bridge.search", LOG_NAME)


def write_audit_line(facts: Dict[str, Any]) -> None:
    """Write the line of one search."""
    audit = open_log().getChild("audit")
    audit.setLevel(logging.INFO)
    audit.info("%s", log.line(facts))
