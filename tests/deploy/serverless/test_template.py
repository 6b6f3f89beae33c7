"""The template as a deployer meets it: accepted by the linter, created, and read back from the stand-in."""

from __future__ import annotations

import importlib
import json
import re
from typing import Any, Dict, Iterator

import pytest

from aws_bridge.functions.packing import PYTHON_VERSION
from aws_bridge.functions.variables import PREFIX
from collectors.lambda_function.settings import read_settings
from tests.deploy.serverless.conftest import SIGNED, TEMPLATE, expanded, source
from tests.deploy.stacks import Stack

#: What the stand-in has no resources for; they are checked as text below.
NOT_IN_THE_STAND_IN = {
    "AWS::CloudWatch::Alarm",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SQS::QueuePolicy",
}


@pytest.mark.slow("the linter of templates")
def test_the_linter_finds_nothing():
    from cfnlint.api import ManualArgs, lint_file

    assert lint_file(TEMPLATE, ManualArgs(regions=["ap-northeast-2", "us-east-1"])) == []


@pytest.mark.slow("the linter of templates")
def test_the_expanded_template_has_nothing_for_the_linter_either(tmp_path):
    from cfnlint.api import ManualArgs, lint_file

    path = tmp_path / "template.json"
    path.write_text(json.dumps(expanded()))
    found = lint_file(path, ManualArgs(regions=["ap-northeast-2"]))
    assert [str(match) for match in found if match.rule.id.startswith("E")] == []


def test_what_the_stand_in_skips_is_known(stack: Stack):
    conditional = set() if "WafTopicArn" in stack.outputs else {"AWS::SNS::Subscription"}
    assert set(stack.skipped) | conditional >= NOT_IN_THE_STAND_IN - {"AWS::SNS::Subscription"}
    assert set(stack.skipped) <= NOT_IN_THE_STAND_IN


def test_every_resource_that_the_stand_in_has_is_there(stack: Stack):
    resources = stack.template["Resources"]
    for name, resource in resources.items():
        if resource["Type"] == "AWS::Lambda::Permission":  # has no id of its own there
            function = resource["Properties"]["FunctionName"]["Ref"]
            policy = json.loads(stack.client("lambda").get_policy(FunctionName=stack.ids[function])["Policy"])
            assert policy["Statement"][0]["Principal"] == {"Service": "events.amazonaws.com"}
        elif resource["Type"] not in NOT_IN_THE_STAND_IN and "Condition" not in resource:
            assert stack.ids.get(name), f"{name} was not created"


def test_the_queue_redrives_and_waits_six_times_as_long_as_the_loader(stack: Stack):
    sqs = stack.client("sqs")
    queue = sqs.get_queue_attributes(QueueUrl=stack.outputs["QueueUrl"], AttributeNames=["All"])["Attributes"]
    poison = sqs.get_queue_attributes(QueueUrl=stack.outputs["PoisonQueueUrl"], AttributeNames=["All"])["Attributes"]
    redrive = json.loads(queue["RedrivePolicy"])
    assert redrive == {"deadLetterTargetArn": poison["QueueArn"], "maxReceiveCount": 10}
    loader = stack.client("lambda").get_function_configuration(FunctionName="siem-loader")
    assert int(queue["VisibilityTimeout"]) == 6 * loader["Timeout"]
    # As long as SQS allows: a message found in the last queue on a Monday is not lost on the Tuesday.
    assert queue["MessageRetentionPeriod"] == poison["MessageRetentionPeriod"] == "1209600"


def test_only_its_own_queue_may_use_the_poison_queue():
    resources = source()["Resources"]
    queue, poison = (resources[name]["Properties"] for name in ("Queue", "PoisonQueue"))
    allowed = poison["RedriveAllowPolicy"]
    assert allowed["redrivePermission"] == "byQueue"
    (arn,) = allowed["sourceQueueArns"]
    assert arn["Fn::Sub"].rpartition("}:")[2] == queue["QueueName"]["Fn::Sub"]
    assert queue["RedriveAllowPolicy"] == {"redrivePermission": "denyAll"}


