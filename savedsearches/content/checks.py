"""What a detection's file alone does not show: whether its search can be read, and whether what it names is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional, Tuple

from es_bridge.aggregations.measures import parse_by, parse_measures
from es_bridge.errors import QueryError
from savedsearches.content.commands_of import commands_of, options_of
from savedsearches.content.detection import Detection
from savedsearches.content.template_fields import Fields, fields_of
from savedsearches.runner.app_commands import COMMANDS as OWN
from savedsearches.runner.app_commands import STREAMING
from savedsearches.runner.errors import SplError, SplSyntaxError
from savedsearches.runner.lookups import Lookup, shipped_lookups
from savedsearches.runner.macros import Macro, expand_macros, shipped_macros
from savedsearches.runner.moment import Moment
from savedsearches.runner.pipeline import CommandText
from savedsearches.runner.run import run_search
from savedsearches.runner.session import Session
from savedsearches.runner.values import Row

APP = Path(__file__).resolve().parents[2] / "splunk_app" / "package"
#: Options that hold a time of the command's own clock. A search that is made up for later must not use it.
_CLOCKS = ("start_time", "end_time", "earliest", "latest")
#: ``field:`` of a query, outside of quotes.
_NAMED = re.compile(r'"(?:[^"\\]|\\.)*"|(?<![\w\\.@-])([A-Za-z_@][\w.@-]*\*?):')
_TOKEN = re.compile(r"\$row\.[\w.{}\-]+\$")
#: Where a step of a responder has the time of the alert.
_TIME_TOKENS = re.compile(r"\$(?:info_min_time|info_max_time|job\.\w+)\$")
_LOOKUPS = ("lookup", "inputlookup", "outputlookup")


class _Unstarted:
    """Stands for the app's commands where a search is only read."""

    names = tuple(OWN)

    def run(self, name: str, arguments: str, rows: Optional[Iterator[Row]], session: Session) -> Iterator[Row]:
        if (name in STREAMING) == (rows is None):
            raise SplSyntaxError(f"{name} is not at its place")
        options_of(CommandText(name, arguments))
        return iter(())


def problems_of(detections: Mapping[Path, Detection], app: Path = APP) -> List[str]:
    """Return what is wrong with detections, each line with its file."""
    macros, lookups = shipped_macros(app), shipped_lookups(app)
    return [
        f"{path.name}: {problem}"
        for path, detection in detections.items()
        for problem in [
            *_of_events(detection),
            *_of_search(detection, macros, lookups),
            *_of_steps(detection, macros, lookups),
        ]
    ]


def problems_of_search(detection: Detection, app: Path = APP) -> List[str]:
    """Return what is wrong with the searches of a detection that does not ship."""
    macros, lookups = shipped_macros(app), shipped_lookups(app)
    return [*_of_search(detection, macros, lookups), *_of_steps(detection, macros, lookups)]


def problems_of_text(search: str, app: Path = APP) -> List[str]:
    """Return what is wrong with a search of any kind: it cannot be read, or names what no template indexes."""
    try:
        commands = _read(search, shipped_macros(app), shipped_lookups(app))
    except SplError as exc:
        return [str(exc)]
    return [
        f"{command.name}: {problem}"
        for command in commands
        if command.name in OWN
        for problem in _of_fields(command, options_of(command))
    ]


def _of_events(detection: Detection) -> Iterator[str]:
    if detection.untested:
        yield "labelled is missing: nothing ships that was not tried on a positive and a negative event"


def _of_search(detection: Detection, macros: Mapping[str, Macro], lookups: Dict[str, Lookup]) -> Iterator[str]:
    try:
        commands = _read(detection.search, macros, lookups)
    except SplError as exc:
        yield f"search: {exc}"
        return
    pulls = False
    for command in commands:
        if command.name not in OWN:
            continue
        options = options_of(command)
        pulls = pulls or command.name in ("elasticsearch", "elasticlookup")
        yield from (f"search: {command.name}: {problem}" for problem in _of_fields(command, options))
        for name in _CLOCKS:
            if "now" in options.get(name, "") or options.get(name, "").startswith("-"):
                yield (
                    f"search: {command.name}: {name}={options[name]} is of the command's own clock, which is not the "
                    "schedule's when a search is made up for: let schedule.window be as long, and compare with addinfo"
                )
        if command.name in ("elasticsearch", "elasticstats", "elasticmatch") and options.get("time_field", "") not in (
            "event.ingested",
            "@timestamp",
        ):
            yield f"search: {command.name}: say time_field=event.ingested (or @timestamp, with the reason)"
    if pulls != (detection.raw_rows > 0):
        yield f"raw_rows is {detection.raw_rows}, and the search {'pulls' if pulls else 'pulls no'} raw rows"


