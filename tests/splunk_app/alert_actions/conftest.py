"""Alert actions as splunkd starts them, and something that answers like Lambda."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence

import pytest

from lab.lambda_runtime.environment import Answer
from lab.lambda_runtime.front import LambdaFront
from lab.splunkd import SplunkdStandIn
from lab.splunkd.alert_actions import AlertActions, Ran
from lab.splunkd.response import set_up_response
from tests.splunk_app.conftest import BIN  # noqa: F401  # puts it on the path

from alert_actions.actions import ACTIONS  # isort: skip

START, RELEASE = "aws-siem-bridge-response-start", "aws-siem-bridge-response-release"
ROW = {"instance": "i-0123456789abcdef0", "account": "111122223333", "region": "eu-west-1"}
#: Its secret must be nowhere.
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SEARCH = "AWS - findings_guardduty_instance - Rule"


class Head:
    """A search head with the response set up, and functions that note what they were asked."""

    def __init__(self, splunkd: SplunkdStandIn, lambdas: LambdaFront, python: str) -> None:
        self.splunkd, self.lambdas, self.python = splunkd, lambdas, python
        self.actions = AlertActions(splunkd, python)
        set_up_response(splunkd.state, lambdas.url, secret=SECRET)

    def run(self, rows: Sequence[Dict[str, Any]] = (ROW,), action: str = "aws_respond", **given: Any) -> Ran:
        return self.actions.run(action, rows, **{"search": SEARCH, **given})

    def asked(self) -> List[Dict[str, Any]]:
        """Return the requests that the functions were given, in their order."""
        self.lambdas.wait()
        return [json.loads(each.body) for each in self.lambdas.invocations]

    def log(self, action: str = "aws_respond") -> List[str]:
        path = self.splunkd.splunk_home / "var" / "log" / "splunk" / f"{action}_modalert.log"
        return path.read_text("utf-8").splitlines() if path.exists() else []

    def waiting(self, collection: str = "aws_response_queue") -> List[Dict[str, Any]]:
        return self.splunkd.state.collections.find(collection, {})

    def texts(self) -> str:
        """Return everything that was logged."""
        folder = self.splunkd.splunk_home / "var" / "log" / "splunk"
        return "".join(path.read_text("utf-8") for path in folder.iterdir())


def answer_every_row(body: bytes) -> Answer:
    """Answer as `start` does: a row without an instance that AWS could have is refused."""
    rows = json.loads(body)["rows"]
    return Answer(
        {
            "rows": [
                {"row": number, "result": "started", "says": f"{row['instance']}: begun", "incident": "x-1"}
                if row.get("instance", "").startswith("i-")
                else {"row": number, "result": "refused", "says": "no instance id", "incident": ""}
                for number, row in enumerate(rows)
            ]
        }
    )


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, splunk_python: str) -> Iterator[Head]:
    home: Path = tmp_path_factory.mktemp("splunk")
    functions = {START: answer_every_row, RELEASE: answer_every_row}
    with pytest.MonkeyPatch.context() as patch:
        # A replay within the test's own process writes its log there, too.
        patch.setenv("SPLUNK_HOME", str(home))
        with LambdaFront(functions) as lambdas, SplunkdStandIn(splunk_home=home, python=splunk_python) as splunkd:
            yield Head(splunkd, lambdas, splunk_python)
    for name in ACTIONS:
        logging.getLogger(f"aws_siem_bridge.{name}").handlers.clear()


@pytest.fixture
def head(running: Head) -> Head:
    """The module's search head, with empty queue, logs and record."""
    running.lambdas.wait()
    running.lambdas.invocations.clear()
    running.lambdas.refusals.clear()
    running.lambdas.before = None
    running.lambdas.functions[START] = answer_every_row
    for collection in ("aws_response_queue", "aws_response_claims"):
        running.splunkd.state.collections.remove(collection, {})
    for path in (running.splunkd.splunk_home / "var" / "log" / "splunk").iterdir():
        path.unlink()
    return running
