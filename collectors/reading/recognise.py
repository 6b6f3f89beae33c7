"""What an object is, told by its key and, where the key says nothing, by its first bytes.

One way for whatever finds objects: a folder, a bucket, a queue, the audit. How a log is recognised stands in the row of
its source (`collectors.sources.log`). The keys are those AWS documents;
Firehose puts date folders, and whatever prefix its user chose, in front of the stream's name. Behind the last
``AWSLogs/`` what comes first decides, which is the folder AWS names after the service: names that people choose (a
prefix in front, a web ACL in the file's name) may hold another log's name.

What AWS extends is no list here: a service's folder that no log has says nothing, its objects are opened, and the first
bytes decide. Listed are only folders and names that are known to hold none of the logs.
"""

from __future__ import annotations

import re
from typing import List, NamedTuple, Optional, Pattern, Tuple

from collectors.sources.log import PARQUET, PARQUET_MAGIC, Row
from collectors.sources.registry import LOGS

#: What an object is called that neither key nor content tell: it might be a log of a form that nobody foresaw.
UNKNOWN_KIND = "of unknown kind"
#: What an object without a byte of content is called, where its key names no log.
EMPTY = "empty objects"
PLACEHOLDER = "folder placeholders"
OTHER_FILES = "other files"
DEAD_LETTERS = "dead letters"

#: How much of the content is looked at.
HEAD_BYTES = 65_536
_BLANK = b"\xef\xbb\xbf \t\r\n"

#: The order matters where two fit at the same place in a key, and for the content.
ROWS = tuple(row for log in LOGS.values() for row in (*log.not_it, log.row))
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
                                r"desktop\.ini|(?:README|LICENSE)(?:\.[a-z]{1,4})?|(?:labels|findings)\.jsonl|"
                                r".*\.(?:md|crc|signature|mmdb))$"),
)  # fmt: skip

#: Where AWS has the folders of services.
ACCOUNT = r"AWSLogs/(?:o-[a-z0-9]+/)?(?:\d{12}/|aws-account-id=\d{12}/aws-service=)"
_OTHERS = "|".join(OTHER_SERVICES)
_OTHER_FOLDER = re.compile(rf"^/(?:o-[a-z0-9]+/)?(?:\d{{12}}/|aws-account-id=\d{{12}}/aws-service=)({_OTHERS})/")
#: AWS's own name of a log's file, in whatever folder somebody has these delivered; and the end of Firehose's names, who
#: delivers any log.
_LOG_NAME = re.compile(
    "|".join(name if name[0] == "^" else rf"^\d{{12}}{name}" for log in LOGS.values() for name in log.file_names)
    + r"|-\d+-\d{4}(?:-\d\d){5}-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:\.|$)"
)
_OTHER_PREFIX = re.compile(rf"(?:^|[.])\d{{12}}_({_OTHERS})_")
_DEAD_LETTERS = re.compile(rf"/({'|'.join(LOGS)}|unknown)/[A-Za-z0-9_-]{{16}}/\d{{11}}-[0-9a-f]{{12}}\.jsonl\.gz$")


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
        row = _row_in(head) or row or (_IN_PARQUET if is_parquet else None)
    if row is None:
        return Kind("", "")
    is_parquet = is_parquet and row.dataset in LOGS and LOGS[row.dataset].has_parquet
    return Kind(row.dataset, PARQUET if is_parquet else row.format, row.passed_over, by_key)


def passed_over(key: str, dataset: str = "") -> str:
    """Return what an object is called by its key that is passed over, empty for one that is to be read.

    Where ``dataset`` is what the user wants, other logs are passed over as well, but not what the key says nothing of.
    """
    kind = kind_of(key)
    if kind.passed_over or not dataset or not kind.by_key or kind.dataset == dataset:
        return kind.passed_over
    return f"{LOGS[kind.dataset].title}, not asked for"


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


#: What a Parquet file is whose key says nothing.
_IN_PARQUET = next((log.row for log in LOGS.values() if log.has_parquet), None)
