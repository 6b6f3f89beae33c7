"""The Resolver's query logs among the logs."""

from __future__ import annotations

from collectors.sources.log import JSON_LINES, Log, Retention, first_line_has

LOG = Log(
    name="route53_resolver",
    title="Route 53 Resolver query logs",
    index_prefix="aws-dns-",
    event_dataset="aws.route53_resolver",
    sourcetype="aws:route53:resolver",
    retention=Retention(7, 30, 180),
    folder="vpcdnsquerylogs",
    file_names=("_vpcdnsquerylogs_",),
    content=first_line_has(rb'"query_timestamp"', rb'"query_name"'),
    format=JSON_LINES,
    above_date=1,
)
