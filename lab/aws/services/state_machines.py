"""Step Functions executes definitions: moto's interpreter, with JSONata, functions, faults, and a scaled clock.

moto 5.2 has the interpreter and lacks the evaluation of JSONata, which is its one undefined name; its own Lambda
answers with what it got. Waits, retries and the time that a person has for an answer can be scaled; the time that a
function has cannot, since functions really run.
"""

from __future__ import annotations

import json
import os
import threading
import time
import urllib.error
import urllib.request
from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple

from lab.aws.accounts import access_key_of

#: Account -> base URL of what serves its functions by Lambda's interface.
_SERVED: Dict[str, str] = {}
#: Account -> by what its waits are multiplied.
_SCALES: Dict[str, float] = {}
_CLIENTS: Dict[Tuple[str, str], Any] = {}
_local = threading.local()
_EVENT = "Event"
PORT_VARIABLE = "MOTO_PORT"
NEEDS_JSONATA = "jsonata-python is not installed, which evaluates expressions of Step Functions: script/setup tests"


class StateFault(NamedTuple):
    """What goes wrong with one state of one execution."""

    account: str
    execution: str
    state: str
    #: throttled, denied, timeout (nothing happened), half_done (the function ran, its answer was lost).
    kind: str


#: Fault -> how often it comes; -1 is always.
_FAULTS: Dict[StateFault, int] = {}


def serve_functions(account: str, url: str) -> None:
    """Let the functions of an account be answered by a server that speaks Lambda's interface; "" for moto's echo."""
    _SERVED[account] = url


def scale_time(account: str, factor: float) -> None:
    """Let the waits of state machines of an account be so many times as long."""
    _SCALES[account] = factor


def fail_state(account: str, execution: str, state: str, kind: str, times: int) -> None:
    """Let a state of an execution go wrong so often; -1 is always."""
    _FAULTS[StateFault(account, execution, state, kind)] = times


def install() -> None:
    """Change moto's Step Functions and Lambda."""
    _install_jsonata()
    _install_functions()
    _install_faults()
    _install_clock()
    _install_starting()


def _install_jsonata() -> None:
    from moto.stepfunctions.parser.asl.eval import states, variable_store
    from moto.stepfunctions.parser.asl.jsonata import jsonata

    def declarations(bindings: Dict[str, Any]) -> str:
        # moto puts texts between quotes as they are: one with a quote inside would be no expression any more.
        return "".join(f"{name}:={json.dumps(value, default=str)};" for name, value in bindings.items())

    def evaluate(expression: str) -> Any:
        try:
            from jsonata.jsonata import Jsonata
        except ImportError as exc:
            raise jsonata.JSONataException("UNKNOWN", NEEDS_JSONATA) from exc
        try:
            return Jsonata(expression).evaluate(None)
        except Exception as exc:
            raise jsonata.JSONataException("UNKNOWN", str(exc)) from exc

    jsonata._eval_jsonata = evaluate
    states.encode_jsonata_variable_declarations = declarations
    variable_store.encode_jsonata_variable_declarations = declarations


