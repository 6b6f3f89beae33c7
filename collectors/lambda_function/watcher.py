"""For how long each log of each account and region has been silent: run every few minutes beside the loader.

The loader counts the records of every log, account and region as a CloudWatch metric. Here the newest of these counts
is looked for, and the minutes since then become the metric ``SilenceMinutes`` with the same dimensions. CloudWatch
forgets a metric two weeks after its last value
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html), so a source that was switched
off for good stops being reported by itself. An alarm on the count would not do: where nothing arrives there is no
value, and a query over no values has no time series to raise the alarm.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, Iterator, List, NamedTuple

from aws_bridge.clients import client
from aws_bridge.functions.embedded_metrics import NAMESPACE, emit
from collectors.lambda_function.object_metrics import DIMENSIONS, RECORDS

#: Looked back for; a log that is silent for longer is reported as silent for this long.
LOOK_BACK = timedelta(hours=24)
PERIOD_S = 300
#: As many values GetMetricData gives at a time:
#: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
MAX_VALUES = 100_800
SERIES_AT_ONCE = int(MAX_VALUES // (LOOK_BACK.total_seconds() / PERIOD_S))
SILENCE = "SilenceMinutes"


class Silence(NamedTuple):
    """One log of one account and region: its dimensions and the whole minutes since its last records."""

    dimensions: Dict[str, str]
    minutes: int


def watch(event: Any, context: Any) -> Dict[str, int]:
    """Handle the schedule's event: measure, print the metric, return how many series there are."""
    found = list(silences(client("cloudwatch"), datetime.now(timezone.utc)))
    for silence in found:
        emit(silence.dimensions, {SILENCE: silence.minutes})
    return {"series": len(found)}


def silences(cloudwatch: Any, now: datetime) -> Iterator[Silence]:
    """Yield how long each series of `RECORDS` has been silent at ``now``."""
    pages = cloudwatch.get_paginator("list_metrics").paginate(Namespace=NAMESPACE, MetricName=RECORDS)
    metrics = [metric for page in pages for metric in page["Metrics"]]
    # Other sets of dimensions are sums over some of the series.
    metrics = [m for m in metrics if {dimension["Name"] for dimension in m["Dimensions"]} == set(DIMENSIONS)]
    for start in range(0, len(metrics), SERIES_AT_ONCE):
        chosen = metrics[start : start + SERIES_AT_ONCE]
        last = _last_seen(cloudwatch, chosen, now)
        for number, metric in enumerate(chosen):
            dimensions = {dimension["Name"]: dimension["Value"] for dimension in metric["Dimensions"]}
            silent = now - last.get(number, now - LOOK_BACK)
            yield Silence(dimensions, max(0, math.floor(silent.total_seconds() / 60)))


def _last_seen(cloudwatch: Any, metrics: List[Dict[str, Any]], now: datetime) -> Dict[int, datetime]:
    """Return the end of the newest period with records, by the position in ``metrics``; none where there is none."""
    queries = [
        {
            "Id": f"m{number}",
            "MetricStat": {
                "Metric": {"Namespace": NAMESPACE, "MetricName": RECORDS, "Dimensions": metric["Dimensions"]},
                "Period": PERIOD_S,
                "Stat": "Sum",
            },
        }
        for number, metric in enumerate(metrics)
    ]
    found: Dict[int, datetime] = {}
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries, StartTime=now - LOOK_BACK, EndTime=now, ScanBy="TimestampDescending"
    )
    for page in pages:
        for result in page["MetricDataResults"]:
            for moment, value in zip(result["Timestamps"], result["Values"]):
                if value > 0:
                    number = int(result["Id"][1:])
                    end = min(now, moment + timedelta(seconds=PERIOD_S))
                    found[number] = max(end, found.get(number, end))
    return found
