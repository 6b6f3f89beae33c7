"""What Splunk reads of the detections: ``savedsearches.conf`` and the table ``aws_detections``.

Key by key after Splunk's savedsearches.conf.spec; those of Enterprise Security (``action.correlationsearch``,
``action.notable``, ``action.risk``) after the template of contentctl. ``action.notable`` and ``action.risk`` are filled
in and off: on a search head without Enterprise Security there are no such actions, and each alert would be an error in
splunkd.log. ``aws-siem-bridge detections enable --enterprise-security`` switches them on.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Dict, Iterable, List

from savedsearches.content.catalog import catalog_csv
from savedsearches.content.coverage import coverage_page
from savedsearches.content.detection import Detection, seconds
from savedsearches.content.dispatch import NEWEST_BY_ARRIVAL, OLDEST_BY_ARRIVAL, selects_by_arrival
from savedsearches.content.files import write_changed
from savedsearches.content.schedule import cron

ROOT = Path(__file__).resolve().parents[2]
APP = Path("splunk_app/package")
#: Searches that are written by hand, a file a subject: put in front of the detections.
BY_HAND = ROOT / "savedsearches" / "by_hand"
#: Splunk's numbers of a triggered alert.
ALERT_SEVERITY = {"informational": 2, "low": 3, "medium": 4, "high": 5, "critical": 6}
_BY_HAND = "# From savedsearches/by_hand, by python -m savedsearches.content.\n"
_RENDERED = "# Rendered from savedsearches/detections by python -m savedsearches.content; do not edit.\n"


def stanza_of(detection: Detection) -> str:
    """Return the name of its saved search, which stays when the title changes."""
    return f"AWS - {detection.name} - Rule"


def savedsearches_conf(detections: Iterable[Detection]) -> str:
    """Return ``savedsearches.conf``: what is written by hand, then the detections by name."""
    ordered = sorted(detections, key=lambda each: each.name)
    by_hand = [path.read_text("utf-8") for path in sorted(BY_HAND.glob("*.conf"))]
    return "\n".join([_BY_HAND, *by_hand, _RENDERED, *(_stanza(each) for each in ordered)])


def stanzas(detections: Iterable[Detection]) -> str:
    """Return the saved searches of these detections alone, for a ``savedsearches.conf`` of one's own."""
    return "\n".join(_stanza(each) for each in sorted(detections, key=lambda each: each.name))


def settings_of(detection: Detection) -> Dict[str, str]:
    """Return the settings of its saved search in their order."""
    return {
        "description": _one_line(detection.description),
        "search": detection.search.strip(),
        "disabled": "1",
        "enableSched": "1",
        "is_visible": "1",
        "cron_schedule": cron(detection),
        **_dispatch(detection),
        # Continuous: a run that was skipped, also while the search head was down, is made up for.
        "realtime_schedule": "0",
        "schedule_window": "auto",
        "counttype": "number of events",
        "relation": "greater than",
        "quantity": "0",
        "alert.track": "1",
        "alert.digest_mode": "1",
        "alert.severity": str(ALERT_SEVERITY[detection.severity]),
        "alert.expires": "30d",
        "alert.suppress": "1",
        "alert.suppress.fields": ",".join(detection.suppress.by),
        "alert.suppress.period": f"{seconds(detection.suppress.for_)}s",
        **_enterprise_security(detection),
    }


def rendered(detections: Iterable[Detection]) -> Dict[Path, str]:
    """Return file, relative to the repository -> its text."""
    ordered = sorted(detections, key=lambda each: each.name)
    return {
        APP / "default" / "savedsearches.conf": savedsearches_conf(ordered),
        APP / "lookups" / "aws_detections.csv": catalog_csv(ordered),
        Path("docs") / "attack_coverage.md": coverage_page(ordered),
    }


def write(detections: Iterable[Detection]) -> List[Path]:
    """Write all files; return those that changed."""
    return write_changed(ROOT, rendered(detections))


