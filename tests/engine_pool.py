"""Engines that outlive a test session, for sessions one after the other: each has them alone, and gets them empty.

``AWS_SIEM_BRIDGE_ENGINE_POOL`` names the pool's folder; ``script/test`` has one, so that its suites need not start
every engine anew. Sessions side by side never meet on an engine, because templates, contexts and cluster settings
belong to a whole engine: whoever finds all of a kind lent starts another one, which then belongs to the pool.

    python -m tests.engine_pool start FOLDER opensearch-2.19 ...   # before they are needed
    python -m tests.engine_pool stop FOLDER                        # every engine of the pool
"""

from __future__ import annotations

import argparse
import fcntl
import itertools
import json
import os
import shutil
import signal
from pathlib import Path
from typing import IO, Any, Dict, List, Optional, Sequence

from es_bridge.config import Auth, ClusterConfig
from es_bridge.errors import BridgeError
from es_bridge.transport import Transport
from lab.engine import ENGINES, Engine
from lab.engine.detached import Detached, detach, find_by
from lab.engine.process import engine_spec, start_node
from lab.engine.progress import to_stderr

VARIABLE = "AWS_SIEM_BRIDGE_ENGINE_POOL"
HEAP_MB = 512
#: Where the security plugin keeps its users.
_KEPT_INDEX = ".opendistro_security"


class BorrowedEngine(Engine):
    """An engine of the pool, this session's alone until ``stop()``. A test that harms its engine starts one itself."""

    def __init__(self, state: Detached, state_file: Path, lease: IO[str]) -> None:
        spec = ENGINES[state.engine]
        self.id, self.product, self.version = spec.id, spec.product, spec.version
        self.url = state.url
        self.node_dir, self.log_file = Path(state.folder), Path(state.log_file)
        self.ca_file = Path(state.ca_file) if state.ca_file else None
        self.users = json.loads(Path(state.users_file).read_text("utf-8")) if state.users_file else {}
        self._state_file, self._lease, self._pid = state_file, lease, state.pid

    @property
    def pid(self) -> int:
        """The process id of the Java process."""
        return self._pid

    @property
    def running(self) -> bool:
        """Whether the process is still there."""
        return find_by(self._state_file) is not None

    @property
    def exit_status(self) -> Optional[int]:
        """Not known of a process that is no child of this one."""
        raise NotImplementedError("ask `running`, or start an engine of your own")

    def stop(self) -> None:
        """Give it back."""
        self._lease.close()

    def kill(self) -> None:
        """Nobody kills what others use after him."""
        raise NotImplementedError("start an engine of your own")


def compile_quickly() -> None:
    """Let engines run with Java's first compiler only: the second takes half of their CPU time and never earns it."""
    os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")


def pool_folder() -> Optional[Path]:
    """Return the folder of the pool that this session may borrow from, None without one."""
    named = os.environ.get(VARIABLE)
    return Path(named).absolute() if named else None


def borrow(folder: Path, engine_id: str) -> BorrowedEngine:
    """Return a running engine of a catalogue id, alone and empty. Raise EngineUnavailable when it cannot start."""
    engine_spec(engine_id)
    folder.mkdir(parents=True, exist_ok=True)
    places = (folder / f"{engine_id}.{number}" for number in itertools.count(1))
    place, lease = next((place, lease) for place in places if (lease := lease_of(place)))
    try:
        return _lent(place, engine_id, lease)
    except BaseException:
        lease.close()
        raise


def lease_of(place: Path) -> Optional[IO[str]]:
    """Return a file that keeps a place of the pool for this process until it is closed; None if another has it."""
    lease = Path(f"{place}.lock").open("a")  # noqa: SIM115 - it is the caller's
    try:
        fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return lease
    except BlockingIOError:
        lease.close()
        return None


def _lent(node_folder: Path, engine_id: str, lease: IO[str]) -> BorrowedEngine:
    state_file = Path(f"{node_folder}.json")
    state = find_by(state_file)
    if state:
        found = BorrowedEngine(state, state_file, lease)
        try:
            _empty(found)
            return found
        except (BridgeError, OSError):  # it is not as it was when it started: another one takes its place
            os.kill(state.pid, signal.SIGKILL)
    shutil.rmtree(node_folder, ignore_errors=True)
    node_folder.mkdir()
    node, process = start_node(engine_id, node_folder, {}, HEAP_MB, to_stderr, keep=True)
    return BorrowedEngine(detach(node, process, state_file), state_file, lease)


def _empty(engine: Engine) -> None:
    """Delete indices, templates, settings and search contexts that a session before left. Raise when one stays."""
    auth = Auth("basic", "root", engine.users["root"]) if engine.users else Auth()
    config = ClusterConfig((engine.url,), auth=auth, ca_file=str(engine.ca_file) if engine.ca_file else None)
    with Transport(config) as transport:

        def get(*path: str, **parameters: str) -> Any:
            reply = transport.request("GET", path, parameters, accept_status=(400, 404, 405))
            return reply.json() if reply.status == 200 else {}

        def delete(*path: str, accept_status: Sequence[int] = ()) -> None:
            transport.request("DELETE", path, accept_status=accept_status)

        every: Dict[str, str] = {"expand_wildcards": "all"}
        delete("_search", "scroll", "_all", accept_status=(404,))
        delete("_search", "point_in_time", "_all", accept_status=(400, 404, 405))  # OpenSearch's alone
        for stream in get("_data_stream", "*").get("data_streams", []):
            delete("_data_stream", stream["name"])
        for index in get("_cat", "indices", format="json", h="index", **every):
            if index["index"] != _KEPT_INDEX:
                delete(index["index"])
        for kind in ("index_template", "component_template"):  # in this order: the first keep the second
            for template in get(f"_{kind}").get(f"{kind}s", []):
                delete(f"_{kind}", template["name"])
        for name in get("_template"):
            delete("_template", name)
        changed = get("_cluster", "settings", flat_settings="true")
        gone = {kind: dict.fromkeys(changed.get(kind, ())) for kind in ("persistent", "transient")}
        if any(gone.values()):
            transport.request("PUT", ("_cluster", "settings"), body=gone)


def stop(folder: Path) -> None:
    """End every engine of a pool, and forget its data."""
    for state_file in folder.glob("*.json"):
        state = find_by(state_file)
        if state:
            os.kill(state.pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


def main(words: Optional[List[str]] = None) -> None:
    """Start engines of a pool, or stop it."""
    parser = argparse.ArgumentParser(prog="python -m tests.engine_pool", description=__doc__)
    parser.add_argument("action", choices=("start", "stop"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("engine", nargs="*")
    given = parser.parse_args(words)
    compile_quickly()
    if given.action == "stop":
        stop(given.folder.absolute())
        return
    for engine in [borrow(given.folder.absolute(), name) for name in given.engine]:
        engine.stop()


if __name__ == "__main__":
    main()
