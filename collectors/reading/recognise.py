"""What an object is, told by its key and, where the key says nothing, by its first bytes.

One table (`ROWS`) for whatever finds objects: a folder, a bucket, a queue, the audit. The keys are those AWS documents;
Firehose puts date folders, and whatever prefix its user chose, in front of the stream's name. Behind the last
``AWSLogs/`` what comes first decides, which is the folder AWS names after the service: names that people choose (a
prefix in front, a web ACL in the file's name) may hold another log's name.

What AWS extends is no list here: any folder ``CloudTrail-<Word>`` is CloudTrail's (Insight, NetworkActivity and
Aggregated are documented: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html)
but those known to hold no events, and a service's folder that is not in the table says nothing: its objects are opened,
and the first bytes decide. Listed are only folders and names that are known to hold none of the logs.
"""

from __future__ import annotations

import re
from typing import Callable, List, NamedTuple, Optional, Pattern, Tuple

from collectors.sources.datasets import DATASETS
from collectors.sources.vpc_flow.columns import DEFAULT_LINE

TEXT, JSON_LINES, JSON_DOCUMENT, PARQUET = "text", "json_lines", "json_document", "parquet"
PARQUET_MAGIC = b"PAR1"
#: What an object is called that neither key nor content tell: it might be a log of a form that nobody foresaw.
UNKNOWN_KIND = "of unknown kind"
#: What an object without a byte of content is called, where its key names no log.
EMPTY = "empty objects"
PLACEHOLDER = "folder placeholders"
OTHER_FILES = "other files"
DEAD_LETTERS = "dead letters"
DIGEST = "CloudTrail-Digest"

#: How much of the content is looked at.
HEAD_BYTES = 65_536
_BLANK = b"\xef\xbb\xbf \t\r\n"
#: Two of these in the first line make it the header of a flow log, whatever else a custom format has.
_FLOW_COLUMNS = {"srcaddr", "dstaddr", "action", "log-status", "interface-id", "start", "end", "bytes"}


def _first_line(*patterns: bytes) -> Callable[[bytes], bool]:
    """Return a test whether the first line is a JSON object in which all of these are found."""
    compiled = [re.compile(pattern) for pattern in patterns]

    def test(head: bytes) -> bool:
        line = head.split(b"\n", 1)[0]
        return line.startswith(b"{") and all(pattern.search(line) for pattern in compiled)

    return test


def _json(pattern: bytes) -> Callable[[bytes], bool]:
    """Return a test whether the content is JSON in whose beginning this is found."""
    compiled = re.compile(pattern)
    return lambda head: head[:1] in (b"{", b"[") and compiled.search(head) is not None


def _flow_header(head: bytes) -> bool:
    line = head.split(b"\n", 1)[0].decode("ascii", "replace").strip()
    return (
        head.startswith(PARQUET_MAGIC)
        or len(_FLOW_COLUMNS.intersection(line.split())) >= 2
        or DEFAULT_LINE.fullmatch(line) is not None
    )


class Row(NamedTuple):
    """One log, or one kind of objects that are none."""

    #: Of the dataset; ``""`` for what is neither a log nor has a name in this code.
    dataset: str
    #: What it is called in a summary, where it is passed over; empty for a log.
    passed_over: str = ""
    #: The folder AWS names after the service; a regular expression for the whole name.
    folder: str = ""
    #: Found in the object's name.
    name: str = ""
    #: Whether the content, without white space in front, is this log's.
    content: Optional[Callable[[bytes], bool]] = None
    format: str = ""
    #: How many folders AWS has between that of the service and that of the year: region, VPC, web ACL.
    above_date: int = 0


