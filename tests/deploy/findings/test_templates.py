"""The templates as a deployer meets them: accepted by the linter, created, and read back from the stand-in."""

from __future__ import annotations

import json
import re
from typing import Any, Dict

import pytest

from lab.aws.stand_in import ACCOUNT, REGION
from tests.deploy.findings.conftest import ELSEWHERE, FOLDER, INPUTS, TEMPLATES, Deployed, rule, source
from tests.deploy.stacks import Stack

#: What the stand-in has no resources for; they are checked as text, and by the simulator of policies.
NOT_IN_THE_STAND_IN = {
    "AWS::CloudWatch::Alarm",
    "AWS::Events::EventBusPolicy",
    "AWS::SNS::Subscription",
    "AWS::SQS::QueuePolicy",
}
#: EventBridge's limit for an event, and SQS's for a message, in bytes.
ONE_MIB = 1048576


@pytest.mark.slow("the linter of templates")
@pytest.mark.parametrize("name", TEMPLATES)
def test_the_linter_finds_nothing(name: str) -> None:
    from cfnlint.api import ManualArgs, lint_file

    found = lint_file(FOLDER / f"{name}.yaml", ManualArgs(regions=["ap-northeast-2", "us-east-1"]))
    assert [str(match) for match in found] == []


@pytest.mark.parametrize("which", ["deployed", "least"])
def test_the_stand_in_creates_everything_but_what_is_known(request: pytest.FixtureRequest, which: str) -> None:
    stacks: Deployed = request.getfixturevalue(which)
    found = {kind for stack in (stacks.central, stacks.account, stacks.region) for kind in stack.skipped}
    assert found == NOT_IN_THE_STAND_IN if which == "deployed" else found <= NOT_IN_THE_STAND_IN
    for stack in (stacks.central, stacks.account, stacks.region):
        for name, resource in stack.template["Resources"].items():
            if resource["Type"] == "AWS::Events::EventBus":  # moto gives it no id
                assert stack.client("events").describe_event_bus(Name=stack.outputs["BusArn"].rpartition("/")[2])
            elif resource["Type"] not in NOT_IN_THE_STAND_IN and "Condition" not in resource:
                assert stack.ids.get(name), f"{name} was not created"


def _attributes(stack: Stack, name: str) -> Dict[str, Any]:
    return stack.client("sqs").get_queue_attributes(QueueUrl=stack.ids[name], AttributeNames=["All"])["Attributes"]


def test_every_queue_takes_the_largest_event_and_keeps_it_as_long_as_sqs_can(deployed: Deployed) -> None:
    names = []
    for stack in (deployed.central, deployed.region):
        for name, resource in stack.template["Resources"].items():
            if resource["Type"] == "AWS::SQS::Queue":
                names.append(name)
                attributes = _attributes(stack, name)
                assert (attributes["MaximumMessageSize"], attributes["MessageRetentionPeriod"]) == (
                    str(ONE_MIB),
                    "1209600",
                ), name
    assert names == ["Findings", "FindingsPoison", "Waf", "WafPoison", "Prowler", "ProwlerPoison", "Undelivered"]


@pytest.mark.parametrize("name", ["Findings", "Waf", "Prowler"])
def test_a_message_waits_longer_than_the_input_takes_and_ends_in_a_queue_of_its_own(
    deployed: Deployed, name: str
) -> None:
    queue, poison = _attributes(deployed.central, name), _attributes(deployed.central, f"{name}Poison")
    # The inputs delete five minutes after they wrote: what is not deleted by then must not be handed out again.
    assert int(queue["VisibilityTimeout"]) > 2 * 300
    assert json.loads(queue["RedrivePolicy"]) == {"deadLetterTargetArn": poison["QueueArn"], "maxReceiveCount": 10}
    resources = source("central")["Resources"]
    assert resources[name]["Properties"]["RedriveAllowPolicy"] == {"redrivePermission": "denyAll"}
    allowed = resources[f"{name}Poison"]["Properties"]["RedriveAllowPolicy"]
    (arn,) = allowed["sourceQueueArns"]
    assert arn["Fn::Sub"].rpartition("}:")[2] == resources[name]["Properties"]["QueueName"]["Fn::Sub"]


def test_a_rule_forwards_to_the_bus_with_the_role_and_keeps_what_it_cannot(deployed: Deployed) -> None:
    (target,) = rule(deployed.region, "Forward")["Targets"]
    assert target["Arn"] == deployed.central.outputs["BusArn"]
    assert target["RoleArn"] == deployed.account.outputs["ForwardRoleArn"]
    undelivered = _attributes(deployed.region, "Undelivered")["QueueArn"]
    assert undelivered.split(":")[3] == ELSEWHERE  # EventBridge takes none of another region
    assert target["DeadLetterConfig"] == {"Arn": undelivered}
    (target,) = rule(deployed.central, "ToQueue")["Targets"]
    assert target["Arn"] == _attributes(deployed.central, "Findings")["QueueArn"]
    assert target["DeadLetterConfig"] == {"Arn": _attributes(deployed.central, "FindingsPoison")["QueueArn"]}


