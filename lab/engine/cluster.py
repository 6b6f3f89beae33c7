"""Several nodes of one engine, each a process of its own, for tests that kill one of them."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, List, Mapping, Optional, Sequence, Type

from .errors import EngineUnavailable
from .home import prepare_home
from .java import find_java
from .node import Node, PortTaken
from .process import PORT_ATTEMPTS, Engine, end_process, engine_spec, free_ports
from .progress import Progress, to_stderr


class Cluster:
    """Running nodes that formed one cluster. A context manager; it stops with this process anyway."""

    def __init__(self, nodes: List[Engine], folder: Path) -> None:
        self.nodes = nodes
        self._folder = folder

    def __enter__(self) -> Cluster:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.stop()

    @property
    def urls(self) -> List[str]:
        """The URL of every node, also of one that was killed."""
        return [node.url for node in self.nodes]

    def stop(self) -> None:
        """Stop every node and remove their folders."""
        for node in self.nodes:
            node.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def start_cluster(
    engine_id: str,
    nodes: int = 3,
    settings: Optional[Mapping[str, Any]] = None,
    heap_mb: int = 512,
    progress: Optional[Progress] = None,
    node_settings: Sequence[Mapping[str, Any]] = (),
) -> Cluster:
    """Start ``nodes`` nodes and return when they see each other. All may become manager and hold data.

    ``settings`` are every node's; ``node_settings`` has one mapping a node, in order, such as ``node.attr.temp``.

    Raise EngineUnavailable when they cannot start on this machine.
    """
    spec = engine_spec(engine_id)
    report = progress or to_stderr
    java = find_java(spec, report)
    home = prepare_home(spec, java, report)
    folder = Path(tempfile.mkdtemp(prefix=f"{engine_id}-cluster-"))
    try:
        for _ in range(PORT_ATTEMPTS):
            ports = free_ports(2 * nodes)
            shared: Dict[str, Any] = {
                "discovery.seed_hosts": [f"127.0.0.1:{port}" for port in ports[nodes:]],
                _first_managers(spec.product, spec.major): [f"node-{number + 1}" for number in range(nodes)],
                **(settings or {}),
            }
            plans = [
                Node(
                    spec,
                    java,
                    home,
                    folder / f"node-{number + 1}",
                    ports[number],
                    ports[nodes + number],
                    {**shared, **(node_settings[number] if node_settings else {})},
                    heap_mb,
                    name=f"node-{number + 1}",
                    cluster_size=nodes,
                    keep=False,
                )
                for number in range(nodes)
            ]
            started = _start(plans)
            if started:
                return Cluster(started, folder)
        raise EngineUnavailable(f"{engine_id}: no free ports in {PORT_ATTEMPTS} attempts")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _start(plans: List[Node]) -> List[Engine]:
    """Start all nodes, then wait for each; return nothing when a port was taken."""
    processes = []
    try:
        for plan in plans:
            plan.folder.mkdir(exist_ok=True)
            processes.append(plan.launch())
        for plan, process in zip(plans, processes):
            plan.wait_ready(process)
    except BaseException as error:
        for process in processes:
            end_process(process)
        if isinstance(error, PortTaken):
            return []
        raise
    return [Engine(plan, process, keep=False) for plan, process in zip(plans, processes)]


def _first_managers(product: str, major: int) -> str:
    if product == "opensearch" and major >= 2:
        return "cluster.initial_cluster_manager_nodes"
    return "cluster.initial_master_nodes"
