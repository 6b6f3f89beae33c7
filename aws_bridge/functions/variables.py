"""The settings of a function: environment variables ``AWS_SIEM_BRIDGE_...``.

An empty variable is one that is not there: a template can set nothing else.
"""

from __future__ import annotations

from typing import Mapping, Optional, Tuple

from aws_bridge.errors import AwsError

PREFIX = "AWS_SIEM_BRIDGE_"


class SettingsProblem(AwsError):
    """A variable is missing or makes no sense; names it."""


class Variables:
    """The variables that are set, by their names without `PREFIX`."""

    def __init__(self, environment: Mapping[str, str], required: Tuple[str, ...] = ()) -> None:
        """Raise `SettingsProblem` when one that is ``required`` is missing."""
        self._given = {name[len(PREFIX) :]: value for name, value in environment.items() if name.startswith(PREFIX)}
        missing = [PREFIX + name for name in required if name not in self]
        if missing:
            raise SettingsProblem(f"the function's environment lacks {', '.join(missing)}")

    def __contains__(self, name: str) -> bool:
        return bool(self._given.get(name))

    def text(self, name: str, default: str = "") -> str:
        """Return what is set, or ``default``."""
        return self._given.get(name) or default

    def several(self, name: str) -> Tuple[str, ...]:
        """Return the values between commas; none if nothing is set."""
        return tuple(each.strip() for each in self.text(name).split(",") if each.strip())

    def number(self, name: str) -> Optional[float]:
        """Return a number of 0 or more, None if nothing is set. Raises `SettingsProblem` for anything else."""
        text = self.text(name)
        if not text:
            return None
        try:
            number = float(text)
        except ValueError:
            number = -1.0
        if not 0 <= number < float("inf"):
            raise SettingsProblem(f"{PREFIX}{name} is {text!r}: give a number, 0 or more")
        return number
