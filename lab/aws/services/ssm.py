"""Run Command of Systems Manager: which instances have an agent, commands for exactly those that are named, what came.

moto runs nothing, and for every instance of the account. Documents and parameters are moto's. Gaps: instances are
named by their ids alone; no CloudWatch output, no notifications, no `MaxConcurrency`; an agent is told of by a test
(`manage`) and not by its role and its network.

https://docs.aws.amazon.com/systems-manager/latest/userguide/run-command.html
"""

from __future__ import annotations

import json
import re
import tempfile
import time
import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, DefaultDict, Dict, List, Mapping, Tuple

from lab.aws.services.contract import INVALID, Refused, Request, answers
from lab.aws.services.pages import PAGES
from lab.aws.services.ssm_agent import (
    IN_PROGRESS,
    MOST_ERROR,
    MOST_OUTPUT,
    OVER,
    PENDING,
    Host,
    Plugin,
    Run,
    plugins_of,
)

INVALID["ssm"] = ("ValidationException", "{}")
#: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html: ``TimeoutSeconds``.
USUAL_START_S = 3_600
#: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CommandPlugin.html: ``Output``.
MOST_LISTED = 2_500
#: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeInstanceInformation.html
MOST_RESULTS = 50
#: Looks at a command that was just sent, and is not known there yet.
UNSEEN = 1

Where = Tuple[str, str]


@dataclass
class Command:
    """A command that was sent."""

    id: str
    document: str
    comment: str
    parameters: Dict[str, List[str]]
    sent: float
    start_within_s: int
    bucket: str
    prefix: str
    runs: Dict[str, Run]
    unseen: int = UNSEEN
    stored: bool = False


HOSTS: DefaultDict[Where, Dict[str, Host]] = defaultdict(dict)
COMMANDS: DefaultDict[Where, Dict[str, Command]] = defaultdict(dict)


def manage(account: str, region: str, instance: str, **how: Any) -> str:
    """Let an instance have an agent, or another one; return the folder that is its root. See `Host`."""
    known = HOSTS[account, region]
    root = Path(how.pop("root", "")) if how.get("root") else None
    if instance not in known:
        known[instance] = Host(root or Path(tempfile.mkdtemp(prefix="ssm-")))
    for name, value in how.items():
        if not hasattr(known[instance], name):
            raise ValueError(f"a host has no {name}")
        setattr(known[instance], name, value)
    return str(known[instance].root)


def deliver(account: str, region: str) -> int:
    """Let held commands reach their agents; return how many."""
    found = [run for each in COMMANDS[account, region].values() for run in each.runs.values() if run.host.hold]
    for run in found:
        run.host.hold = False
        run.start()
    return len(found)


def expire(account: str, region: str) -> None:
    """Let the time pass in which pending commands have to begin."""
    for each in COMMANDS[account, region].values():
        for run in each.runs.values():
            run.expired = run.expired or run.status[0] == PENDING


def commands(account: str, region: str) -> List[Dict[str, Any]]:
    """Return the commands that were sent: id, document, comment, parameters, instances."""
    return [
        {"id": each.id, "document": each.document, "comment": each.comment, "parameters": each.parameters,
         "instances": sorted(each.runs), "status": {name: run.status for name, run in each.runs.items()}}
        for each in COMMANDS[account, region].values()
    ]  # fmt: skip


@answers("ssm", "DescribeInstanceInformation")
def describe_instance_information(request: Request) -> Dict[str, Any]:
    """https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeInstanceInformation.html."""
    wanted = None
    for each in request.given.get("Filters") or ():
        if each["Key"] != "InstanceIds":
            raise Refused("InvalidFilterKey", f"The stand-in does not filter by {each['Key']}")
        wanted = set(each["Values"])
    found = [
        {
            "InstanceId": instance,
            "PingStatus": host.ping,
            "LastPingDateTime": time.time(),
            "AgentVersion": "3.3.3050.0",
            "PlatformType": host.platform,
            "PlatformName": "Amazon Linux" if host.platform == "Linux" else "Microsoft Windows Server 2022",
            "ResourceType": "EC2Instance",
        }
        for instance, host in sorted(HOSTS[request.account, request.region].items())
        if wanted is None or instance in wanted
    ]
    page, token = PAGES.page(request, found, MOST_RESULTS)
    return {"InstanceInformationList": page, **token}


