"""What detections run with on a command line: the cluster, events of Splunk from files, lookups, macros."""

from __future__ import annotations

import argparse
import csv
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterator, List

from es_bridge.cli.connection import add_connection_arguments, cluster_from
from es_bridge.cli.reporting import UsageError
from savedsearches.backtest.events import read_events
from savedsearches.backtest.runs import Around
from savedsearches.content.commands_of import commands_of
from savedsearches.content.detection import Detection
from savedsearches.runner.app_commands import SCRIPTS
from savedsearches.runner.errors import SplError
from savedsearches.runner.knowledge import read_knowledge
from savedsearches.runner.local_settings import LocalSettings
from savedsearches.runner.lookups import Lookup, read_csv, shipped_lookups
from savedsearches.runner.macros import Macro, expand_macros, read_macros, shipped_macros

_CLUSTER = "local"
#: Tables that are empty without anybody missing them.
_MAY_BE_EMPTY = ("aws_detections", "aws_detection_exceptions", "aws_detection_hidden", "aws_accounts")


def add_around_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that `around` reads."""
    data = parser.add_argument_group("what they read beside the cluster")
    data.add_argument(
        "--events", action="append", default=[], type=Path, metavar="FILE",
        help="events that Splunk has, as a search exports them: JSON lines or CSV with _time, _indextime, source, "
        "sourcetype, _raw; repeat it for more. Without it, detections that read Splunk's index are not run",
    )  # fmt: skip
    data.add_argument("--lookup", action="append", default=[], metavar="NAME=FILE", help="a CSV file as lookup table")
    data.add_argument(
        "--macros", type=Path, metavar="FILE", help="a macros.conf over the app's own, such as your local one"
    )
    data.add_argument("--app", type=Path, metavar="FOLDER", help="the unpacked app whose commands run")
    add_connection_arguments(parser)


@contextmanager
def around(arguments: argparse.Namespace) -> Iterator[Around]:
    """Yield what detections run with. Raises `UsageError`."""
    app = arguments.app or SCRIPTS.parent
    if not (app / "bin").is_dir():
        raise UsageError(f"the app is not in {app}: use a clone of the project, or say with --app where it is unpacked")
    cluster = replace(cluster_from(arguments), name=_CLUSTER)
    macros, lookups = _macros(app, arguments.macros), _lookups(app, arguments.lookup)
    events = read_events(arguments.events, read_knowledge(app / "default")) if arguments.events else []
    with LocalSettings(cluster) as settings:
        yield Around(settings, macros, lookups, events, app / "bin")


def reason_not_to_run(detection: Detection, arguments: argparse.Namespace) -> str:
    """Return why a detection cannot be tried; empty if it can."""
    if detection.reads_splunk and not arguments.events:
        read = ", ".join(each for each in detection.data if each in ("findings", "assets", "waf_detections", "health"))
        return f"not run: it reads {read} of Splunk's index, and no --events are given"
    return ""


def empty_tables(detection: Detection, given: Around) -> List[str]:
    """Return the lookup tables that a detection reads and that have no rows here."""
    text = expand_macros(detection.search, given.macros)
    named = {
        word for command in commands_of(text) if command.name in ("lookup", "inputlookup")
        for word in command.arguments.split()[:3]
    }  # fmt: skip
    return sorted(
        name for name, table in given.lookups.items() if name in named and not table.rows and name not in _MAY_BE_EMPTY
    )


def _macros(app: Path, local: Any) -> Dict[str, Macro]:
    try:
        macros = {**shipped_macros(app), **(read_macros(local) if local else {})}
    except (OSError, UnicodeError, SplError) as exc:
        raise UsageError(f"--macros {local or app}: {exc}") from None
    if not local or "aws_findings_index" not in read_macros(local):
        macros["aws_findings_index"] = Macro("index=*")
    return macros


def _lookups(app: Path, given: List[str]) -> Dict[str, Lookup]:
    csv.field_size_limit(sys.maxsize)
    tables = shipped_lookups(app)
    for text in given:
        name, sign, file = text.partition("=")
        if not sign or not name:
            raise UsageError(f"--lookup {text}: write NAME=FILE")
        try:
            rows = read_csv(Path(file)).rows
        except (OSError, UnicodeError, csv.Error, SplError) as exc:
            raise UsageError(f"--lookup {text}: {exc}") from None
        tables.setdefault(name, Lookup()).replace(rows)
    return tables
