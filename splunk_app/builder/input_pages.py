"""The page Inputs: made of the inputs' own kinds, so that a setting of an input is a field of the page by itself.

What a kind's settings are called, may be and mean is in ``package/bin/aws_inputs/kinds.py``; here is what the page
shows first, what it folds away under which heading, and what Splunk adds to every input.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Dict, List, Tuple

from splunk_app.builder.places import PACKAGE

if TYPE_CHECKING:
    from aws_inputs.kinds import Kind, Setting

CAPABILITY = "configure_aws_siem_bridge"
#: On every tab. UCC cuts nothing: more than 200 characters end the build.
WHERE = (
    "For heavy forwarders, not for members of a search head cluster. Back-fill, bytes written and withheld a day: "
    "search sourcetype=aws:siem_bridge:health (docs/findings.md, Health)."
)
#: Kind -> title of its tab.
TABS = {
    "aws_guardduty": "GuardDuty",
    "aws_security_hub": "Security Hub",
    "aws_security_events_sqs": "Security events (SQS)",
    "aws_waf_detections": "WAF detections",
    "aws_prowler_files": "Prowler files",
    "aws_shield": "Shield",
    "aws_response_status": "Response status",
    "aws_assets": "Assets",
}
#: Always to be seen, in this order, after name and account.
FIRST = (*("product", "queue_url", "region", "regions", "index", "datasets", "start_date", "poll_interval_s"),)
#: Heading -> what is folded under it. What nobody has sorted is under the last.
GROUPS: Dict[str, Tuple[str, ...]] = {
    "Which events": (
        "least_severity", "products", "products_left_out", "standards", "archived", "passed_findings",
        "all_versions", "sample_percent", "daily_ceiling_mib",
    ),
    "How it reads": (
        "overlap_s", "safety_window_s", "sweep_every_s", "sweep_days", "delete_after_s", "reconcile",
        "reconcile_every_s", "config_aggregator",
    ),
    "Tags": ("owner_tags", "team_tags", "service_tags", "environment_tags"),
    "Back-fill": ("backfill_by", "export_bucket", "export_key_arns", "export_prefix"),
    "Delivery": ("delivery", "hec"),
    "Source and host": ("source_suffix", "host"),
    "Health and checkpoints": ("heartbeat_s", "look_again_s", "checkpoints"),
    "More": (),
}  # fmt: skip
#: Settings of every input that Splunk itself has.
INDEX = {
    "type": "index",
    "field": "index",
    "label": "Index",
    "help": "Where events go. One that exists only on the indexers can be typed in. default is the index that this "
    "instance has for everything (main).",
    "defaultValue": "default",
}
HOST = {
    "type": "text",
    "field": "host",
    "label": "Host",
    "help": "Takes the place of the account's id in the events' host.",
}
_QUEUE_URL = r"^\s*https?://[^\s/?#@]+/\d{12}/[A-Za-z0-9_-]{1,80}(\.fifo)?\s*$"
_NAME = {
    "type": "text",
    "field": "name",
    "label": "Name",
    "help": "Events name their input by it: input=<kind>://<name>. It cannot be changed later.",
    "required": True,
    "validators": [
        {
            "type": "regex",
            "pattern": "^(?!default$)[A-Za-z0-9][A-Za-z0-9_-]{0,62}$",
            "errorMsg": "1 to 63 letters, digits, _ or -, beginning with a letter or digit. default is Splunk's own.",
        }
    ],
}


def page() -> Dict[str, Any]:
    """Return the page as globalConfig.json has it."""
    return {
        "title": "Inputs",
        "services": [_service(kind) for kind in _kinds()],
        "inputsUniqueAcrossSingleService": True,
        "capabilities": dict.fromkeys(("put", "delete", "post"), CAPABILITY),
    }


def _kinds() -> List[Kind]:
    sys.path.insert(0, str(PACKAGE / "bin"))
    try:
        from aws_inputs.kinds import KINDS
    finally:
        sys.path.remove(str(PACKAGE / "bin"))
    return list(KINDS.values())


def _service(kind: Kind) -> Dict[str, Any]:
    settings = {setting.name: setting for setting in kind.settings}
    entities = {"name": _NAME, "account": _account(), "index": INDEX, "host": HOST}
    entities.update({name: _entity(setting) for name, setting in settings.items() if name not in entities})
    first = ["name", "account", *(name for name in FIRST if name in entities)]
    groups = _groups([name for name in entities if name not in first])
    order = [*first, *(name for group in groups for name in group["fields"])]
    shown = [name for name in ("regions", "queue_url", "product") if name in settings]
    return {
        "name": kind.name,
        "title": TABS.get(kind.name, kind.title),
        "formTitle": kind.title,
        "description": WHERE,
        "style": "page",
        "restHandlerModule": "aws_inputs.page",
        "restHandlerClass": "InputHandler",
        "table": {
            "header": [
                {"field": "name", "label": "Name"},
                {"field": "account", "label": "Account"},
                *({"field": name, "label": settings[name].label} for name in shown),
                {"field": "index", "label": "Index"},
                {"field": "disabled", "label": "Status", "mapping": {"true": "Off", "false": "On"}},
            ],
            "moreInfo": [{"field": name, "label": _short(entities[name]["label"])} for name in order],
            "actions": ["edit", "clone", "delete"],
        },
        "entity": [entities[name] for name in order],
        "groups": groups,
    }


def _groups(names: List[str]) -> List[Dict[str, Any]]:
    sorted_out = {name for group in GROUPS.values() for name in group}
    fields = {heading: [name for name in group if name in names] for heading, group in GROUPS.items()}
    fields["More"] += [name for name in names if name not in sorted_out]
    return [
        {"label": heading, "fields": group, "options": {"isExpandable": True, "expand": False}}
        for heading, group in fields.items()
        if group
    ]


def _account() -> Dict[str, Any]:
    return {
        "type": "singleSelect",
        "field": "account",
        "label": "Account",
        "help": "default is the role of this machine. Others are added on this instance: page Configuration, tab AWS "
        "accounts. One that stands for an organisation reads all its members.",
        "defaultValue": "default",
        "required": True,
        "options": {"endpointUrl": "aws_siem_bridge_aws_account?with_machine=1"},
    }


def _entity(setting: Setting) -> Dict[str, Any]:
    entity: Dict[str, Any] = {
        "type": "text",
        "field": setting.name,
        "label": setting.label,
        "help": setting.description,
        "required": setting.required,
    }
    if setting.name == "hec":
        return {**entity, "type": "singleSelect", "options": {"endpointUrl": "aws_siem_bridge_hec"}}
    if setting.type == "boolean":
        return {**entity, "type": "checkbox", "defaultValue": setting.default == "true"}
    if setting.default:
        entity["defaultValue"] = setting.default
    if setting.choices:
        choices = [{"label": choice, "value": choice} for choice in setting.choices]
        return {
            **entity,
            "type": "singleSelect",
            "options": {"disableSearch": True, "autoCompleteFields": choices},
        }
    if setting.type == "number" and setting.most != float("inf"):
        limits = {"type": "number", "range": [setting.least, setting.most]}
        limits["errorMsg"] = f"{setting.label}: a number from {setting.least:.0f} to {setting.most:.0f}"
        entity["validators"] = [limits]
    if setting.name == "queue_url":
        text = "A queue's URL is https://sqs.<region>.amazonaws.com/<12 digits>/<name>, as the SQS console shows it."
        entity["validators"] = [{"type": "regex", "pattern": _QUEUE_URL, "errorMsg": text}]
    return entity


def _short(label: str) -> str:
    """Return a label for the details of a row: UCC allows 30 characters."""
    return label if len(label) <= 30 else label[:27] + "..."