@answers("ssm", "SendCommand")
def send_command(request: Request) -> Dict[str, Any]:
    """https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html."""
    given, where = request.given, (request.account, request.region)
    instances = list(given.get("InstanceIds") or ())
    if len(instances) != len(set(instances)):
        raise Refused("DuplicateInstanceId", "You can't specify an instance ID in more than one association.")
    unknown = [each for each in instances if each not in HOSTS[where]]
    if unknown or not instances:
        raise Refused("InvalidInstanceId", f"Instances {unknown} not in a valid state for account {request.account}")
    document = _document(request, given["DocumentName"])
    parameters = given.get("Parameters") or {}
    _check_parameters(document, parameters)
    runs = {}
    id = str(uuid.uuid4())
    for each in instances:
        folder = f"/var/lib/amazon/ssm/{each}/document/orchestration/{id}"
        runs[each] = Run(HOSTS[where][each], plugins_of(document, parameters), folder)
    command = Command(
        id, given["DocumentName"], given.get("Comment", ""), parameters, time.time(),
        int(given.get("TimeoutSeconds") or USUAL_START_S), given.get("OutputS3BucketName", ""),
        given.get("OutputS3KeyPrefix", ""), runs,
    )  # fmt: skip
    COMMANDS[where][id] = command
    for run in runs.values():
        if run.host.ping == "Online" and not run.host.hold:
            run.start()
        else:
            run.host.hold = True
    return {
        "Command": {
            "CommandId": id,
            "DocumentName": command.document,
            "Comment": command.comment,
            "Parameters": parameters,
            "InstanceIds": instances,
            "RequestedDateTime": command.sent,
            "ExpiresAfter": command.sent + command.start_within_s,
            "TimeoutSeconds": command.start_within_s,
            "Status": PENDING,
            "StatusDetails": PENDING,
            "TargetCount": 0,
            "CompletedCount": 0,
            "ErrorCount": 0,
            **({"OutputS3BucketName": command.bucket, "OutputS3KeyPrefix": command.prefix} if command.bucket else {}),
        }
    }


@answers("ssm", "GetCommandInvocation")
def get_command_invocation(request: Request) -> Dict[str, Any]:
    """Right after SendCommand there is none yet. https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetCommandInvocation.html."""
    given, where = request.given, (request.account, request.region)
    command = COMMANDS[where].get(given["CommandId"])
    if command is None:
        raise Refused("InvalidCommandId", "")
    run = command.runs.get(given["InstanceId"])
    if run is None or _is_unseen(command):
        raise Refused("InvocationDoesNotExist", "")
    plugin = _plugin(run, given.get("PluginName", ""))
    status, details = run.status if run.expired or run.cancelled else (plugin.status, plugin.details)
    over = status in OVER
    _store(request, command)
    place = f"{command.prefix}/{command.id}/{given['InstanceId']}/{_folder(plugin)}".lstrip("/")
    url = f"https://s3.{request.region}.amazonaws.com/{command.bucket}/{place}" if command.bucket else ""
    return {
        "CommandId": command.id,
        "InstanceId": given["InstanceId"],
        "Comment": command.comment,
        "DocumentName": command.document,
        "PluginName": plugin.name,
        "ResponseCode": plugin.code if over else -1,
        "ExecutionStartDateTime": _iso(plugin.started),
        "ExecutionElapsedTime": f"PT{max(0.0, plugin.finished - plugin.started):.3f}S" if over else "",
        "ExecutionEndDateTime": _iso(plugin.finished),
        "Status": status,
        "StatusDetails": details,
        "StandardOutputContent": plugin.out[:MOST_OUTPUT] if over else "",
        "StandardOutputUrl": f"{url}/stdout" if url else "",
        "StandardErrorContent": plugin.error[:MOST_ERROR] if over else "",
        "StandardErrorUrl": f"{url}/stderr" if url else "",
    }


@answers("ssm", "ListCommandInvocations")
def list_command_invocations(request: Request) -> Dict[str, Any]:
    """https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListCommandInvocations.html."""
    given = request.given
    filters = {each["key"]: each["value"] for each in given.get("Filters") or ()}
    unknown = sorted(set(filters) - {"DocumentName", "InvokedAfter", "InvokedBefore", "Status"})
    if unknown:
        raise Refused("InvalidFilterKey", f"The specified key {unknown[0]} isn't valid.")
    found = []
    for command in COMMANDS[request.account, request.region].values():
        for instance, run in command.runs.items():
            if given.get("CommandId") not in (None, command.id) or given.get("InstanceId") not in (None, instance):
                continue
            if filters.get("DocumentName") not in (None, command.document) or _is_unseen(command):
                continue
            found.append(_listed(command, instance, run, bool(given.get("Details"))))
    found.sort(key=lambda each: -each["RequestedDateTime"])
    page, token = PAGES.page(request, found, MOST_RESULTS)
    return {"CommandInvocations": page, **token}


