"""Findings as the services make them, for whoever needs many and minds no detail. Addresses are documentation's.

Each is as the wire has it, and fits AWS's description of it; a number makes it one of its own.
"""

from __future__ import annotations

from typing import Any, Callable, Dict

from lab.aws.services import times
from lab.aws.services.store import (
    ACCESS_ANALYZER,
    GUARDDUTY,
    INSPECTOR,
    MACIE,
    SECURITY_HUB,
    SECURITY_HUB_V2,
    SHIELD,
    STORE,
    Place,
)

Finding = Dict[str, Any]

#: Type -> severity and title.
GUARDDUTY_TYPES: Dict[str, Any] = {
    "UnauthorizedAccess:EC2/SSHBruteForce": (
        2.0,
        "203.0.113.9 is performing SSH brute force attacks against {instance}.",
    ),
    "Recon:EC2/PortProbeUnprotectedPort": (2.0, "Unprotected port on EC2 instance {instance} is being probed."),
    "CryptoCurrency:EC2/BitcoinTool.B!DNS": (8.0, "EC2 instance {instance} is querying a domain of Bitcoin activity."),
    "UnauthorizedAccess:EC2/TorClient": (8.0, "EC2 instance {instance} is communicating with a Tor Guard node."),
    "Backdoor:EC2/C&CActivity.B": (8.0, "EC2 instance {instance} is communicating with a known C&C server."),
    "Impact:EC2/SuspiciousDomainRequest.Reputation": (3.0, "EC2 instance {instance} queried a suspicious domain."),
}


def guardduty(place: Place, number: int, at: str) -> Finding:
    """Return a finding about an instance. https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings.html."""
    kind = list(GUARDDUTY_TYPES)[number % len(GUARDDUTY_TYPES)]
    severity, title = GUARDDUTY_TYPES[kind]
    detector = STORE.enabled.get(place, "0" * 32)
    finding_id, instance = f"{number:032x}", f"i-{number:017x}"
    return {
        "accountId": place.account,
        "arn": f"arn:aws:guardduty:{place.region}:{place.account}:detector/{detector}/finding/{finding_id}",
        "createdAt": at,
        "updatedAt": at,
        "description": title.format(instance=instance),
        "title": title.format(instance=instance),
        "id": finding_id,
        "partition": "aws",
        "region": place.region,
        "schemaVersion": "2.0",
        "severity": severity,
        "type": kind,
        "resource": {
            "resourceType": "Instance",
            "instanceDetails": {
                "instanceId": instance,
                "instanceType": "t3.large",
                "imageId": "ami-0c0ffee0c0ffee001",
                "instanceState": "running",
                "availabilityZone": f"{place.region}a",
                "iamInstanceProfile": {
                    "arn": f"arn:aws:iam::{place.account}:instance-profile/web",
                    "id": f"AIPA{number:017d}",
                },
                "networkInterfaces": [
                    {
                        "networkInterfaceId": f"eni-{number:017x}",
                        "privateIpAddress": "10.0.0.23",
                        "privateIpAddresses": [{"privateIpAddress": "10.0.0.23"}],
                        "publicIp": "198.51.100.23",
                        "securityGroups": [{"groupId": "sg-0c0ffee0c0ffee001", "groupName": "web"}],
                        "subnetId": "subnet-0c0ffee0c0ffee001",
                        "vpcId": "vpc-0c0ffee0c0ffee001",
                    }
                ],
                "tags": [{"key": "Name", "value": f"web-{number}"}],
            },
        },
        "service": {
            "serviceName": "guardduty",
            "detectorId": detector,
            "archived": False,
            "count": 1,
            "eventFirstSeen": at,
            "eventLastSeen": at,
            "resourceRole": "TARGET",
            "action": {
                "actionType": "NETWORK_CONNECTION",
                "networkConnectionAction": {
                    "blocked": False,
                    "connectionDirection": "INBOUND",
                    "protocol": "TCP",
                    "localPortDetails": {"port": 22, "portName": "SSH"},
                    "remotePortDetails": {"port": 40000 + number % 20000, "portName": "Unknown"},
                    "remoteIpDetails": {
                        "ipAddressV4": "203.0.113.9",
                        "country": {"countryName": "Iceland"},
                        "city": {"cityName": "Reykjavik"},
                        "geoLocation": {"lat": 64.1, "lon": -21.9},
                        "organization": {"asn": "64500", "asnOrg": "EXAMPLE", "isp": "Example", "org": "Example"},
                    },
                },
            },
            "additionalInfo": {"value": "{}", "type": "default"},
        },
    }


