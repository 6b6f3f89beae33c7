"""Which Splunk sourcetype an index holds, by its name.

The names are those of the Splunk Add-on for AWS (https://splunk.github.io/splunk-add-on-for-amazon-web-services/), so
that SPL which names them finds these rows as well. Extractions, eventtypes and tags of a sourcetype are not expected to
apply to rows of a generating command: the macros ``aws_cim_*`` give them CIM fields. ``aws:waf`` is a convention of the
community.
"""

from __future__ import annotations

from es_bridge.patterns import fits

#: The first pattern that fits decides. Those of this product's own indices come first; the others are common names.
SOURCETYPES = (
    ("*aws-cloudtrail-*", "aws:cloudtrail"),
    ("*aws-vpcflow-*", "aws:cloudwatchlogs:vpcflow"),
    ("*aws-dns-*", "aws:route53:resolver"),
    ("*aws-waf-*", "aws:waf"),
    ("*cloudtrail*", "aws:cloudtrail"),
    ("*vpcflow*", "aws:cloudwatchlogs:vpcflow"),
    ("*vpc-flow*", "aws:cloudwatchlogs:vpcflow"),
    ("*vpc_flow*", "aws:cloudwatchlogs:vpcflow"),
    ("*resolver*", "aws:route53:resolver"),
    ("*route53*", "aws:route53:resolver"),
    ("*waf*", "aws:waf"),
    ("*guardduty*", "aws:cloudwatch:guardduty"),
    ("*securityhub*", "aws:securityhub:finding"),
    ("*security-hub*", "aws:securityhub:finding"),
    ("*s3access*", "aws:s3:accesslogs"),
    ("*s3-access*", "aws:s3:accesslogs"),
)
DEFAULT_SOURCETYPE = "elasticsearch"


def sourcetype_for(index: str) -> str:
    """Return the sourcetype of the documents of an index."""
    name = index.lower()
    return next((sourcetype for pattern, sourcetype in SOURCETYPES if fits(name, pattern)), DEFAULT_SOURCETYPE)
