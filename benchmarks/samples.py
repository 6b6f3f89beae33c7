"""Log files in AWS's own formats, made up from one seed: the same call writes the same bytes.

Addresses follow a few popular ones and a long tail, as in real traffic: `ADDRESSES` public ones, each asked for with a
weight of 1/rank, and a private network of `HOSTS`, each an instance with one network interface. None of the records is
anybody's.
"""

from __future__ import annotations

import gzip
import ipaddress
import json
import random
from bisect import bisect
from itertools import accumulate
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

ACCOUNT, REGION, VPC = "111122223333", "ap-northeast-2", "vpc-0a1b2c3d4e5f67890"
ADDRESSES, HOSTS = 20_000, 1_000
SUBNETS = 6
#: 2026-11-21T00:00:00Z, and the hour that the records are of.
START_S, SPAN_S = 1_795_219_200, 3_600
#: Records of a file: 30 MB or more of CloudTrail and WAF, 100,000 or more of the others.
RECORDS = {"cloudtrail": 24_000, "vpc_flow": 150_000, "route53_resolver": 100_000, "waf": 12_000}
FLOW_COLUMNS = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action "
    "log-status vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr region az-id sublocation-type "
    "sublocation-id pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path"
)
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux#6.1.0 md/arch#x86_64 lang/python#3.13.7 cfg/retry-mode#standard",
    "Boto3/1.40.2 md/Botocore#1.40.2 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.11.9 md/pyimpl#CPython",
)


