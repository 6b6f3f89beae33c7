"""``<action>_modalert.log``, as the Common Information Model expects it, and what is said to splunkd.

https://docs.splunk.com/Documentation/CIM/latest/User/SplunkAuditLogs: a line of an action names worker, signature,
action_name, search_name, sid, orig_sid, rid, orig_rid, app, user, digest_mode, action_mode, action_status.
"""

from __future__ import annotations

import logging
from typing import Any, Dict, Mapping

from splunk_host.log import line, open_log

from alert_actions.payload import Payload, Row
from es_bridge.terminal import put_error

SUCCESS, FAILURE, PENDING = "success", "failure", "pending"
_LEVELS = {SUCCESS: logging.INFO, PENDING: logging.INFO, FAILURE: logging.ERROR}


class ActionLog:
    """The log of one action. It is given what to say in words, and never a payload."""

    def __init__(self, action: str, facts: Mapping[str, Any]) -> None:
        self._action = action
        self._facts = dict(facts)
        self._log = open_log(f"aws_siem_bridge.{action}", f"{action}_modalert.log")

    def say(self, status: str, text: str, rid: str = "", orig_sid: str = "", orig_rid: str = "") -> None:
        """Write what became of a row, or of the alert where no row is named."""
        facts: Dict[str, Any] = {
            **self._facts, "rid": rid, "orig_sid": orig_sid, "orig_rid": orig_rid, "signature": text,
            "action_status": status,
        }  # fmt: skip
        self._log.log(_LEVELS[status], "sendmodaction - %s", line({name: facts[name] for name in sorted(facts)}))

    def tell_splunkd(self, level: str, text: str) -> None:
        """Write one line to standard error, which splunkd.log gets with this level."""
        put_error(f"{level} {self._action}: {' '.join(text.split())}")


def log_of(action: str, payload: Payload) -> ActionLog:
    """Return the log of an alert."""
    return ActionLog(
        action,
        {
            "worker": payload.server_host,
            "action_name": action,
            "search_name": payload.search,
            "sid": payload.sid,
            "app": payload.app,
            "user": payload.user,
            "digest_mode": int(payload.digest),
            "action_mode": "saved" if payload.search else "adhoc",
        },
    )


def origin_of(row: Row) -> Dict[str, str]:
    """Return what a row says of the alert it came from: a finding of Enterprise Security names it."""
    found = {name: row.get(name, "") for name in ("orig_sid", "orig_rid")}
    return {name: value[0] if isinstance(value, list) else value for name, value in found.items()}
