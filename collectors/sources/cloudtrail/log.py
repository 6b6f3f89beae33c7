"""CloudTrail among the logs.

Any folder ``CloudTrail-<Word>`` is CloudTrail's (Insight, NetworkActivity and Aggregated are documented:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html) but those known to
hold no events.
"""

from __future__ import annotations

from collectors.sources.log import DIGEST, JSON_DOCUMENT, Log, Retention, Row, json_has

LOG = Log(
    name="cloudtrail",
    title="CloudTrail",
    index_prefix="aws-cloudtrail-",
    event_dataset="aws.cloudtrail",
    sourcetype="aws:cloudtrail",
    # Investigations ask for a year and its last quarter at once; PCI DSS 10.5.1 asks the same.
    retention=Retention(14, 90, 365),
    folder=r"CloudTrail(?:-[A-Za-z][A-Za-z0-9]*)?",
    file_names=(r"_CloudTrail(?:-[A-Za-z][A-Za-z0-9]*)?_",),
    content=json_has(rb'^\{\s*"Records"\s*:|^(?:\[\s*)?\{\s*"eventVersion"\s*:'),
    format=JSON_DOCUMENT,
    above_date=1,
    not_it=(
        Row(
            "digest",
            DIGEST,
            DIGEST,
            "_CloudTrail-Digest_",
            json_has(rb'"digestStartTime"|"digestS3Object"'),
            JSON_DOCUMENT,
        ),
        Row("", "CloudTrail-Lake", "CloudTrail-Lake"),
    ),
    has_own_identity=True,
)
