"""Which log an object is, told by its key and, where the key says nothing, by its first bytes.

The keys are those AWS documents; Firehose puts its own date folders in front of the stream's name. Behind the last
``AWSLogs/`` what comes first decides, which is the folder AWS names after the service: names that people choose (a
prefix in front, a web ACL in the file's name) may hold another log's name.

================  ==================================================================================================
log               key
================  ==================================================================================================
cloudtrail        ``.../CloudTrail/<region>/...``, ``.../CloudTrail-Insight/...``, ``_CloudTrail_`` in the name
digest            ``.../CloudTrail-Digest/...``: signatures over log files, nothing to load
vpc_flow          ``.../vpcflowlogs/...`` or ``.../aws-service=vpcflowlogs/...``; ``.log.gz`` text, ``.parquet``
route53_resolver  ``.../vpcdnsquerylogs/...``
waf               ``.../WAFLogs/...``, or a Firehose stream ``aws-waf-logs-<name>-<n>-...``
dead_letters      files of our own dead-letter store, nothing to load: a letter about one would be one more of them
================  ==================================================================================================
"""

from __future__ import annotations

import re
from typing import NamedTuple

TEXT, JSON_LINES, JSON_DOCUMENT, PARQUET = "text", "json_lines", "json_document", "parquet"
PARQUET_MAGIC = b"PAR1"

_KEYS = (
    ("digest", re.compile(r"/CloudTrail-Digest/|_CloudTrail-Digest_")),
    ("cloudtrail", re.compile(r"/CloudTrail(-Insight)?/|_CloudTrail(-Insight)?_")),
    ("vpc_flow", re.compile(r"/vpcflowlogs/|aws-service=vpcflowlogs/|_vpcflowlogs_")),
    ("route53_resolver", re.compile(r"/vpcdnsquerylogs/|_vpcdnsquerylogs_")),
    ("waf", re.compile(r"/WAFLogs/|_waflogs_|(^|/)aws-waf-logs-[^/]*$")),
)
_DEAD_LETTERS = re.compile(
    r"/(cloudtrail|vpc_flow|route53_resolver|waf|unknown)/[A-Za-z0-9_-]{16}/\d{11}-[0-9a-f]{12}\.jsonl\.gz$"
)
_FORMATS = {"cloudtrail": JSON_DOCUMENT, "route53_resolver": JSON_LINES, "waf": JSON_LINES, "digest": JSON_DOCUMENT}
#: Two of these in the first line make it the header of a flow log, whatever else a custom format has.
_FLOW_COLUMNS = {"srcaddr", "dstaddr", "action", "log-status", "interface-id", "start", "end", "bytes"}


class Kind(NamedTuple):
    """What an object is: the name of its dataset (``digest``, ``dead_letters``, empty if unknown) and its format."""

    dataset: str
    format: str


def kind_of(key: str, head: bytes = b"") -> Kind:
    """Return what the object under ``key`` is; ``head`` is the beginning of its unpacked content.

    The key decides the dataset. Where it names none, the content does: a local file may have any name.
    """
    is_parquet = head.startswith(PARQUET_MAGIC) if head else key.endswith(".parquet")
    dataset = _dataset_named(key) or ("vpc_flow" if is_parquet else _dataset_in(head))
    if dataset == "vpc_flow":
        return Kind(dataset, PARQUET if is_parquet else TEXT)
    return Kind(dataset, _FORMATS.get(dataset, ""))


def _dataset_named(key: str) -> str:
    """Return what the key says."""
    if _DEAD_LETTERS.search("/" + key):
        return "dead_letters"
    _, is_there, below = key.rpartition("AWSLogs/")
    for part in (below if is_there else key.rpartition("/")[2], key):
        matches = ((pattern.search("/" + part), dataset) for dataset, pattern in _KEYS)
        places = [(match.start(), dataset) for match, dataset in matches if match]
        if places:
            return min(places)[1]
    return ""


def _dataset_in(head: bytes) -> str:
    """Return what the content itself says."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:65_536]
    if start.startswith(b"{"):
        if b'"digestStartTime"' in start or b'"digestS3Object"' in start:
            return "digest"
        if re.match(rb'\{\s*"Records"\s*:', start):
            return "cloudtrail"
        line = start.split(b"\n", 1)[0]
        if b'"query_timestamp"' in line and b'"query_name"' in line:
            return "route53_resolver"
        if b'"webaclId"' in line and b'"httpRequest"' in line:
            return "waf"
        return ""
    names = set(start.split(b"\n", 1)[0].decode("ascii", "replace").split())
    return "vpc_flow" if len(names & _FLOW_COLUMNS) >= 2 else ""
