"""``aws-siem-bridge lab engine``: start, find and stop an engine that outlives the command."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, List

from es_bridge.terminal import put, put_error

from .catalog import DEFAULT_ENGINE, ENGINES
from .detached import Detached, find_detached, start_detached, stop_detached
from .errors import EngineUnavailable
from .progress import to_stderr

_EXAMPLES = """\
examples:
  aws-siem-bridge lab engine start
      start OpenSearch 2.19; its jars, and a Java runtime if there is none, are downloaded the first time
  aws-siem-bridge lab engine start --engine opensearch-3 --port 9200 --data /tmp/my-data
  aws-siem-bridge lab engine start --engine opensearch-2.19-secured
      with TLS and users; status names the files with the certificate authority and the passwords
  aws-siem-bridge lab engine status --json
  aws-siem-bridge lab engine stop
      stop every engine started this way; the data stays for the next start
  aws-siem-bridge lab engine list
      the engines there are (Elasticsearch is for tests only: its licences do not allow to ship it)

environment:
  AWS_SIEM_BRIDGE_CACHE  folder for downloads, data and state (default: aws-siem-bridge in the user's cache)
  AWS_SIEM_BRIDGE_JAVA   'bundled', a Java home or a java program (default: one of the machine, else bundled)
  AWS_SIEM_BRIDGE_MAVEN  URL of a mirror of the Maven repository
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add action and options."""
    parser.epilog = _EXAMPLES
    parser.add_argument("action", choices=["start", "stop", "status", "list"])
    parser.add_argument(
        "--engine",
        choices=list(ENGINES),
        metavar="<id>",
        help=f"see list; default for start: {DEFAULT_ENGINE}; else: all",
    )
    parser.add_argument("--port", type=int, help="HTTP port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--data", type=Path, help="folder for data, configuration and log (default: in the cache)")
    parser.add_argument("--heap-mb", type=int, default=512, help="Java heap in MiB (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON lines")


def run(arguments: argparse.Namespace) -> int:
    """Do the action; return 0, or 1 when an engine could not start or, for status, none runs."""
    if arguments.action == "list":
        return _list(arguments.json)
    if arguments.action == "start":
        return _start(arguments)
    ids = [arguments.engine] if arguments.engine else list(ENGINES)
    running = [state for state in map(find_detached, ids) if state]
    if not running:
        put_error("no engine is running; start one: aws-siem-bridge lab engine start")
        return 0 if arguments.action == "stop" else 1
    for state in running:
        if arguments.action == "stop":
            stop_detached(state)
        _show(state, "stopped" if arguments.action == "stop" else "running", arguments.json)
    return 0


def _start(arguments: argparse.Namespace) -> int:
    try:
        state = start_detached(
            arguments.engine or DEFAULT_ENGINE, arguments.data, arguments.port, arguments.heap_mb, to_stderr
        )
    except EngineUnavailable as error:
        put_error(f"aws-siem-bridge: {error}")
        return 1
    _show(state, "running", arguments.json)
    return 0


def _list(as_json: bool) -> int:
    for spec in ENGINES.values():
        row: Dict[str, Any] = {
            "engine": spec.id,
            "version": spec.version,
            "java": spec.java_min,
            "secured": spec.secured,
            "running": find_detached(spec.id) is not None,
        }
        if as_json:
            put(json.dumps(row))
        else:
            notes: List[str] = [f"{spec.version:<7}", f"Java {spec.java_min}+"]
            notes += ["TLS and users"] * spec.secured + ["running"] * row["running"]
            put(f"{spec.id:<24} {'  '.join(notes)}")
    return 0


def _show(state: Detached, status: str, as_json: bool) -> None:
    if as_json:
        put(json.dumps({"status": status, **asdict(state)}))
        return
    since = datetime.fromtimestamp(state.started_at, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
    put(f"{state.engine} {status}: {state.url} (pid {state.pid}, since {since}, log {state.log_file})")
    if state.users_file and status == "running":
        put(f"  certificate authority {state.ca_file}, passwords in {state.users_file}")
