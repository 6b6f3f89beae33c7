"""The templates of the response as a deployer meets them: linted, created, and read back from the stand-in."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from aws_bridge.functions.packing import PYTHON_VERSION
from response.state_machines import definition
from tests.deploy.response.conftest import FOLDER, REGION, STACK, Deployed, expanded, source
from tests.deploy.stacks import create_stack

DRILL = FOLDER.parent / "drill" / "template.yaml"
TEMPLATES = [*sorted(FOLDER.glob("*.yaml")), DRILL]
#: What the stand-in has no resources for, of the drill's.
NOT_IN_THE_DRILL = {"AWS::WAFv2::IPSet", "AWS::WAFv2::WebACL", "AWS::WAFv2::WebACLAssociation"}
#: What the stand-in has no resources for; what is in them is checked as text, and by the simulator of policies.
NOT_IN_THE_STAND_IN = {
    "AWS::Lambda::EventInvokeConfig",
    "AWS::S3::BucketPolicy",
    "AWS::SQS::QueuePolicy",
}


@pytest.mark.slow("the linter of templates")
@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: f"{path.parent.name} {path.stem}")
def test_the_linter_finds_nothing(template: Path) -> None:
    from cfnlint.api import ManualArgs, lint_file

    found = lint_file(template, ManualArgs(regions=["ap-northeast-2", "us-east-1"]))
    assert [str(match) for match in found] == []


@pytest.mark.slow("the linter of templates")
def test_the_expanded_template_has_no_error_either(tmp_path: Any) -> None:
    from cfnlint.api import ManualArgs, lint_file

    path = tmp_path / "template.json"
    path.write_text(json.dumps(expanded(inline=False)))
    found = lint_file(path, ManualArgs(regions=["ap-northeast-2"]))
    assert [str(match) for match in found if match.rule.id.startswith("E")] == []


def test_the_stand_in_creates_everything_but_what_is_known(deployed: Deployed) -> None:
    assert set(deployed.home.skipped) | set(deployed.member.skipped) == NOT_IN_THE_STAND_IN
    for stack in (deployed.home, deployed.member):
        for name, resource in stack.template["Resources"].items():
            if resource["Type"] not in {*NOT_IN_THE_STAND_IN, "AWS::Lambda::Permission"}:
                assert stack.ids.get(name), f"{name} was not created"


def test_nothing_is_live_until_somebody_says_so() -> None:
    assert json.loads(source("template")["Resources"]["Limits"]["Properties"]["Value"]) == {"mode": "dry-run"}


def test_evidence_is_locked_versioned_and_shown_to_nobody() -> None:
    """As text: the stand-in's CloudFormation leaves versions and locks of a bucket out."""
    properties = source("template")["Resources"]["Evidence"]["Properties"]
    rule = properties["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert properties["ObjectLockEnabled"] is True
    assert rule == {"Mode": {"Ref": "RetentionMode"}, "Days": {"Ref": "RetentionDays"}}
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}


def test_every_function_has_its_handler_its_runtime_and_a_role_of_its_own(deployed: Deployed) -> None:
    from importlib import import_module

    functions = {
        name: resource["Properties"]
        for name, resource in source("template")["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    assert source("template")["Globals"]["Function"]["Runtime"] == f"python{PYTHON_VERSION}"
    roles = [str(each["Role"]) for each in functions.values()]
    assert len(set(roles)) == len(functions)
    for each in functions.values():
        module, _, function = each["Handler"].rpartition(".")
        assert callable(getattr(import_module(module), function))


def test_the_workflow_calls_functions_that_are_there() -> None:
    """As text: the stand-in executes no machine that its CloudFormation made."""
    resources = source("template")["Resources"]
    given = resources["Workflow"]["Properties"]["DefinitionSubstitutions"]
    assert set(given) == set(definition.functions(definition.text()))
    names = {
        each["Properties"]["FunctionName"]["Fn::Sub"]
        for each in resources.values()
        if each["Type"] == "AWS::Serverless::Function"
    }
    assert {each["Fn::Sub"].rpartition("function:")[2] for each in given.values()} <= names
    (allowed,) = resources["WorkflowRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    assert sorted(map(str, allowed["Resource"])) == sorted(map(str, given.values()))


def test_the_page_for_answers_is_off_and_asked_by_its_url_alone(deployed: Deployed) -> None:
    assert source("template")["Parameters"]["AnswerByLink"]["Default"] == "no"
    resources = expanded(inline=False)["Resources"]
    of_it = {name: each for name, each in resources.items() if name.startswith("ApprovalPage")}
    assert len(of_it) == 6 and {each.get("Condition") for each in of_it.values()} == {"HasApprovalPage"}
    anybodys = [each["Properties"] for each in resources.values() if each.get("Properties", {}).get("Principal") == "*"]
    function = {"Fn::GetAtt": ["ApprovalPage", "Arn"]}
    assert sorted(anybodys, key=lambda each: each["Action"]) == [
        {"FunctionName": function, "Action": "lambda:InvokeFunction", "Principal": "*", "InvokedViaFunctionUrl": True},
        {"FunctionName": function, "Action": "lambda:InvokeFunctionUrl", "Principal": "*",
         "FunctionUrlAuthType": "NONE"},
    ]  # fmt: skip
    client = deployed.home.client("lambda")
    names = [each["FunctionName"] for each in client.list_functions()["Functions"]]
    urls = {name: client.list_function_url_configs(FunctionName=name)["FunctionUrlConfigs"] for name in names}
    ((name, (url,)),) = [(name, found) for name, found in urls.items() if found]
    told = client.get_function_configuration(FunctionName=f"{STACK}-notify")["Environment"]["Variables"]
    assert (name, told["AWS_SIEM_BRIDGE_APPROVAL_URL"]) == (f"{STACK}-approval-page", url["FunctionUrl"] + "/")
    assert of_it["ApprovalPage"]["Properties"]["ReservedConcurrentExecutions"] <= 5


def test_the_drill_is_created(deployed: Deployed) -> None:
    ids = {
        "EvidenceBucketName": "evidence",
        "ToolsBucketName": "tools",
        "JobsBucketName": "jobs",
        "AllowedCidr": "198.51.100.7/32",
    }
    template = yaml_parse(DRILL.read_text("utf-8"))
    # The stand-in has no images to look up.
    template["Parameters"]["ImageId"] = {"Type": "String", "Default": "ami-0a1b2c3d"}
    stack = create_stack(deployed.account.aws, template, ids, "drill", REGION, deployed.account.access_key)
    assert set(stack.skipped) == NOT_IN_THE_DRILL


PAGE = (FOLDER.parents[1] / "docs" / "deploy_response.md").read_text("utf-8")


@pytest.mark.parametrize("name", ["template", "member"])
def test_the_page_has_every_parameter_with_its_default(name: str) -> None:
    table = PAGE.partition(f"\n`{name}.yaml`:\n")[2].partition("\n\n`")[0].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", table, re.MULTILINE)
    defaults = {key: value.get("Default") for key, value in source(name)["Parameters"].items()}
    shown = {None: "must be given", "": "none"}
    assert rows == [(key, shown.get(value, f"`{value}`")) for key, value in defaults.items()]
