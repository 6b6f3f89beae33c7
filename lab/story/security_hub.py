"""Security Hub's findings: the controls it checks itself, and what GuardDuty and Inspector found, as ASFF and as OCSF.

https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format.html
https://schema.ocsf.io/1.6.0/classes/detection_finding
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, List, Tuple

from lab.story import attack, cast
from lab.story.clock import iso_ms
from lab.story.finding import Finding, hex_id, instance_arn, step_named
from lab.story.labelled import LabelledFinding

ASFF, OCSF = "securityhub", "securityhub_v2"
#: Label -> the least normalised severity and OCSF's number.
SEVERITIES = {"LOW": (1, 2), "MEDIUM": (40, 3), "HIGH": (70, 4), "CRITICAL": (90, 5)}
#: Control, what it asks for, when it was checked (minutes before the end), whether it failed, severity, resource.
CHECKED: Tuple[Tuple[str, str, float, bool, str, Tuple[str, str]], ...] = (
    (
        "IAM.3",
        "IAM users' access keys should be rotated every 90 days or less",
        232,
        True,
        "MEDIUM",
        ("AwsIamUser", f"arn:aws:iam::{cast.PRODUCTION}:user/서연.정"),
    ),
    (
        "S3.8",
        "S3 general purpose buckets should block public access",
        231,
        False,
        "HIGH",
        ("AwsS3Bucket", f"arn:aws:s3:::{cast.CUSTOMERS.name}"),
    ),
)
OPEN_SSH = "Security groups should not allow ingress from 0.0.0.0/0 or ::/0 to port 22"
#: Part of a GuardDuty type -> the kind of ASFF.
TYPES = {
    "Backdoor": "TTPs/Command and Control",
    "UnauthorizedAccess": "TTPs/UnauthorizedAccess",
    "Exfiltration": "Effects/Data Exposure",
    "AttackSequence": "TTPs",
    "Stealth": "TTPs/Defense Evasion",
    "Recon": "TTPs/Discovery",
}
FOUNDATIONAL = "standards/aws-foundational-security-best-practices/v/1.0.0"


def controls(start_ms: int, end_ms: int) -> List[LabelledFinding]:
    """Return what controls found, in both forms."""
    step = step_named("door-finding")
    group = f"arn:aws:ec2:{cast.REGION}:{cast.PRODUCTION}:security-group/{step.facts['group']}"
    opened = (step.facts["control"], OPEN_SSH, step.minute, True, "HIGH", ("AwsEc2SecurityGroup", group))
    found = []
    for name, checked in [("", each) for each in CHECKED] + [(step.name, opened)]:
        time_ms = max(start_ms, attack.moment_ms(checked[2], start_ms, end_ms))
        found.append(LabelledFinding(time_ms, name, ASFF, _control(checked, time_ms)))
        found.append(LabelledFinding(time_ms, name, OCSF, _compliance(checked, time_ms)))
    return found


def asff(product: str, finding: Finding, seen_ms: int) -> Finding:
    """Return another service's finding as ASFF."""
    about = _about(product, finding)
    number = SEVERITIES[about["label"]][0]
    hub = f"arn:aws:securityhub:{cast.REGION}::product/aws/{about['product']}"
    return {
        **_frame(about["uid"], hub, about["title"], about["created"], about["updated"], seen_ms),
        "ProductName": about["name"],
        "GeneratorId": about["generator"],
        "Types": [about["type"]],
        "Severity": {"Label": about["label"], "Normalized": number, "Original": about["original"]},
        "Description": about["description"],
        "ProductFields": {"aws/securityhub/FindingId": f"{hub}/{about['uid']}", **about["fields"]},
        "Resources": [
            {"Type": kind, "Id": uid, "Partition": "aws", "Region": cast.REGION} for kind, uid in about["resources"]
        ],
    }


