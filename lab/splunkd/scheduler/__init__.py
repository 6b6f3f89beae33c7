"""Scheduled searches, a stand-in for splunkd's scheduler: the clock is given, and what it does is what its manual says.

It runs stanzas of ``savedsearches.conf`` when their cron line says so, with the ranges of ``dispatch.*`` worked out
from the scheduled time, raises an alert when there are rows, and suppresses rows that were raised before. What was
scheduled and raised is in a file, so that a new one goes on where an old one stopped. Nothing of this was compared with
a Splunk.

Left out: how many searches run at a time, skewed starts (``schedule_window``, ``allow_skew``), alerts that are no
"number of events greater than", and ``durable.*``.
"""

from .scheduler import Alert, Scheduler

__all__ = ["Alert", "Scheduler"]
