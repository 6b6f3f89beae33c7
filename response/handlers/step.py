"""What a function of the workflow begins with: its event, whether it may change anything, where things are kept.

Settings: ``BUCKET`` and ``BUCKET_REGION`` of the evidence bucket, ``TABLE``, ``PARAMETER``, and those of
`response.handlers.areas`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Tuple

from aws_bridge.functions.variables import Variables
from response.aws.incidents import RELEASED, Incidents
from response.aws.parameter import read_limits
from response.aws.saved_state import SavedStates
from response.core.limits import LIVE, Limits
from response.core.target import Target
from response.errors import BadRequest
from response.handlers.areas import Areas, areas_of


@dataclass(frozen=True)
class Step:
    """One call of one function."""

    event: Mapping[str, Any]
    areas: Areas
    variables: Variables

    @property
    def incident(self) -> str:
        """The incident's id."""
        return str(self.event["incident"])

    @property
    def target(self) -> Target:
        """The instance. Raises `response.errors.BadTarget`."""
        return Target(*(str(self.event.get(name) or "") for name in ("account", "region", "instance")))

    @property
    def states(self) -> SavedStates:
        """The evidence bucket's saved states."""
        here = self.areas.here
        area = here._replace(region=self.variables.text("BUCKET_REGION") or here.region)
        return SavedStates(area, self.variables.text("BUCKET"))

    @property
    def incidents(self) -> Incidents:
        """The table of incidents."""
        return Incidents(self.areas.here, self.variables.text("TABLE"))

    def is_dry_run(self) -> bool:
        """Return whether nothing may be changed: the switch is read again, so it holds for what runs already."""
        return bool(self.event.get("dry_run", True)) or self.limits().mode != LIVE

    def limits(self) -> Limits:
        """Return what the parameter says now."""
        return read_limits(self.areas.here, self.variables.text("PARAMETER"))

    def is_over(self) -> bool:
        """Return whether the incident was released, or another one took its place, since the workflow began.

        A plan that somebody asked for is none of the table's incidents, and is never over.
        """
        if self.event.get("only_plan"):
            return False
        found = self.incidents.find(self.target)
        return found is not None and (found.id != self.incident or found.state == RELEASED)


def step_of(event: Any, environment: Mapping[str, str], required: Tuple[str, ...]) -> Step:
    """Return what a function was called with. Raises `BadRequest`, and `aws_bridge.errors.AwsError` for settings."""
    variables = Variables(environment, required=required)
    if not isinstance(event, dict) or not event.get("incident"):
        raise BadRequest("the event has no incident: this function is called by the workflow")
    return Step(event, areas_of(environment, variables), variables)


def request_rows(event: Any) -> Tuple[Dict[str, Any], ...]:
    """Return the rows of a request of Splunk. Raises `BadRequest`."""
    rows = event.get("rows") if isinstance(event, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadRequest('rows is no list of objects: send {"rows": [{"instance": "i-...", "account", "region"}]}')
    return tuple(rows)