#: The order matters where two fit at the same place in a key, and for the content.
ROWS = (
    Row("digest", DIGEST, DIGEST, "_CloudTrail-Digest_",
        _json(rb'"digestStartTime"|"digestS3Object"'), JSON_DOCUMENT),
    Row("", "CloudTrail-Lake", "CloudTrail-Lake"),
    Row("cloudtrail", "", r"CloudTrail(?:-[A-Za-z][A-Za-z0-9]*)?", r"_CloudTrail(?:-[A-Za-z][A-Za-z0-9]*)?_",
        _json(rb'^\{\s*"Records"\s*:|^(?:\[\s*)?\{\s*"eventVersion"\s*:'), JSON_DOCUMENT, above_date=1),
    Row("vpc_flow", "", "vpcflowlogs", "_vpcflowlogs_", _flow_header, TEXT, above_date=1),
    Row("route53_resolver", "", "vpcdnsquerylogs", "_vpcdnsquerylogs_",
        _first_line(rb'"query_timestamp"', rb'"query_name"'), JSON_LINES, above_date=1),
    Row("waf", "", "WAFLogs", r"_waflogs_|^aws-waf-logs-",
        _first_line(rb'"webaclId"', rb'"httpRequest"|"terminatingRuleId"'), JSON_LINES, above_date=2),
)  # fmt: skip
LOGS = {row.dataset for row in ROWS if not row.passed_over}
#: Folders of services below an account's, and beginnings of the names in them, that are known to be none of the logs.
OTHER_SERVICES = (
    "Config", "elasticloadbalancing", "GuardDuty", "Macie", "network-firewall", "redshift", "VpcLattice",
    "globalaccelerator",
)  # fmt: skip
#: Names that are known to be none of the logs wherever they are.
OTHER_NAMES = (
    Row("dead_letters", DEAD_LETTERS),  # of our own store: a letter about one would be one more of them
    Row("", PLACEHOLDER, name=r"_\$folder\$$"),
    Row("", "test files", name=r"(?:TestFile|CheckFile)$"),  # ELBAccessLogTestFile, ConfigWritabilityCheckFile
    Row("", "S3 access logs", name=r"^\d{4}(?:-\d\d){5}-[0-9A-F]{16}$"),
    Row("", OTHER_FILES, name=r"^(?:_(?:SUCCESS|started|committed|temporary).*|\._.*|\.DS_Store|Thumbs\.db|"
                                r"desktop\.ini|(?:README|LICENSE)(?:\.[a-z]{1,4})?|labels\.jsonl|.*\.(?:md|crc|signature|mmdb))$"),
)  # fmt: skip

#: Where AWS has the folders of services.
ACCOUNT = r"AWSLogs/(?:o-[a-z0-9]+/)?(?:\d{12}/|aws-account-id=\d{12}/aws-service=)"
_OTHERS = "|".join(OTHER_SERVICES)
_OTHER_FOLDER = re.compile(rf"^/(?:o-[a-z0-9]+/)?(?:\d{{12}}/|aws-account-id=\d{{12}}/aws-service=)({_OTHERS})/")
#: AWS's own name of a log's file, in whatever folder somebody has these delivered; and the end of Firehose's names, who
#: delivers any log.
_LOG_NAME = re.compile(
    r"^aws-waf-logs-|^\d{12}_(?:waflogs|vpcflowlogs|vpcdnsquerylogs|CloudTrail(?:-[A-Za-z0-9]+)?)_|"
    r"-\d+-\d{4}(?:-\d\d){5}-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:\.|$)"
)
_OTHER_PREFIX = re.compile(rf"(?:^|[.])\d{{12}}_({_OTHERS})_")
_DEAD_LETTERS = re.compile(
    r"/(cloudtrail|vpc_flow|route53_resolver|waf|unknown)/[A-Za-z0-9_-]{16}/\d{11}-[0-9a-f]{12}\.jsonl\.gz$"
)


def _in_a_key(row: Row) -> Pattern[str]:
    """Return what finds the row's folder or name in a key with a slash in front."""
    folder = f"/(?:[a-z-]+=)?(?:{row.folder})/"
    name = row.name.replace("^", "(?<=/)")
    return re.compile(f"{folder}|(?:{name})(?=[^/]*$)" if name else folder)


#: Names of log files in a log's folder; what has another name there is one if its content is.
_AS_AWS_NAMES_IT = re.compile(
    "|".join([r"\.(?:json|gz|log|parquet)$", *(row.name for row in ROWS if row.dataset in LOGS)])
)
_KEYS: Tuple[Tuple[Pattern[str], Row], ...] = tuple((_in_a_key(row), row) for row in ROWS)
_NAMES = tuple((re.compile(row.name), row) for row in OTHER_NAMES if row.name)


