"""WAF's logs among the logs."""

from __future__ import annotations

from collectors.sources.log import JSON_LINES, Log, Retention, first_line_has

LOG = Log(
    name="waf",
    title="AWS WAF",
    index_prefix="aws-waf-",
    event_dataset="aws.waf",
    # The Splunk Add-on for AWS has none: a convention of the community.
    sourcetype="aws:waf",
    # Ten times as large as CloudTrail, and asked for weeks.
    retention=Retention(7, 30, 90),
    folder="WAFLogs",
    file_names=("_waflogs_", "^aws-waf-logs-"),
    content=first_line_has(rb'"webaclId"', rb'"httpRequest"|"terminatingRuleId"'),
    format=JSON_LINES,
    above_date=2,
)