#: Events as AWS documents them (source, detail-type) -> parameter of region.yaml; None: no finding.
EVENTS = {
    ("aws.guardduty", "GuardDuty Finding"): "GuardDuty",
    ("aws.securityhub", "Security Hub Findings - Imported"): "SecurityHub",
    ("aws.securityhub", "Security Hub Findings - Custom Action"): "SecurityHub",
    ("aws.securityhub", "Findings Imported V2"): "SecurityHub",
    ("aws.inspector2", "Inspector2 Finding"): "Inspector",
    ("aws.macie", "Macie Finding"): "Macie",
    ("aws.access-analyzer", "Access Analyzer Finding"): "AccessAnalyzer",
    ("aws.signin", "Sign-in Anomaly Alert"): "SignIn",
    ("aws.inspector2", "Inspector2 Scan"): None,
    ("aws.securityhub", "Security Hub Insight Results"): None,
    ("aws.s3", "Object Created"): None,
    ("com.example", "GuardDuty Finding"): None,
}


@pytest.mark.parametrize(("event", "parameter"), EVENTS.items(), ids=[" ".join(event) for event in EVENTS])
def test_findings_are_forwarded_and_nothing_else(
    deployed: Deployed, least: Deployed, event: Any, parameter: str
) -> None:
    everything, little, central = (
        rule(stack, name)["EventPattern"]
        for stack, name in ((deployed.region, "Forward"), (least.region, "Forward"), (deployed.central, "ToQueue"))
    )
    assert _matches(everything, event) is (parameter is not None)
    assert _matches(little, event) is (parameter == "GuardDuty")
    if parameter:
        assert _matches(central, event)


def _matches(pattern: str, event: Any) -> bool:
    from moto.events.models import EventPattern

    source, kind = event
    wanted = json.loads(pattern)
    # Where AWS::NoValue stands in a list, CloudFormation leaves the entry out and moto a null.
    wanted = {key: [value for value in values if value] for key, values in wanted.items()}
    return EventPattern.load(json.dumps(wanted)).matches_event({"source": source, "detail-type": kind, "detail": {}})


def test_firehose_takes_the_events_that_the_inputs_take() -> None:
    """And none of what it has no mapping for: sign-ins and custom actions come by the queue only."""
    mapped = source("push")["Mappings"]["Events"]
    assert set(source("push")["Parameters"]["Dataset"]["AllowedValues"]) == set(mapped)
    for entry in mapped.values():
        assert EVENTS[entry["Source"], entry["Type"]] is not None


def test_alarms_watch_what_is_left_lying(deployed: Deployed) -> None:
    for stack, names in (
        (
            deployed.central,
            {f"{queue}{alarm}" for queue in ("Findings", "Waf", "Prowler") for alarm in ("Poison", "Oldest")},
        ),
        (deployed.region, {"Undelivered"}),
    ):
        alarms = {
            name.replace("Alarm", ""): resource["Properties"]
            for name, resource in stack.template["Resources"].items()
            if resource["Type"] == "AWS::CloudWatch::Alarm"
        }
        assert set(alarms) == names
        for name, alarm in alarms.items():
            queue = alarm["Dimensions"][0]["Value"]["Fn::GetAtt"]
            assert queue in ([name.replace("Oldest", ""), "QueueName"], f"{name.replace('Oldest', '')}.QueueName")


def test_the_printed_statement_is_json_and_names_the_collector(deployed: Deployed) -> None:
    statement = json.loads(deployed.central.outputs["WafBucketPolicyStatement"])
    assert statement["Principal"] == {"AWS": deployed.central.outputs["CollectorRoleArn"]}
    assert len(statement["Resource"]) == 4
    assert [arn for arn in statement["Resource"] if not re.fullmatch(r"arn:aws:s3:::[\w-]+(/\*)?", arn)] == []


def test_an_existing_role_is_used_where_it_is_named(aws: Any) -> None:
    from tests.deploy.findings.conftest import EXTERNAL_ID
    from tests.deploy.stacks import create_stack

    iam = aws.client("iam")
    iam.create_role(RoleName="splunk", AssumeRolePolicyDocument="{}")
    stack = create_stack(
        aws, source("central"), {"ExternalId": EXTERNAL_ID, "CollectorRoleName": "splunk"}, "with-a-role"
    )
    assert stack.outputs["CollectorRoleArn"] == f"arn:aws:iam::{ACCOUNT}:role/splunk"
    assert iam.list_role_policies(RoleName="splunk")["PolicyNames"] == ["with-a-role-inputs"]
    assert {"CollectorRole", "CollectorProfile"} & set(stack.ids) == set()


def test_every_input_has_a_policy_of_its_own(deployed: Deployed, least: Deployed) -> None:
    iam = deployed.account.client("iam")
    names = iam.list_role_policies(RoleName=deployed.account.ids["ReadRole"])["PolicyNames"]
    assert len(names) == len(INPUTS) + 2  # and regions, export  # and the regions
    size = sum(
        len(re.sub(r"\s", "", json.dumps(iam.get_role_policy(RoleName="read-yes", PolicyName=name)["PolicyDocument"])))
        for name in names
    )
    assert size < 10_240  # AWS's limit for the inline policies of a role together
    assert iam.list_role_policies(RoleName=least.account.ids["ReadRole"])["PolicyNames"] == ["regions"]
    assert REGION != ELSEWHERE
