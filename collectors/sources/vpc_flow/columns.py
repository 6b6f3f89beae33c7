"""The columns of flow logs: names, order and what is in them.

AWS's list: https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html. The header of a text file has the
names with hyphens, a Parquet file may have either form; here and in the documents they have underscores, because a
hyphen is a minus in SPL.
"""

from __future__ import annotations

import re
from typing import Tuple

#: What stands where there is nothing to say.
ABSENT = "-"

_V2 = (
    "version",
    "account_id",
    "interface_id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "start",
    "end",
    "action",
    "log_status",
)
_V3 = ("vpc_id", "subnet_id", "instance_id", "tcp_flags", "type", "pkt_srcaddr", "pkt_dstaddr")
_V4 = ("region", "az_id", "sublocation_type", "sublocation_id")
_V5 = ("pkt_src_aws_service", "pkt_dst_aws_service", "flow_direction", "traffic_path")
_V7 = (
    "ecs_cluster_arn",
    "ecs_cluster_name",
    "ecs_container_instance_arn",
    "ecs_container_instance_id",
    "ecs_container_id",
    "ecs_second_container_id",
    "ecs_service_name",
    "ecs_task_definition_arn",
    "ecs_task_arn",
    "ecs_task_id",
)
_V8 = ("reject_reason",)
_V9 = ("resource_id",)
_V10 = ("encryption_status",)
#: Tags, whose values AWS percent-encodes, and where a flow goes next.
_V11 = (
    "instance_tag",
    "instance_tag_2",
    "interface_tag",
    "interface_tag_2",
    "asg_tag",
    "asg_tag_2",
    "interface_type",
    "next_hop_interface_id",
    "next_hop_subnet_id",
    "next_hop_az_id",
    "next_hop_vpc_id",
    "next_hop_interface_type",
)
#: Version 6: what flow logs of transit gateways have besides.
_TRANSIT_GATEWAY = (
    "resource_type",
    "tgw_id",
    "tgw_attachment_id",
    "tgw_src_vpc_account_id",
    "tgw_dst_vpc_account_id",
    "tgw_src_vpc_id",
    "tgw_dst_vpc_id",
    "tgw_src_subnet_id",
    "tgw_dst_subnet_id",
    "tgw_src_eni",
    "tgw_dst_eni",
    "tgw_src_az_id",
    "tgw_dst_az_id",
    "tgw_pair_attachment_id",
)
_LOST = ("packets_lost_no_route", "packets_lost_blackhole", "packets_lost_mtu_exceeded", "packets_lost_ttl_expired")

#: The format that a flow log has when nobody chooses one.
DEFAULT_FORMAT = _V2
#: A record of it: what a file without a header must begin with.
DEFAULT_LINE = re.compile(r"2(?: \S+){9} \d+ \d+ (?:ACCEPT|REJECT|-) (?:OK|NODATA|SKIPDATA)", re.ASCII)
#: Columns that few flow logs have: those of most need not pay for looking for them.
RARE: Tuple[str, ...] = _V11 + _TRANSIT_GATEWAY + _LOST
#: Every column that the mapping has a place for, in the order of the documents.
KNOWN: Tuple[str, ...] = _V2 + _V3 + _V4 + _V5 + _V7 + _V8 + _V9 + _V10 + RARE

ADDRESSES = frozenset(("srcaddr", "dstaddr", "pkt_srcaddr", "pkt_dstaddr"))
PORTS = frozenset(("srcport", "dstport"))
#: Seconds since 1970.
TIMES = frozenset(("start", "end"))
#: Whole numbers, written as such in the documents.
NUMBERS = PORTS | TIMES | frozenset(("version", "protocol", "packets", "bytes", "tcp_flags", "traffic_path", *_LOST))

#: Folders of the Hive layout, which some tools write into the rows as well: they say where the file is, nothing of the
#: flow. https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-path.html
PARTITIONS = frozenset(("aws_account_id", "aws_service", "aws_region", "year", "month", "day", "hour"))


def plain_name(name: str) -> str:
    """Return a column's name as it is in the documents: ``account-id`` is ``account_id``."""
    return name.strip().lower().replace("-", "_")
