"""Two inputs that bring the same findings are told of, by what their settings say."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import pytest
from aws_inputs.overlap import overlaps

from lab.aws import AwsAccount
from lab.splunkd import SplunkdStandIn
from tests.splunk_app.inputs.conftest import HEALTH, QUICK, of

pytestmark = pytest.mark.splunk_python

HUB, GUARDDUTY, EVENTS = "aws_security_hub://hub", "aws_guardduty://g", "aws_security_events_sqs://q"
Stanzas = Dict[str, Dict[str, str]]


class Splunkd:
    """What overlap asks of splunkd."""

    def __init__(self, stanzas: Stanzas) -> None:
        self._stanzas = stanzas

    def stanzas(self, app: str, conf: str) -> Stanzas:
        return {**self._stanzas, "aws_guardduty": {}, "monitor:///var/log": {}}


@pytest.mark.parametrize(
    ("own", "mine", "others", "found"),
    [
        (HUB, {}, {GUARDDUTY: {}}, [(GUARDDUTY, ["guardduty"])]),
        (GUARDDUTY, {}, {HUB: {}}, [(HUB, ["guardduty"])]),
        (HUB, {"products_left_out": "guardduty"}, {GUARDDUTY: {}}, []),
        (HUB, {"products": "prowler, Inspector"}, {GUARDDUTY: {}}, []),
        (HUB, {}, {GUARDDUTY: {"disabled": "1"}}, []),
        (HUB, {"account": "a"}, {GUARDDUTY: {"account": "b"}}, []),
        (HUB, {"regions": "eu-west-1"}, {GUARDDUTY: {"regions": "us-east-1, eu-west-2"}}, []),
        (HUB, {"regions": "eu-west-1"}, {GUARDDUTY: {"regions": "all"}}, [(GUARDDUTY, ["guardduty"])]),
        (HUB, {}, {"aws_prowler_files://p": {}}, [("aws_prowler_files://p", ["prowler"])]),
        (HUB, {}, {"aws_waf_detections://w": {}, "aws_assets://a": {}, "aws_shield://s": {}}, []),
        (GUARDDUTY, {}, {EVENTS: {"datasets": "guardduty"}}, [(EVENTS, ["guardduty"])]),
        (HUB, {"products": "macie"}, {EVENTS: {"datasets": "inspector, macie"}}, [(EVENTS, ["macie"])]),
        # Two roads of one queue.
        (EVENTS, {"datasets": "guardduty, securityhub"}, {}, [(EVENTS, ["guardduty"])]),
        (EVENTS, {"datasets": "guardduty, securityhub", "products_left_out": "GuardDuty"}, {}, []),
        # Of all that its rules send nothing is known.
        (EVENTS, {}, {}, []),
        (GUARDDUTY, {}, {EVENTS: {}}, [(EVENTS, ["guardduty"])]),
    ],
)
def test_which_products_come_by_two_roads(
    own: str, mine: Dict[str, str], others: Stanzas, found: List[Tuple[str, List[str]]]
):
    given: Any = Splunkd({own: mine, **others})
    told = [(each.second.partition(" ")[0], each.products) for each in overlaps(given, own, mine)]
    assert told == found


def test_it_is_said_when_the_input_begins(input_of, splunkd: SplunkdStandIn, aws_account: AwsAccount):
    aws_account.enable("guardduty", "eu-west-1")
    splunkd.state.set_stanza("inputs", HUB, {"regions": "all"})
    running = input_of("aws_guardduty").run("prod", regions="eu-west-1", **QUICK)
    running.wait_for(lambda events: of(events, HEALTH))
    assert running.stop() == 0 and running.stderr == ""
    (told,) = [each for each in of(running.events, HEALTH) if each.get("what") == "the same findings by two roads"]
    assert told["products"] == ["guardduty"] and "products_left_out of the Security Hub input" in told["error"]
