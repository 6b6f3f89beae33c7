"""How long each log is kept, and where: the one place of these numbers.

The lifecycle policies (`collectors.store.lifecycle`) are filled with them, and the loader refuses events that are older
than ``delete_after_days``: an index for them would be deleted again.
"""

from __future__ import annotations

from typing import Dict, NamedTuple


class Retention(NamedTuple):
    """Days from the beginning of an index to each step of its life."""

    #: From here it is read-only, so this is also how late an event may be stored. SQS keeps a message for 14 days at
    #: most: a log that nobody may miss stays writable for that long.
    warm_after_days: int
    cold_after_days: int
    delete_after_days: int


#: Dataset (`collectors.sources.datasets`, and the Beats) -> its days. Investigations ask CloudTrail for a year and its
#: last quarter at once (PCI DSS 10.5.1 asks the same); flow logs and WAF logs are ten times as large and asked for
#: weeks.
RETENTION: Dict[str, Retention] = {
    "cloudtrail": Retention(14, 90, 365),
    "vpc_flow": Retention(7, 30, 90),
    "route53_resolver": Retention(7, 30, 180),
    "waf": Retention(7, 30, 90),
    "filebeat": Retention(7, 30, 90),
    "winlogbeat": Retention(7, 90, 365),
}
