"""``aws-siem-bridge lab engine``: start, find and stop an engine that outlives the command."""

from __future__ import annotations

import argparse
from dataclasses import asdict, fields
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, List

from es_bridge.cli.connection import URL_VARIABLE
from es_bridge.cli.rows import TABLE, Column, Rows, add_format_argument
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
  aws-siem-bridge lab engine status --format jsonl
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
    add_format_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do the action; return 0, or 1 when an engine could not start or, for status, none runs."""
    if arguments.action == "list":
        return _list(arguments.format)
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
    _show(running, "stopped" if arguments.action == "stop" else "running", arguments.format)
    return 0


def _start(arguments: argparse.Namespace) -> int:
    try:
        state = start_detached(
            arguments.engine or DEFAULT_ENGINE, arguments.data, arguments.port, arguments.heap_mb, to_stderr
        )
    except EngineUnavailable as error:
        put_error(f"aws-siem-bridge: {error}")
        return 1
    _show([state], "running", arguments.format)
    if arguments.format == TABLE:
        _show_next(state)
    return 0


def _show_next(state: Detached) -> None:
    put("", "Next, so that the other commands find it:", f"  export {URL_VARIABLE}={state.url}")
    if state.users_file:
        put(f"  aws-siem-bridge ping --ca-file {state.ca_file} --username NAME")
        put(f"  (names and passwords: {state.users_file})")
    else:
        put("  aws-siem-bridge ping")


def _list(format: str) -> int:
    rows = Rows(format, [Column(name, name, _word) for name in ("engine", "version", "java", "secured", "running")])
    for spec in ENGINES.values():
        rows.add(
            {
                "engine": spec.id,
                "version": spec.version,
                "java": spec.java_min,
                "secured": spec.secured,
                "running": find_detached(spec.id) is not None,
            }
        )
    rows.end()
    return 0


def _word(value: Any) -> str:
    return {True: "yes", False: ""}[value] if isinstance(value, bool) else str(value)


def _show(states: List[Detached], status: str, format: str) -> None:
    rows = Rows(format, [Column(name, name) for name in ("status", *(field.name for field in fields(Detached)))])
    for state in states:
        if format == TABLE:
            _print(state, status)
        else:
            rows.add({"status": status, **asdict(state)})
    if format != TABLE:
        rows.end()


def _print(state: Detached, status: str) -> None:
    since = datetime.fromtimestamp(state.started_at, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
    put(f"{state.engine} {status}: {state.url} (pid {state.pid}, since {since}, log {state.log_file})")
    if state.users_file and status == "running":
        put(f"  certificate authority {state.ca_file}, passwords in {state.users_file}")
