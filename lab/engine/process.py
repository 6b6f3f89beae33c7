"""One node as its own process: started, waited for, stopped, and never left behind."""

from __future__ import annotations

import atexit
import contextlib
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, List, Mapping, Optional, Sequence, Tuple, Type

from .catalog import ENGINES, EngineSpec
from .errors import EngineUnavailable
from .home import prepare_home
from .java import find_java
from .node import Node, PortTaken
from .progress import Progress, to_stderr

STOP_TIMEOUT_S = 30
#: Another process may take a port between our test and the engine's own bind.
PORT_ATTEMPTS = 5


class Engine:
    """A running node. Stop it with ``stop()``, or use it as a context manager; it stops with this process anyway."""

    def __init__(self, node: Node, process: subprocess.Popen[bytes], keep: bool) -> None:
        self.id = node.spec.id
        self.product = node.spec.product
        self.version = node.spec.version
        self.url = node.url
        #: The folder with the node's data, configuration and log.
        self.node_dir = node.folder
        self.log_file = node.log_file
        #: The certificate authority of a TLS engine, else None.
        self.ca_file = node.ca_file
        #: User name -> password; empty on an engine without security.
        self.users = node.users
        self._process = process
        self._keep = keep
        atexit.register(self.stop)

    def __repr__(self) -> str:
        return f"Engine({self.id!r}, {self.url!r}, pid={self.pid})"

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process id of the Java process."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is still there."""
        return self._process.poll() is None

    @property
    def exit_status(self) -> Optional[int]:
        """What the process ended with, ``None`` while it runs; of a fatal error see ``java/FatalErrors.java``."""
        return self._process.poll()

    def stop(self) -> None:
        """Stop the node with SIGTERM and wait for its end; remove its folder unless the caller gave or keeps it."""
        end_process(self._process)
        atexit.unregister(self.stop)
        if not self._keep:
            shutil.rmtree(self.node_dir, ignore_errors=True)

    def kill(self) -> None:
        """End the node with SIGKILL, as a crash would; its folder stays until ``stop()``."""
        self._process.kill()
        self._process.wait()


def start_engine(
    engine_id: str,
    data_dir: Optional[Path] = None,
    settings: Optional[Mapping[str, Any]] = None,
    heap_mb: int = 512,
    keep: bool = False,
    progress: Optional[Progress] = None,
) -> Engine:
    """Start an engine of the catalogue and return it when it is ready (health yellow or green).

    ``data_dir`` holds its data, configuration and log, and stays when the engine stops; without it a temporary folder
    is used and removed, unless ``keep``. ``settings`` are engine settings, e.g. ``{"search.max_buckets": 10}``.
    Raise EngineUnavailable when it cannot start on this machine.
    """
    folder = Path(data_dir).absolute() if data_dir else Path(tempfile.mkdtemp(prefix=f"{engine_id}-"))
    keep = keep or data_dir is not None
    try:
        node, process = start_node(engine_id, folder, settings or {}, heap_mb, progress or to_stderr, keep)
    except BaseException:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return Engine(node, process, keep)


def start_node(
    engine_id: str,
    folder: Path,
    settings: Mapping[str, Any],
    heap_mb: int,
    progress: Progress,
    keep: bool,
    wanted_port: Optional[int] = None,
    java_options: Sequence[str] = (),
) -> Tuple[Node, subprocess.Popen[bytes]]:
    """Start one node in ``folder`` and wait until it is ready.

    It ends when this process ends, unless ``release_process`` lets it go, and without ``keep`` it then removes its
    folder. Without ``wanted_port`` any free port is taken. Raise EngineUnavailable when it cannot start.
    """
    spec = engine_spec(engine_id)
    java = find_java(spec, progress)
    home = prepare_home(spec, java, progress)
    for _ in range(PORT_ATTEMPTS):
        http_port, transport_port = free_ports(2)
        ports = (wanted_port or http_port, transport_port)
        node = Node(spec, java, home, folder, *ports, settings, heap_mb, keep=keep, java_options=java_options)
        process = node.launch()
        try:
            node.wait_ready(process)
            return node, process
        except PortTaken:
            end_process(process)
            if wanted_port:
                raise EngineUnavailable(f"{engine_id}: port {wanted_port} is in use. Choose another one, or none.")
        except BaseException:
            end_process(process)
            raise
    raise EngineUnavailable(f"{engine_id}: no free port in {PORT_ATTEMPTS} attempts")


def release_process(process: subprocess.Popen[bytes]) -> None:
    """Let a node outlive this process; it then runs until SIGTERM."""
    assert process.stdin
    process.stdin.write(b"\n")
    process.stdin.close()


def end_process(process: subprocess.Popen[bytes]) -> None:
    """End a node with SIGTERM, and with SIGKILL if that takes too long; return when it is gone."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdin:
        process.stdin.close()


def engine_spec(engine_id: str) -> EngineSpec:
    """Return the catalogue's entry. Raise EngineUnavailable, with the valid names, for an unknown one."""
    if engine_id not in ENGINES:
        raise EngineUnavailable(f"No engine {engine_id!r}. There is: {', '.join(ENGINES)}")
    return ENGINES[engine_id]


def free_ports(count: int) -> List[int]:
    """Return ``count`` different ports of 127.0.0.1 that were free a moment ago."""
    with contextlib.ExitStack() as stack:
        ports = []
        for _ in range(count):
            listener = stack.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            ports.append(listener.getsockname()[1])
        return ports
