"""GuardDuty's findings about the attack, as the wire has them, and one that any bastion has.

https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-format.html
"""

from __future__ import annotations

import json
from typing import Any, Dict, List

from lab.story import attack, cast
from lab.story.callers import instance_session
from lab.story.clock import iso_ms
from lab.story.finding import IMAGE, Finding, hex_id, remote, step_named
from lab.story.labelled import LabelledFinding

PRODUCT = "guardduty"
TITLES = {
    "Backdoor:EC2/C&CActivity.B!DNS": "{instance} is querying a domain name of a known Command & Control server.",
    "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS": (
        "Credentials for the EC2 instance role shop-web-role were used from an external IP address."
    ),
    "Exfiltration:S3/AnomalousBehavior": "{user} read objects of an S3 bucket in an anomalous way.",
    "AttackSequence:S3/CompromisedData": "Potential data compromise of S3 buckets involving a sequence of actions.",
    "Stealth:IAMUser/CloudTrailLoggingDisabled": "AWS CloudTrail trail shop-trail was disabled.",
    "Recon:EC2/PortProbeUnprotectedPort": "Unprotected port on EC2 instance {instance} is being probed.",
}
#: Of the API calls that a finding is about: service and operation.
CALLS = {
    "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS": ("sts.amazonaws.com", "GetCallerIdentity"),
    "Exfiltration:S3/AnomalousBehavior": ("s3.amazonaws.com", "GetObject"),
    "Stealth:IAMUser/CloudTrailLoggingDisabled": ("cloudtrail.amazonaws.com", "StopLogging"),
}
#: When the bastion's port is probed, in minutes before the end.
PROBED_MINUTE = 210


def findings(start_ms: int, end_ms: int) -> List[LabelledFinding]:
    """Return the versions of the findings in the order of time."""

    def moment(minute: float) -> int:
        return max(start_ms, attack.moment_ms(minute, start_ms, end_ms))

    found = [_probed(moment(PROBED_MINUTE))]
    for step in attack.TIMELINE:
        if step.log != PRODUCT:
            continue
        created_ms, since_ms = moment(step.minute), moment(step_named(step.facts["since"]).minute)
        last_ms = created_ms - (created_ms - since_ms) // 4
        found.append(_version(step, since_ms, created_ms, created_ms, last_ms, 1, moment))
        if "again" in step.facts:
            minute, count = step.facts["again"]
            found.append(_version(step, since_ms, created_ms, moment(minute), moment(minute) - 60_000, count, moment))
    return sorted(found, key=lambda labelled: labelled.time_ms)


def arn_of(step_name: str) -> str:
    """Return the ARN of the finding about a step."""
    return f"{cast.DETECTOR_ARN}/finding/{hex_id(step_name)}"


def _version(
    step: attack.Step, since_ms: int, created_ms: int, updated_ms: int, last_ms: int, count: int, moment: Any
) -> LabelledFinding:
    kind = step.facts["type"]
    finding = _finding(step.name, kind, step.facts["severity"], created_ms, updated_ms)
    service = finding["service"]
    service.update(count=count, eventFirstSeen=iso_ms(since_ms), eventLastSeen=iso_ms(max(since_ms, last_ms)))
    if kind in CALLS:
        finding["resource"] = _of_key(since_ms)
        service["resourceRole"] = "TARGET"
        service["action"] = _api_call(kind, step.facts["address"])
    if "domain" in step.facts:
        finding["resource"] = _of_instance(cast.WEB_1)
        service["resourceRole"] = "ACTOR"
        action = {"domain": step.facts["domain"], "protocol": "UDP", "blocked": False}
        service["action"] = {"actionType": "DNS_REQUEST", "dnsRequestAction": action}
    if kind.startswith("UnauthorizedAccess:IAMUser/InstanceCredential"):
        finding["resource"]["instanceDetails"] = _of_instance(cast.WEB_1)["instanceDetails"]
    if "bucket" in step.facts and "of" not in step.facts:
        finding["resource"].update(resourceType="S3Bucket", s3BucketDetails=[_bucket()])
        finding["associatedAttackSequenceArn"] = arn_of("sequence-finding")
    if "of" in step.facts:
        finding["resource"] = {"resourceType": "AttackSequence"}
        service["detection"] = {"sequence": _sequence(step, since_ms, updated_ms, moment)}
    return LabelledFinding(updated_ms, step.name, PRODUCT, finding)


def _finding(name: str, kind: str, severity: float, created_ms: int, updated_ms: int) -> Finding:
    user = f"{cast.WEB_ROLE.name}/{cast.WEB_1.id}"
    about = cast.BASTION if kind.startswith("Recon") else cast.WEB_1
    title = TITLES[kind].format(instance=f"EC2 instance {about.id}", user=user)
    return {
        "accountId": cast.PRODUCTION,
        "arn": arn_of(name),
        "createdAt": iso_ms(created_ms),
        "updatedAt": iso_ms(updated_ms),
        "description": title,
        "title": title,
        "id": hex_id(name),
        "partition": "aws",
        "region": cast.REGION,
        "schemaVersion": "2.0",
        "severity": severity,
        "type": kind,
        "resource": {},
        "service": {
            "serviceName": "guardduty",
            "detectorId": cast.DETECTOR,
            "archived": False,
            "count": 1,
            "eventFirstSeen": iso_ms(created_ms),
            "eventLastSeen": iso_ms(updated_ms),
            "additionalInfo": {"value": "{}", "type": "default"},
        },
    }