def test_the_functions_that_talk_to_the_cluster_can_trust_an_authority_of_its_own():
    template = source()
    assert template["Globals"]["Function"]["Environment"]["Variables"]["AWS_SIEM_BRIDGE_CA_FILE"] == {"Ref": "CaFile"}
    for name in ("Loader", "Resume"):
        assert "CaLayerArn" in json.dumps(template["Resources"][name]["Properties"]["Layers"])
    assert "Authority" in template["Rules"]


def test_the_loader_expects_the_buckets_it_may_read(stack: Stack):
    variables = stack.client("lambda").get_function_configuration(FunctionName="siem-loader")["Environment"][
        "Variables"
    ]
    given = {f"{PREFIX}URL": "u", f"{PREFIX}EXPECT_BUCKETS": variables[f"{PREFIX}EXPECT_BUCKETS"]}
    expected = read_settings(given).expected_buckets
    assert expected in ({"org-log-archive", "aws-waf-logs-shop"}, {"org-log-archive"})


def test_the_mapping_reports_failures_item_by_item_and_bounds_its_concurrency(stack: Stack):
    (mapping,) = stack.client("lambda").list_event_source_mappings(FunctionName="siem-loader")["EventSourceMappings"]
    assert mapping["EventSourceArn"] == stack.outputs["QueueArn"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    # moto keeps no scaling of a mapping made by CloudFormation: read from the template.
    (declared,) = [r for r in stack.template["Resources"].values() if r["Type"] == "AWS::Lambda::EventSourceMapping"]
    assert declared["Properties"]["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "MaximumConcurrency"}}


def test_functions_run_on_the_python_their_code_is_built_for_and_their_handlers_are_there(stack: Stack):
    lambdas = stack.client("lambda")
    found = {f["FunctionName"]: f for f in lambdas.list_functions()["Functions"]}
    assert set(found) == {"siem-loader", "siem-resume", "siem-watcher"}
    for function in found.values():
        assert function["Runtime"] == f"python{PYTHON_VERSION}"
        module, _, name = function["Handler"].rpartition(".")
        assert callable(getattr(importlib.import_module(module), name))


def test_each_function_writes_to_its_own_log_group_that_forgets(stack: Stack):
    groups = {group["logGroupName"]: group for group in stack.client("logs").describe_log_groups()["logGroups"]}
    for name in ("loader", "resume", "watcher"):
        assert groups[f"/aws/lambda/siem-{name}"]["retentionInDays"] == 30


def test_dead_letters_are_encrypted_private_and_kept(stack: Stack):
    s3 = stack.client("s3")
    bucket = stack.outputs["DeadLetters"].split("/")[2]
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    declared = source()["Resources"]["DeadLetterBucket"]
    assert declared["DeletionPolicy"] == declared["UpdateReplacePolicy"] == "Retain"
    # moto's CloudFormation leaves these out.
    assert declared["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(declared["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}


def test_eventbridge_is_matched_by_the_buckets_only_where_it_is_wanted(stack: Stack):
    rules = [rule for rule in stack.client("events").list_rules()["Rules"] if "EventPattern" in rule]
    if "ObjectCreated" not in stack.ids:
        assert rules == []
        return
    (rule,) = rules
    assert json.loads(rule["EventPattern"]) == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "resources": SIGNED["LogBucketArns"].split(","),
    }
    (target,) = stack.client("events").list_targets_by_rule(Rule=rule["Name"])["Targets"]
    assert target["Arn"] == stack.outputs["QueueArn"]


def test_printed_policies_are_json_and_name_the_loader(stack: Stack):
    bucket = json.loads(stack.outputs["BucketPolicyStatement"])
    assert bucket["Principal"] == {"AWS": stack.outputs["LoaderRoleArn"]}
    buckets = [arn for arn in bucket["Resource"] if not arn.endswith("/*")]
    assert sorted(bucket["Resource"]) == sorted(buckets + [f"{arn}/*" for arn in buckets])
    key = json.loads(stack.outputs["KeyPolicyStatement"])
    assert (key["Action"], key["Principal"]) == ("kms:Decrypt", bucket["Principal"])
    topic = json.loads(stack.outputs["TopicPolicyStatement"])
    assert topic["Condition"]["StringEquals"]["sns:Endpoint"] == stack.outputs["QueueArn"]
    assert json.loads(stack.outputs["EventBusRule"])["resources"] == buckets
    field = json.loads(stack.outputs["TrailSelectorField"])
    assert [f"{arn}/" for arn in buckets] == field["NotStartsWith"][:-1]
    assert field["NotStartsWith"][-1].rstrip("/").rpartition(":")[2] == stack.outputs["DeadLetters"].split("/")[2]


def test_no_resource_belongs_to_a_bucket_or_key_that_was_there_before():
    """A bucket has one notification configuration: to set it would delete somebody else's."""
    types = {resource["Type"] for resource in source()["Resources"].values()}
    assert not {t for t in types if "Notification" in t or t.startswith("Custom::")}
    for name, resource in source()["Resources"].items():
        if resource["Type"] in ("AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy", "AWS::S3::Bucket"):
            assert name.startswith("DeadLetter"), name


def alarms() -> Dict[str, Dict[str, Any]]:
    return {n: r["Properties"] for n, r in source()["Resources"].items() if r["Type"] == "AWS::CloudWatch::Alarm"}


def test_alarms_cover_what_can_go_wrong():
    assert {name.replace("Alarm", "") for name in alarms()} == {
        "Poison", "OldestMessage", "StoreUnavailable", "DeadLetters", "Lag",
        "CloudTrailSilence", "VpcFlowSilence", "ResolverSilence", "WafSilence",
    }  # fmt: skip


def test_alarms_watch_metrics_that_the_functions_emit():
    from aws_bridge.functions.embedded_metrics import NAMESPACE
    from collectors.lambda_function import object_metrics as metrics
    from collectors.lambda_function import watcher
    from collectors.sources.registry import LOGS

    emitted = {
        metrics.RECORDS, metrics.DEAD_LETTERS, metrics.LAG, metrics.STORE_UNAVAILABLE, watcher.SILENCE,
    }  # fmt: skip
    sources = []
    for properties in alarms().values():
        if properties.get("Namespace") == NAMESPACE:
            assert properties["MetricName"] in emitted
        for query in properties.get("Metrics", ()):
            metric = re.match(r"SELECT \w+\((\w+)\) FROM", query["Expression"]).group(1)
            assert metric in emitted
            assert f'SCHEMA("{NAMESPACE}", {", ".join(sorted(metrics.DIMENSIONS))})' in query["Expression"]
            assert "GROUP BY Source, Account, Region ORDER BY" in query["Expression"]
            sources += re.findall(r"WHERE Source = '(\w+)'", query["Expression"])
    assert sorted(sources) == sorted(LOGS)


def test_variables_of_the_functions_are_read_by_them():
    from collectors.lambda_function import settings

    known = set(re.findall(r"AWS_SIEM_BRIDGE_[A-Z0-9_]+[A-Z0-9]", settings.__doc__))
    for variables in _variables():
        assert set(variables) <= known, set(variables) - known


def _variables() -> Iterator[Dict[str, Any]]:
    template = source()
    yield template["Globals"]["Function"]["Environment"]["Variables"]
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function" and "Environment" in resource["Properties"]:
            yield resource["Properties"]["Environment"]["Variables"]


@pytest.mark.parametrize("service", ["sns.amazonaws.com", "events.amazonaws.com"])
def test_only_the_given_topics_and_the_own_rule_may_send(service):
    statements = source()["Resources"]["QueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    (found,) = [
        s["Fn::If"][1] for s in statements if s.get("Fn::If", [0, {}])[1].get("Principal") == {"Service": service}
    ]
    assert found["Action"] == "sqs:SendMessage"
    assert "aws:SourceArn" in found["Condition"]["ArnEquals"]
