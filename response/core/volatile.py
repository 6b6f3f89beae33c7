"""What is decided about volatile evidence: how long it may take, in which parts memory is sent, what the host said.

The host's word is kept as what it said. What counts is what arrived.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from response.core.evidence import COLLECTED, EMPTY, FAILED, MISSING

#: What signs the addresses is a session of a role that another role assumed: it ends after an hour.
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining
LONGEST_S = 3_300
SHORTEST_S = 600
#: Capture, hash and send together, MiB a second, of a machine that is busy with something else.
RATE_MIB_S = 20
#: Assumed where EC2 does not say how much memory a type has.
USUAL_RAM_MIB = 64 << 10
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
_LEAST_PART_MIB, _MOST_PART_MIB = 64, 5 << 10
#: As few parts as keep the space for one of them small.
_WANTED_PARTS = 100


class Sizes(NamedTuple):
    """How memory is sent: parts of ``part_mib``, ``parts`` of them at most."""

    #: What EC2 says of the type; 0 where it says nothing, then the host's own word counts.
    image_mib: int
    part_mib: int
    parts: int


@dataclass(frozen=True)
class Said:
    """What the host said of an item."""

    outcome: str
    bytes: int = 0
    sha256: str = ""
    why: str = ""


@dataclass(frozen=True)
class Report:
    """What the host said. ``end`` is ``done``, ``twice`` (another run was there before), why it gave up, or nothing."""

    items: Mapping[str, Said] = field(default_factory=dict)
    #: (path, sha256) of programmes of the host that were run.
    ran: Tuple[Tuple[str, str], ...] = ()
    #: (path, bytes, sha256) of files that were fetched to it; they are deleted at the end.
    wrote: Tuple[Tuple[str, int, str], ...] = ()
    #: Files that could not be deleted.
    left: Tuple[str, ...] = ()
    begun: str = ""
    end: str = ""
    #: MiB that memory needs, where no disk had them.
    lacks_mib: int = 0
    #: Where else on the host memory was written, until it was sent.
    placed: str = ""
    #: What the host did with the volume: id, device, and the program that made a file system on it.
    volume: Tuple[str, ...] = ()


def deadline_s(ram_mib: int, wanted_s: Optional[float] = None) -> int:
    """Return how many seconds the host has, from its memory or as wanted."""
    found = int(wanted_s) if wanted_s else 300 + (ram_mib or USUAL_RAM_MIB) // RATE_MIB_S
    return max(60 if wanted_s else SHORTEST_S, min(LONGEST_S, found))


def sizes(ram_mib: int) -> Sizes:
    """Return in which parts the memory is sent. The image has a header for each range, and some ranges more."""
    room = (ram_mib or USUAL_RAM_MIB) * 11 // 10 + 64
    part = max(_LEAST_PART_MIB, min(_MOST_PART_MIB, -(-room // _WANTED_PARTS)))
    return Sizes(ram_mib, part, -(-room // part))


def job_text(known: Sizes, addresses: Mapping[str, List[str]]) -> str:
    """Return the job that the host reads. ``addresses``: item -> the address of each of its parts."""
    lines = [f"part_mib {known.part_mib}", f"image_mib {known.image_mib}"]
    for name, urls in addresses.items():
        lines += [f"put {name} {number} {url}" for number, url in enumerate(urls, 1)]
    return "\n".join([*lines, ""])


def upload_policy(bucket: str, folder: str, partition: str = "aws", key_arn: str = "") -> str:
    """Return the session policy of what signs the addresses: it writes below one folder, and reads nothing.

    ``s3:PutObject`` covers beginning, parts and completion of an upload:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions
    """
    actions = ["s3:PutObject", "s3:PutObjectRetention", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
    resource = f"arn:{partition}:s3:::{bucket}/{folder}*"
    statements = [{"Effect": "Allow", "Action": actions, "Resource": resource}]
    if key_arn:
        # Parts of an encrypted upload are encrypted with a key that has to be read:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions
        statements.append({"Effect": "Allow", "Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": key_arn})
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))


def report_of(output: str) -> Report:
    """Return what the host's output says; lines that are none of ours are passed over."""
    items: Dict[str, Said] = {}
    ran: List[Tuple[str, str]] = []
    wrote: List[Tuple[str, int, str]] = []
    left: List[str] = []
    begun = end = placed = ""
    lacks_mib, volume = 0, ()  # type: int, Tuple[str, ...]
    for line in output.splitlines():
        kind, _, rest = line.partition("|")
        given = rest.split("|")
        if kind == "item" and len(given) >= 5 and given[1] in (COLLECTED, FAILED, MISSING, EMPTY):
            items[given[0]] = Said(given[1], _number(given[2]), given[3], "|".join(given[4:]))
        elif kind == "ran" and len(given) == 2:
            ran.append((given[0], given[1]))
        elif kind == "wrote" and len(given) == 3:
            wrote.append((given[0], _number(given[1]), given[2]))
        elif kind == "left":
            left.append(rest)
        elif kind == "space" and len(given) == 2:
            lacks_mib = _number(given[0])
        elif kind == "placed":
            placed = rest
        elif kind == "volume" and len(given) == 3:
            volume = tuple(given)
        elif kind == "host" and given[0] == "begun":
            begun = given[-1]
        elif kind == "end":
            end = rest
    return Report(items, tuple(ran), tuple(wrote), tuple(left), begun, end, lacks_mib, placed, volume)


def footprint(report: Report, folder: str) -> List[str]:
    """Return in words what the collection left in or did to the host."""
    found = [f"fetched to the host and deleted: {path} ({size:,} bytes, sha256 {digest})"
             for path, size, digest in report.wrote]  # fmt: skip
    if report.ran:
        found.append(
            "programmes of the host that were run: " + ", ".join(f"{path} {digest}" for path, digest in report.ran)
        )
    if report.placed:
        found.append(f"memory was written to {report.placed} on the host, and deleted there")
    if report.volume:
        id, device, program = report.volume
        found.append(f"{id} was attached to the host as {device}, and {program} made a file system on it")
    found += [f"left on the host: {path}" for path in report.left]
    found.append("SSM's agent keeps the script and what it printed below /var/lib/amazon/ssm on the host")
    if report.end not in ("done", "twice"):
        found.append(f"the collection did not end by itself: files may be left below {folder} on the host")
    return found


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def both(first: Report, second: Report, again: Sequence[str]) -> Report:
    """Return what the host said in two runs; the second one was for the items ``again`` alone."""
    items = {name: said for name, said in first.items.items() if name not in again}
    return Report(
        {**items, **second.items}, tuple(dict.fromkeys((*first.ran, *second.ran))), (*first.wrote, *second.wrote),
        (*first.left, *second.left), first.begun, second.end, 0, first.placed or second.placed, second.volume,
    )  # fmt: skip