def _install_functions() -> None:
    from moto.awslambda.exceptions import UnknownFunctionException
    from moto.awslambda_simple.models import LambdaSimpleBackend
    from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_lambda

    echo = LambdaSimpleBackend.invoke

    def invoke(self: Any, name: str, qualifier: Any, body: Any, headers: Any, response_headers: Any) -> Any:
        url = _SERVED.get(self.account_id)
        if not url:
            return echo(self, name, qualifier, body, headers, response_headers)
        kind = headers.get("X-Amz-Invocation-Type") or "RequestResponse"
        asked = urllib.request.Request(
            f"{url}/2015-03-31/functions/{name.rpartition(':')[2]}/invocations",
            body.encode() if isinstance(body, str) else body or b"{}",
            {"Content-Type": "application/json", "X-Amz-Invocation-Type": kind},
            method="POST",
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(asked) as answer:
                error = answer.headers.get("X-Amz-Function-Error")
                if error:
                    response_headers["x-amz-function-error"] = error
                return answer.read()
        except urllib.error.HTTPError as refused:
            refused.close()
            if refused.code != 404:
                raise
            raise UnknownFunctionException(name) from None

    def client_for(region: str, service: str, state_credentials: Any = None) -> Any:
        import boto3
        from botocore.config import Config

        account = state_credentials.role_arn.split(":")[4]
        if (account, region) not in _CLIENTS:
            _CLIENTS[account, region] = boto3.session.Session().client(
                service, region, endpoint_url=f"http://127.0.0.1:{os.environ[PORT_VARIABLE]}",
                aws_access_key_id=access_key_of(account), aws_secret_access_key="lab",
                config=Config(retries={"total_max_attempts": 1}, read_timeout=900, max_pool_connections=50),
            )  # fmt: skip
        return _CLIENTS[account, region]

    LambdaSimpleBackend.invoke = invoke
    lambda_eval_utils.boto_client_for = client_for
    # https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html lists it; moto drops it.
    state_task_service_lambda._SUPPORTED_API_PARAM_BINDINGS["invoke"].add("InvocationType")


def _install_faults() -> None:
    from botocore.exceptions import ClientError
    from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils

    call = lambda_eval_utils.execute_lambda_function_integration

    def error(code: str, status: int) -> Exception:
        says = {
            "Error": {"Code": code, "Message": code},
            "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "lab"},
        }
        return ClientError(says, "Invoke")

    def with_faults(env: Any, *args: Any, **kwargs: Any) -> None:
        context = env.states.context_object.context_object_data
        fault = _next_fault(_account(env), context["Execution"]["Name"], context["State"]["Name"])
        if fault is None:
            return call(env, *args, **kwargs)
        if fault.kind == "half_done":
            call(env, *args, **kwargs)
        if fault.kind == "timeout":
            says = {"errorType": "Sandbox.Timedout", "errorMessage": "RequestId: lab Error: Task timed out"}
            raise lambda_eval_utils.LambdaFunctionErrorException("Unhandled", json.dumps(says))
        code, status = {
            "throttled": ("TooManyRequestsException", 429),
            "denied": ("AccessDeniedException", 403),
            "half_done": ("ServiceException", 500),
        }[fault.kind]
        raise error(code, status)

    lambda_eval_utils.execute_lambda_function_integration = with_faults


def _next_fault(account: str, execution: str, state: str) -> Optional[StateFault]:
    for fault, times in list(_FAULTS.items()):
        if fault[:3] == (account, execution, state) and times:
            _FAULTS[fault] = times - 1 if times > 0 else times
            return fault
    return None


class _Time:
    """The module ``time`` for a retry: it sleeps as its execution's account says."""

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds * getattr(_local, "scale", 1.0))

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


def _install_clock() -> None:
    from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
    from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import Timeout
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
        StateTaskServiceCallback,
    )
    from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction

    def scaled(method: Callable[..., Any], applies: Callable[[Any], bool] = lambda _: True) -> Callable[..., Any]:
        def call(self: Any, env: Any, *args: Any) -> Any:
            before = getattr(_local, "scale", 1.0)
            _local.scale = _SCALES.get(_account(env), 1.0) if applies(self) else 1.0
            try:
                return method(self, env, *args)
            finally:
                _local.scale = before

        return call

    timeout = Timeout._eval_body

    def wait_interval(self: Any, env: Any, wait_seconds: float) -> None:
        # moto's own compares whole seconds, and goes round for ever below one.
        until = time.monotonic() + wait_seconds * _SCALES.get(_account(env), 1.0)
        while env.is_running() and time.monotonic() < until:
            env.program_state_event.wait(until - time.monotonic())

    def eval_timeout(self: Any, env: Any) -> None:
        timeout(self, env)
        env.stack.append(env.stack.pop() * getattr(_local, "scale", 1.0))

    retrier_decl.time = _Time()
    retrier_decl.RetrierDecl._eval_body = scaled(retrier_decl.RetrierDecl._eval_body)
    WaitFunction._wait_interval = wait_interval
    Timeout._eval_body = eval_timeout
    StateTaskServiceCallback._evaluate_with_timeout = scaled(
        StateTaskServiceCallback._evaluate_with_timeout,
        lambda state: state.resource.condition == ResourceCondition.WaitForTaskToken,
    )


def _install_starting() -> None:
    """Let one name be started once: moto looks for the name and starts afterwards, with others in between."""
    from moto.stepfunctions.parser.models import StepFunctionsParserBackend

    start, lock = StepFunctionsParserBackend.start_execution, threading.Lock()

    def alone(*args: Any, **kwargs: Any) -> Any:
        with lock:
            return start(*args, **kwargs)

    StepFunctionsParserBackend.start_execution = alone


def _account(env: Any) -> str:
    return str(env.states.context_object.context_object_data["StateMachine"]["Id"].split(":")[4])
