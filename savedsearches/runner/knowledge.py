"""Search-time knowledge of an app: what its ``props``, ``eventtypes`` and ``tags`` make of an event.

In Splunk's order: the event's own JSON (``KV_MODE = json``), aliases, calculated fields, event types, tags.
https://help.splunk.com/en/splunk-enterprise/manage-knowledge-objects/knowledge-management-manual/10.0/get-started-with-knowledge-objects/the-sequence-of-search-time-operations

Two facts of Splunk decide more than they seem to. Fields are extracted from the first 5,000 bytes only
(``[spath] extraction_cutoff`` in limits.conf), so that what lies behind them needs ``spath(_raw, ...)``. Calculated
fields are worked out side by side: none sees another.
"""

from __future__ import annotations

import configparser
import json
import re
from dataclasses import dataclass, field
from json.decoder import scanstring  # type: ignore[attr-defined]
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Pattern, Tuple

from savedsearches.runner.compiled import Evaluate
from savedsearches.runner.errors import SplSyntaxError
from savedsearches.runner.expression import parse_value
from savedsearches.runner.moment import Moment
from savedsearches.runner.search_terms import SearchTerms, parse_search
from savedsearches.runner.values import Row, put, single, texts

#: Bytes of an event from which Splunk extracts fields by itself.
EXTRACTION_CUTOFF = 5_000
#: Fields that an event has before anything is extracted; its JSON does not change them.
METADATA = frozenset({"source", "sourcetype", "host", "index", "_time", "_raw"})
#: Settings that the parsing of data reads, and no search.
_INDEX_TIME = frozenset(
    {"SHOULD_LINEMERGE", "LINE_BREAKER", "TRUNCATE", "TIME_PREFIX", "TIME_FORMAT", "MAX_TIMESTAMP_LOOKAHEAD", "TZ"}
)
_NAME = r"(\"[^\"]+\"|'[^']+'|[^\s,]+)"
_ALIAS = re.compile(rf"{_NAME}\s+(AS|ASNEW)\s+{_NAME}", re.IGNORECASE)
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)

Settings = Dict[str, str]


@dataclass
class Knowledge:
    """The settings of one or more apps. Build it with `read_knowledge`."""

    #: Stanza of props.conf -> its settings.
    props: Dict[str, Settings] = field(default_factory=dict)
    eventtypes: Dict[str, SearchTerms] = field(default_factory=dict)
    tags: Dict[str, List[str]] = field(default_factory=dict)
    moment: Moment = field(default_factory=lambda: Moment(0.0))
    _compiled: Dict[str, Evaluate] = field(default_factory=dict, repr=False)

    def settings_for(self, event: Mapping[str, Any]) -> Settings:
        """Return what applies to an event: of its sourcetype, and over it that of its source.

        https://help.splunk.com/en/splunk-enterprise/administer/admin-manual/10.0/administer-splunk-enterprise-with-configuration-files/attribute-precedence-within-a-single-props.conf-file
        """
        found = dict(self.props.get(str(event["sourcetype"]), {}))
        for stanza, settings in sorted(self.props.items()):
            if stanza.startswith("source::") and _fits(stanza[len("source::") :]).fullmatch(str(event["source"])):
                found.update(settings)
        return found

    def apply(self, event: Row) -> Row:
        """Return an event with all its fields, `tag` and ``eventtype`` included."""
        settings = self.settings_for(event)
        row: Row = dict(event)
        if settings.get("KV_MODE") == "json":
            for name, found in extracted(str(event["_raw"])).items():
                if name not in METADATA:
                    row[name] = found
        for key in sorted(settings):
            if key.startswith("FIELDALIAS-"):
                _alias(row, settings[key])
        calculated = {
            key.partition("-")[2]: self._evaluate(settings[key])(row) for key in settings if key.startswith("EVAL-")
        }
        for name, value in calculated.items():
            put(row, name, value)
        types = [name for name, terms in self.eventtypes.items() if terms.test(row)]
        put(row, "eventtype", single(types))
        put(row, "tag", single(sorted({tag for name in types for tag in self.tags.get(f"eventtype={name}", ())})))
        return row

    def _evaluate(self, source: str) -> Evaluate:
        if source not in self._compiled:
            self._compiled[source] = parse_value("EVAL", source, self.moment).evaluate
        return self._compiled[source]


