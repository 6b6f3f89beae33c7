"""VPC Flow Logs among the logs."""

from __future__ import annotations

from collectors.sources.log import PARQUET_MAGIC, TEXT, Log, Retention
from collectors.sources.vpc_flow.columns import DEFAULT_LINE

#: Two of these in the first line make it the header of a flow log, whatever else a custom format has.
_COLUMNS = {"srcaddr", "dstaddr", "action", "log-status", "interface-id", "start", "end", "bytes"}


def _begins_a_flow_log(head: bytes) -> bool:
    line = head.split(b"\n", 1)[0].decode("ascii", "replace").strip()
    return (
        head.startswith(PARQUET_MAGIC)
        or len(_COLUMNS.intersection(line.split())) >= 2
        or DEFAULT_LINE.fullmatch(line) is not None
    )


LOG = Log(
    name="vpc_flow",
    title="VPC Flow Logs",
    index_prefix="aws-vpcflow-",
    event_dataset="aws.vpcflow",
    sourcetype="aws:cloudwatchlogs:vpcflow",
    # Ten times as large as CloudTrail, and asked for weeks.
    retention=Retention(7, 30, 90),
    folder="vpcflowlogs",
    file_names=("_vpcflowlogs_",),
    content=_begins_a_flow_log,
    format=TEXT,
    above_date=1,
    has_parquet=True,
)