def _stanza(detection: Detection) -> str:
    response = ", ".join(detection.response)
    lines = [f"# Response that would fit: {response}. None is attached."] if response else []
    lines += [f"[{stanza_of(detection)}]"]
    lines += [f"{name} = {_continued(value)}" for name, value in settings_of(detection).items()]
    return "\n".join(lines) + "\n"


def _dispatch(detection: Detection) -> Dict[str, str]:
    lag_m = seconds(detection.schedule.lag) // 60
    earliest = f"-{lag_m + seconds(detection.schedule.window) // 60}m@m"
    latest = f"-{lag_m}m@m"
    if selects_by_arrival(detection):
        return {
            "dispatch.earliest_time": OLDEST_BY_ARRIVAL,
            "dispatch.latest_time": NEWEST_BY_ARRIVAL,
            "dispatch.index_earliest": earliest,
            "dispatch.index_latest": latest,
        }
    return {"dispatch.earliest_time": earliest, "dispatch.latest_time": latest}


def _enterprise_security(detection: Detection) -> Dict[str, str]:
    risk = detection.risk
    scored = [
        {"risk_object_field": each.field, "risk_object_type": each.type, "risk_score": risk.score}
        for each in risk.objects
    ]
    threats = [{"threat_object_field": each.field, "threat_object_type": each.type} for each in risk.threats]
    drilldown = {
        "name": _as_tokens(detection.drilldown.title),
        "search": _as_tokens(detection.drilldown.search),
        "earliest": "$info_min_time$",
        "latest": "$info_max_time$",
    }
    entity = detection.risk.objects[0].field
    return {
        "action.correlationsearch.enabled": "1",
        "action.correlationsearch.label": f"AWS - {detection.title}",
        "action.correlationsearch.annotations": json.dumps(
            {"mitre_attack": detection.attack, "analytic_story": ["AWS SIEM Bridge"]}
        ),
        "action.correlationsearch.metadata": json.dumps(
            {"detection_id": detection.id, "detection_version": str(detection.version)}
        ),
        "action.notable": "0",
        "action.notable.param.rule_title": f"{detection.title}: ${entity}$",
        "action.notable.param.rule_description": _one_line(detection.description),
        "action.notable.param.security_domain": _domain(detection),
        "action.notable.param.severity": detection.severity,
        "action.notable.param.nes_fields": ",".join(each.field for each in risk.objects),
        "action.notable.param.drilldown_searches": json.dumps([drilldown]),
        "action.notable.param.next_steps": json.dumps({"version": 1, "data": _next_steps(detection)}),
        "action.notable.param._entities": json.dumps(scored),
        "action.risk": "0",
        "action.risk.param._risk": json.dumps(scored + threats),
        "action.risk.param._risk_message": f"{detection.title}: ${entity}$",
        "action.risk.param._risk_score": "0",
        "action.risk.param.verbose": "0",
    }


def _next_steps(detection: Detection) -> str:
    steps = [
        f"{number}. {_one_line(step.decides)}: {_one_line(_as_tokens(step.search))}"
        for number, step in enumerate(detection.first_steps, 1)
    ]
    known = f"Known false positives: {_one_line(detection.false_positives)}"
    return "\n".join([*steps, known, f"GuardDuty: {_one_line(detection.guardduty)}"])


def _domain(detection: Detection) -> str:
    if "vpc_flow" in detection.data or "route53_resolver" in detection.data or "waf" in detection.data:
        return "network"
    if "linux" in detection.data:
        return "endpoint"
    return "access" if "Authentication" in detection.cim else "threat"


def _as_tokens(search: str) -> str:
    """Return a search with the tokens of an alert's row as Enterprise Security writes them."""
    return re.sub(r"\$row\.([\w.{}\-]+)\$", r"$\1$", search.strip())


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _continued(value: str) -> str:
    return " \\\n".join(line.rstrip() for line in value.splitlines()) if "\n" in value else value
