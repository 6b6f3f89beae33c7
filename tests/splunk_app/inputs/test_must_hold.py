"""Findings with ties, in pages that shift and repeat, through throttling, expired tokens and kills: each version once.

The expected set comes from the stand-in for AWS: every version that was ever visible there.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Set

import pytest
from aws_inputs.queue_loop import WAIT_S

from collectors.records.record import Origin
from collectors.sources.guardduty.source import finding
from lab.aws import AwsAccount, Fault
from lab.splunkd import ModularInput, RunningInput, SplunkdStandIn
from lab.splunkd.hec import HecReceiver, Token
from tests.splunk_app.inputs.conftest import COLLECTOR_TOKEN, HEALTH, PYTHON, of, use_collector
from tests.splunk_app.inputs.indexed import search

GUARDDUTY = "aws:cloudwatch:guardduty"
REGIONS = (
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1", "eu-west-1", "eu-west-2",
    "eu-west-3", "eu-central-1", "eu-north-1", "ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3",
    "ap-southeast-1", "ap-southeast-2",
)  # fmt: skip


class Size(NamedTuple):
    regions: int
    #: In each region, of three kinds of time: one millisecond, a few, all different.
    tied: int
    near: int
    apart: int


QUICK, LARGE = Size(3, 60, 40, 60), Size(17, 180, 200, 210)


def ago(seconds: float) -> str:
    moment = datetime.now(timezone.utc) - timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


class World:
    """One input, whatever becomes of its processes; what splunkd has read is kept, and what the collector has indexed.

    ``collector``: with ``delivery = hec``. ``queue_url``: by EventBridge and a queue, without polling.
    """

    def __init__(
        self,
        home: Path,
        aws: AwsAccount,
        member: AwsAccount,
        regions: tuple[str, ...],
        collector: Optional[HecReceiver] = None,
        queue_url: str = "",
    ) -> None:
        self.queue_url = queue_url
        self.home, self.aws, self.member, self.regions, self.collector = home, aws, member, regions, collector
        self.indexed: List[Dict[str, Any]] = []
        self.splunkd: Optional[SplunkdStandIn] = None
        self.running: Optional[RunningInput] = None
        self._keys: Set[str] = set()
        self._looked_at = self._indexed_at = 0

    def start(self) -> RunningInput:
        if self.splunkd is None:
            self.splunkd = SplunkdStandIn(splunk_home=self.home, python=PYTHON)
            self.splunkd.start()
            role = {"role_arn": self.member.role("siem"), "external_id": "x1"}
            self.splunkd.state.set_stanza("aws_siem_bridge_aws_account", "member", role)
            if self.collector:
                self.collector.start()
                use_collector(self.splunkd, self.collector)
        self._looked_at = 0
        of_all: Dict[str, Any] = {"heartbeat_s": 10, "checkpoints": "file", "all_versions": "true"}
        if self.collector:
            of_all.update({"delivery": "hec", "hec": "main"})
        if self.queue_url:
            kind = ModularInput(self.splunkd, "aws_security_events_sqs", PYTHON, self.aws.environment())
            settings = {"queue_url": self.queue_url, "region": REGIONS[0], "delete_after_s": 2, "reconcile": "none"}
        else:
            kind = ModularInput(self.splunkd, "aws_guardduty", PYTHON, self.aws.environment())
            settings = {
                "account": "member", "regions": ",".join(self.regions), "start_date": "20d", "poll_interval_s": 1,
                "safety_window_s": 60,
            }  # fmt: skip
        self.running = kind.run("all", **settings, **of_all)
        return self.running

    def keys(self) -> Set[str]:
        """The versions that splunkd has read so far, also of the process that runs."""
        if self.running:
            new = self.running.events[self._looked_at :]
            self._looked_at += len(new)
            self._keys.update(each["version_key"] for each in of(new, GUARDDUTY))
        if self.collector:
            new = self.collector.events[self._indexed_at :]
            self._indexed_at += len(new)
            self._keys.update(each["version_key"] for each in of(new, GUARDDUTY))
        return self._keys

    def expected(self) -> Set[str]:
        """The versions that were ever visible."""
        return {
            finding(each["finding"], Origin(each["account"], each["region"])).record.identity
            for each in self.member.versions()
        }

    def wait_for_all(self, timeout_s: float) -> None:
        expected = self.expected()
        assert self.running
        self.running.wait_for(lambda _: expected <= self.keys(), timeout_s)

    def kill(self, with_splunkd: bool = False) -> int:
        """Kill the input while data lies in the pipe, and splunkd with it; return how many events were read."""
        assert self.running and self.splunkd
        self.pause()
        time.sleep(1.5)
        self.running.kill()
        if self.collector:
            if with_splunkd:
                self.collector.kill()
            self.collector.go_on()
        self.keys()
        self.indexed += self.running.events
        self.running = None
        if with_splunkd:
            self.splunkd.stop()
            self.splunkd = None
        return len(self.indexed)

    def pause(self) -> None:
        """Read nothing more, and index nothing more."""
        assert self.running
        self.running.pause()
        if self.collector:
            self.collector.pause()

    def keys_are_over(self) -> None:
        """Let the credentials of the role expire, once the input has some."""
        assert self.running
        self.running.wait_for(lambda _: self.member.expire_sessions(), 60)

    def close(self) -> None:
        if self.running:
            self.running.stop()
            self.indexed += self.running.events
            self.running = None
        if self.collector:
            self.collector.stop()
            self.indexed += self.collector.events
        if self.splunkd:
            self.splunkd.stop()


@pytest.mark.parametrize("delivery", ["stdout", "hec"])
@pytest.mark.parametrize(
    "size",
    [
        pytest.param(QUICK, id="quick"),
        pytest.param(LARGE, id="large", marks=[pytest.mark.full, pytest.mark.timeout(1500)]),
    ],
)
def test_each_version_of_each_finding_exactly_once_and_none_missing(
    tmp_path: Path, aws_account: AwsAccount, size: Size, delivery: str
):
    member = aws_account.another()
    regions = REGIONS[: size.regions]
    member.enable("guardduty", *regions)
    for region in regions:
        member.add("guardduty", region, count=size.tied, at=ago(9 * 86_400), step_ms=0)
        member.add("guardduty", region, count=size.near // 2, at=ago(8 * 86_400), step_ms=1)
        member.add("guardduty", region, count=size.near // 2, at=ago(8 * 86_400), step_ms=1)
        member.add("guardduty", region, count=size.apart, at=ago(7 * 86_400), step_ms=60_000)
    first = regions[0]
    for code, operation in (("ThrottlingException", "ListFindings"), ("ThrottlingException", "GetFindings")):
        member.fault(Fault(code, operation, times=2))
    member.repeat_token("ListFindings", times=1, length=1, region=first)
    member.repeat_token("ListFindings", times=2, length=2, region=regions[1])
    timeout_s = 600 if size is LARGE else 60

    collector = HecReceiver(Token(COLLECTOR_TOKEN), index_after_s=0.3) if delivery == "hec" else None
    world = World(tmp_path / "splunk", aws_account, member, regions, collector)
    try:
        # Killed in the middle of the back-fill.
        world.start().wait_for(lambda events: len(world.keys()) > size.tied, timeout_s)
        world.kill()
        # Its credentials are over in the middle.
        world.start()
        world.keys_are_over()
        world.wait_for_all(timeout_s)

        # What is updated while it is listed leaves its place; all of it was read before, so no version is overwritten.
        recent = member.add("guardduty", first, count=120, at=ago(300), step_ms=0)
        world.wait_for_all(timeout_s)
        member.add("guardduty", first, count=120, at=ago(200), step_ms=1)
        meanwhile = member.meanwhile("ListFindings", after=2, region=first)
        meanwhile.update("guardduty", first, recent[:40], at=ago(0))
        world.wait_for_all(timeout_s)
        world.kill()

        # Killed with splunkd, while new findings and new versions are in the pipe.
        world.start().wait_for(lambda events: of(events, HEALTH), timeout_s)
        assert world.running
        world.pause()
        for region in regions:
            member.add("guardduty", region, count=20, at=ago(1), step_ms=0)
        if collector:
            collector.wait_for_waiting(20)
        world.kill(with_splunkd=True)
        world.start()
        world.wait_for_all(timeout_s)
        member.update("guardduty", first, recent[40:60], at=ago(0), changes={"severity": 9.5})
        world.wait_for_all(timeout_s)
    finally:
        world.close()

    expected = world.expected()
    if size is LARGE:
        assert len({each["id"] for each in member.versions()}) >= 10_000
    found = Counter(row["version_key"] for row in search("`aws_findings`", world.indexed))
    assert set(found) - expected == set() and expected - set(found) == set()
    assert set(found.values()) == {1}
    # A kill was of something: what had been in the pipe, or in flight, was written again.
    assert len(of(world.indexed, GUARDDUTY)) > len(expected)
    if collector:
        assert of(collector.lost, GUARDDUTY) and {row["sourcetype"] for row in collector.events} == {GUARDDUTY}
    latest = search("`aws_findings_latest`", world.indexed)
    newest = {each["id"]: each["finding"]["updatedAt"] for each in member.versions()}
    assert len(latest) == len(newest)
    assert {json.loads(row["_raw"])["detail"]["updatedAt"] for row in latest} == set(newest.values())


@pytest.mark.parametrize("delivery", ["stdout", "hec"])
@pytest.mark.parametrize(
    ("regions", "count"),
    [
        pytest.param(2, 40, id="quick"),
        pytest.param(17, 600, id="large", marks=[pytest.mark.full, pytest.mark.timeout(1500)]),
    ],
)
def test_each_version_that_comes_by_the_queue_exactly_once_and_none_missing(
    tmp_path: Path, aws_account: AwsAccount, regions: int, count: int, delivery: str
):
    chosen = REGIONS[:regions]
    aws_account.enable("guardduty", *chosen)
    url = aws_account.rule_to_queue(*chosen)
    collector = HecReceiver(Token(COLLECTOR_TOKEN), index_after_s=0.3) if delivery == "hec" else None
    world = World(tmp_path / "splunk", aws_account, aws_account, chosen, collector, url)
    timeout_s = 120 if regions < 17 else 900
    ids: Dict[str, List[str]] = {}
    try:
        at = ago(60)
        for region in chosen:
            ids[region] = []
            for _ in range(0, count, 40):  # 600 at once take the stand-in longer than it may on a busy machine
                ids[region] += aws_account.add("guardduty", region, count=40, at=at, step_ms=0)
        world.start().wait_for(lambda events: len(world.keys()) > count // 4, timeout_s)
        for with_splunkd in (False, True, False):
            world.pause()
            for region in chosen:
                aws_account.update("guardduty", region, ids[region][:10], at=ago(1))
            if collector:
                collector.wait_for_waiting(1, timeout_s)
            world.kill(with_splunkd)
            # The killed process may still be receiving, which hides from then on; what was not deleted is hidden for as
            # long as an input may take.
            time.sleep(WAIT_S + 1)
            aws_account.aws.let_time_pass(url, 1000, aws_account.id)
            world.start()
            world.wait_for_all(timeout_s)
    finally:
        world.close()
    found = Counter(row["version_key"] for row in search("`aws_findings`", world.indexed))
    assert set(found) == world.expected() and set(found.values()) == {1}
    assert not collector or of(collector.lost, GUARDDUTY)


def test_a_stop_that_is_longer_than_the_safety_window_is_said(input_of, aws_account: AwsAccount):
    aws_account.enable("guardduty", "eu-west-1")
    settings = {"regions": "eu-west-1", "poll_interval_s": 1, "heartbeat_s": 10, "safety_window_s": 1}
    running = input_of("aws_guardduty").run("prod", **settings)
    running.wait_for(lambda events: of(events, HEALTH))
    assert running.stop() == 0
    time.sleep(2.5)
    aws_account.add("guardduty", "eu-west-1", count=1, at=ago(1))
    running = input_of("aws_guardduty").run("prod", **settings)
    running.wait_for(lambda events: of(events, GUARDDUTY))
    assert running.stop() == 0
    (said,) = [each for each in of(running.events, HEALTH) if each["status"] == "notice"]
    assert said["what"] == "stopped for longer than the safety window" and said["stopped_s"] >= 2
    assert said["read_again_from"].endswith("Z") and "is not written again" in said["error"]
