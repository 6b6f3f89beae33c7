"""Options of a request, as text; and how a step of ours ends."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from aws_bridge.functions.json_log import JsonLog
from response.core.options import is_known
from response.core.result import ActionResult
from response.errors import BadRequest
from response.handlers.step import Step

#: Characters of an option that a message repeats.
_SHOWN = 40


def option(step: Step, name: str, default: str = "") -> str:
    """Return an option that was chosen with the request: one of `response.core.options`.

    Raises `BadRequest` for one that is no text.
    """
    if not is_known(name):
        raise KeyError(f"no action has the option {name}")
    options = step.event.get("options") or {}
    value = options.get(name) if isinstance(options, dict) else None
    if value is None or value == "":
        return default
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise BadRequest(f"the option {name} is no text")
    return str(value).strip()


def chosen(step: Step, name: str, default: bool) -> bool:
    """Return an option that is yes or no. Raises `BadRequest` for anything else, so that a slip never means yes."""
    text = option(step, name, "yes" if default else "no").lower()
    if text in ("yes", "true", "1"):
        return True
    if text in ("no", "false", "0"):
        return False
    raise BadRequest(f"the option {name} is {text[:_SHOWN]!r}: write yes or no")


def several(step: Step, name: str) -> Tuple[str, ...]:
    """Return the values of an option between commas."""
    return tuple(each.strip() for each in option(step, name).split(",") if each.strip())


def texts(value: Any, what: str) -> List[str]:
    """Return a list of texts. Raises `BadRequest`."""
    if not isinstance(value, list) or not value or not all(isinstance(each, str) for each in value):
        raise BadRequest(f"{what} is no list of texts")
    return list(value)


def answered(result: ActionResult) -> Dict[str, Any]:
    """Log how a step ended, and return it as the state machine gets it."""
    known = result.to_json()
    JsonLog().info(result.action, **{name: value for name, value in known.items() if name not in ("changes", "action")})
    return known