class Kind(NamedTuple):
    """What an object is: the name of its dataset (``digest``, ``dead_letters``, empty if unknown) and its format."""

    dataset: str
    format: str
    #: What it is called where it is known to be none of the logs; empty for a log and for what nothing is known of.
    passed_over: str = ""
    #: Whether the key says so, and not only the content.
    by_key: bool = False

    @property
    def may_be_a_log(self) -> bool:
        """Whether the content can tell more than the key: whoever asked for this very object has it looked into."""
        return self.passed_over in ("", OTHER_FILES)


def kind_of(key: str, head: bytes = b"") -> Kind:
    """Return what the object under ``key`` is; ``head`` is the beginning of its unpacked content.

    The key decides. Where it names nothing, the content does: a local file may have any name. So it does for a name
    that AWS gives no log, in the folder of one: that may be a note, or a file by which a service checks that it may
    write.
    """
    row = _named(key)
    is_parquet = head.startswith(PARQUET_MAGIC) if head else key.endswith(".parquet")
    if row and row.dataset in LOGS and not is_blank(head) and not _AS_AWS_NAMES_IT.search(key.rpartition("/")[2]):
        row = None
    by_key = row is not None
    # What is none by nothing but a name that people give is a log all the same where it looks like one.
    if row is None or (row.passed_over == OTHER_FILES and head):
        row = _row_in(head) or row or (_FLOW_LOGS if is_parquet else None)
    if row is None:
        return Kind("", "")
    is_parquet = is_parquet and row.dataset == "vpc_flow"
    return Kind(row.dataset, PARQUET if is_parquet else row.format, row.passed_over, by_key)


def passed_over(key: str, dataset: str = "") -> str:
    """Return what an object is called by its key that is passed over, empty for one that is to be read.

    Where ``dataset`` is what the user wants, other logs are passed over as well, but not what the key says nothing of.
    """
    kind = kind_of(key)
    if kind.passed_over or not dataset or not kind.by_key or kind.dataset == dataset:
        return kind.passed_over
    return f"{DATASETS[kind.dataset].title}, not asked for"


def is_placeholder(key: str, size_bytes: int) -> bool:
    """Whether this is what a console leaves where somebody made a folder."""
    return key.endswith("/") and size_bytes == 0


def is_blank(head: bytes) -> bool:
    """Whether there is nothing but white space in the beginning of some content."""
    return not head.lstrip(_BLANK)


def dated_folders() -> List[str]:
    """Return regular expressions of what is in front of the folder of a year in AWS's own layouts."""
    return [
        rf"{ACCOUNT}(?:{row.folder})/(?:[^/]+/){{{row.above_date}}}" for row in ROWS if row.above_date and row.folder
    ]


def _named(key: str) -> Optional[Row]:
    """Return what the key says."""
    if _DEAD_LETTERS.search("/" + key):
        return OTHER_NAMES[0]
    name = key.rpartition("/")[2]
    _, is_there, below = key.rpartition("AWSLogs/")
    other = _OTHER_FOLDER.search("/" + below) if is_there and not _LOG_NAME.search(name) else None
    other = other or _OTHER_PREFIX.search(name)
    if other:
        return Row("", other.group(1))
    for pattern, row in _NAMES:
        if pattern.search(name):
            return row
    for part in (below if is_there else name, key):
        matches = ((pattern.search("/" + part), row) for pattern, row in _KEYS)
        places = [(match.start(), number, row) for number, (match, row) in enumerate(matches) if match]
        if places:
            return min(places)[2]
    return None


def _row_in(head: bytes) -> Optional[Row]:
    """Return what the content itself says."""
    start = head.lstrip(_BLANK)[:HEAD_BYTES]
    return next((row for row in ROWS if row.content and row.content(start)), None)


_FLOW_LOGS = next(row for row in ROWS if row.dataset == "vpc_flow")
