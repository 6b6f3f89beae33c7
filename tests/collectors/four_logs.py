"""Small files of all four logs in AWS's layouts, each record told from every other, and the ids they must get."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Tuple

from aws_bridge.object_ref import ObjectRef
from collectors.records.record import record_id
from tests import log_records
from tests.log_records import ACCOUNT, FLOW_COLUMNS, REGION, event_id, lines_file

BUCKET = "log-archive"
DAY = "1999-12-31"


class Log(NamedTuple):
    """One kind of file: where AWS puts it, and its content from record ``first`` on."""

    dataset: str
    index: str
    folder: str
    name: str
    content: Callable[[int, int], bytes]


def cloudtrail(first: int, count: int, day: str = DAY) -> bytes:
    return log_records.trail_file(log_records.cloudtrail(number, day) for number in range(first, first + count))


def flow_text(first: int, count: int, day: str = DAY) -> bytes:
    return lines_file([FLOW_COLUMNS, *(" ".join(log_records.flow(n, day)) for n in range(first, first + count))])


def flow_parquet(first: int, count: int, day: str = DAY) -> bytes:
    # Where only sources are tested, on an older Python, there is none.
    import pyarrow
    import pyarrow.parquet

    numbers = {"version", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end"}
    names = [name.replace("-", "_") for name in FLOW_COLUMNS.split()]
    columns = list(zip(*(log_records.flow(number, day) for number in range(first, first + count))))
    table = pyarrow.table(
        {name: [int(v) if name in numbers else v for v in values] for name, values in zip(names, columns)}
    )
    out = io.BytesIO()
    pyarrow.parquet.write_table(table, out, compression="gzip")
    return out.getvalue()


def resolver(first: int, count: int, day: str = DAY) -> bytes:
    return lines_file(log_records.resolver(number, day) for number in range(first, first + count))


def waf(first: int, count: int, day: str = DAY) -> bytes:
    return lines_file(log_records.waf(number, day) for number in range(first, first + count))


def logs_of(day: str) -> Tuple[Log, ...]:
    """Return the kinds of files of a day."""
    date, dots = day.replace("-", "/"), day.replace("-", ".")
    year, month, day_of_month = day.split("-")
    stamp = day.replace("-", "") + "T0005Z"
    hive = f"AWSLogs/aws-account-id={ACCOUNT}/aws-service=vpcflowlogs/aws-region={REGION}"
    return (
        Log(
            "cloudtrail",
            f"aws-cloudtrail-{dots}",
            f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/{date}",
            f"{ACCOUNT}_CloudTrail_{REGION}_{stamp}_{{}}.json.gz",
            partial(cloudtrail, day=day),
        ),
        Log(
            "vpc_flow",
            f"aws-vpcflow-{dots}",
            f"AWSLogs/{ACCOUNT}/vpcflowlogs/{REGION}/{date}",
            f"{ACCOUNT}_vpcflowlogs_{REGION}_fl-1234abcd_{stamp}_{{}}.log.gz",
            partial(flow_text, day=day),
        ),
        Log(
            "vpc_flow",
            f"aws-vpcflow-{dots}",
            f"{hive}/year={year}/month={month}/day={day_of_month}",
            f"{ACCOUNT}_vpcflowlogs_{REGION}_fl-5678abcd_{stamp}_{{}}.log.parquet",
            partial(flow_parquet, day=day),
        ),
        Log(
            "route53_resolver",
            f"aws-dns-{dots}",
            f"AWSLogs/{ACCOUNT}/vpcdnsquerylogs/vpc-0a1b2c3d/{date}",
            f"vpc-0a1b2c3d_vpcdnsquerylogs_{ACCOUNT}_{stamp}_{{}}.log.gz",
            partial(resolver, day=day),
        ),
        Log(
            "waf",
            f"aws-waf-{dots}",
            f"AWSLogs/{ACCOUNT}/WAFLogs/{REGION}/shop/{date}/00/05",
            f"{ACCOUNT}_waflogs_{REGION}_shop_{stamp}_{{}}.log.gz",
            partial(waf, day=day),
        ),
    )


LOGS = logs_of(DAY)


def ids_of(log: Log, ref: ObjectRef, first: int, count: int) -> List[str]:
    """Return the ids that the records of ``log.content(first, count)`` get as the object ``ref``."""
    if log.dataset == "cloudtrail":
        return [f"{event_id(number)}-{ACCOUNT}" for number in range(first, first + count)]
    return [record_id(ref.identity, number) for number in range(1, count + 1)]


def write_all(
    folder: Path, files: int = 2, records: int = 50, prefix: str = "", bucket: str = BUCKET
) -> Dict[str, List[str]]:
    """Write ``files`` files of ``records`` records of each kind; return the ids of each file's records by its key.

    ``folder`` stands for ``s3://<bucket>/<prefix>``.
    """
    expected = {}
    for log in LOGS:
        for number in range(files):
            path = folder / log.folder / log.name.format(f"{number:016d}")
            path.parent.mkdir(parents=True, exist_ok=True)
            first = number * records
            path.write_bytes(log.content(first, records))
            key = prefix + path.relative_to(folder).as_posix()
            expected[key] = ids_of(log, ObjectRef(bucket, key), first, records)
    return expected
