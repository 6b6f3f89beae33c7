"""``aws-siem-bridge spl``: a whole SPL pipeline on a cluster, without a Splunk."""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional

from es_bridge.cli.connection import add_connection_arguments, cluster_from
from es_bridge.cli.reporting import DONE, FAILED, UsageError, run_reported, say, tell
from es_bridge.cli.rows import CSV, TABLE, Column, Rows, add_format_argument
from savedsearches.runner import values
from savedsearches.runner.app_commands import SCRIPTS, AppCommands
from savedsearches.runner.columns import columns_of
from savedsearches.runner.errors import SplError, SplSyntaxError
from savedsearches.runner.local_settings import LocalSettings
from savedsearches.runner.lookups import Lookup, read_csv, shipped_lookups
from savedsearches.runner.macros import Macro, read_macros, shipped_macros
from savedsearches.runner.moment import Moment, moment_of
from savedsearches.runner.run import run_search
from savedsearches.runner.session import Session
from savedsearches.runner.values import Row

#: The cluster's name in messages. Not "default": in a conf file that is the stanza every other one inherits.
CLUSTER = "local"
EXAMPLES = """\
examples:
  aws-siem-bridge spl '| elasticsearch index="*cloudtrail*" query="errorCode:AccessDenied" start_time=now-24h
                       | stats count by userIdentity.arn | sort 0 -count'
  aws-siem-bridge spl '| elasticsearch index=aws-waf-* | timechart span=1h count by action' --format csv
  aws-siem-bridge spl '| elasticsearch index=aws-vpcflow-* | lookup assets ip AS dstaddr OUTPUT owner
                       | stats sum(bytes) AS bytes by owner' --lookup assets=assets.csv --url https://search:9200

The pipeline is run by a strict subset of SPL of our own, written after Splunk's manual; it is not Splunk. What it does
not have is an error. docs/spl_runner.md lists it.
Exit status: 0 done, 1 failed, 2 wrong usage, also of SPL.
"""
#: Cells of a table are cut for the eye beyond this; the other formats have them whole.
WIDEST_CELL = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``spl``."""
    parser.epilog = EXAMPLES
    parser.add_argument("search", help="the pipeline, in one pair of single quotes")
    parser.add_argument(
        "--earliest", default="0", metavar="TIME", help="what the time picker would say; default: all time"
    )
    parser.add_argument("--latest", default="0", metavar="TIME", help="the picker's other side; default: no bound")
    parser.add_argument("--time-zone", default="", metavar="NAME", help="such as Asia/Seoul; default: this machine's")
    add_format_argument(parser)
    parser.add_argument("--lookup", action="append", default=[], metavar="NAME=FILE", help="a CSV file as lookup table")
    parser.add_argument("--macros", type=Path, metavar="FILE", help="a macros.conf, beside the app's own")
    parser.add_argument("--app", type=Path, metavar="FOLDER", help="the unpacked app whose commands run")
    parser.add_argument("--python", default=sys.executable, help="interpreter that runs the app's commands")
    add_connection_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run one pipeline; return the exit status."""
    return run_reported(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    cluster = replace(cluster_from(arguments), name=CLUSTER)
    scripts = arguments.app / "bin" if arguments.app else SCRIPTS
    session = Session(
        moment_of(arguments.earliest, arguments.latest, arguments.time_zone),
        lookups=_lookups(scripts.parent, arguments.lookup),
        macros=_macros(scripts.parent, arguments.macros),
    )
    if not scripts.is_dir():
        raise UsageError(
            f"the app's commands are not here: there is no {scripts}. Use a clone of the project, or say with --app "
            "where the app is unpacked"
        )
    tell("note: this is a strict subset of SPL of our own, not Splunk")
    with LocalSettings(cluster, tz=arguments.time_zone) as settings:
        try:
            session.own = AppCommands(settings, _say_message, scripts=scripts, python=arguments.python)
            write_rows(run_search(arguments.search, session), arguments.format, session.moment)
        except SplSyntaxError as exc:
            raise UsageError(str(exc)) from None
        except SplError as exc:
            say(str(exc))
            return FAILED
    return DONE


def _say_message(level: str, text: str) -> None:
    (tell if level == "INFO" else say)(f"{level}: {text}")


def _lookups(app: Path, given: List[str]) -> Dict[str, Lookup]:
    try:
        tables = shipped_lookups(app)
    except (OSError, UnicodeError, SplError) as exc:
        raise UsageError(f"the lookup tables of {app}: {exc}") from None
    for text in given:
        name, sign, file = text.partition("=")
        if not sign or not name:
            raise UsageError(f"--lookup {text}: write NAME=FILE")
        try:
            tables[name] = read_csv(Path(file))
        except (OSError, UnicodeError, csv.Error, SplError) as exc:
            raise UsageError(f"--lookup {text}: {exc}") from None
    return tables


def _macros(app: Path, path: Optional[Path]) -> Dict[str, Macro]:
    try:
        return {**shipped_macros(app), **(read_macros(path) if path else {})}
    except (OSError, UnicodeError, SplError) as exc:
        raise UsageError(f"--macros {path or app}: {exc}") from None


def write_rows(rows: Iterable[Row], form: str, moment: Moment) -> None:
    """Print rows: JSON while they come, a table or CSV when all columns are known. A table has times to be read."""
    columns = None
    if form in (TABLE, CSV):
        rows = list(rows)
        columns = [Column(name, name) for name in columns_of(rows)]
    printed = Rows(form, columns)
    for row in rows:
        printed.add({name: _table_cell(name, value, moment) for name, value in row.items()} if form == TABLE else row)
    printed.end()


def _table_cell(name: str, value: Any, moment: Moment) -> str:
    text = ", ".join(values.texts(value))
    if name == "_time":
        try:
            local = moment.local(float(text))
        except (ValueError, OverflowError, OSError):
            pass  # a pipeline may put anything there
        else:
            whole = "seconds" if not local.microsecond else "milliseconds"
            text = local.isoformat(" ", whole).replace("+00:00", "Z")
    return text if len(text) <= WIDEST_CELL else text[: WIDEST_CELL - 3] + "..."
