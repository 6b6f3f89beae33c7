"""Two processes of one input: both see it, one of them goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from aws_inputs.claims import GONE_AFTER_MS, Claims

from collectors.polling.checkpoint import FileCheckpoints
from lab.aws import AwsAccount
from tests.splunk_app.inputs.conftest import HEALTH, QUICK, of
from tests.splunk_app.inputs.test_failures import now

pytestmark = pytest.mark.splunk_python


class Forwarders:
    """Processes that see the same checkpoints."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now_ms = folder, 1_796_040_000_000

    def start(self, name: str, machine: str = "") -> Claims:
        self.now_ms += 5
        claims = Claims(FileCheckpoints(self.folder), "aws_guardduty://all", name, lambda: self.now_ms, machine or name)
        # Each is alive as long as this test.
        claims.own.pid = 1
        return claims


@pytest.fixture
def forwarders(tmp_path: Path) -> Forwarders:
    return Forwarders(tmp_path)


def test_the_first_goes_on_and_the_second_when_that_has_gone(forwarders: Forwarders):
    one = forwarders.start("one")
    assert one.look() == [] and one.reads
    two = forwarders.start("two")
    assert [each.forwarder for each in two.look()] == ["one"] and not two.reads and two.reader.forwarder == "one"
    assert [each.forwarder for each in one.look()] == ["two"] and one.reads
    one.end()
    assert two.look() == [] and two.reads
    assert FileCheckpoints(forwarders.folder).names() == [f"aws_guardduty://all/claim/{two.run}"]


def test_two_that_start_at_once_agree(forwarders: Forwarders):
    one, two = forwarders.start("one"), forwarders.start("two")
    one._save()
    two._save()
    for claims in (two, one, two, one):
        claims.look()
    assert (one.reads, two.reads) == (True, False) and one.reader.run == two.reader.run


def test_one_that_was_asleep_does_not_go_on_where_it_was(forwarders: Forwarders):
    one, two = forwarders.start("one"), forwarders.start("two")
    one.look()
    two.look()
    forwarders.now_ms += GONE_AFTER_MS + 1
    assert two.look() == [] and two.reads
    assert [each.forwarder for each in one.look()] == ["two"] and not one.reads
    two.look()
    assert two.reads


def test_one_that_was_killed_on_this_machine_is_gone_at_once(forwarders: Forwarders):
    one = forwarders.start("one", machine="here")
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    one.own.pid = done.pid
    one.look()
    other = forwarders.start("two", machine="elsewhere")
    assert [each.forwarder for each in other.look()] == ["one"]
    again = forwarders.start("one", machine="here")
    assert [each.forwarder for each in again.look()] == ["two"]


@pytest.mark.one_python
def test_both_say_it_and_the_second_goes_on_when_the_first_ends(input_of, aws_account: AwsAccount):
    aws_account.enable("guardduty", "eu-west-1")
    settings = {"regions": "eu-west-1", **QUICK}
    guardduty = input_of("aws_guardduty")
    first = guardduty.run("prod", **settings)
    first.wait_for(lambda events: of(events, HEALTH), 120)
    second = guardduty.run("prod", **settings)

    def told(events) -> bool:
        return any(each.get("what") == "two processes run this input" for each in of(events, HEALTH))

    second.wait_for(told, 120)
    first.wait_for(told, 120)
    aws_account.add("guardduty", "eu-west-1", count=2, at=now())
    first.wait_for(lambda events: len(of(events, "aws:cloudwatch:guardduty")) == 2, 120)
    assert [each["status"] for each in of(second.events, HEALTH)] == ["notice"]
    assert first.stop() == 0
    aws_account.add("guardduty", "eu-west-1", count=1, at=now())
    second.wait_for(lambda events: of(events, "aws:cloudwatch:guardduty"), 120)
    assert second.stop() == 0
    notices = [each["what"] for each in of(second.events, HEALTH) if each["status"] == "notice"]
    assert notices[:2] == ["two processes run this input", "this process alone runs this input"]
