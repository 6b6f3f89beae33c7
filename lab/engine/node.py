"""One node's folder, configuration, command line and readiness."""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

from .catalog import EngineSpec
from .errors import EngineUnavailable
from .java import Java
from .security import SETTINGS, write_security

READY_TIMEOUT_S = 180
_PORT_TAKEN = ("BindHttpException", "BindTransportException", "Address already in use")

_LOG4J = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%c{1.}] %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
"""


class PortTaken(Exception):
    """The engine found one of its ports in use; the caller chooses others."""


@dataclass
class Node:
    """What one node is started with. ``folder`` gets ``config/``, ``data/``, ``tmp/`` and ``engine.log``."""

    spec: EngineSpec
    java: Java
    home: Path
    folder: Path
    http_port: int
    transport_port: int
    settings: Mapping[str, Any]
    heap_mb: int
    name: str = "node-1"
    #: Nodes the cluster must have before this one counts as ready.
    cluster_size: int = 1
    #: False: the node removes its folder when its owner is gone without stopping it.
    keep: bool = True
    #: Further options of the Java program.
    java_options: Sequence[str] = ()
    ca_file: Optional[Path] = None
    users: Dict[str, str] = field(default_factory=dict, repr=False)
    _log_start: int = 0

    @property
    def url(self) -> str:
        """Where the node answers HTTP."""
        return f"{'https' if self.spec.secured else 'http'}://127.0.0.1:{self.http_port}"

    @property
    def log_file(self) -> Path:
        """The node's standard output and log."""
        return self.folder / "engine.log"

    def launch(self) -> subprocess.Popen[bytes]:
        """Write the configuration and start the process, which ends when this one ends (see ``Lifecycle.java``)."""
        self._write_config()
        self._log_start = self.log_file.stat().st_size if self.log_file.exists() else 0
        with self.log_file.open("ab") as log:
            return subprocess.Popen(
                self._command(),
                # The pipe's end of file tells the engine that its owner is gone, however it went.
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                # Ctrl-C in a terminal goes to the owner, who then stops the engine in order.
                start_new_session=True,
            )

    def wait_ready(self, process: subprocess.Popen[bytes]) -> None:
        """Return when the cluster's health is yellow or green.

        Raise PortTaken when a port was in use, EngineUnavailable when the process ended or is not ready in time.
        """
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                self._raise_why(f"its process ended with status {process.returncode}")
            if self._healthy(process):
                return
            time.sleep(0.2)
        self._raise_why(f"it was not ready after {READY_TIMEOUT_S} s")

    def _write_config(self) -> None:
        config = self.folder / "config"
        for folder in (config, self.folder / "data", self.folder / "tmp"):
            folder.mkdir(parents=True, exist_ok=True)
        settings: Dict[str, Any] = {
            "cluster.name": "aws-siem-bridge-lab",
            "node.name": self.name,
            "path.data": str(self.folder / "data"),
            "path.logs": str(self.folder),
            "network.host": "127.0.0.1",
            "http.port": self.http_port,
            "transport.port": self.transport_port,
            # A laptop's disk is often fuller than the engine's watermarks allow.
            "cluster.routing.allocation.disk.threshold_enabled": False,
            # A small heap between two collections looks full to this breaker, and bulk requests then fail with 429.
            "indices.breaker.total.use_real_memory": False,
        }
        if self.spec.secured:
            self.users = write_security(self.home, config)
            self.ca_file = config / "ca.pem"
            settings.update(SETTINGS)
        if self.cluster_size == 1:
            settings["discovery.type"] = "single-node"
        settings.update(self.settings)
        # JSON is YAML.
        (config / f"{self.spec.product}.yml").write_text(json.dumps(settings, indent=1), "utf-8")
        (config / "log4j2.properties").write_text(_LOG4J, "utf-8")

    def _command(self) -> List[str]:
        command = [str(self.java.program), f"-Xms{self.heap_mb}m", f"-Xmx{self.heap_mb}m", "-XX:+UseSerialGC"]
        command += self.java_options
        command += ["-Djava.awt.headless=true", "-Dlog4j2.disable.jmx=true", "-Dlog4j.shutdownHookEnabled=false"]
        command += [f"-Djava.io.tmpdir={self.folder / 'tmp'}"]
        command += ["-Dio.netty.noUnsafe=true", "-Dio.netty.noKeySetOptimization=true"]
        command += ["-Dio.netty.recycler.maxCapacityPerThread=0"]
        command.append(f"-Dlab.owner={os.getpid()}")
        if not self.keep:
            command.append(f"-Dlab.temporary={self.folder}")
        classes, lib = str(self.home / "classes"), str(self.home / "lib")
        if self.spec.module_path:
            command += ["--module-path", lib, "--add-modules=jdk.net,ALL-MODULE-PATH", "-cp", classes]
        else:
            command += ["-cp", os.pathsep.join([classes, str(Path(lib) / "*")])]
        return command + ["EngineServer", str(self.home), str(self.folder / "config")]

    def _healthy(self, process: subprocess.Popen[bytes]) -> bool:
        size = f"wait_for_nodes=%3E%3D{self.cluster_size}"
        try:
            health = self._get(f"/_cluster/health?wait_for_status=yellow&{size}&timeout=2s")
            if health["status"] not in ("yellow", "green"):
                return False
            # Whoever took the port before our engine could may be an engine too, and answer in its place.
            local = self._get("/_nodes/_local/process")["nodes"].values()
            return [node["process"]["id"] for node in local] == [process.pid]
        except (OSError, ValueError, KeyError):  # not listening yet, 408, 503, 401 while security sets itself up
            return False

    def _get(self, path: str) -> Dict[str, Any]:
        request = urllib.request.Request(self.url + path)
        handlers: List[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
        if self.users:
            token = base64.b64encode(f"root:{self.users['root']}".encode()).decode()
            request.add_header("Authorization", f"Basic {token}")
        if self.ca_file:
            handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(self.ca_file))))
        with urllib.request.build_opener(*handlers).open(request, timeout=10) as response:
            return json.load(response)

    def _raise_why(self, what: str) -> None:
        with self.log_file.open("rb") as log:
            log.seek(self._log_start)
            text = log.read().decode("utf-8", "replace")
        if any(sign in text for sign in _PORT_TAKEN):
            raise PortTaken()
        frames = ("\tat ", "\t... ")
        tail = "\n".join([line for line in text.splitlines() if not any(sign in line for sign in frames)][-10:])
        raise EngineUnavailable(f"{self.spec.id} on {self.java.program}: {what}. Its log ends with:\n{tail}")
