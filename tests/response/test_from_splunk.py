"""From an alert in Splunk to an incident: the built app's action, `start` in Lambda's own runtime, the stand-in."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Iterator, NamedTuple

import pytest

from lab.lambda_runtime import Environments, Function, LambdaFront, LambdaRuntimeUnavailable, lay_out_package
from lab.splunkd import SplunkdStandIn
from lab.splunkd.alert_actions import AlertActions
from lab.splunkd.response import set_up_response
from response.package import RESPONSE
from tests.response.server_room import REGION, ServerRoom
from tests.response.test_start import Desk, row

START, RELEASE = "aws-siem-bridge-response-start", "aws-siem-bridge-response-release"
EXTERNAL_ID, ROLE = "x-1", "splunk-responder"


class Office(NamedTuple):
    """A search head, the functions, and what they start."""

    actions: AlertActions
    lambdas: LambdaFront
    desk: Desk
    home: Path

    def log(self) -> str:
        return (self.home / "var" / "log" / "splunk" / "aws_respond_modalert.log").read_text("utf-8")


@pytest.fixture
def office(room: ServerRoom, built_app: Path, tmp_path: Path) -> Iterator[Office]:
    desk = Desk(room)
    settings = {"TABLE": desk.table, "STATE_MACHINE": desk.machine, "PARAMETER": f"/response/{desk.table}"}
    variables = {
        **room.account.environment(REGION),
        **{f"AWS_SIEM_BRIDGE_{name}": value for name, value in settings.items()},
    }
    code = lay_out_package(tmp_path / "code", package=RESPONSE)
    function = Function(START, "response.handlers.start.start", code, timeout_s=120, environment=variables)
    try:
        environments = Environments(function, 2)
    except LambdaRuntimeUnavailable as error:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
    splunks = room.account.another()
    room.account.trust(ROLE, splunks, external_id=EXTERNAL_ID)
    home = tmp_path / "splunk"
    with (
        environments,
        LambdaFront({START: environments.invoke}) as lambdas,
        SplunkdStandIn(built_app, splunk_home=home) as splunkd,
    ):
        set_up_response(
            splunkd.state, lambdas.url, region=REGION, access_key="",
            role_arn=room.account.role(ROLE), external_id=EXTERNAL_ID,
        )  # fmt: skip
        environment = {**splunks.environment(REGION), "PYTHONDONTWRITEBYTECODE": "1"}
        yield Office(AlertActions(splunkd, sys.executable, environment), lambdas, desk, home)


def test_an_alert_becomes_an_incident_through_the_assumed_role(room: ServerRoom, office: Office) -> None:
    target, desk = room.server(), office.desk
    rows = [row(target), {**row(target), "sample": "true"}, {"instance": "web01"}]
    ran = office.actions.run("aws_respond", rows, search="a search", params={"answer": "now"})
    assert ran.status == 4, ran.stderr
    incident = f"{target.instance}-1"
    lines = [line.partition('signature="')[2] for line in office.log().splitlines()]
    assert f"incident {incident} started, as a dry run" in lines[0]
    assert "it is a sample finding" in lines[1] and "is no instance id" in lines[2]
    (given,) = desk.started().values()
    assert (given["incident"], given["sid"], given["rid"], given["search"]) == (incident, ran.sid, "0", "a search")
    invoked = office.lambdas.received[-1].headers
    assert invoked["x-amz-security-token"], "signed with the role's credentials"
    # The same alert once more, and another one, asynchronously.
    again = office.actions.run("aws_respond", rows[:1], search="a search")
    office.lambdas.wait()
    assert again.status == 0 and set(desk.started()) == {incident}
    assert json.loads(office.lambdas.invocations[-1].body)["alert"] == again.sid != ran.sid
    table = room.account.client("dynamodb", REGION)
    item = table.get_item(TableName=desk.table, Key={"pk": {"S": target.key}})["Item"]
    assert sorted(item["alerts"]["SS"]) == sorted([ran.sid, again.sid])


def test_a_role_that_does_not_trust_this_splunk_is_said(room: ServerRoom, office: Office) -> None:
    room.account.trust(ROLE, room.account, external_id="another")
    ran = office.actions.run("aws_respond", [row(room.server())])
    assert ran.status == 2 and "The role's trust policy has to name who assumes it" in ran.stderr
    assert office.lambdas.invocations == [] and office.desk.started() == {}


def test_a_dry_run_that_is_asked_for_opens_nothing(room: ServerRoom, office: Office) -> None:
    target, desk = room.server(), office.desk
    room.account.client("ssm", REGION).put_parameter(
        Name=f"/response/{desk.table}", Type="String", Value=json.dumps({"mode": "live"})
    )
    ran = office.actions.run("aws_respond", [row(target)], params={"dry_run": "1", "answer": "now"})
    assert ran.status == 0 and "as a dry run: nothing is changed" in office.log()
    (planned,) = desk.started().values()
    assert (planned["dry_run"], planned["only_plan"]) == (True, True)
    assert desk.incidents.find(target) is None
    assert office.actions.run("aws_respond", [row(target)], params={"answer": "now"}).status == 0
    live = [each for each in desk.started().values() if not each["dry_run"]]
    assert [each["incident"] for each in live] == [f"{target.instance}-1"], "it is begun, not attached to the plan"
