"""What AWS detected, on its way into Splunk: the story's findings in AWS's stand-in, and the app's inputs reading them.

The inputs run as splunkd starts them (`lab.splunkd`). What they write becomes events as a search sees them: with the
fields of the app's props, and with the lookups that the app's scheduled searches build.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Dict, List, Mapping

from es_bridge.cli.reporting import say
from lab.aws import AwsAccount, AwsStandIn
from lab.aws.story import put_findings, story_account
from lab.demo.screen import Screen
from lab.splunkd import ModularInput, SplunkdStandIn
from lab.splunkd.inputs import RunningInput
from lab.story import cast
from lab.story.findings import key_of
from savedsearches.runner.app_commands import SCRIPTS
from savedsearches.runner.conf_files import read_conf
from savedsearches.runner.knowledge import read_knowledge
from savedsearches.runner.lookups import Lookup, shipped_lookups
from savedsearches.runner.macros import shipped_macros
from savedsearches.runner.moment import Moment
from savedsearches.runner.run import run_to_list
from savedsearches.runner.session import Session
from savedsearches.runner.values import Row

PRODUCTS = ("guardduty", "securityhub")
INDEX = "aws_findings"
#: A finding comes within seconds; a machine that is busy takes longer.
PATIENCE_S = 120
#: Of the scheduled searches, those that the tour needs.
BUILDERS = ("aws_build_accounts_lookup", "aws_build_assets_lookup")
_RANGE_S = 25 * 3600
_QUICK = {"poll_interval_s": 10, "index": INDEX}


class Splunk:
    """Events of an index and the lookups, as a search head has them."""

    def __init__(self, raw: List[Row]) -> None:
        """``raw``: what splunkd has read of the inputs."""
        app = SCRIPTS.parent
        self.raw = raw
        self.lookups: Dict[str, Lookup] = shipped_lookups(app)
        self._knowledge = knowledge = read_knowledge(app / "default")
        events = [knowledge.apply(event) for event in raw]
        searches = read_conf(app / "default" / "savedsearches.conf")
        now_s = time.time()
        for name in BUILDERS if events else ():
            moment = Moment(now_s, now_s - _RANGE_S, now_s)
            run_to_list(searches[name]["search"], Session(moment, events, self.lookups, shipped_macros(app)))
        knowledge.lookups = self.lookups
        self.events = [knowledge.apply(event) for event in raw]

    def add(self, raw: List[Row]) -> None:
        """Index more events."""
        self.raw += raw
        self.events += [self._knowledge.apply(event) for event in raw]

    @classmethod
    def read(cls, path: Path) -> Splunk:
        """Return what `write` wrote; without events where it wrote nothing."""
        return cls(json.loads(path.read_text("utf-8")) if path.is_file() else [])

    def write(self, path: Path) -> None:
        """Keep the events for the next demo on the same engine."""
        path.write_text(json.dumps(self.raw), "utf-8")


class Inputs:
    """The app's inputs, running in an AWS with the story's findings; a context manager."""

    def __init__(self, aws: AwsStandIn, start_ms: int, end_ms: int, python: str) -> None:
        self._stack = ExitStack()
        self._python = python
        self._production = story_account(aws, PRODUCTS)
        told = put_findings(self._production, start_ms, end_ms, PRODUCTS)
        newest = {(each.product, key_of(each)): each.finding for each in told}
        #: How many findings are written: controls that passed are counted instead.
        self._expected = Counter(product for (product, _), finding in newest.items() if not _has_passed(finding))
        self._manager = AwsAccount(aws, cast.LOG_ARCHIVE)
        _furnish(self._manager)
        self._running: List[RunningInput] = []

    def __enter__(self) -> Inputs:
        home = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="aws-siem-bridge-splunk-")))
        splunkd = self._stack.enter_context(SplunkdStandIn(splunk_home=home, python=self._python))

        def start(kind: str, account: AwsAccount, **values: Any) -> None:
            environment = {**account.environment(cast.REGION), "AWS_CONFIG_FILE": "/dev/null"}
            running = ModularInput(splunkd, kind, self._python, environment).run("demo", **_QUICK, **values)
            self._stack.callback(_stop, running)
            self._running.append(running)

        start("aws_guardduty", self._production, regions=cast.REGION, start_date="1d")
        start("aws_security_hub", self._production, regions=cast.REGION, start_date="1d", product="cspm")
        start("aws_assets", self._manager, regions=cast.REGION)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def collect(self, screen: Screen) -> Splunk:
        """Return what splunkd has read once every finding is there; say how many. Raises `InputFailed`."""
        guardduty, hub, assets = self._running
        with screen.step("AWS's findings arrive in Splunk"):
            guardduty.wait_for(lambda events: len(_keys(events)) >= self._expected["guardduty"], PATIENCE_S)
            hub.wait_for(lambda events: len(_keys(events)) >= self._expected["securityhub"], PATIENCE_S)
            assets.wait_for(_knows_machines_and_accounts, PATIENCE_S)
            splunk = Splunk([event for running in self._running for event in running.events])
        for title, running in (("GuardDuty", guardduty), ("Security Hub", hub)):
            say(f"  {title}: {len(_keys(running.events))} findings in index={INDEX}")
        rows = len(splunk.lookups["aws_assets"].rows), len(splunk.lookups["aws_accounts"].rows)
        say(f"  lookups: {rows[0]} keys of assets, {rows[1]} accounts")
        return splunk


def _has_passed(finding: Mapping[str, Any]) -> bool:
    return (finding.get("Compliance") or {}).get("Status") == "PASSED"


def _keys(events: List[Dict[str, Any]]) -> set[str]:
    found = (json.loads(event["_raw"]).get("finding_key") for event in events)
    return {key for key in found if key}


def _knows_machines_and_accounts(events: List[Dict[str, Any]]) -> bool:
    ids = {json.loads(event["_raw"]).get("id") for event in events}
    return {cast.PRODUCTION, *(each.id for each in cast.INSTANCES)} <= ids


def _stop(running: RunningInput) -> None:
    if running.process.poll() is None:
        try:
            running.stop()
        except Exception:  # it does not end by itself within its time
            running.kill()


def _furnish(manager: AwsAccount) -> None:
    """Give the organization its accounts, and AWS Config's aggregator the story's instances."""
    tags = {"Owner": "shop-oncall@example.com", "Team": "shop", "Environment": "prod"}
    manager.organization(
        {"member": cast.PRODUCTION, "name": "shop-production", "unit": "Workloads/Production", "tags": tags},
        {"member": cast.DEVELOPMENT, "name": "shop-development", "unit": "Workloads/Development"},
    )
    manager.client("config", cast.REGION).put_configuration_aggregator(
        ConfigurationAggregatorName="organization",
        OrganizationAggregationSource={"RoleArn": manager.role("config"), "AllAwsRegions": True},
    )
    manager.config(cast.REGION, *(_recorded(instance) for instance in cast.INSTANCES))


def _recorded(instance: cast.Instance) -> Mapping[str, Any]:
    tags = {"Name": instance.name, "Owner": "shop-oncall@example.com", "Team": "shop", "Environment": "prod"}
    return {
        "accountId": cast.PRODUCTION,
        "awsRegion": cast.REGION,
        "resourceType": "AWS::EC2::Instance",
        "resourceId": instance.id,
        "arn": f"arn:aws:ec2:{cast.REGION}:{cast.PRODUCTION}:instance/{instance.id}",
        "tags": [{"tag": f"{name}={value}", "key": name, "value": value} for name, value in tags.items()],
        "configuration": {
            "instanceId": instance.id,
            "privateIpAddress": instance.private_ip,
            "vpcId": cast.VPC,
            "subnetId": instance.subnet,
            "state": {"name": "running"},
            "networkInterfaces": [{"networkInterfaceId": instance.eni}],
            "securityGroups": [{"groupId": instance.security_group}],
        },
    }
