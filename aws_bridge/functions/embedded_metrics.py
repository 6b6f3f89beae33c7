"""Metrics in CloudWatch's embedded metric format: a line of the log that CloudWatch reads as values.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

No call and no permission of their own is needed, and a value is there as soon as the line is.
"""

from __future__ import annotations

import sys
import time
from typing import Mapping, Optional, TextIO

from aws_bridge.functions.json_line import write_line

NAMESPACE = "AwsSiemBridge"


def emit(dimensions: Mapping[str, str], values: Mapping[str, float], stream: Optional[TextIO] = None) -> None:
    """Write one line with ``values`` by metric name, all under the same ``dimensions``; by default to standard output.

    CloudWatch refuses an empty dimension.
    """
    metrics = [{"Name": name, "Unit": _unit(name)} for name in values]
    directive = {"Namespace": NAMESPACE, "Dimensions": [list(dimensions)], "Metrics": metrics}
    head = {"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}}
    write_line({**head, **dimensions, **values}, stream or sys.stdout)


def _unit(name: str) -> str:
    """Return CloudWatch's unit. It knows no minutes."""
    return "Seconds" if name.endswith("Seconds") else "None" if name.endswith("Minutes") else "Count"
