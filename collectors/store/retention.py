"""How long each log is kept, and where: a log's days stand in its row (`collectors.sources.log`), the Beats' here.

The lifecycle policies (`collectors.store.lifecycle`) are filled with them, and the loader refuses events that are older
than ``delete_after_days``: an index for them would be deleted again.
"""

from __future__ import annotations

from typing import Dict

from collectors.sources.log import Retention
from collectors.sources.registry import LOGS

#: Log or Beat -> its days.
RETENTION: Dict[str, Retention] = {
    **{log.name: log.retention for log in LOGS.values()},
    "filebeat": Retention(7, 30, 90),
    "winlogbeat": Retention(7, 90, 365),
}
