"""SSM's agent of an instance, in a sandbox: a scratch folder that is the instance's root, and a child process.

A step ``aws:downloadContent`` of the kind HTTP is a real request, its file is written below the root.
``aws:runShellScript`` is run by the host's shell as a child with ``AWS_SIEM_BRIDGE_ROOT`` set to the root: a script
that does not look there looks at this machine. Nothing else is isolated; no script of an attacker is to be run here.

https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-command-ssm-plugin-reference.html
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, List, Mapping, Tuple

#: What a call gives of the output: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetCommandInvocation.html
MOST_OUTPUT, MOST_ERROR = 24_000, 8_000
#: Seconds a script may run when its step does not say:
#: https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-command-ssm-plugin-reference.html#aws-runShellScript
USUAL_TIMEOUT_S = 3_600
ROOT_VARIABLE = "AWS_SIEM_BRIDGE_ROOT"
#: Of a plugin, as ListCommandInvocations names them, and of the whole.
PENDING, IN_PROGRESS, SUCCESS, FAILED = "Pending", "InProgress", "Success", "Failed"
TIMED_OUT, CANCELLED = "TimedOut", "Cancelled"
OVER = (SUCCESS, FAILED, TIMED_OUT, CANCELLED)
_DOWNLOAD_TIMEOUT_S = 60
_PLACE = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")


#: Scripts that were started, for `end_all`.
_PROCESSES: List[Any] = []


@dataclass
class Host:
    """An instance with an agent."""

    root: Path
    #: ``Online``, ``ConnectionLost`` or ``Inactive``.
    ping: str = "Online"
    #: ``Linux``, ``Windows``.
    platform: str = "Linux"
    shell: str = "/bin/sh"
    #: Where the script finds its programs; empty for those of this machine.
    path: str = ""
    #: Whether commands stay pending, as they do while the agent is not reached.
    hold: bool = False


@dataclass
class Plugin:
    """One step of a command on one instance."""

    name: str
    action: str
    inputs: Mapping[str, Any]
    #: Whether the rest is left out when it fails.
    exits: bool = False
    status: str = PENDING
    details: str = PENDING
    code: int = -1
    out: str = ""
    error: str = ""
    started: float = 0.0
    finished: float = 0.0

    def end(self, status: str, details: str, code: int) -> None:
        """Note how it ended."""
        self.status, self.details, self.code, self.finished = status, details, code, time.time()


@dataclass
class Run:
    """A command on one instance."""

    host: Host
    plugins: List[Plugin]
    #: Below the root: where the agent keeps the script.
    folder: str
    cancelled: bool = False
    #: Set when AWS gave up before the agent took it.
    expired: bool = False
    _process: Any = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def status(self) -> Tuple[str, str]:
        """Status of the whole and its details.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/monitor-commands.html
        """
        if self.expired:
            return TIMED_OUT, "DeliveryTimedOut"
        states = [each.status for each in self.plugins]
        if self.cancelled and IN_PROGRESS not in states:
            return CANCELLED, CANCELLED
        if all(each == PENDING for each in states):
            return PENDING, PENDING
        if any(each not in OVER for each in states):
            return IN_PROGRESS, IN_PROGRESS
        worst = next((each for each in self.plugins if each.status == TIMED_OUT), None) or next(
            (each for each in self.plugins if each.status != SUCCESS), None
        )
        return (worst.status, worst.details) if worst else (SUCCESS, SUCCESS)

    def start(self) -> None:
        """Run the steps beside this thread."""
        threading.Thread(target=self._run, daemon=True).start()

    def cancel(self) -> None:
        """End the script and leave out the rest."""
        with self._lock:
            self.cancelled = True
            self._kill()

    def _run(self) -> None:
        for number, plugin in enumerate(self.plugins):
            if self.cancelled:
                plugin.end(CANCELLED, CANCELLED, -1)
                continue
            plugin.status = plugin.details = IN_PROGRESS
            plugin.started = time.time()
            if self.host.platform == "Windows" and plugin.action == "aws:runShellScript":
                plugin.end(FAILED, "InvalidPlatform", -1)
            elif plugin.action == "aws:downloadContent":
                self._download(plugin)
            else:
                self._script(plugin)
            if plugin.status != SUCCESS and plugin.exits:
                for rest in self.plugins[number + 1 :]:
                    rest.end(FAILED, FAILED, -1)
                return

    def _download(self, plugin: Plugin) -> None:
        """https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-command-ssm-plugin-reference.html#aws-downloadContent."""
        target = self.host.root / str(plugin.inputs["destinationPath"]).lstrip("/")
        info = plugin.inputs["sourceInfo"]
        url = (json.loads(info) if isinstance(info, str) else info)["url"]
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(url, timeout=_DOWNLOAD_TIMEOUT_S) as answer:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(answer.read())
        except (OSError, ValueError, urllib.error.HTTPError) as exc:
            plugin.error = f"Failed to download file: {exc}"
            plugin.end(FAILED, FAILED, 1)
            return
        plugin.out = f"Content downloaded to {plugin.inputs['destinationPath']}"
        plugin.end(SUCCESS, SUCCESS, 0)

    def _script(self, plugin: Plugin) -> None:
        folder = self.host.root / self.folder.lstrip("/") / plugin.name
        folder.mkdir(parents=True, exist_ok=True)
        script = folder / "_script.sh"
        script.write_text("\n".join(plugin.inputs["runCommand"]) + "\n")
        environment = {"HOME": "/root", "LANG": "C", ROOT_VARIABLE: str(self.host.root)}
        environment["PATH"] = self.host.path or os.environ.get("PATH", os.defpath)
        out, error = folder / "stdout", folder / "stderr"
        timeout_s = float(plugin.inputs.get("timeoutSeconds") or USUAL_TIMEOUT_S)
        with out.open("wb") as stdout, error.open("wb") as stderr:
            with self._lock:
                self._process = subprocess.Popen(
                    [self.host.shell, str(script)], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                    stdout=stdout, stderr=stderr, start_new_session=True,
                )  # fmt: skip
                _PROCESSES.append(self._process)
                if self.cancelled:
                    self._kill()
            try:
                code, late = self._process.wait(timeout_s), False
            except subprocess.TimeoutExpired:
                late = True
                with self._lock:
                    self._kill()
                code = self._process.wait()
        plugin.out, plugin.error = (each.read_text("utf-8", "replace") for each in (out, error))
        if late:
            plugin.end(TIMED_OUT, "ExecutionTimedOut", 137)
        elif self.cancelled:
            plugin.end(CANCELLED, CANCELLED, 137)
        else:
            plugin.end(SUCCESS if code == 0 else FAILED, SUCCESS if code == 0 else "NonZeroExitCode", code)

    def _kill(self) -> None:
        if self._process:
            _end(self._process)


def _end(process: Any) -> None:
    """End a script with all it started."""
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def end_all() -> None:
    """End the scripts that still run: their process is about to end."""
    for process in _PROCESSES:
        _end(process)


def plugins_of(document: Mapping[str, Any], parameters: Mapping[str, List[str]]) -> List[Plugin]:
    """Return the steps of a document of schema 2.2, with the parameters in their places."""
    usual = {name: each["default"] for name, each in (document.get("parameters") or {}).items() if "default" in each}
    values = {**usual, **{name: given[0] if len(given) == 1 else given for name, given in parameters.items()}}
    return [
        Plugin(
            step["name"],
            step["action"],
            _filled(step.get("inputs") or {}, values),
            str(step.get("onFailure") or (step.get("inputs") or {}).get("onFailure") or "").lower() == "exit",
        )
        for step in document["mainSteps"]
    ]


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(each, values) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, values) for each in value]
    if isinstance(value, str):
        whole = _PLACE.fullmatch(value)
        if whole and whole[1] in values:
            return values[whole[1]]
        return _PLACE.sub(lambda place: str(values.get(place[1], place[0])), value)
    return value
