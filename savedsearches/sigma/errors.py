"""Why a rule of Sigma is not imported."""

from __future__ import annotations


class Refused(Exception):
    """A rule that would find nothing here, or something else than it says. ``str()`` is the reason."""
