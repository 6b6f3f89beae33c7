"""Makes the SSM document (schema 2.2) of a plan: ``python -m response.plans.document`` writes ``linux.json`` anew.

It is made before anything is deployed, so that the function that sends it needs no YAML and a reviewer sees what runs.
The job, with the addresses that evidence is sent to, is an object that SSM's agent fetches by the first step: the
document's parameters may be read by everybody who may list commands.

https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-schemas-features.html
"""

from __future__ import annotations

import functools
import json
import re
import shlex
from typing import Any, Dict, List, Tuple

from response.plans.plan import FOLDER, Plan, read

LINUX = FOLDER / "linux.json"
#: What it is called where it is deployed, unless the owner says otherwise. Names that begin with aws are AWS's own.
DOCUMENT = "siem-bridge-volatile-linux"
#: Name of the step whose output is the record of what was collected.
COLLECT = "collect"
FETCH_JOB, FETCH_TOOL = "fetchJob", "fetchTool"
#: Where the host keeps what it collects until it is sent: root's own, and no memory.
WORK_FOLDER = "/var/lib/aws-siem-bridge"
_WORK_FOLDER = r"^/[A-Za-z0-9/._-]{1,200}$"
_VOLUME = r"^(vol-[0-9a-f]{8,17})?$"
_URL = r"^(https?://[!-~]{1,4000}|none)$"


def document_of(plan: Plan) -> Dict[str, Any]:
    """Return the document of a plan."""
    return {
        "schemaVersion": "2.2",
        "description": f"{plan.description}. Made by aws-siem-bridge.",
        "parameters": {
            "incident": _text("Incident that the evidence belongs to", r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"),
            "jobUrl": _text("Where the job is fetched; valid for minutes, deleted afterwards", _URL),
            "jobSha256": _text("sha256 of the job", r"^[0-9a-f]{64}$"),
            "toolUrl": _text("Where the capture tool is fetched; valid for minutes", _URL, "none"),
            "toolSha256": _text("sha256 of the capture tool; empty for none", r"^([0-9a-f]{64})?$", ""),
            "workDirectory": _text("Folder on the host", _WORK_FOLDER, WORK_FOLDER),
            "volumeId": _text("Volume that memory is written to; empty: a disk of the host", _VOLUME, ""),
            "only": _text("memory, or all", r"^(all|memory)$", "all"),
            "executionTimeout": _text("Seconds until it is ended", r"^[1-9][0-9]{0,4}$", "3300"),
        },
        "mainSteps": [
            _fetch(FETCH_JOB, "jobUrl", "job"),
            _fetch(FETCH_TOOL, "toolUrl", "tool"),
            {
                "action": "aws:runShellScript",
                "name": COLLECT,
                "precondition": {"StringEquals": ["platformType", "Linux"]},
                "inputs": {"timeoutSeconds": "{{ executionTimeout }}", "runCommand": script_of(plan).split("\n")},
            },
        ],
    }


def script_of(plan: Plan) -> str:
    """Return the script: the engine, and a line for each item."""
    lines = [(FOLDER / "engine.sh").read_text("utf-8").rstrip("\n"), ""]
    for each in plan.items:
        start: Tuple[str, ...] = ("memory", each.name, each.output)
        if not each.tool:
            start = ("item", each.name, each.output, str(each.timeout_s))
        lines.append(f"# {each.description}")
        words = [shlex.quote(word) for word in start]
        words += [shlex.quote(word) for way in each.ways for word in (way.condition, " ".join(way.needs), way.command)]
        lines.append(" ".join(words))
    return "\n".join([*lines, "send_memory", "finish 'done' 0"])


@functools.lru_cache(maxsize=1)
def linux() -> Dict[str, Any]:
    """Return the document for Linux, as it is deployed, with the names of its items in ``items``."""
    found: Dict[str, Any] = json.loads(LINUX.read_text("utf-8"))
    return found


def rendered(plan: Plan) -> str:
    """Return what `LINUX` holds: the document, and of each item name, object, and whether the capture tool makes it."""
    items: List[Dict[str, Any]] = [{"name": each.name, "output": each.output, "tool": each.tool} for each in plan.items]
    return json.dumps({"items": items, "document": document_of(plan)}, indent=1) + "\n"


def is_work_folder(text: str) -> bool:
    """Whether a folder can be named to the host: what is in it later is deleted, so it is never ``/`` or above."""
    return bool(re.fullmatch(_WORK_FOLDER, text)) and ".." not in text.split("/") and len(text.strip("/.")) > 0


def _text(description: str, pattern: str, *default: str) -> Dict[str, Any]:
    found: Dict[str, Any] = {"type": "String", "description": description, "allowedPattern": pattern}
    return {**found, **({"default": default[0]} if default else {})}


def _fetch(name: str, url: str, ending: str) -> Dict[str, Any]:
    """https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-command-ssm-plugin-reference.html#aws-downloadContent."""
    inputs = {
        "sourceType": "HTTP",
        "sourceInfo": json.dumps({"url": "{{ " + url + " }}"}),
        "destinationPath": "{{ workDirectory }}/{{ incident }}." + ending,
    }
    return {"action": "aws:downloadContent", "name": name, "inputs": inputs}


if __name__ == "__main__":
    LINUX.write_text(rendered(read(FOLDER / "linux.yaml")), "utf-8")
