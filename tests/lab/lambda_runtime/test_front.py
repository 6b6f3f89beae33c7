"""Invoke over HTTP as a client of Lambda sees it."""

from __future__ import annotations

import json
import threading
from typing import Any, Dict, Iterator, List

import pytest

pytest.importorskip("botocore")

from lab.lambda_runtime import Answer, LambdaFront
from lab.lambda_runtime.front import ASYNCHRONOUS_ATTEMPTS, MOST_BYTES

ARN = "arn:aws:lambda:eu-west-1:111122223333:function:start:live"


class Functions:
    """A function that fails when it is told to, and notes what it was given."""

    def __init__(self) -> None:
        self.given: List[Any] = []
        self.go_on = threading.Event()
        self.go_on.set()

    def start(self, body: bytes) -> Answer:
        event = json.loads(body)
        self.given.append(event)
        self.go_on.wait(60)
        return Answer(None, "BadSettings", "no") if event.get("fail") else Answer({"got": event})


@pytest.fixture
def functions() -> Functions:
    return Functions()


@pytest.fixture
def front(functions: Functions) -> Iterator[LambdaFront]:
    with LambdaFront({"start": functions.start}) as running:
        yield running


def client(front: LambdaFront) -> Any:
    import botocore.session
    from botocore.config import Config

    return botocore.session.Session().create_client(
        "lambda", "eu-west-1", endpoint_url=front.url, aws_access_key_id="x", aws_secret_access_key="y",
        config=Config(retries={"total_max_attempts": 1}),
    )  # fmt: skip


def invoke(front: LambdaFront, event: Dict[str, Any], **more: Any) -> Dict[str, Any]:
    return client(front).invoke(**{"FunctionName": "start", "Payload": json.dumps(event).encode(), **more})


@pytest.mark.parametrize("name", ["start", "start:live", ARN])
def test_an_answer_and_a_function_error(front: LambdaFront, name: str) -> None:
    said = invoke(front, {"n": 1}, FunctionName=name)
    assert (said["StatusCode"], json.loads(said["Payload"].read())) == (200, {"got": {"n": 1}})
    assert "FunctionError" not in said
    failed = invoke(front, {"fail": True}, FunctionName=name)
    assert (failed["StatusCode"], failed["FunctionError"]) == (200, "Unhandled")
    assert json.loads(failed["Payload"].read()) == {"errorMessage": "no", "errorType": "BadSettings"}


def test_the_runtimes_whole_error_is_passed_on_and_what_breaks_is_the_services_error(front: LambdaFront) -> None:
    whole = {"errorMessage": "no", "errorType": "KeyError", "requestId": "1", "stackTrace": ["here"]}
    front.functions["start"] = lambda _: Answer(None, "KeyError", "no", whole)
    assert json.loads(invoke(front, {})["Payload"].read()) == whole
    front.functions["start"] = lambda _: Answer(json.loads("{"))
    lambdas = client(front)
    with pytest.raises(lambdas.exceptions.ServiceException, match="JSONDecodeError"):
        lambdas.invoke(FunctionName="start", Payload=b"{}")


def test_an_event_is_taken_before_it_is_done_and_tried_again(front: LambdaFront, functions: Functions) -> None:
    functions.go_on.clear()
    assert invoke(front, {"n": 1}, InvocationType="Event")["StatusCode"] == 202
    functions.go_on.set()
    assert invoke(front, {"fail": True}, InvocationType="Event")["StatusCode"] == 202
    assert invoke(front, {"n": 3}, InvocationType="DryRun")["StatusCode"] == 204
    front.wait()
    assert sorted(functions.given, key=str) == [{"fail": True}] * ASYNCHRONOUS_ATTEMPTS + [{"n": 1}]


def test_what_lambda_refuses(front: LambdaFront, functions: Functions) -> None:
    lambdas = client(front)
    too_long = b'"' + b"x" * MOST_BYTES["Event"] + b'"'
    with pytest.raises(lambdas.exceptions.RequestTooLargeException):
        lambdas.invoke(FunctionName="start", InvocationType="Event", Payload=too_long)
    assert lambdas.invoke(FunctionName="start", InvocationType="DryRun", Payload=too_long)["StatusCode"] == 204
    with pytest.raises(lambdas.exceptions.ResourceNotFoundException):
        lambdas.invoke(FunctionName="stop", Payload=b"{}")
    with pytest.raises(lambdas.exceptions.InvalidRequestContentException):
        lambdas.invoke(FunctionName="start", Payload=b"{")
    front.refusals.append((429, "TooManyRequestsException", "Rate Exceeded"))
    with pytest.raises(lambdas.exceptions.TooManyRequestsException):
        lambdas.invoke(FunctionName="start", Payload=b"{}")
    assert functions.given == []