def security_hub(place: Place, number: int, at: str) -> Finding:
    """Return a failed control. https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format.html."""
    product = f"arn:aws:securityhub:{place.region}::product/aws/securityhub"
    control = f"EC2.{number % 30 + 1}"
    title = f"{control} Instances and their networks should be set up as the control says"
    return {
        "SchemaVersion": "2018-10-08",
        "Id": f"arn:aws:securityhub:{place.region}:{place.account}:security-control/{control}/finding/"
        f"{number:08x}-0000-4000-8000-000000000000",
        "ProductArn": product,
        "ProductName": "Security Hub",
        "CompanyName": "AWS",
        "Region": place.region,
        "GeneratorId": f"security-control/{control}",
        "AwsAccountId": place.account,
        "AwsAccountName": f"account-{place.account}",
        "Types": ["Software and Configuration Checks/Industry and Regulatory Standards"],
        "FirstObservedAt": at,
        "LastObservedAt": at,
        "CreatedAt": at,
        "UpdatedAt": at,
        "ProcessedAt": at,
        "Severity": {"Label": "MEDIUM", "Normalized": 40, "Original": "MEDIUM"},
        "Title": title,
        "Description": f"This control checks an instance ({number}).",
        "Remediation": {
            "Recommendation": {
                "Text": "See the documentation.",
                "Url": f"https://docs.aws.amazon.com/console/securityhub/{control}",
            }
        },
        "ProductFields": {"aws/securityhub/ProductName": "Security Hub", "aws/securityhub/CompanyName": "AWS"},
        "Resources": [
            {
                "Type": "AwsEc2Instance",
                "Id": f"arn:aws:ec2:{place.region}:{place.account}:instance/i-{number:017x}",
                "Partition": "aws",
                "Region": place.region,
                "Tags": {"Name": f"web-{number}"},
                "Details": {"AwsEc2Instance": {"ImageId": "ami-0c0ffee0c0ffee001", "IpV4Addresses": ["10.0.0.23"]}},
            }
        ],
        "Compliance": {
            "Status": "FAILED",
            "SecurityControlId": control,
            "AssociatedStandards": [{"StandardsId": "standards/aws-foundational-security-best-practices/v/1.0.0"}],
        },
        "WorkflowState": "NEW",
        "Workflow": {"Status": "NEW"},
        "RecordState": "ACTIVE",
        "FindingProviderFields": {
            "Severity": {"Label": "MEDIUM", "Original": "MEDIUM"},
            "Types": ["Software and Configuration Checks/Industry and Regulatory Standards"],
        },
    }


def security_hub_v2(place: Place, number: int, at: str) -> Finding:
    """Return an OCSF Compliance Finding. https://schema.ocsf.io/1.6.0/classes/compliance_finding."""
    epoch, uid = times.epoch_ms(at), f"{number:08x}-0000-4000-8000-000000000000"
    control = f"EC2.{number % 30 + 1}"
    return {
        "activity_id": 1,
        "activity_name": "Create",
        "category_name": "Findings",
        "category_uid": 2,
        "class_name": "Compliance Finding",
        "class_uid": 2003,
        "type_name": "Compliance Finding: Create",
        "type_uid": 200301,
        "cloud": {"account": {"uid": place.account, "type": "AWS Account"}, "provider": "AWS", "region": place.region},
        "compliance": {
            "control": control,
            "standards": ["AWS Foundational Security Best Practices v1.0.0"],
            "status": "Fail",
            "status_id": 3,
        },
        "finding_info": {
            "uid": f"arn:aws:securityhub:{place.region}:{place.account}:security-control/{control}/finding/{uid}",
            "title": f"{control} Instances and their networks should be set up as the control says",
            "desc": f"This control checks an instance ({number}).",
            "types": ["Posture Management"],
            "created_time": epoch,
            "created_time_dt": at,
            "first_seen_time": epoch,
            "first_seen_time_dt": at,
            "last_seen_time": epoch,
            "last_seen_time_dt": at,
            "modified_time": epoch,
            "modified_time_dt": at,
        },
        "metadata": {
            "uid": f"{number:064x}",
            "version": "1.6.0",
            "product": {
                "name": "Security Hub",
                "uid": f"arn:aws:securityhub:{place.region}::productv2/aws/securityhub",
                "vendor_name": "AWS",
            },
        },
        "resources": [
            {
                "uid": f"arn:aws:ec2:{place.region}:{place.account}:instance/i-{number:017x}",
                "type": "AWS::EC2::Instance",
                "region": place.region,
                "cloud_partition": "aws",
                "owner": {"account": {"uid": place.account}},
                "tags": [{"name": "Name", "value": f"web-{number}"}],
            }
        ],
        "severity": "Medium",
        "severity_id": 3,
        "status": "New",
        "status_id": 1,
        "time": epoch,
        "time_dt": at,
    }


