"""The logs this product loads, each with its place in the store."""

from __future__ import annotations

from typing import Dict, NamedTuple


class Dataset(NamedTuple):
    """One log: its name in this product and for AWS, the beginning of its indices' names, its ``event.dataset``.

    An index is ``<index_prefix>YYYY.MM.DD``, the day of the event's own time in UTC. ``*cloudtrail*``, ``*vpcflow*``,
    ``*dns*`` and ``*waf*`` find them.
    """

    name: str
    title: str
    index_prefix: str
    event_dataset: str


DATASETS: Dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        Dataset("cloudtrail", "CloudTrail", "aws-cloudtrail-", "aws.cloudtrail"),
        Dataset("vpc_flow", "VPC Flow Logs", "aws-vpcflow-", "aws.vpcflow"),
        Dataset("route53_resolver", "Route 53 Resolver query logs", "aws-dns-", "aws.route53_resolver"),
        Dataset("waf", "AWS WAF", "aws-waf-", "aws.waf"),
    )
}