def _of_steps(detection: Detection, macros: Mapping[str, Macro], lookups: Dict[str, Lookup]) -> Iterator[str]:
    steps = {f"first_steps[{n}]": step.search for n, step in enumerate(detection.first_steps)}
    for where, text in {**steps, "drilldown": detection.drilldown.search}.items():
        if not _TOKEN.search(text):
            yield f"{where}: no $row.<field>$ of the alert is in it"
        filled = _TIME_TOKENS.sub("1795236787", _TOKEN.sub("198.51.100.7", text))
        try:
            commands = _read(filled, macros, lookups)
        except SplError as exc:
            yield f"{where}: {exc}"
            continue
        for command in commands:
            if command.name in OWN:
                yield from (f"{where}: {problem}" for problem in _of_fields(command, options_of(command)))


def _read(search: str, macros: Mapping[str, Macro], lookups: Dict[str, Lookup]) -> List[CommandText]:
    """Return the commands of a search that the runner can read. Raises `SplError`."""
    event: Row = {"_time": 0, "_raw": "", "index": "none"}
    session = Session(Moment(0.0), [event], dict(lookups), macros, _Unstarted())
    run_search(search, session)
    commands = list(commands_of(expand_macros(search, macros)))
    for command in commands:
        table = re.search(r"(?:\w+=\S+\s+)*([\w.]+)", command.arguments) if command.name in _LOOKUPS else None
        if table and table.group(1) not in lookups:
            raise SplSyntaxError(f"{command.name}: no lookup {table.group(1)!r} in transforms.conf")
    return commands


def _of_fields(command: CommandText, options: Dict[str, str]) -> Iterator[str]:
    """Yield what a command names that no template indexes."""
    if command.name in ("elasticfields", "elasticindices"):
        return  # they say what there is
    pattern = options.get("index", "")
    indices = fields_of(pattern)
    if not indices:
        yield f"no template of ours is for index={pattern}: use a macro such as `aws_cloudtrail_raw`"
        return
    named = [(name, False) for name in _named_in(options.get("query", ""))]
    for condition in options.get("equals", "").split():
        named += [(name, False) for name in condition.partition("=")[0].split(",")]
    try:
        if command.name in ("elasticstats", "elasticmatch"):
            named += [(name, True) for name in _counted(options)]
    except QueryError as exc:
        yield str(exc)
    if command.name in ("elasticlookup", "elasticmatch"):
        pairs = [each.strip() for each in options.get("match", "").split(",") if each.strip()]
        named += [(each.partition("=")[0].strip(), False) for each in pairs]
    for name, counted in dict.fromkeys(named):
        if not any(_has(fields, name, counted) for fields in indices):
            yield f"{name} is {'not counted' if counted else 'not indexed'} by any template of index={pattern}"


def _has(fields: Fields, name: str, counted: bool) -> bool:
    return fields.has(name, counted) or (counted and name in ("_time", "index"))


def _named_in(query: str) -> Iterator[str]:
    for match in _NAMED.finditer(query):
        if match.group(1) and match.group(1) != "_exists_":
            yield match.group(1)
    for match in re.finditer(r"_exists_:\s*\"?([\w.@-]+)", query):
        yield match.group(1)


def _counted(options: Dict[str, str]) -> Iterator[str]:
    """Yield the fields that ``stats=`` and ``by=`` count. Raises `QueryError`."""
    pairs: List[Tuple[str, str]] = []
    for measure in parse_measures(options.get("stats", "count")):
        if getattr(measure, "field", ""):
            pairs.append((measure.field, ""))
    yield from (name.replace("{}", "") for name, _ in pairs)
    yield from (name.replace("{}", "") for name in parse_by(options.get("by", "")))