def read_knowledge(*folders: Path) -> Knowledge:
    """Return what the ``default`` folders of apps say; of two that set one key of a stanza, the first wins.

    Raises `SplSyntaxError` for a setting that the runner does not have.
    """
    knowledge = Knowledge()
    for folder in folders:
        for stanza, settings in _read(folder / "props.conf").items():
            for key in settings:
                if key not in _INDEX_TIME and key != "KV_MODE" and not key.startswith(("EVAL-", "FIELDALIAS-")):
                    raise SplSyntaxError(f"props.conf: [{stanza}]: the runner does not have {key}")
            knowledge.props[stanza] = {**settings, **knowledge.props.get(stanza, {})}
        for stanza, settings in _read(folder / "eventtypes.conf").items():
            knowledge.eventtypes.setdefault(stanza, parse_search(settings["search"]))
        for stanza, settings in _read(folder / "tags.conf").items():
            enabled = [tag for tag, state in settings.items() if state == "enabled"]
            knowledge.tags[stanza] = sorted({*knowledge.tags.get(stanza, ()), *enabled})
    return knowledge


def extracted(raw: str) -> Row:
    """Return the fields that Splunk extracts from an event by itself: those that end before the cut-off."""
    try:
        json.loads(raw)
    except ValueError:
        return {}
    found: Dict[str, List[str]] = {}
    cut = len(raw.encode()[:EXTRACTION_CUTOFF].decode("utf-8", "ignore"))
    for path, value, end in _members(raw, _after_space(raw, 0), ""):
        if end > cut:
            break
        found.setdefault(path, []).append(value)
    return {path: many[0] if len(many) == 1 else many for path, many in found.items()}


def _members(raw: str, at: int, path: str) -> Iterator[Tuple[str, str, int]]:
    """Yield path, text and end of each value below the one that begins at a position."""
    if raw[at] not in "{[":
        value, end = _DECODER.raw_decode(raw, at)
        text = value if isinstance(value, str) else json.dumps(value)
        yield path, text, end
        return
    closing, is_object = ("}", True) if raw[at] == "{" else ("]", False)
    at = _after_space(raw, at + 1)
    while raw[at] != closing:
        below = path + "{}"
        if is_object:
            name, at = scanstring(raw, at + 1)
            below = f"{path}.{name}" if path else name
            at = _after_space(raw, _after_space(raw, at) + 1)
        end = _end_of(raw, at)
        yield from _members(raw, at, below)
        at = _after_space(raw, end)
        if raw[at] == ",":
            at = _after_space(raw, at + 1)


def _end_of(raw: str, at: int) -> int:
    return _DECODER.raw_decode(raw, at)[1]


def _after_space(raw: str, at: int) -> int:
    while raw[at] in " \t\r\n":
        at += 1
    return at


def _alias(row: Row, text: str) -> None:
    """``a AS b`` replaces b, also by nothing; ``a ASNEW b`` leaves a b that is there."""
    matches = list(_ALIAS.finditer(text))
    if not matches:
        raise SplSyntaxError(f"FIELDALIAS: {text!r} is not <field> AS <field>")
    for match in matches:
        old, how, new = match.group(1).strip("\"'"), match.group(2).upper(), match.group(3).strip("\"'")
        if how == "AS" or new not in row:
            put(row, new, single(texts(row.get(old))))


def _fits(pattern: str) -> Pattern[str]:
    """Return the pattern of a ``source::`` stanza: ``...`` is any text, ``*`` any text without a path separator."""
    parts = re.split(r"(\.\.\.|\*)", pattern)
    known = {"...": ".*", "*": r"[^/\\]*"}
    return re.compile("".join(known.get(part, re.escape(part)) for part in parts))


def _read(path: Path) -> Dict[str, Settings]:
    if not path.exists():
        return {}
    parser = configparser.RawConfigParser(strict=True, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(re.sub(r"\\\n", "\n ", path.read_text("utf-8")), str(path))
    return {stanza: dict(parser[stanza]) for stanza in parser.sections()}
