"""The daily poll beside the queue: EventBridge delivers Inspector's and Macie's findings with best effort only.

It is of the same process and has the same memory of what was written, so that it writes what the queue did not bring,
and nothing else. https://docs.aws.amazon.com/eventbridge/latest/ref/event-delivery-level.html
"""

from __future__ import annotations

from dataclasses import replace
from typing import Optional, Tuple

from aws_inputs.settings import InputSettings, names

#: What AWS shows so late is found all the same; at one poll a day an hour costs nothing.
OVERLAP_S = 3600
SAFETY_WINDOW_S = 900


def reconciled(settings: InputSettings) -> Tuple[str, ...]:
    """Return the kinds of findings that are asked for: those of the setting that the queue is read for as well."""
    wanted, read = names(settings["reconcile"]), names(settings["datasets"])
    return tuple(each for each in wanted if each != "none" and each in (read or wanted))


def settings_of(settings: InputSettings) -> Optional[InputSettings]:
    """Return the settings of the poll beside a queue's; ``None`` if there is to be none."""
    datasets = reconciled(settings)
    if not datasets:
        return None
    every_s = settings["reconcile_every_s"]
    values = {
        **settings.values,
        "datasets": ",".join(datasets),
        "poll_interval_s": every_s,
        "archived": True,
        "overlap_s": OVERLAP_S,
        "safety_window_s": SAFETY_WINDOW_S,
    }
    return replace(settings, values=values)
