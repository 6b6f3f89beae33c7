"""A plan of volatile evidence with few items, and what tests ask of its results."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Dict

import pytest

from lab import avml
from response.actions import collect_volatile as step
from response.aws.handover import Tool
from response.plans.document import document_of
from response.plans.plan import plan_of
from tests.response.hosts import Bench
from tests.response.server_room import REGION, ServerRoom

#: Two items: quick, for what is not about the items.
SMALL = plan_of(
    {
        "description": "small",
        "items": [
            {"name": "memory", "description": "m", "tool": True, "writes": True, "timeout_s": 0,
             "command": '"$TOOL" acquire "$OUTPUT"', "output": "memory.lime"},
            {"name": "kernel", "description": "k", "timeout_s": 30, "command": 'cat "$ROOT/proc/version"',
             "output": "kernel.txt"},
            {"name": "nothing", "description": "n", "timeout_s": 30, "command": "true", "output": "nothing.txt"},
        ],
    }
)  # fmt: skip


def bench_of(room: ServerRoom) -> Bench:
    """Return a bench whose hosts know the plan's document too."""
    found = Bench(room)
    content = json.dumps(document_of(SMALL))
    ssm = room.account.client("ssm", REGION)
    ssm.create_document(Content=content, Name="small", DocumentType="Command", DocumentFormat="JSON")
    return found


def let_it_be_used(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Dict[str, str]:
    """Let the plan be the small one; return what a collection is made with."""
    items = [{"name": each.name, "output": each.output, "tool": each.tool} for each in SMALL.items]
    monkeypatch.setattr(step, "linux", lambda: {"items": items})
    bench.later_s = 0.0
    return {"document": "small"}


def outcomes(result: Any) -> Dict[str, str]:
    return {each.item: each.outcome for each in result.evidence}


def why(result: Any, item: str) -> str:
    return next(str(each.why) for each in result.evidence if each.item == item)


def tool_of(bench: Bench, name: str, body: str) -> Dict[str, Any]:
    """Put a capture tool of a test's own into the bucket; ``real`` in it is the stand-in for AVML."""
    real = Path(bench.root_of_tools) / "avml"
    real.write_bytes(avml.tool())
    real.chmod(0o700)
    text = f"#!/bin/sh\nreal='{real}'\n{body}\n".encode()
    bench.s3.put_object(Bucket=bench.tools, Key=name, Body=text)
    return {"tools": step.Tools({"x86_64": Tool(name, hashlib.sha256(text).hexdigest())})}