def ocsf(product: str, finding: Finding, seen_ms: int) -> Finding:
    """Return another service's finding as OCSF."""
    about = _about(product, finding)
    vulnerable = product == "inspector2"
    kind = (2002, "Vulnerability Finding") if vulnerable else (2004, "Detection Finding")
    found = _ocsf_frame(kind, about["uid"], about["title"], about["label"], about["created"], about["updated"])
    found["finding_info"].update(types=[about["type"]], desc=about["description"])
    found["metadata"]["product"].update(
        name=about["name"], uid=f"arn:aws:securityhub:{cast.REGION}::productv2/aws/{about['product']}"
    )
    found["resources"] = [_ocsf_resource(kind, uid) for kind, uid in about["resources"]]
    if vulnerable:
        details = finding["packageVulnerabilityDetails"]
        packages = [{"name": each["name"], "version": each["version"]} for each in details["vulnerablePackages"]]
        found["vulnerabilities"] = [
            {
                "cve": {"uid": details["vulnerabilityId"], "epss": {"score": str(finding["epss"]["score"])}},
                "affected_packages": packages,
                "is_fix_available": True,
                "is_exploit_available": True,
            }
        ]
    action = finding.get("service", {}).get("action", {})
    if "awsApiCallAction" in action:
        call = action["awsApiCallAction"]
        found["evidences"] = [
            {
                "api": {"operation": call["api"], "service": {"name": call["serviceName"]}},
                "src_endpoint": {"ip": call["remoteIpDetails"]["ipAddressV4"]},
            }
        ]
    if "dnsRequestAction" in action:
        found["evidences"] = [{"query": {"hostname": action["dnsRequestAction"]["domain"]}}]
    return found


def _about(product: str, finding: Finding) -> Dict[str, Any]:
    """Return of another service's finding what both forms have."""
    if product == "inspector2":
        times = {name: int(finding[name] * 1000) for name in ("firstObservedAt", "updatedAt")}
        return {
            "uid": finding["findingArn"],
            "product": "inspector",
            "name": "Inspector",
            "title": finding["title"],
            "description": finding["description"],
            "type": "Software and Configuration Checks/Vulnerabilities/CVE",
            "generator": "AWSInspector",
            "label": finding["severity"],
            "original": finding["severity"],
            "created": times["firstObservedAt"],
            "updated": times["updatedAt"],
            "fields": {"aws/inspector/FindingStatus": finding["status"]},
            "resources": [("AwsEc2Instance", instance_arn(cast.WEB_1))],
        }
    severity = finding["severity"]
    label = "CRITICAL" if severity >= 9 else "HIGH" if severity >= 7 else "MEDIUM" if severity >= 4 else "LOW"
    family = finding["type"].partition(":")[0]
    return {
        "uid": finding["arn"],
        "product": "guardduty",
        "name": "GuardDuty",
        "title": finding["title"],
        "description": finding["description"],
        "type": f"{TYPES[family]}/{finding['type'].replace('/', '-')}",
        "generator": cast.DETECTOR_ARN,
        "label": label,
        "original": str(severity),
        "created": _ms(finding["createdAt"]),
        "updated": _ms(finding["updatedAt"]),
        "fields": {
            "aws/guardduty/service/count": str(finding["service"]["count"]),
            "aws/guardduty/service/archived": "false",
            **_flat("aws/guardduty/service/action", finding["service"].get("action", {})),
        },
        "resources": _resources(finding["resource"]),
    }


def _flat(path: str, value: Any) -> Dict[str, str]:
    """GuardDuty's action in Security Hub: one field for each value, with its path as its name."""
    if isinstance(value, dict):
        return {name: text for key, inner in value.items() for name, text in _flat(f"{path}/{key}", inner).items()}
    if isinstance(value, list):
        fields = [_flat(f"{path}.{number}_", inner) for number, inner in enumerate(value)]
        return {name: text for each in fields for name, text in each.items()}
    return {path: str(value).lower() if isinstance(value, bool) else str(value)}


def _resources(resource: Dict[str, Any]) -> List[Tuple[str, str]]:
    found = []
    if "instanceDetails" in resource:
        arn = f"arn:aws:ec2:{cast.REGION}:{cast.PRODUCTION}:instance/{resource['instanceDetails']['instanceId']}"
        found.append(("AwsEc2Instance", arn))
    if "accessKeyDetails" in resource:
        found.append(("AwsIamAccessKey", f"AWS::IAM::AccessKey:{resource['accessKeyDetails']['accessKeyId']}"))
    found += [("AwsS3Bucket", bucket["arn"]) for bucket in resource.get("s3BucketDetails", [])]
    return found or [("AwsS3Bucket", f"arn:aws:s3:::{cast.CUSTOMERS.name}")]


def _control(checked: Tuple[str, str, float, bool, str, Tuple[str, str]], time_ms: int) -> Finding:
    control, asks, _, failed, label, (kind, uid) = checked
    hub = f"arn:aws:securityhub:{cast.REGION}::product/aws/securityhub"
    if not failed:
        label = "INFORMATIONAL"
    return {
        **_frame(_control_arn(control, uid), hub, f"{control} {asks}", time_ms, time_ms, time_ms),
        "ProductName": "Security Hub",
        "GeneratorId": f"security-control/{control}",
        "Types": ["Software and Configuration Checks/Industry and Regulatory Standards"],
        "Severity": {"Label": label, "Normalized": SEVERITIES[label][0] if failed else 0, "Original": label},
        "Description": f"This control checks: {asks}.",
        "Resources": [{"Type": kind, "Id": uid, "Partition": "aws", "Region": cast.REGION}],
        "Compliance": {
            "Status": "FAILED" if failed else "PASSED",
            "SecurityControlId": control,
            "AssociatedStandards": [{"StandardsId": FOUNDATIONAL}],
        },
    }


