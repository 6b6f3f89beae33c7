"""The command's own log: one line a search, for whoever has to answer "who read what".

The line is ``key=value`` with quoted text (`splunk_host.log.line`). It says who, where, what range, how much, how
many events that match were not returned (``cut``), and how it ended. The query is not in it, unless the engine quotes
it in its error; a secret never is. It is written whatever the log level: that one decides about everything else in the
log.
"""

from __future__ import annotations

import logging
from typing import Any, Dict

from splunk_host import log

LOG_NAME = "aws_siem_bridge_search.log"


def open_log() -> logging.Logger:
    """Return the command's log."""
    return log.open_log("aws_siem_bridge.search", LOG_NAME)


def write_audit_line(facts: Dict[str, Any]) -> None:
    """Write the line of one search."""
    audit = open_log().getChild("audit")
    audit.setLevel(logging.INFO)
    audit.info("%s", log.line(facts))


def log_trace(trace: str) -> None:
    """Write the traceback of an error, on one line: what it quotes must not look like lines of this log."""
    open_log().error("unexpected %s", log.line({"trace": log.end_of(trace)}))
