"""Who may do what in the end: roles, trust, queues and bus, by a simulator of policies.

The stand-in for AWS checks none of it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, List, Optional, Set, Tuple

import pytest

from lab.aws.stand_in import ACCOUNT, REGION
from lab.policies import Decision, PolicySimulator, Question
from tests.deploy.findings.conftest import CENTRAL, ELSEWHERE, EXTERNAL_ID, ORGANIZATION, Deployed, rule

#: The account that is read, and one that has nothing to do with us. The stand-in made both stacks in one account, so
#: the read role's ARN is put into another here.
MEMBER, STRANGER = "222233334444", "999988887777"
PAGE = (Path(__file__).resolve().parents[3] / "docs" / "aws_permissions.md").read_text("utf-8")
#: Findings of the linter that are about its own list of AWS's actions, which is older than the simulator's: there
#: `shield:DescribeAttack` has a resource, here it has none.
NOT_THE_LINTERS = ("UNKNOWN_ACTION", "UNKNOWN_PREFIX", "RESOURCE_STAR")
#: Section of the page -> policy of account.yaml.
POLICIES = {
    "Every input": "RegionsPolicy",
    "GuardDuty": "GuardDutyPolicy",
    "Security Hub": "SecurityHubPolicy",
    "Back-fill of Security Hub by export": "ExportPolicy",
    "Inspector": "InspectorPolicy",
    "Macie": "MaciePolicy",
    "IAM Access Analyzer": "AccessAnalyzerPolicy",
    "Shield Advanced": "ShieldPolicy",
    "Asset inventory": "AssetsPolicy",
    "Accounts of the organization": "OrganizationPolicy",
}
#: Actions that are newer than the simulator: only that page and template agree is proved of them.
NEWER = ("securityhub:StartExportJobV2", "securityhub:GetExportJobV2")
ROW = re.compile(r"^\| `([\w-]+:\w+)` \| (?:`(.+?)`|\*) \| (.+?) \|$", re.MULTILINE)


def section(title: str) -> List[Tuple[str, str, str]]:
    """Return action, example of a resource, and reason of each row below a title of the page."""
    assert f"\n## {title}\n" in PAGE
    return ROW.findall(PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0])


def documents(stack: Any, role: str) -> List[Dict[str, Any]]:
    return [{"Version": "2012-10-17", "Statement": stack.statements(role)}]


def key_policy(action: str) -> Optional[Dict[str, Any]]:
    """Return what AWS puts into a new key's policy: the account's policies decide. Without it nothing is allowed."""
    if not action.startswith("kms:"):
        return None
    owner = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": owner, "Action": "kms:*", "Resource": "*"}],
    }


def session_of(arn: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:sts::{account}:assumed-role/{arn.rpartition('/')[2]}/inputs"


def actions(statements: List[Dict[str, Any]]) -> Set[str]:
    found: Set[str] = set()
    for statement in statements:
        found.update([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    return found


@pytest.mark.parametrize("title", POLICIES)
def test_the_page_lists_every_permission_and_no_other(deployed: Deployed, title: str) -> None:
    statements = deployed.policy(deployed.account, POLICIES[title])["Statement"]
    assert sorted(action for action, _, _ in section(title)) == sorted(actions(statements))


ROWS = [(title, *row[:2]) for title in POLICIES for row in section(title) if row[0] not in NEWER]


@pytest.mark.parametrize(("title", "action", "resource"), ROWS, ids=[row[1] for row in ROWS])
def test_an_input_may_what_the_page_says_and_without_its_switch_it_may_not(
    simulator: PolicySimulator, deployed: Deployed, least: Deployed, title: str, action: str, resource: str
) -> None:
    resource = (resource or "*").replace("<account>", ACCOUNT).replace("<region>", ELSEWHERE)
    for stacks, expected in ((deployed, Decision.ALLOWED), (least, Decision.IMPLICITLY_DENIED)):
        if title == "Every input":
            expected = Decision.ALLOWED
        role = documents(stacks.account, "ReadRole")
        arn = stacks.account.outputs["ReadRoleArn"]
        asked = Question(session_of(arn), action, resource, ACCOUNT, identity=role, resource_policy=key_policy(action))
        assert simulator.decide(asked) is expected


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("guardduty:ArchiveFindings", "*"),
        ("guardduty:CreateSampleFindings", "*"),
        ("guardduty:UpdateDetector", f"arn:aws:guardduty:{REGION}:{ACCOUNT}:detector/1a2b"),
        ("securityhub:BatchUpdateFindings", f"arn:aws:securityhub:{REGION}:{ACCOUNT}:hub/default"),
        ("securityhub:BatchImportFindings", f"arn:aws:securityhub:{REGION}:{ACCOUNT}:product/acme/scanner"),
        ("s3:GetObject", "arn:aws:s3:::payroll/2026.csv"),
        ("s3:DeleteObject", "arn:aws:s3:::acme-findings-export/aws-siem-bridge/part-0.json.gz"),
        ("kms:Decrypt", f"arn:aws:kms:{ELSEWHERE}:{ACCOUNT}:key/00000000-2a4b-4c6d-8e9f-0a1b2c3d4e5f"),
        ("s3:ListBucket", "arn:aws:s3:::payroll"),
        ("iam:CreateAccessKey", f"arn:aws:iam::{ACCOUNT}:user/mary"),
        ("lambda:GetFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:pay"),
        ("ec2:DescribeInstanceAttribute", f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-0a1b2c3d4e5f60718"),
        ("ec2:StopInstances", f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-0a1b2c3d4e5f60718"),
        ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/admin"),
        ("events:PutEvents", f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/hub-yes"),
    ],
)
def test_the_read_role_changes_nothing_and_reads_no_contents(
    simulator: PolicySimulator, deployed: Deployed, action: str, resource: str
) -> None:
    role = documents(deployed.account, "ReadRole")
    arn = deployed.account.outputs["ReadRoleArn"]
    asked = Question(session_of(arn), action, resource, ACCOUNT, identity=role)
    assert simulator.decide(asked) is Decision.IMPLICITLY_DENIED


@pytest.mark.parametrize(
    ("caller", "given", "expected"),
    [
        pytest.param("collector", {"sts:ExternalId": EXTERNAL_ID}, Decision.ALLOWED, id="the collector"),
        pytest.param("collector", {}, Decision.IMPLICITLY_DENIED, id="without ExternalId"),
        pytest.param("collector", {"sts:ExternalId": "another"}, Decision.IMPLICITLY_DENIED, id="with another"),
        pytest.param("colleague", {"sts:ExternalId": EXTERNAL_ID}, Decision.IMPLICITLY_DENIED, id="another role there"),
        pytest.param("stranger", {"sts:ExternalId": EXTERNAL_ID}, Decision.IMPLICITLY_DENIED, id="another account"),
    ],
)
def test_only_the_collector_assumes_the_role_and_only_with_the_external_id(
    simulator: PolicySimulator, deployed: Deployed, caller: str, given: Dict[str, str], expected: Decision
) -> None:
    collector = deployed.central.outputs["CollectorRoleArn"]
    callers = {
        "collector": (session_of(collector), documents(deployed.central, "CollectorRole")),
        # Both may assume whatever lets them.
        "colleague": (session_of("role/admin"), [anything("sts:AssumeRole")]),
        "stranger": (session_of(collector, STRANGER), [anything("sts:AssumeRole")]),
    }
    principal, identity = callers[caller]
    # As a member's role: the same trust policy in another account.
    role = deployed.account.outputs["ReadRoleArn"].replace(ACCOUNT, MEMBER)
    role = role.replace("read-yes", "aws-siem-bridge-read")  # what the collector's policy names by default
    trust = deployed.account.trust("ReadRole")
    asked = Question(principal, "sts:AssumeRole", role, MEMBER, identity=identity, resource_policy=trust, context=given)
    assert simulator.decide(asked) is expected


def test_the_collector_assumes_no_other_role(simulator: PolicySimulator, deployed: Deployed) -> None:
    """Not even one that trusts everybody."""
    collector = deployed.central.outputs["CollectorRoleArn"]
    trust = {**anything("sts:AssumeRole"), "Statement": [{**anything("sts:AssumeRole")["Statement"][0]}]}
    del trust["Statement"][0]["Resource"]
    trust["Statement"][0]["Principal"] = {"AWS": "*"}
    asked = Question(
        session_of(collector),
        "sts:AssumeRole",
        f"arn:aws:iam::{MEMBER}:role/admin",
        MEMBER,
        identity=documents(deployed.central, "CollectorRole"),
        resource_policy=trust,
        context={"sts:ExternalId": EXTERNAL_ID},
    )
    assert simulator.decide(asked) is Decision.IMPLICITLY_DENIED


def anything(action: str) -> Dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


WAF_BUCKET = "arn:aws:s3:::aws-waf-logs-shop"


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("sqs:ReceiveMessage", "hub-yes-findings", True),
        ("sqs:DeleteMessage", "hub-yes-findings", True),
        ("sqs:ChangeMessageVisibility", "hub-yes-waf", True),
        ("sqs:SendMessage", "hub-yes-findings", False),
        ("sqs:PurgeQueue", "hub-yes-findings", False),
        ("sqs:ReceiveMessage", "payments", False),
        ("s3:GetObject", f"{WAF_BUCKET}/AWSLogs/a.gz", True),
        ("s3:GetObject", "arn:aws:s3:::aws-waf-logs-blog/AWSLogs/a.gz", True),
        ("s3:ListBucket", WAF_BUCKET, True),
        ("sqs:ReceiveMessage", "hub-yes-prowler", True),
        ("sqs:PurgeQueue", "hub-yes-prowler", False),
        ("s3:GetObject", "arn:aws:s3:::acme-prowler/scan.ocsf.json", True),
        ("s3:ListBucket", "arn:aws:s3:::acme-prowler", True),
        ("s3:PutObject", "arn:aws:s3:::acme-prowler/scan.ocsf.json", False),
        ("kms:Decrypt", CENTRAL["ProwlerKeyArn"], True),
        ("s3:PutObject", f"{WAF_BUCKET}/AWSLogs/a.gz", False),
        ("s3:GetObject", f"{WAF_BUCKET}-2/AWSLogs/a.gz", False),
    ],
)
def test_the_machine_of_the_inputs_takes_from_its_queues_and_waf_buckets(
    simulator: PolicySimulator, deployed: Deployed, action: str, resource: str, allowed: bool
) -> None:
    if not resource.startswith("arn:"):
        resource = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{resource}"
    role = documents(deployed.central, "CollectorRole")
    collector = session_of(deployed.central.outputs["CollectorRoleArn"])
    asked = Question(collector, action, resource, ACCOUNT, identity=role, resource_policy=key_policy(action))
    assert simulator.decide(asked) is (Decision.ALLOWED if allowed else Decision.IMPLICITLY_DENIED)


@pytest.mark.parametrize(
    ("where", "queue", "service", "changes", "expected"),
    [
        pytest.param("central", "Findings", "events", {}, Decision.ALLOWED, id="the rule of the bus"),
        pytest.param("central", "FindingsPoison", "events", {}, Decision.ALLOWED, id="what it cannot deliver"),
        pytest.param("region", "Undelivered", "events", {}, Decision.ALLOWED, id="the rule of a region"),
        pytest.param("central", "Waf", "sns", {}, Decision.ALLOWED, id="the topic of WAF"),
        pytest.param("central", "Prowler", "s3", {}, Decision.ALLOWED, id="the bucket of Prowler"),
        pytest.param(
            "central",
            "Prowler",
            "s3",
            {"aws:SourceArn": "arn:aws:s3:::another"},
            Decision.IMPLICITLY_DENIED,
            id="another bucket",
        ),
        pytest.param(
            "central",
            "Findings",
            "events",
            {"aws:SourceArn": f"arn:aws:events:{REGION}:{STRANGER}:rule/theirs"},
            Decision.IMPLICITLY_DENIED,
            id="another rule",
        ),
        pytest.param("central", "Findings", "sns", {}, Decision.IMPLICITLY_DENIED, id="another service"),
        pytest.param(
            "central",
            "Waf",
            "sns",
            {"aws:SourceArn": f"arn:aws:sns:{REGION}:{STRANGER}:theirs"},
            Decision.IMPLICITLY_DENIED,
            id="another topic",
        ),
        pytest.param(
            "central", "Findings", "events", {"aws:SecureTransport": "false"}, Decision.EXPLICITLY_DENIED, id="no TLS"
        ),
    ],
)
def test_queues_take_messages_of_their_own_rule_or_topic(
    simulator: PolicySimulator,
    deployed: Deployed,
    where: str,
    queue: str,
    service: str,
    changes: Dict[str, str],
    expected: Decision,
) -> None:
    stack = getattr(deployed, where)
    name = "UndeliveredPolicy" if where == "region" else f"{queue.replace('Poison', '')}Policy"
    policy = deployed.policy(stack, name)
    senders = {
        "events": rule(stack, "Forward" if where == "region" else "ToQueue")["Arn"],
        "sns": "arn:aws:sns:us-east-1:777788889999:waf",
        "s3": CENTRAL["ProwlerBucketArn"],
    }
    attributes = stack.client("sqs").get_queue_attributes(QueueUrl=stack.ids[queue], AttributeNames=["QueueArn"])
    asked = Question(
        f"{service}.amazonaws.com",
        "sqs:SendMessage",
        attributes["Attributes"]["QueueArn"],
        ACCOUNT,
        resource_policy=policy,
        context={"aws:SourceArn": senders[service], "aws:SecureTransport": "true", **changes},
    )
    assert simulator.decide(asked) is expected


@pytest.mark.parametrize(
    ("policy", "sender", "organization", "expected"),
    [
        ("OrganizationMaySend", MEMBER, ORGANIZATION, Decision.ALLOWED),
        ("OrganizationMaySend", STRANGER, "o-9z9z9z9z9z", Decision.IMPLICITLY_DENIED),
        ("AccountsMaySend", MEMBER, "o-9z9z9z9z9z", Decision.ALLOWED),
        ("AccountsMaySend", STRANGER, ORGANIZATION, Decision.IMPLICITLY_DENIED),
    ],
)
def test_the_bus_takes_events_of_the_organization_or_of_named_accounts(
    simulator: PolicySimulator, deployed: Deployed, policy: str, sender: str, organization: str, expected: Decision
) -> None:
    statement = deployed.policy(deployed.central, policy, "Statement")
    if isinstance(statement["Principal"], dict):  # a list parameter, as one text here
        statement["Principal"] = {"AWS": statement["Principal"]["AWS"].split(",")}
    bus = deployed.central.outputs["BusArn"]
    asked = Question(
        session_of(deployed.account.outputs["ForwardRoleArn"], sender),
        "events:PutEvents",
        bus,
        ACCOUNT,
        identity=documents(deployed.account, "ForwardRole"),
        resource_policy={"Version": "2012-10-17", "Statement": [statement]},
        context={"aws:PrincipalOrgID": organization},
    )
    assert simulator.decide(asked) is expected


def test_the_forwarding_role_is_eventbridges_and_goes_to_one_bus(
    simulator: PolicySimulator, deployed: Deployed
) -> None:
    role = deployed.account.outputs["ForwardRoleArn"]
    trust = deployed.account.trust("ForwardRole")
    for owner, expected in ((ACCOUNT, Decision.ALLOWED), (STRANGER, Decision.IMPLICITLY_DENIED)):
        asked = Question(
            "events.amazonaws.com",
            "sts:AssumeRole",
            role,
            ACCOUNT,
            resource_policy=trust,
            context={"aws:SourceAccount": owner},
        )
        assert simulator.decide(asked) is expected
    identity = documents(deployed.account, "ForwardRole")
    other = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
    asked = Question(session_of(role), "events:PutEvents", other, ACCOUNT, identity=identity)
    assert simulator.decide(asked) is Decision.IMPLICITLY_DENIED


@pytest.mark.parametrize(
    ("stack", "role"), [("account", "ReadRole"), ("account", "ForwardRole"), ("central", "CollectorRole")]
)
def test_the_linter_of_policies_finds_nothing(deployed: Deployed, stack: str, role: str) -> None:
    from parliament import analyze_policy_string

    found = []
    for statement in getattr(deployed, stack).statements(role):
        document = {"Version": "2012-10-17", "Statement": [statement]}
        found += analyze_policy_string(json.dumps(document)).findings
    assert [str(each) for each in found if each.issue not in NOT_THE_LINTERS] == []
