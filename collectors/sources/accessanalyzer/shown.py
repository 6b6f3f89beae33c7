"""Whose findings a list of Access Analyzer shows: nobody else's, because an analyzer's findings are its own.

Where there is no analyzer, that is found out here.
"""

from __future__ import annotations

from typing import FrozenSet

from collectors.records.page import Choice
from collectors.records.record import Origin
from collectors.records.shown import Asking
from collectors.sources.accessanalyzer.api import Lister


def shown(asking: Asking) -> FrozenSet[Origin]:
    """See `collectors.records.shown`."""
    Lister(asking.caller, asking.place.region, asking.place.account, Choice()).analyzers()
    return frozenset()
