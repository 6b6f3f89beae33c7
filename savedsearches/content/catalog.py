"""The lookup table ``aws_detections``: what a row of an alert says about its detection."""

from __future__ import annotations

import csv
import io
from typing import Dict, Iterable, List

from savedsearches.content.detection import Detection

COLUMNS = ("detection", "title", "severity", "risk_score", "attack", "data", "version")


def catalog(detections: Iterable[Detection]) -> List[Dict[str, str]]:
    """Return the rows of the table, by name."""
    return [
        {
            "detection": each.name,
            "title": each.title,
            "severity": each.severity,
            "risk_score": str(each.risk.score),
            "attack": " ".join(each.attack),
            "data": " ".join(each.data),
            "version": str(each.version),
        }
        for each in sorted(detections, key=lambda each: each.name)
    ]


def catalog_csv(detections: Iterable[Detection]) -> str:
    """Return the table as a CSV file."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(catalog(detections))
    return file.getvalue()