def _of_instance(instance: cast.Instance) -> Dict[str, Any]:
    interface = {
        "networkInterfaceId": instance.eni,
        "privateIpAddress": instance.private_ip,
        "privateIpAddresses": [{"privateIpAddress": instance.private_ip}],
        "securityGroups": [{"groupId": instance.security_group, "groupName": instance.security_group}],
        "subnetId": instance.subnet,
        "vpcId": cast.VPC,
    }
    if instance is cast.BASTION:
        interface["publicIp"] = instance.public_ip
    return {
        "resourceType": "Instance",
        "instanceDetails": {
            "instanceId": instance.id,
            "instanceType": "m7i.large",
            "imageId": IMAGE,
            "instanceState": "running",
            "availabilityZone": f"{cast.REGION}a",
            "iamInstanceProfile": {
                "arn": f"arn:aws:iam::{cast.PRODUCTION}:instance-profile/{instance.role.name}",
                "id": cast.aws_id("AIPA", instance.role.name),
            },
            "networkInterfaces": [interface],
            "tags": [{"key": "Name", "value": instance.name}],
        },
    }


def _of_key(time_ms: int) -> Dict[str, Any]:
    """The stolen session, by the key that CloudTrail has of it."""
    identity = instance_session(cast.WEB_1, cast.ATTACKER_AGENT).at(time_ms // 1000)
    return {
        "resourceType": "AccessKey",
        "accessKeyDetails": {
            "accessKeyId": identity["accessKeyId"],
            "principalId": identity["principalId"],
            "userName": cast.WEB_ROLE.name,
            "userType": "AssumedRole",
        },
    }


def _bucket() -> Dict[str, Any]:
    return {
        "arn": f"arn:aws:s3:::{cast.CUSTOMERS.name}",
        "name": cast.CUSTOMERS.name,
        "type": "Destination",
        "owner": {"id": hex_id(cast.CUSTOMERS.account, 64)},
        "tags": [{"key": "team", "value": "shop"}],
        "defaultServerSideEncryption": {"encryptionType": "aws:kms", "kmsMasterKeyArn": cast.DATA_KEY_ARN},
        "publicAccess": {"effectivePermission": "NOT_PUBLIC"},
    }


def _api_call(kind: str, address: str) -> Dict[str, Any]:
    service, name = CALLS[kind]
    call = {
        "api": name,
        "serviceName": service,
        "callerType": "Remote IP",
        "userAgent": cast.ATTACKER_AGENT,
        "remoteIpDetails": remote(address),
        "affectedResources": {},
    }
    return {"actionType": "AWS_API_CALL", "awsApiCallAction": call}


def _sequence(step: attack.Step, since_ms: int, updated_ms: int, moment: Any) -> Dict[str, Any]:
    identity = instance_session(cast.WEB_1, cast.ATTACKER_AGENT).at(since_ms // 1000)
    seconds = since_ms // 1000
    signals = [
        {
            "uid": arn_of(name),
            "type": "FINDING",
            "name": step_named(name).facts["type"],
            "severity": step_named(name).facts["severity"],
            "count": 1,
            "createdAt": moment(step_named(name).minute) // 1000,
            "updatedAt": updated_ms // 1000,
            "firstSeenAt": seconds,
            "lastSeenAt": updated_ms // 1000,
            "actorIds": ["thief"],
            "endpointIds": ["outside"],
            "resourceUids": [identity["accessKeyId"], f"arn:aws:s3:::{cast.CUSTOMERS.name}"],
        }
        for name in step.facts["of"]
    ]
    place = remote(step.facts["address"])
    user = {
        "name": cast.WEB_ROLE.name,
        "uid": identity["principalId"],
        "type": "AssumedRole",
        "credentialUid": identity["accessKeyId"],
        "account": {"uid": cast.PRODUCTION},
    }
    return {
        "uid": hex_id("sequence"),
        "description": "Credentials of an instance were used from outside, and customer data was read with them.",
        "actors": [{"id": "thief", "user": user}],
        "endpoints": [
            {
                "id": "outside",
                "ip": step.facts["address"],
                "location": {
                    "city": place["city"]["cityName"],
                    "country": place["country"]["countryName"],
                    **place["geoLocation"],
                },
                "autonomousSystem": {
                    "name": place["organization"]["asnOrg"],
                    "number": int(place["organization"]["asn"]),
                },
            }
        ],
        "resources": [
            {
                "uid": identity["accessKeyId"],
                "resourceType": "ACCESS_KEY",
                "accountId": cast.PRODUCTION,
                "data": {"accessKey": {"principalId": identity["principalId"], "userName": cast.WEB_ROLE.name}},
            },
            {
                "uid": f"arn:aws:s3:::{cast.CUSTOMERS.name}",
                "name": cast.CUSTOMERS.name,
                "resourceType": "S3_BUCKET",
                "accountId": cast.PRODUCTION,
                "region": cast.REGION,
            },
        ],
        "signals": signals,
        "sequenceIndicators": [
            {"key": "ATTACK_TECHNIQUE", "values": ["T1552.005", "T1530"]},
            {"key": "HIGH_RISK_API", "values": ["s3:GetObject"]},
        ],
    }


def _probed(time_ms: int) -> LabelledFinding:
    finding = _finding("probed", "Recon:EC2/PortProbeUnprotectedPort", 2.0, time_ms, time_ms)
    finding["resource"] = _of_instance(cast.BASTION)
    detail = {"localPortDetails": {"port": 22, "portName": "SSH"}, "remoteIpDetails": remote(cast.SCANNERS[0])}
    finding["service"].update(
        count=12,
        resourceRole="TARGET",
        action={"actionType": "PORT_PROBE", "portProbeAction": {"blocked": False, "portProbeDetails": [detail]}},
        additionalInfo={"value": json.dumps({"threatListName": "Example"}), "type": "default"},
    )
    return LabelledFinding(time_ms, "", PRODUCT, finding)
