"""Objects that hold nothing, that are none of the logs, and logs where nobody expects them: the same for every road."""

from __future__ import annotations

import gzip
import io
from typing import Dict, Iterator, List, Tuple

from tests.collectors.four_logs import ACCOUNT, FLOW_COLUMNS, LOGS, flow_text, waf
from tests.collectors.four_logs import cloudtrail as cloudtrail_file

BOM = b"\xef\xbb\xbf"
BLANK = [b"", b"\n", b" \r\n\t\n", BOM, BOM + b"\n"]
#: Gzip of nothing: alone, twice, with a member of nothing in front and behind, padded with zero bytes.
MEMBER = gzip.compress(b"", mtime=0)
HEADER = FLOW_COLUMNS.encode()
NO_RECORDS = [b'{"Records":[]}', b'{ "Records" : [\n] }\n', BOM + b'{"Records":[]}', b'{"Records":null}', b"{}", b"[]"]


def contents_of_nothing(dataset: str) -> List[bytes]:
    """Return contents without a record, plain and packed, of one of the logs."""
    texts = [*BLANK]
    if dataset == "cloudtrail":
        texts += NO_RECORDS
    if dataset == "vpc_flow":
        texts += [HEADER, HEADER + b"\r\n", BOM + HEADER + b"\n\n", HEADER + b"\n" + HEADER + b"\n"]
    members = [MEMBER * 2, MEMBER + gzip.compress(texts[-1]) + MEMBER, MEMBER + b"\0" * 512]
    return [*texts, *map(gzip.compress, texts), *members]


def empty_parquet() -> bytes:
    """Return a flow log in Parquet that has no row."""
    import pyarrow
    import pyarrow.parquet

    out = io.BytesIO()
    names = [name.replace("-", "_") for name in FLOW_COLUMNS.split()]
    schema = pyarrow.schema([(name, pyarrow.string()) for name in names])
    pyarrow.parquet.write_table(schema.empty_table(), out)
    return out.getvalue()


def nothing() -> Dict[str, bytes]:
    """Return key -> content of objects without a record: every log, and one whose key names none."""
    found = {}
    for place, log in enumerate(LOGS):
        contents = contents_of_nothing(log.dataset)
        if log.name.endswith(".parquet"):
            contents = [b"", gzip.compress(b""), empty_parquet(), gzip.compress(empty_parquet())]
        for number, content in enumerate(contents):
            found[f"{log.folder}/{log.name.format(f'nothing{place}-{number:02d}')}"] = content
    found["some/odd name.gz"] = MEMBER
    return found


#: Key -> what it is called: known to be none of the logs, and never a fault.
NONE_OF_THEM = {
    f"AWSLogs/{ACCOUNT}/ELBAccessLogTestFile": "test files",
    f"AWSLogs/{ACCOUNT}/Config/ConfigWritabilityCheckFile": "Config",
    f"AWSLogs/{ACCOUNT}/Config/eu-west-1/1999/12/31/ConfigHistory/{ACCOUNT}_Config_eu-west-1_x.json.gz": "Config",
    f"AWSLogs/{ACCOUNT}/elasticloadbalancing/eu-west-1/1999/12/31/x.log.gz": "elasticloadbalancing",
    f"AWSLogs/{ACCOUNT}/CloudTrail-Digest/eu-west-1/1999/12/31/x.json.gz": "CloudTrail-Digest",
    "access/1999-12-31-00-05-00-0123456789ABCDEF": "S3 access logs",
    "out/_SUCCESS": "other files",
    f"AWSLogs/{ACCOUNT}/WAFLogs_$folder$": "folder placeholders",
}
#: Of a folder there is no such file; in a bucket an object of 0 bytes.
FOLDER_KEYS = [f"AWSLogs/{ACCOUNT}/CloudTrail/", f"AWSLogs/{ACCOUNT}/vpcflowlogs/eu-west-1/"]
#: Neither key nor content are a log's.
UNKNOWN = {
    f"AWSLogs/{ACCOUNT}/NewService/eu-west-1/1999/12/31/x.json.gz": gzip.compress(b'{"version":1,"rows":[]}'),
    "notes/\x1b[2J.txt": b"what we saw on Friday",
    f"AWSLogs/{ACCOUNT}/CloudTrail/AccessCheck": b"may this be written?",
    f"AWSLogs/{ACCOUNT}/WAFLogs/eu-west-1/shop/notes.txt": b"{not a log}",
}


def none_of_them() -> Iterator[Tuple[str, bytes]]:
    """Yield key and content of `NONE_OF_THEM`: what would make a run fail if it were read as a log."""
    for key in NONE_OF_THEM:
        yield key, b"Enable AccessLog for ELB: app/x in region eu-west-1" if "Test" in key else b"\x00\x01{"


_FIREHOSE = "aws-waf-logs-shop-1-1999-12-31-00-05-12-1e7e4f4e-8d7a-4b51-9f0c-6d0a6f2d1b11"


def where_nobody_expects_them() -> Dict[str, Tuple[bytes, str]]:
    """Return key -> content of two records, and title, of logs in folders that no list has."""
    web = waf(0, 2)
    found = dict.fromkeys(
        (
            f"AWSLogs/{ACCOUNT}/WAF/eu-west-1/1999/12/31/00/{_FIREHOSE}",
            f"AWSLogs/{ACCOUNT}/network-firewall/1999/12/31/00/{_FIREHOSE}",
            f"AWSLogs/{ACCOUNT}/redshift/1999/12/31/00/my-{_FIREHOSE[8:]}.gz",
            f"AWSLogs/{ACCOUNT}/waf-logs/eu-west-1/1999/12/31/00/{_FIREHOSE[8:]}.gz",
            f"1999/12/31/00/{_FIREHOSE}",
            f"prefix/1999/12/31/{_FIREHOSE}.gz",
            f"year=1999/month=12/day=31/hour=00/{_FIREHOSE}",
            f"AWSLogs/{ACCOUNT}/WAFLogs/cloudfront/2019/1999/12/31/00/05/odd+name &=%20.log.gz",
        ),
        (web, "AWS WAF"),
    )
    for number, folder in enumerate(("CloudTrail-NetworkActivity", "CloudTrail-Tomorrow")):
        name = f"{ACCOUNT}_{folder}_cn-north-1_19991231T0005Z_0123456789abcdef.json.gz"
        key = f"trails/AWSLogs/o-a1b2c3d4e5/{ACCOUNT}/{folder}/cn-north-1/1999/12/31/{name}"
        found[key] = (cloudtrail_file(1_000 + 2 * number, 2), "CloudTrail")
    hive = (
        f"AWSLogs/aws-account-id={ACCOUNT}/aws-service=vpcflowlogs/aws-region=us-gov-west-1/year=1999/month=12/day=31"
    )
    found[f"{hive}/hour=00/{ACCOUNT}_vpcflowlogs_us-gov-west-1_fl-1_19991231T0005Z_1.log.gz"] = (
        flow_text(0, 2),
        "VPC Flow Logs",
    )
    # A service nobody has heard of, in whose folder somebody keeps flow logs.
    found[f"AWSLogs/{ACCOUNT}/Archive/1999/12/31/flows.txt"] = (gzip.decompress(flow_text(2, 2)), "VPC Flow Logs")
    return found
