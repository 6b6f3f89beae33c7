"""What findings in OCSF have in common, whoever wrote them. https://schema.ocsf.io/1.6.0/classes/detection_finding."""

from __future__ import annotations

from typing import Any

from collectors.records.finding import (
    CRITICAL,
    HIGH,
    INFORMATIONAL,
    LOW,
    MEDIUM,
    Severity,
    severity_of_label,
)

#: 5 is critical, 6 fatal. 0 is unknown, 99 something else.
_SEVERITIES = {1: INFORMATIONAL, 2: LOW, 3: MEDIUM, 4: HIGH, 5: CRITICAL, 6: CRITICAL}


def severity_of_id(severity_id: Any) -> Severity:
    """Return the severity of a ``severity_id``."""
    return severity_of_label(_SEVERITIES.get(severity_id) if isinstance(severity_id, int) else None)