def _compliance(checked: Tuple[str, str, float, bool, str, Tuple[str, str]], time_ms: int) -> Finding:
    control, asks, _, failed, label, (kind, uid) = checked
    arn = _control_arn(control, uid)
    found = _ocsf_frame((2003, "Compliance Finding"), arn, f"{control} {asks}", label, time_ms, time_ms)
    if not failed:
        found.update(severity="Informational", severity_id=1)
    found["finding_info"].update(types=["Posture Management"], desc=f"This control checks: {asks}.")
    found["compliance"] = {
        "control": control,
        "standards": ["AWS Foundational Security Best Practices v1.0.0"],
        "status": "Fail" if failed else "Pass",
        "status_id": 3 if failed else 1,
    }
    found["resources"] = [_ocsf_resource(kind, uid)]
    return found


def _control_arn(control: str, resource: str) -> str:
    place = f"arn:aws:securityhub:{cast.REGION}:{cast.PRODUCTION}:security-control"
    digest = hex_id(control + resource)
    return f"{place}/{control}/finding/{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"


def _frame(uid: str, hub: str, title: str, created_ms: int, updated_ms: int, seen_ms: int) -> Finding:
    return {
        "SchemaVersion": "2018-10-08",
        "Id": uid,
        "ProductArn": hub,
        "CompanyName": "AWS" if hub.endswith("securityhub") else "Amazon",
        "Region": cast.REGION,
        "AwsAccountId": cast.PRODUCTION,
        "AwsAccountName": "shop-production",
        "FirstObservedAt": iso_ms(created_ms),
        "LastObservedAt": iso_ms(updated_ms),
        "CreatedAt": iso_ms(created_ms),
        "UpdatedAt": iso_ms(updated_ms),
        "ProcessedAt": iso_ms(seen_ms),
        "Title": title,
        "WorkflowState": "NEW",
        "Workflow": {"Status": "NEW"},
        "RecordState": "ACTIVE",
    }


def _ocsf_frame(kind: Tuple[int, str], uid: str, title: str, label: str, created_ms: int, updated_ms: int) -> Finding:
    number, name = kind
    first = created_ms == updated_ms
    return {
        "activity_id": 1 if first else 2,
        "activity_name": "Create" if first else "Update",
        "category_name": "Findings",
        "category_uid": 2,
        "class_name": name,
        "class_uid": number,
        "type_name": f"{name}: {'Create' if first else 'Update'}",
        "type_uid": number * 100 + (1 if first else 2),
        "cloud": {
            "account": {"uid": cast.PRODUCTION, "name": "shop-production", "type": "AWS Account", "type_id": 10},
            "cloud_partition": "aws",
            "provider": "AWS",
            "region": cast.REGION,
        },
        "finding_info": {
            "uid": uid,
            "title": title,
            "created_time": created_ms,
            "created_time_dt": iso_ms(created_ms),
            "first_seen_time": created_ms,
            "first_seen_time_dt": iso_ms(created_ms),
            "last_seen_time": updated_ms,
            "last_seen_time_dt": iso_ms(updated_ms),
            "modified_time": updated_ms,
            "modified_time_dt": iso_ms(updated_ms),
        },
        "metadata": {
            "uid": hex_id(uid, 64),
            "version": "1.6.0",
            "profiles": ["cloud", "datetime"],
            "product": {
                "name": "Security Hub",
                "uid": f"arn:aws:securityhub:{cast.REGION}::productv2/aws/securityhub",
                "vendor_name": "AWS",
            },
        },
        "severity": label.capitalize(),
        "severity_id": SEVERITIES[label][1],
        "status": "New",
        "status_id": 1,
        "time": updated_ms,
        "time_dt": iso_ms(updated_ms),
    }


def _ocsf_resource(kind: str, uid: str) -> Dict[str, Any]:
    return {
        "uid": uid,
        "type": kind,
        "region": cast.REGION,
        "cloud_partition": "aws",
        "owner": {"account": {"uid": cast.PRODUCTION}},
    }


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)
