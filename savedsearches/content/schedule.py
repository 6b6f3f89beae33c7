"""When a detection runs: its cron line, at a minute of its own, so that not all run at once."""

from __future__ import annotations

import hashlib

from savedsearches.content.detection import Detection, seconds


def cron(detection: Detection) -> str:
    """Return the cron line. The minute comes from the id, so that it stays when detections are added or renamed."""
    if detection.schedule.cron:
        return detection.schedule.cron
    every_m = seconds(detection.schedule.every) // 60
    digest = hashlib.sha256(detection.id.encode()).digest()
    minute = digest[0] * 256 + digest[1]
    if every_m < 60:
        return f"{minute % every_m}-59/{every_m} * * * *"
    hours = every_m // 60
    hour = digest[2] % hours
    return f"{minute % 60} {'*' if hours == 1 else hour if hours == 24 else f'{hour}-23/{hours}'} * * *"
