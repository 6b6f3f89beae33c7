"""Answers a request in front of moto: who asks, whether he may, what it says, and whether AWS could have said it."""

from __future__ import annotations

import json
import secrets
import traceback
from typing import Any, Dict, List, Optional, Tuple

from es_bridge.terminal import put_error
from lab.aws.operations import OF_SIGNING_NAME
from lab.aws.services import (  # noqa: F401 - each module adds its answers
    access_analyzer,
    block_devices,
    chosen_ids,
    conditional_writes,
    config,
    console_screenshot,
    export_jobs,
    function_urls,
    guardduty,
    identity_center,
    inspector2,
    macie2,
    metadata_options,
    network_interfaces,
    object_lock,
    organizations,
    regions,
    securityhub,
    securityhub_v2,
    service_events,
    shield,
    snapshot_locks,
    snapshots,
    ssm,
    standby,
    state_machines,
    wafv2,
    wire,
)
from lab.aws.services.contract import ANSWERS, Refused, Request, invalid
from lab.aws.services.rates import RATES
from lab.aws.services.store import STORE

#: Codes that any operation may be refused with: code -> HTTP status.
#: https://docs.aws.amazon.com/securityhub/1.0/APIReference/CommonErrors.html
COMMON = {
    "AccessDeniedException": 403,
    "ExpiredTokenException": 403,
    "UnrecognizedClientException": 403,
    "ThrottlingException": 400,
    "TooManyRequestsException": 429,
    "InternalServerException": 500,
    "ValidationException": 400,
}
Reply = Tuple[int, List[Tuple[str, str]], bytes]


def install() -> None:
    """Let EventBridge know of findings, and change in moto what the services need otherwise."""
    chosen_ids.install()
    conditional_writes.install()
    console_screenshot.install()
    function_urls.install()
    guardduty.install()
    identity_center.install()
    metadata_options.install()
    network_interfaces.install()
    object_lock.install()
    snapshots.install()
    snapshot_locks.install()
    block_devices.install()
    standby.install()
    state_machines.install()
    wafv2.install()
    STORE.listeners.append(service_events.send)


def is_answered(service: str, operation: str) -> bool:
    """Whether an operation is answered here and not by moto."""
    return (OF_SIGNING_NAME.get(service, service), operation) in ANSWERS


def answer(service: str, operation: str, account: str, region: str, environ: Dict[str, Any]) -> Reply:
    """Return status, headers and body."""
    name = OF_SIGNING_NAME.get(service, service)
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    try:
        found = _answer(name, operation, account, region, environ, body)
        status = wire.operation(name, operation).http.get("responseCode", 200)
        return _reply(status, json.dumps(found).encode(), "application/json")
    except Refused as refused:
        return refusal(name, operation, refused.code, refused.text)
    except Exception as error:  # a fault of this stand-in, which its user should see where he looks
        put_error(*traceback.format_exc().split("\n"))
        says = {"message": f"The stand-in for AWS: {error}", "__type": "StandInError"}
        return _reply(501, json.dumps(says).encode(), "application/json", ("x-amzn-ErrorType", "StandInError"))


def _answer(
    service: str, operation: str, account: str, region: str, environ: Dict[str, Any], body: bytes
) -> Dict[str, Any]:
    model = wire.operation(service, operation)
    with STORE.lock:
        if not RATES.allows(account, region, service, operation):
            raise Refused(_throttled(service, operation), "Too Many Requests")
        request = Request(service, operation, account, region, wire.read(model, environ, body))
        problems = wire.problems_of_input(model, request.given)
        if problems:
            raise invalid(request, problems[0])
        found = ANSWERS[service, operation](request)
    problems = wire.problems_of_output(model, found)
    if problems:
        raise AssertionError(f"AWS could not say this: {'; '.join(problems[:5])}")
    return found


def _throttled(service: str, operation: str) -> str:
    errors = wire.modelled_errors(wire.operation(service, operation))
    return "ThrottlingException" if "ThrottlingException" in errors else "TooManyRequestsException"


def refusal(service: str, operation: str, code: str, text: str) -> Reply:
    """Return a refusal as a REST service with JSON writes it."""
    errors = wire.modelled_errors(wire.operation(service, operation))
    status: Optional[int] = errors.get(code, COMMON.get(code))
    if status is None:
        raise AssertionError(f"{operation} of {service} cannot be refused with {code}")
    says = {"Message": text, "Code": code} if service == "securityhub" else {"message": text, "__type": code}
    return _reply(status, json.dumps(says).encode(), "application/json", ("x-amzn-ErrorType", code))


def _reply(status: int, body: bytes, kind: str, *more: Tuple[str, str]) -> Reply:
    request_id = (
        f"{secrets.token_hex(4)}-{secrets.token_hex(2)}-4{secrets.token_hex(2)[1:]}-8000-{secrets.token_hex(6)}"
    )
    headers = [("Content-Type", kind), ("x-amzn-RequestId", request_id), ("Content-Length", str(len(body))), *more]
    return status, headers, body