class Sample:
    """Writes files of one seed."""

    def __init__(self, seed: int = 1) -> None:
        self.rng = random.Random(seed)
        self._public = [self._address() for _ in range(ADDRESSES)]
        self._weights = list(accumulate(1 / rank for rank in range(1, ADDRESSES + 1)))
        self._private = [f"10.0.{n // 125 + 1}.{n % 125 + 4}" for n in range(HOSTS)]
        subnets = [f"subnet-{self._hex(17)}" for _ in range(SUBNETS)]
        #: Private address -> network interface, subnet and instance.
        self._machines = {
            host: (f"eni-{self._hex(17)}", self.rng.choice(subnets), f"i-{self._hex(17)}") for host in self._private
        }

    def write(self, dataset: str, path: Path, records: int = 0) -> None:
        """Write one gzip file of ``dataset`` in AWS's format, with ``records`` records or as `RECORDS` says."""
        makers: Dict[str, Callable[[int], Iterator[str]]] = {
            "cloudtrail": self._cloudtrail,
            "vpc_flow": self._vpc_flow,
            "route53_resolver": self._route53_resolver,
            "waf": self._waf,
        }
        with gzip.GzipFile(path, "wb", compresslevel=6, mtime=0) as out:
            for text in makers[dataset](records or RECORDS[dataset]):
                out.write(text.encode())

    def public_address(self) -> str:
        """Return a public address, the popular ones more often."""
        return self._public[bisect(self._weights, self.rng.random() * self._weights[-1])]

    def _address(self) -> str:
        while True:
            address = ipaddress.ip_address(self.rng.getrandbits(32))
            if address.is_global and not address.is_multicast:
                return str(address)

    def _hex(self, digits: int) -> str:
        return f"{self.rng.getrandbits(4 * digits):0{digits}x}"

    def _uuid(self) -> str:
        digits = self._hex(32)
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def _time(self, number: int, records: int) -> str:
        second = number * SPAN_S // records
        return f"2026-11-21T00:{second // 60:02d}:{second % 60:02d}Z"

    # --- CloudTrail -------------------------------------------------------------------------------------------------

    def _cloudtrail(self, records: int) -> Iterator[str]:
        yield '{"Records":['
        for number in range(records):
            record = self._event(self._time(number, records))
            yield ("," if number else "") + json.dumps(record, separators=(",", ":"), ensure_ascii=False)
        yield "]}"

    def _event(self, time: str) -> Dict[str, Any]:
        rng = self.rng
        source, name, request, response = rng.choice(_CALLS)(self)
        role, agent = rng.choice(("web", "batch", "deploy", "감사")), rng.choice(AGENTS)
        record: Dict[str, Any] = {
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "AssumedRole",
                "principalId": f"AROA{role.upper()}EXAMPLE:i-{self._hex(17)}",
                "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/i-{self._hex(17)}",
                "accountId": ACCOUNT,
                "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
                "sessionContext": {
                    "sessionIssuer": {
                        "type": "Role",
                        "principalId": f"AROA{role.upper()}EXAMPLE",
                        "arn": f"arn:aws:iam::{ACCOUNT}:role/{role}",
                        "accountId": ACCOUNT,
                        "userName": role,
                    },
                    "attributes": {"creationDate": time, "mfaAuthenticated": "false"},
                    "ec2RoleDelivery": "2.0",
                },
            },
            "eventTime": time,
            "eventSource": source,
            "eventName": name,
            "awsRegion": REGION,
            "sourceIPAddress": self.public_address(),
            "userAgent": agent,
        }
        if rng.random() < 0.05:
            record["errorCode"] = "AccessDenied"
            record["errorMessage"] = f"User: {record['userIdentity']['arn']} is not authorized to perform: {name}"
        record.update(
            requestParameters=request,
            responseElements=response,
            requestID=self._uuid(),
            eventID=self._uuid(),
            readOnly=response is None,
            eventType="AwsApiCall",
            managementEvent=True,
            recipientAccountId=ACCOUNT,
            eventCategory="Management",
            tlsDetails={
                "tlsVersion": "TLSv1.3",
                "cipherSuite": "TLS_AES_128_GCM_SHA256",
                "clientProvidedHostHeader": source.replace(".", f".{REGION}.", 1),
            },
        )
        return record

    # --- VPC Flow Logs ----------------------------------------------------------------------------------------------

    def _vpc_flow(self, records: int) -> Iterator[str]:
        yield FLOW_COLUMNS + "\n"
        rng = self.rng
        for number in range(records):
            start = START_S + number * SPAN_S // records
            host, peer = rng.choice(self._private), self.public_address()
            inward = rng.random() < 0.5
            source, destination = (peer, host) if inward else (host, peer)
            ports = (rng.randrange(1024, 65536), rng.choice((443, 443, 80, 22, 53, 5432)))
            packets = rng.randrange(1, 2000)
            interface, subnet, instance = self._machines[host]
            yield (
                f"5 {ACCOUNT} {interface} {source} {destination} {ports[0]} {ports[1]} "
                f"{rng.choice((6, 6, 6, 17))} {packets} {packets * rng.randrange(40, 1500)} {start} {start + 59} "
                f"{'ACCEPT' if rng.random() < 0.9 else 'REJECT'} OK {VPC} {subnet} {instance} "
                f"{rng.choice((2, 18, 19, 3))} IPv4 {source} {destination} {REGION} apne2-az1 - - - - "
                f"{'ingress -' if inward else 'egress 8'}\n"
            )

    # --- Route 53 Resolver ------------------------------------------------------------------------------------------

    def _route53_resolver(self, records: int) -> Iterator[str]:
        rng = self.rng
        for number in range(records):
            name = f"{rng.choice(('api', 'www', 'cdn', 'db'))}-{rng.randrange(500)}.example.com."
            answers = [
                {"Rdata": self.public_address(), "Type": "A", "Class": "IN"} for _ in range(rng.choice((0, 1, 1, 2, 4)))
            ]
            host = rng.choice(self._private)
            record = {
                "version": "1.100000",
                "account_id": ACCOUNT,
                "region": REGION,
                "vpc_id": VPC,
                "query_timestamp": self._time(number, records),
                "query_name": name,
                "query_type": "A",
                "query_class": "IN",
                "rcode": "NOERROR" if answers else "NXDOMAIN",
                "answers": answers,
                "srcaddr": host,
                "srcport": str(rng.randrange(1024, 65536)),
                "transport": "UDP",
                "srcids": {"instance": self._machines[host][2]},
            }
            yield json.dumps(record, separators=(",", ":")) + "\n"

    # --- WAF --------------------------------------------------------------------------------------------------------

    def _waf(self, records: int) -> Iterator[str]:
        for number in range(records):
            time_ms = START_S * 1000 + number * SPAN_S * 1000 // records
            yield json.dumps(self._request(time_ms), separators=(",", ":")) + "\n"

    def _request(self, time_ms: int) -> Dict[str, Any]:
        rng = self.rng
        blocked = rng.random() < 0.1
        acl = f"arn:aws:wafv2:{REGION}:{ACCOUNT}:regional/webacl/shop/{'0' * 8}-1111-2222-3333-{'4' * 12}"
        managed = ("CommonRuleSet", "KnownBadInputsRuleSet", "SQLiRuleSet", "AmazonIpReputationList")
        groups = [
            {
                "ruleGroupId": f"AWS#AWSManagedRules{name}",
                "terminatingRule": None,
                "nonTerminatingMatchingRules": [],
                "excludedRules": None,
                "customerConfig": None,
            }
            for name in managed
        ]
        if blocked:
            groups[0]["terminatingRule"] = {"ruleId": "NoUserAgent_HEADER", "action": "BLOCK", "ruleMatchDetails": None}
        headers: List[Dict[str, str]] = [
            {"name": "Host", "value": "shop.example.com"},
            {"name": "User-Agent", "value": rng.choice(AGENTS)},
            {"name": "Accept", "value": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
            {"name": "Accept-Language", "value": "ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7"},
            {"name": "Accept-Encoding", "value": "gzip, deflate, br"},
            {"name": "Cookie", "value": f"session={self._hex(64)}; basket={self._hex(32)}"},
            {"name": "Referer", "value": f"https://shop.example.com/category/{rng.randrange(40)}"},
            {"name": "Sec-Fetch-Mode", "value": "navigate"},
            {"name": "Sec-Fetch-Site", "value": "same-origin"},
            {"name": "X-Forwarded-For", "value": self.public_address()},
            {"name": "X-Amzn-Trace-Id", "value": f"Root=1-{self._hex(8)}-{self._hex(24)}"},
            {"name": "Connection", "value": "keep-alive"},
        ]
        return {
            "timestamp": time_ms,
            "formatVersion": 1,
            "webaclId": acl,
            "terminatingRuleId": "AWS-AWSManagedRulesCommonRuleSet" if blocked else "Default_Action",
            "terminatingRuleType": "MANAGED_RULE_GROUP" if blocked else "REGULAR",
            "action": "BLOCK" if blocked else "ALLOW",
            "terminatingRuleMatchDetails": [],
            "httpSourceName": "ALB",
            "httpSourceId": f"{ACCOUNT}-app/shop/{'a1b2' * 4}",
            "ruleGroupList": groups,
            "rateBasedRuleList": [],
            "nonTerminatingMatchingRules": [],
            "requestHeadersInserted": None,
            "responseCodeSent": None,
            "httpRequest": {
                "clientIp": self.public_address(),
                "country": rng.choice(("KR", "JP", "US")),
                "headers": headers,
                "uri": f"/product/{rng.randrange(5000)}",
                "args": f"page={rng.randrange(20)}&sort=price",
                "httpVersion": "HTTP/2.0",
                "httpMethod": rng.choice(("GET", "GET", "POST")),
                "requestId": f"1-{self._hex(8)}-{self._hex(24)}",
                "fragment": "",
                "scheme": "https",
                "host": "shop.example.com",
            },
            "labels": [{"name": f"awswaf:clientip:geo:country:{rng.choice(('KR', 'JP', 'US'))}"}],
            "ja3Fingerprint": self._hex(32),
            "ja4Fingerprint": f"t13d1516h2_{self._hex(12)}_{self._hex(12)}",
            "requestBodySize": 0,
            "requestBodySizeInspectedByWAF": 0,
        }


def _describe_instances(sample: Sample) -> Any:
    items = [{"instanceId": f"i-{sample._hex(17)}"} for _ in range(sample.rng.randrange(4))]
    return "ec2.amazonaws.com", "DescribeInstances", {"maxResults": 1000, "instancesSet": {"items": items}}, None


def _run_instances(sample: Sample) -> Any:
    instance = {"instanceId": f"i-{sample._hex(17)}", "instanceState": {"code": 0, "name": "pending"}}
    request = {
        "instancesSet": {"items": [{"imageId": f"ami-{sample._hex(17)}", "minCount": 1, "maxCount": 1}]},
        "instanceType": "m7i.large",
        "subnetId": f"subnet-{sample._hex(17)}",
        "groupSet": {"items": [{"groupId": f"sg-{sample._hex(17)}"}]},
    }
    return "ec2.amazonaws.com", "RunInstances", request, {"instancesSet": {"items": [instance]}}


def _get_role(sample: Sample) -> Any:
    return "iam.amazonaws.com", "GetRole", {"roleName": f"service-{sample.rng.randrange(99)}"}, None


def _assume_role(sample: Sample) -> Any:
    request = {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/deploy", "roleSessionName": "deploy", "durationSeconds": 3600}
    credentials = {
        "accessKeyId": "ASIAI44QH8DHBEXAMPLE",
        "sessionToken": sample._hex(400),
        "expiration": "Nov 21, 2026",
    }
    return "sts.amazonaws.com", "AssumeRole", request, {"credentials": credentials}


def _decrypt(sample: Sample) -> Any:
    context = {"aws:s3:arn": f"arn:aws:s3:::customer-data/{sample._hex(16)}"}
    return "kms.amazonaws.com", "Decrypt", {"encryptionContext": context, "keyId": sample._uuid()}, None


_CALLS = (_describe_instances, _run_instances, _get_role, _assume_role, _decrypt)