def inspector(place: Place, number: int, at: str) -> Finding:
    """Return a vulnerable package. https://docs.aws.amazon.com/inspector/v2/APIReference/API_Finding.html."""
    seconds = times.epoch_ms(at) / 1000
    cve = f"CVE-2026-{number % 90000 + 10000}"
    return {
        "findingArn": f"arn:aws:inspector2:{place.region}:{place.account}:finding/{number:032x}",
        "awsAccountId": place.account,
        "type": "PACKAGE_VULNERABILITY",
        "title": f"{cve} - openssl",
        "description": "A flaw was found in a library.",
        "remediation": {"recommendation": {"text": "Update it."}},
        "severity": "HIGH",
        "firstObservedAt": seconds,
        "lastObservedAt": seconds,
        "updatedAt": seconds,
        "status": "ACTIVE",
        "inspectorScore": 7.5,
        "fixAvailable": "YES",
        "exploitAvailable": "NO",
        "epss": {"score": 0.02},
        "packageVulnerabilityDetails": {
            "vulnerabilityId": cve,
            "source": "NVD",
            "sourceUrl": f"https://nvd.nist.gov/vuln/detail/{cve}",
            "cvss": [
                {
                    "baseScore": 7.5,
                    "scoringVector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N",
                    "version": "3.1",
                    "source": "NVD",
                }
            ],
            "vulnerablePackages": [
                {"name": "openssl", "version": "3.0.7", "fixedInVersion": "3.0.8", "packageManager": "OS"}
            ],
            "relatedVulnerabilities": [],
        },
        "resources": [
            {
                "type": "AWS_EC2_INSTANCE",
                "id": f"i-{number:017x}",
                "partition": "aws",
                "region": place.region,
                "tags": {"Name": f"web-{number}"},
                "details": {
                    "awsEc2Instance": {
                        "type": "t3.large",
                        "ipV4Addresses": ["10.0.0.23"],
                        "platform": "AMAZON_LINUX_2023",
                    }
                },
            }
        ],
    }


def macie(place: Place, number: int, at: str) -> Finding:
    """Return a bucket made public. https://docs.aws.amazon.com/macie/latest/APIReference/findings-describe.html."""
    bucket = f"bucket-{number}"
    return {
        "accountId": place.account,
        "archived": False,
        "category": "POLICY",
        "count": 1,
        "createdAt": at,
        "updatedAt": at,
        "description": "A bucket was made public.",
        "id": f"{number:032x}",
        "partition": "aws",
        "region": place.region,
        "sample": False,
        "schemaVersion": "1.0",
        "severity": {"description": "High", "score": 3},
        "title": "The S3 bucket is publicly accessible",
        "type": "Policy:IAMUser/S3BucketPublic",
        "resourcesAffected": {
            "s3Bucket": {
                "arn": f"arn:aws:s3:::{bucket}",
                "name": bucket,
                "createdAt": "2026-01-01T00:00:00.000Z",
                "publicAccess": {"effectivePermission": "PUBLIC"},
                "tags": [],
            }
        },
    }


def access_analyzer(place: Place, number: int, at: str) -> Finding:
    """Return a bucket open to the world.

    https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_GetFindingV2.html
    """
    return {
        "id": f"{number:08x}-0000-4000-8000-000000000000",
        "analyzedAt": at,
        "createdAt": at,
        "updatedAt": at,
        "resource": f"arn:aws:s3:::bucket-{number}",
        "resourceType": "AWS::S3::Bucket",
        "resourceOwnerAccount": place.account,
        "status": "ACTIVE",
        "findingType": "ExternalAccess",
        "findingDetails": [
            {
                "externalAccessDetails": {
                    "action": ["s3:GetObject"],
                    "condition": {},
                    "isPublic": True,
                    "principal": {"AWS": "*"},
                }
            }
        ],
    }


def shield(place: Place, number: int, at: str) -> Finding:
    """Return an attack that has not ended.

    https://docs.aws.amazon.com/waf/latest/DDOSAPIReference/API_DescribeAttack.html
    """
    counters = [
        {"Name": "REQUESTS", "Max": 250000.0, "Average": 90000.0, "Sum": 5400000.0, "N": 60, "Unit": "REQUESTS"}
    ]
    vectors = [{"VectorType": "REQUEST_FLOOD", "VectorCounters": counters}]
    return {
        "AttackId": f"{number:08x}-0000-4000-8000-000000000000",
        "ResourceArn": f"arn:aws:cloudfront::{place.account}:distribution/E{number:013d}",
        "SubResources": [{"Type": "URL", "Id": "/login", "AttackVectors": vectors, "Counters": counters}],
        "StartTime": times.epoch_ms(at) / 1000,
        "AttackCounters": counters,
        "AttackProperties": [
            {
                "AttackLayer": "APPLICATION",
                "AttackPropertyIdentifier": "SOURCE_IP_ADDRESS",
                "TopContributors": [{"Name": "203.0.113.9", "Value": 4000000}],
                "Unit": "REQUESTS",
                "Total": 5400000,
            }
        ],
        "Mitigations": [{"MitigationName": "WAF rate-based rule"}],
    }


#: Product -> what makes one of its findings.
MAKERS: Dict[str, Callable[[Place, int, str], Finding]] = {
    GUARDDUTY: guardduty,
    SECURITY_HUB: security_hub,
    SECURITY_HUB_V2: security_hub_v2,
    INSPECTOR: inspector,
    MACIE: macie,
    ACCESS_ANALYZER: access_analyzer,
    SHIELD: shield,
}
