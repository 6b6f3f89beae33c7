"""Engines that outlive the command that started them, found again through a state file: one per catalogue id here."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Optional

from .cache import cache_dir
from .node import Node
from .process import STOP_TIMEOUT_S, engine_spec, release_process, start_node
from .progress import Progress


@dataclass(frozen=True)
class Detached:
    """A started engine as its state file has it. Holds no password: those are in the node folder."""

    engine: str
    pid: int
    url: str
    started_at: float
    folder: str
    log_file: str
    ca_file: Optional[str]
    users_file: Optional[str]


def start_detached(
    engine_id: str,
    folder: Optional[Path],
    port: Optional[int],
    heap_mb: int,
    progress: Progress,
) -> Detached:
    """Start an engine that stays until ``stop_detached``; return the running one when it was started before.

    Without ``folder`` its data is kept in the cache, so that the next start has it again.
    """
    engine_spec(engine_id)
    running = find_detached(engine_id)
    if running:
        return running
    chosen = (folder or cache_dir() / "data" / engine_id).absolute()
    chosen.mkdir(parents=True, exist_ok=True)
    node, process = start_node(engine_id, chosen, {}, heap_mb, progress, keep=True, wanted_port=port)
    return detach(node, process, _state_file(engine_id))


def detach(node: Node, process: subprocess.Popen[bytes], state_file: Path) -> Detached:
    """Let a started node outlive this process; ``state_file`` says where it is."""
    state = Detached(
        node.spec.id,
        process.pid,
        node.url,
        time.time(),
        str(node.folder),
        str(node.log_file),
        str(node.ca_file) if node.ca_file else None,
        str(node.folder / "config" / "users.json") if node.users else None,
    )
    state_file.parent.mkdir(parents=True, exist_ok=True)
    draft = state_file.with_suffix(f".{secrets.token_hex(4)}")
    draft.write_text(json.dumps(asdict(state)), "utf-8")
    draft.replace(state_file)
    release_process(process)  # only now: were this command killed before, the engine would be one nobody finds
    return state


def find_detached(engine_id: str) -> Optional[Detached]:
    """Return the running detached engine of this id, or None."""
    return find_by(_state_file(engine_id))


def find_by(state_file: Path) -> Optional[Detached]:
    """Return the running engine that a state file names, or None. The file is removed when the process is gone."""
    try:
        state = Detached(**json.loads(state_file.read_text("utf-8")))
    except FileNotFoundError:
        return None
    if _is_engine(state):
        return state
    state_file.unlink()
    return None


def stop_detached(state: Detached, state_file: Optional[Path] = None) -> None:
    """Stop a detached engine with SIGTERM, wait until it is gone, and forget it. Its data stays."""
    os.kill(state.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while _is_engine(state):
        if time.monotonic() > deadline:
            os.kill(state.pid, signal.SIGKILL)
        time.sleep(0.05)
    (state_file or _state_file(state.engine)).unlink()


def _state_file(engine_id: str) -> Path:
    return cache_dir() / "running" / f"{engine_id}.json"


def _is_engine(state: Detached) -> bool:
    """Whether the process of that number is this engine: its command line names our main class and its folder."""
    command = _command_line(state.pid)
    return "EngineServer" in command and command.endswith(str(Path(state.folder) / "config"))


def _command_line(pid: int) -> str:
    """Return the command line of a process, empty when there is none (or only its remains)."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return ""
    listed = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listed.stdout.strip()
