"""The functions' metrics, in CloudWatch's embedded metric format: a line of the log that CloudWatch reads as values.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

No call and no permission of their own is needed, and a value is there as soon as the line is.

====================  ======================  =======================================================================
metric                dimensions              value
====================  ======================  =======================================================================
``Records``           Account, Region,        records that are in the store now
                      Source
``DeadLetters``       the same                records that went to the dead-letter store
``LagSeconds``        the same                age of the newest event of an object when it was stored
``SilenceMinutes``    the same                see `collectors.lambda_function.watcher`
``PassedOver``        What                    1 for each object that is none of the logs, by what it is called
``StoreUnavailable``  none                    1 for each run that found the cluster closed
====================  ======================  =======================================================================
"""

from __future__ import annotations

import json
import time
from typing import Mapping, Optional, TextIO

from aws_bridge.object_ref import ObjectRef
from collectors.delivery.outcome import ObjectResult
from collectors.key_origin import origin_of
from es_bridge.terminal import put

NAMESPACE = "AwsSiemBridge"
DIMENSIONS = ("Account", "Region", "Source")
RECORDS, DEAD_LETTERS, LAG, STORE_UNAVAILABLE = "Records", "DeadLetters", "LagSeconds", "StoreUnavailable"
PASSED_OVER = "PassedOver"
#: CloudWatch refuses an empty dimension; where the key does not say, this stands.
UNKNOWN = "unknown"


def emit(dimensions: Mapping[str, str], values: Mapping[str, float], stream: Optional[TextIO] = None) -> None:
    """Write one line with ``values`` by metric name, all under the same ``dimensions``."""
    metrics = [{"Name": name, "Unit": _unit(name)} for name in values]
    directive = {"Namespace": NAMESPACE, "Dimensions": [list(dimensions)], "Metrics": metrics}
    head = {"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}}
    put(json.dumps({**head, **dimensions, **values}, separators=(",", ":")), to=stream)


def emit_object(ref: ObjectRef, result: ObjectResult, now_s: float, stream: Optional[TextIO] = None) -> None:
    """Write what became of an object, or of a part of it. ``now_s`` is seconds since 1970."""
    if result.passed_over:  # of no log: it would be a source of its own that falls silent
        emit({"What": result.passed_over}, {PASSED_OVER: 1.0}, stream)
        return
    origin = origin_of(ref.key)
    dimensions = {
        "Account": origin.account or UNKNOWN,
        "Region": origin.region or UNKNOWN,
        "Source": result.dataset or UNKNOWN,
    }
    values = {RECORDS: float(result.stored + result.already_there), DEAD_LETTERS: float(result.dead)}
    if result.newest_ms:
        values[LAG] = round(max(0.0, now_s - result.newest_ms / 1000), 3)
    emit(dimensions, values, stream)


def _unit(name: str) -> str:
    """Return CloudWatch's unit. It knows no minutes."""
    return "Seconds" if name.endswith("Seconds") else "None" if name.endswith("Minutes") else "Count"
