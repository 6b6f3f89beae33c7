"""``aws-siem-bridge sigma``: rules of Sigma as detections, each with a verdict."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import Any, List

from es_bridge.cli.reporting import DONE, FAILED, UsageError, run_reported, say, tell
from es_bridge.cli.rows import Column, Rows, add_format_argument

EXAMPLES = """\
examples:
  aws-siem-bridge sigma import sigma/rules/cloud/aws/cloudtrail --to imported/
  aws-siem-bridge sigma import aws_root_account_usage.yml

Each rule gets a verdict: exact; rewritten, with what is not quite as the rule has it; refused, with the reason. Nothing
is imported that would find nothing. With --to the detections are written to a folder, one YAML each, with a
savedsearches.conf of them, all switched off and untested: try them with detections backtest --folder first. The rules
stay under their authors' licence; it is named in each file, and no rule comes with this product.
Exit status: 0 at least one rule was taken, 1 none was, 2 wrong usage.
"""
COLUMNS = (Column("verdict", "verdict"), Column("rule", "rule"), Column("why", "why"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-command and its options."""
    parser.epilog = EXAMPLES
    commands = parser.add_subparsers(dest="sigma_command", metavar="import", required=True)
    line = "turn rules into detections, and say of each whether it means the same here"
    command = commands.add_parser("import", help=line, description=line)
    command.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files with rules, or folders of them")
    command.add_argument("--to", type=Path, metavar="FOLDER", help="write the detections there (default: only say)")
    add_format_argument(command)


def run(arguments: argparse.Namespace) -> int:
    """Import rules; return the exit status."""
    return run_reported(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    try:
        from savedsearches.sigma.importing import REFUSED, Imported, import_files, rule_files
        from savedsearches.sigma.writing import write
    except ImportError as exc:
        raise UsageError(f"importing rules needs pySigma ({exc.name} is missing): pip install '.[sigma]'") from exc
    try:
        files = rule_files(arguments.paths)
    except FileNotFoundError as exc:
        raise UsageError(str(exc)) from exc
    if not files:
        raise UsageError("there is no .yml or .yaml file in what was named")
    found: List[Imported] = list(import_files(files))
    rows = Rows(arguments.format, COLUMNS)
    for each in found:
        rows.add({"verdict": each.verdict, "rule": each.path.name, "why": "; ".join(each.reasons)})
    rows.end()
    counted: Counter[str] = Counter(each.verdict for each in found)
    tell(", ".join(f"{count} {verdict}" for verdict, count in sorted(counted.items())))
    taken: List[Any] = [each for each in found if each.verdict != REFUSED]
    if not taken:
        say("no rule was taken")
        return FAILED
    if arguments.to:
        write(taken, arguments.to)
        tell(f"{len(taken)} detections, switched off and untested, and their savedsearches.conf are in {arguments.to}")
    return DONE
