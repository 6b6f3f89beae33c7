"""The metrics of the loader's functions.

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

from typing import Optional, TextIO

from aws_bridge.functions.embedded_metrics import emit
from aws_bridge.object_ref import ObjectRef
from collectors.delivery.outcome import ObjectResult
from collectors.records.key_origin import origin_of

DIMENSIONS = ("Account", "Region", "Source")
RECORDS, DEAD_LETTERS, LAG, STORE_UNAVAILABLE = "Records", "DeadLetters", "LagSeconds", "StoreUnavailable"
PASSED_OVER = "PassedOver"
#: CloudWatch refuses an empty dimension; where the key does not say, this stands.
UNKNOWN = "unknown"


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
