"""Which finding an incident is about, where it can be told that it is dealt with, and with which words. Pure."""

from __future__ import annotations

import re
from typing import Any, Mapping, NamedTuple, Tuple

from response.errors import BadRequest

GUARDDUTY, SECURITY_HUB, SECURITY_HUB_V2 = "guardduty", "securityhub", "securityhub_v2"
PRODUCTS = (GUARDDUTY, SECURITY_HUB, SECURITY_HUB_V2)
#: Security Hub's workflow, and OCSF's number of the same state where the newer Security Hub has one.
#: https://docs.aws.amazon.com/securityhub/latest/userguide/findings-workflow-status.html and
#: https://schema.ocsf.io/1.6.0/classes/detection_finding
STATES = {"RESOLVED": 4, "NOTIFIED": 2}
#: https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_NoteUpdate.html
MOST_NOTE = 512
_GUARDDUTY_ALERT = re.compile(r"guardduty:([0-9a-f]{32}):.*", re.ASCII)


class Finding(NamedTuple):
    """One finding. ``id``: GuardDuty's id, Security Hub's ``Id``, or the newer one's ``metadata.uid``."""

    product: str
    id: str
    #: Of Security Hub CSPM only.
    product_arn: str = ""


def finding_of(event: Mapping[str, Any]) -> Finding:
    """Return the finding of a step's event: its options, or the GuardDuty finding that is its alert.

    Raises `BadRequest` when it names none.
    """
    options = event.get("options") or {}
    given = {name: str(options.get(name) or "") for name in ("product", "finding", "product_arn")}
    if given["finding"]:
        product = given["product"] or (SECURITY_HUB if given["product_arn"] else GUARDDUTY)
        if product not in PRODUCTS:
            raise BadRequest(f"the product is {product[:40]!r}: {', '.join(PRODUCTS)}")
        if product == SECURITY_HUB and not given["product_arn"]:
            raise BadRequest("a finding of Security Hub is named by its id and its product_arn")
        return Finding(product, given["finding"], given["product_arn"])
    found = _GUARDDUTY_ALERT.fullmatch(str(event.get("alert") or ""))
    if not found:
        raise BadRequest("which finding? The alert is none of GuardDuty: give the option finding")
    return Finding(GUARDDUTY, found[1])


def names_finding(event: Mapping[str, Any]) -> bool:
    """Return whether a step's event is about some finding, by any of its options or by its alert."""
    options = event.get("options") or {}
    named = any(options.get(name) for name in ("product", "finding", "product_arn"))
    return named or bool(_GUARDDUTY_ALERT.fullmatch(str(event.get("alert") or "")))


def note_of(incident: str, state: str) -> Tuple[str, str]:
    """Return the text of the note, and who it is by."""
    how = "closed" if state == "RESOLVED" else "being dealt with"
    return f"Incident {incident} of aws-siem-bridge: {how}."[:MOST_NOTE], "aws-siem-bridge"