@answers("ssm", "ListCommands")
def list_commands(request: Request) -> Dict[str, Any]:
    """Parameters are shown to whoever may list. https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListCommands.html."""
    found = [
        {"CommandId": each.id, "DocumentName": each.document, "Comment": each.comment, "Parameters": each.parameters,
         "InstanceIds": sorted(each.runs), "RequestedDateTime": each.sent,
         "Status": next(iter(each.runs.values())).status[0]}
        for each in COMMANDS[request.account, request.region].values()
        if request.given.get("CommandId") in (None, each.id)
        and (not request.given.get("InstanceId") or request.given["InstanceId"] in each.runs)
    ]  # fmt: skip
    page, token = PAGES.page(request, found, MOST_RESULTS)
    return {"Commands": page, **token}


@answers("ssm", "CancelCommand")
def cancel_command(request: Request) -> Dict[str, Any]:
    """https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CancelCommand.html."""
    command = COMMANDS[request.account, request.region].get(request.given["CommandId"])
    if command is None:
        raise Refused("InvalidCommandId", "")
    for instance, run in command.runs.items():
        if not request.given.get("InstanceIds") or instance in request.given["InstanceIds"]:
            run.cancel()
    return {}


def _document(request: Request, name: str) -> Dict[str, Any]:
    from moto.ssm.models import ssm_backends

    known = ssm_backends[request.account][request.region]._documents  # noqa: SLF001
    if name not in known:
        raise Refused("InvalidDocument", f"Document with name {name} does not exist.")
    content = known[name].get_default_version().content
    found: Dict[str, Any] = json.loads(content)
    return found


def _check_parameters(document: Mapping[str, Any], given: Mapping[str, List[str]]) -> None:
    declared = document.get("parameters") or {}
    for name, values in given.items():
        if name not in declared:
            raise Refused("InvalidParameters", f"The parameter {name} is not declared in the document")
        pattern = declared[name].get("allowedPattern")
        if pattern and not all(re.search(pattern, each) for each in values):
            raise Refused("InvalidParameters", f"The value of {name} does not match {pattern}")
    missing = [name for name, each in declared.items() if "default" not in each and name not in given]
    if missing:
        raise Refused("InvalidParameters", f"The parameter {missing[0]} has no value")


def _is_unseen(command: Command) -> bool:
    command.unseen -= 1
    return command.unseen >= 0


def _plugin(run: Run, name: str) -> Plugin:
    if not name:
        if len(run.plugins) > 1:
            raise Refused("InvalidPluginName", "The plugin name is required: the document has more than one step")
        return run.plugins[0]
    for each in run.plugins:
        if each.name == name:
            return each
    raise Refused("InvalidPluginName", f"The plugin name {name} isn't valid.")


def _listed(command: Command, instance: str, run: Run, details: bool) -> Dict[str, Any]:
    status, words = run.status
    plugins = [
        {
            "Name": each.name,
            "Status": each.status,
            "StatusDetails": each.details,
            "ResponseCode": each.code,
            "Output": each.out[:MOST_LISTED] if each.status in OVER else "",
        }
        for each in run.plugins
    ]
    return {
        "CommandId": command.id,
        "InstanceId": instance,
        "Comment": command.comment,
        "DocumentName": command.document,
        "RequestedDateTime": command.sent,
        "Status": status,
        "StatusDetails": words,
        "CommandPlugins": plugins if details else [],
    }


def _store(request: Request, command: Command) -> None:
    """Put the whole output into the bucket, once, when all is over.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-rc-setting-up-cwlogs.html
    """
    if (
        not command.bucket
        or command.stored
        or any(run.status[0] in (PENDING, IN_PROGRESS) for run in command.runs.values())
    ):
        return
    from moto.s3.models import s3_backends

    command.stored = True
    backend = s3_backends[request.account]["aws"]
    for instance, run in command.runs.items():
        for plugin in run.plugins:
            place = f"{command.prefix}/{command.id}/{instance}/{_folder(plugin)}".lstrip("/")
            for name, text in (("stdout", plugin.out), ("stderr", plugin.error)):
                if text:
                    backend.put_object(command.bucket, f"{place}/{name}", text.encode())


def _folder(plugin: Plugin) -> str:
    return f"{plugin.action.replace(':', '')}/{plugin.name}"


def _iso(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, timezone.utc).isoformat() if epoch else ""
