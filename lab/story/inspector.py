"""Inspector's finding about the library that the exploit is about.

https://docs.aws.amazon.com/inspector/v2/APIReference/API_Finding.html
"""

from __future__ import annotations

from typing import List

from lab.story import attack, cast
from lab.story.finding import IMAGE, hex_id, step_named
from lab.story.labelled import LabelledFinding

PRODUCT = "inspector2"
#: It has been there for so long.
KNOWN_DAYS = 9


def findings(start_ms: int, end_ms: int) -> List[LabelledFinding]:
    """Return the one version of it."""
    step = step_named("known-vulnerability")
    time_ms = max(start_ms, attack.moment_ms(step.minute, start_ms, end_ms))
    vulnerability = step.facts["vulnerability"]
    profile = f"arn:aws:iam::{cast.PRODUCTION}:instance-profile/{cast.WEB_ROLE.name}"
    finding = {
        "findingArn": f"arn:aws:inspector2:{cast.REGION}:{cast.PRODUCTION}:finding/{hex_id(step.name)}",
        "awsAccountId": cast.PRODUCTION,
        "type": "PACKAGE_VULNERABILITY",
        "title": f"{vulnerability} - org.apache.logging.log4j:log4j-core",
        "description": "JNDI features used in configuration, log messages and parameters do not protect against LDAP "
        "and other JNDI related endpoints that an attacker controls.",
        "remediation": {"recommendation": {"text": "Upgrade the library."}},
        "severity": "CRITICAL",
        "firstObservedAt": time_ms / 1000 - KNOWN_DAYS * 86_400,
        "lastObservedAt": time_ms / 1000,
        "updatedAt": time_ms / 1000,
        "status": "ACTIVE",
        "inspectorScore": 10.0,
        "fixAvailable": "YES",
        "exploitAvailable": "YES",
        "epss": {"score": 0.94},
        "packageVulnerabilityDetails": {
            "vulnerabilityId": vulnerability,
            "source": "NVD",
            "sourceUrl": f"https://nvd.nist.gov/vuln/detail/{vulnerability}",
            "cvss": [
                {
                    "baseScore": 10.0,
                    "scoringVector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H",
                    "version": "3.1",
                    "source": "NVD",
                }
            ],
            "vulnerablePackages": [
                {
                    "name": "org.apache.logging.log4j:log4j-core",
                    "version": "2.14.1",
                    "fixedInVersion": "2.17.1",
                    "packageManager": "JAR",
                    "filePath": "opt/tomcat/webapps/shop/WEB-INF/lib/log4j-core-2.14.1.jar",
                }
            ],
            "relatedVulnerabilities": [],
        },
        "resources": [
            {
                "type": "AWS_EC2_INSTANCE",
                "id": cast.WEB_1.id,
                "partition": "aws",
                "region": cast.REGION,
                "tags": {"Name": cast.WEB_1.name},
                "details": {
                    "awsEc2Instance": {
                        "type": "m7i.large",
                        "imageId": IMAGE,
                        "ipV4Addresses": [cast.WEB_1.private_ip],
                        "iamInstanceProfileArn": profile,
                        "vpcId": cast.VPC,
                        "subnetId": cast.WEB_1.subnet,
                        "platform": "AMAZON_LINUX_2023",
                    }
                },
            }
        ],
    }
    return [LabelledFinding(time_ms, step.name, PRODUCT, finding)]
