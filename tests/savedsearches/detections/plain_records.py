"""One plain record of each log, in AWS's form: what labelled events are changes of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict

_FINDINGS = Path(__file__).resolve().parents[2] / "data" / "findings"
ACCOUNT, REGION = "111122223333", "ap-northeast-2"

Record = Dict[str, Any]

#: An employee looks at instances, in the console, with a second factor.
CLOUDTRAIL: Record = {
    "eventVersion": "1.11",
    "userIdentity": {
        "type": "IAMUser",
        "principalId": "AIDAEXAMPLEALICE00001",
        "arn": f"arn:aws:iam::{ACCOUNT}:user/alice",
        "accountId": ACCOUNT,
        "accessKeyId": "ASIAEXAMPLEALICE0001",
        "userName": "alice",
        "sessionContext": {
            "attributes": {"creationDate": "2026-11-20T00:00:00Z", "mfaAuthenticated": "true"},
        },
    },
    "eventSource": "ec2.amazonaws.com",
    "eventName": "DescribeInstances",
    "awsRegion": REGION,
    "sourceIPAddress": "198.51.100.20",
    "userAgent": "aws-cli/2.31.0 md/awscrt#0.27.6",
    "requestParameters": {},
    "responseElements": None,
    "readOnly": True,
    "eventType": "AwsApiCall",
    "managementEvent": True,
    "recipientAccountId": ACCOUNT,
    "eventCategory": "Management",
}
#: A web server answers somebody on the internet.
VPC_FLOW: Record = {
    "version": 5,
    "account-id": ACCOUNT,
    "interface-id": "eni-0a1b2c3d4e5f60001",
    "srcaddr": "203.0.113.40",
    "dstaddr": "10.0.11.25",
    "srcport": 50123,
    "dstport": 443,
    "protocol": 6,
    "packets": 12,
    "bytes": 6000,
    "start": 0,
    "end": 0,
    "action": "ACCEPT",
    "log-status": "OK",
    "vpc-id": "vpc-0a1b2c3d4e5f60718",
    "subnet-id": "subnet-0a1b2c3d4e5f60718",
    "instance-id": "i-0f9e8d7c6b5a41230",
    "tcp-flags": 3,
    "type": "IPv4",
    "pkt-srcaddr": "203.0.113.40",
    "pkt-dstaddr": "10.0.11.25",
    "region": REGION,
    "az-id": "apne2-az1",
    "sublocation-type": "-",
    "sublocation-id": "-",
    "pkt-src-aws-service": "-",
    "pkt-dst-aws-service": "-",
    "flow-direction": "ingress",
    "traffic-path": "-",
}
ROUTE53_RESOLVER: Record = {
    "version": "1.100000",
    "account_id": ACCOUNT,
    "region": REGION,
    "vpc_id": "vpc-0a1b2c3d4e5f60718",
    "query_name": "api.partner.example.",
    "query_type": "A",
    "query_class": "IN",
    "rcode": "NOERROR",
    "answers": [{"Rdata": "203.0.113.9", "Type": "A", "Class": "IN"}],
    "srcaddr": "10.0.11.25",
    "srcport": "49152",
    "transport": "UDP",
    "srcids": {"instance": "i-0f9e8d7c6b5a41230"},
}
WAF: Record = {
    "formatVersion": 1,
    "webaclId": f"arn:aws:wafv2:{REGION}:{ACCOUNT}:regional/webacl/shop/0c1d2e3f-4a5b-6c7d-8e9f-a0b1c2d3e4f5",
    "terminatingRuleId": "Default_Action",
    "terminatingRuleType": "REGULAR",
    "action": "ALLOW",
    "terminatingRuleMatchDetails": [],
    "httpSourceName": "ALB",
    "httpSourceId": f"{ACCOUNT}-app/shop/50dc6c495c0c9188",
    "ruleGroupList": [],
    "rateBasedRuleList": [],
    "nonTerminatingMatchingRules": [],
    "requestHeadersInserted": None,
    "responseCodeSent": None,
    "httpRequest": {
        "clientIp": "203.0.113.66",
        "country": "KR",
        "headers": [{"name": "Host", "value": "shop.example"}, {"name": "User-Agent", "value": "Mozilla/5.0"}],
        "uri": "/cart",
        "args": "item=7",
        "httpVersion": "HTTP/1.1",
        "httpMethod": "GET",
        "requestId": "1-655c3f03-0a1b2c3d4e5f60718293a4b5",
    },
}
#: What Filebeat makes of a line of the audit log.
LINUX: Record = {
    "event": {"module": "auditd", "dataset": "auditd.log", "kind": "event", "outcome": "success"},
    "agent": {"type": "filebeat"},
    "host": {"name": "web-1", "hostname": "web-1"},
    "cloud": {"provider": "aws", "instance": {"id": "i-0f9e8d7c6b5a41230"}, "account": {"id": ACCOUNT}},
    "user": {"name": "ec2-user"},
    "message": "",
}
#: An instance of the inventory that nothing happened to.
ASSETS: Record = {
    "asset_key": f"{ACCOUNT}:{REGION}:ec2_instance:i-0f9e8d7c6b5a41230",
    "kind": "ec2_instance",
    "id": "i-0f9e8d7c6b5a41230",
    "account": ACCOUNT,
    "region": REGION,
    "owner": "kim",
    "name": "web-1",
    "ip": ["10.0.11.25"],
    "change": "present",
}
HEALTH: Record = {"input": "aws_guardduty://all", "account": ACCOUNT, "region": REGION, "status": "ok", "lag_s": 30.0}


#: A line of the app's log of searches: one that the scheduler ran, and that went well.
APP_LOG: Record = {
    "command": "elasticstats",
    "user": "siem",
    "sid": "scheduler__siem__aws_siem_bridge__RMD5a1b2c3d4e5f60718a_at_1795152600_123",
    "cluster": "prod",
    "index": "aws-cloudtrail-*",
    "outcome": "done",
    "rows": 3,
    "error": "",
}
#: What Splunk's scheduler logs of that run.
SCHEDULER: Record = {
    "savedsearch_name": "AWS - cloudtrail_root_use - Rule",
    "user": "siem",
    "app": "aws_siem_bridge",
    "sid": APP_LOG["sid"],
    "status": "success",
}


def plain_finding(kind: str) -> Record:
    """Return a documented finding as a product's API gives it; of kinds without one, an event of EventBridge."""
    examples = json.loads((_FINDINGS / f"{kind}.json").read_text("utf-8"))
    example = next(iter(examples.values()))
    if "api" in example:
        return dict(example["api"])
    return dict(example["event"] if kind in ("event", "signin") else example["event"]["detail"])


def plain(data: str, kind: str) -> Record:
    """Return the plain record of a kind of data, a copy."""
    records = {
        "cloudtrail": CLOUDTRAIL,
        "vpc_flow": VPC_FLOW,
        "route53_resolver": ROUTE53_RESOLVER,
        "waf": WAF,
        "waf_detections": WAF,
        "linux": LINUX,
        "assets": ASSETS,
        "health": HEALTH,
        "app_log": SCHEDULER if kind == "scheduler" else APP_LOG,
    }
    found = plain_finding(kind) if data == "findings" else records[data]
    return dict(json.loads(json.dumps(found)))
