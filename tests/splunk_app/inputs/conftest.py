"""Inputs as splunkd starts them, in an AWS of the test's own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest

from lab.aws import AwsAccount
from lab.splunkd import ModularInput, SplunkdStandIn
from lab.splunkd.hec import HecReceiver

PYTHON = os.environ.get("AWS_SIEM_BRIDGE_SPLUNK_PYTHON", sys.executable)
HEALTH, COUNT = "aws:siem_bridge:health", "aws:siem_bridge:count"
#: Of the lab's event collector.
COLLECTOR_TOKEN = "0f9a7c5e-1111-4222-8333-444455556666"
#: Quick, as no user would have it.
QUICK = {"poll_interval_s": 1, "heartbeat_s": 10}


@pytest.fixture
def splunkd(tmp_path: Path) -> Iterator[SplunkdStandIn]:
    with SplunkdStandIn(splunk_home=tmp_path / "splunk", python=PYTHON) as running:
        yield running


@pytest.fixture
def input_of(splunkd: SplunkdStandIn, aws_account: AwsAccount) -> Iterator[Callable[..., ModularInput]]:
    """Return a function that gives a kind of input, whose machine has the account's role."""
    environment = {**aws_account.environment("us-east-1"), "AWS_CONFIG_FILE": os.devnull}

    def make(kind: str, python: str = PYTHON) -> ModularInput:
        return ModularInput(splunkd, kind, python, environment)

    yield make


def of(events: List[Dict[str, Any]], sourcetype: str) -> List[Dict[str, Any]]:
    """Return what events of a sourcetype hold."""
    return [json.loads(event["_raw"]) for event in events if event["sourcetype"] == sourcetype]


def use_collector(splunkd: SplunkdStandIn, collector: HecReceiver, **more: str) -> None:
    """Make the collector known to the app, as ``main``; its token is in the credential store."""
    stanza = {"url": collector.url, "token": "******", **more}
    splunkd.state.set_stanza("aws_siem_bridge_hec", "main", stanza)
    splunkd.state.set_secrets("aws_siem_bridge_hec", "main", {"token": COLLECTOR_TOKEN})
