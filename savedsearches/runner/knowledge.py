"""Search-time knowledge of an app: what its ``props``, ``eventtypes`` and ``tags`` make of an event.

In Splunk's order: fields by a pattern (``EXTRACT``), the event's own JSON (``KV_MODE = json``), aliases, calculated
fields, automatic lookups, event types, tags.
https://help.splunk.com/en/splunk-enterprise/manage-knowledge-objects/knowledge-management-manual/10.0/get-started-with-knowledge-objects/the-sequence-of-search-time-operations

Two facts of Splunk decide more than they seem to. Fields are extracted from the first 5,000 bytes only
(``[spath] extraction_cutoff`` in limits.conf), so that what lies behind them needs ``spath(_raw, ...)``. Calculated
fields are worked out side by side: none sees another.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from json.decoder import scanstring  # type: ignore[attr-defined]
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Pattern, Tuple

from savedsearches.runner.compiled import Evaluate
from savedsearches.runner.conf_files import Settings, read_conf
from savedsearches.runner.errors import SplSyntaxError
from savedsearches.runner.expression import parse_value
from savedsearches.runner.functions import pattern as compiled_pattern
from savedsearches.runner.lookups import Lookup, joined, shipped_lookups
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
#: What a search reads.
_SEARCH_TIME = ("EXTRACT-", "FIELDALIAS-", "EVAL-", "LOOKUP-")
_LOOKUP = re.compile(r"(?P<table>\S+)\s+(?P<keys>.+?)(?:\s+(?P<how>OUTPUT|OUTPUTNEW)\s+(?P<outputs>.+))?")
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)


class AutomaticLookup(NamedTuple):
    """A setting ``LOOKUP-<name>``. ``keys``, ``outputs``: (column, field of the event)."""

    table: str
    keys: List[Tuple[str, str]]
    outputs: List[Tuple[str, str]]
    only_new: bool


@dataclass
class Knowledge:
    """The settings of one or more apps. Build it with `read_knowledge`."""

    #: Stanza of props.conf -> its settings.
    props: Dict[str, Settings] = field(default_factory=dict)
    eventtypes: Dict[str, SearchTerms] = field(default_factory=dict)
    tags: Dict[str, List[str]] = field(default_factory=dict)
    #: Tables of automatic lookups, as transforms.conf defines them; fill them with `Lookup.replace`.
    lookups: Dict[str, Lookup] = field(default_factory=dict)
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
        for key in sorted(settings):
            if key.startswith("EXTRACT-"):
                _extract(row, settings[key])
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
        row = self._looked_up(row, settings)
        types = [name for name, terms in self.eventtypes.items() if terms.test(row)]
        put(row, "eventtype", single(types))
        put(row, "tag", single(sorted({tag for name in types for tag in self.tags.get(f"eventtype={name}", ())})))
        return row

    def _looked_up(self, row: Row, settings: Settings) -> Row:
        """Return the event with what automatic lookups add: none sees what another one found.

        A key with several values finds nothing here: the manual does not say what Splunk makes of it.
        """
        found = dict(row)
        for key in sorted(settings):
            if key.startswith("LOOKUP-"):
                lookup = automatic_lookup(settings[key])
                if any(isinstance(row.get(name), list) for _, name in lookup.keys):
                    continue
                after = joined(row, self.lookups[lookup.table], lookup.keys, lookup.outputs, lookup.only_new)
                for _, name in lookup.outputs:
                    put(found, name, after.get(name))
        return found

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
        for name, table in shipped_lookups(folder.parent).items():
            knowledge.lookups.setdefault(name, table)
    for folder in folders:
        for stanza, settings in read_conf(folder / "props.conf").items():
            for key in settings:
                if key not in _INDEX_TIME and key != "KV_MODE" and not key.startswith(_SEARCH_TIME):
                    raise SplSyntaxError(f"props.conf: [{stanza}]: the runner does not have {key}")
                if key.startswith("LOOKUP-"):
                    _check_lookup(stanza, settings[key], knowledge.lookups)
            knowledge.props[stanza] = {**settings, **knowledge.props.get(stanza, {})}
        for stanza, settings in read_conf(folder / "eventtypes.conf").items():
            knowledge.eventtypes.setdefault(stanza, parse_search(settings["search"]))
        for stanza, settings in read_conf(folder / "tags.conf").items():
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


def automatic_lookup(text: str) -> AutomaticLookup:
    """Return what ``LOOKUP-<name>`` says. Raises `SplSyntaxError` for what is none.

    ``<table> <column> [AS <field>] ... [OUTPUT|OUTPUTNEW <column> [AS <field>] ...]``
    """
    match = _LOOKUP.fullmatch(text.strip())
    if match is None or not match["outputs"]:
        raise SplSyntaxError(f"LOOKUP: {text!r} is not <table> <column> [AS <field>] OUTPUT <column> [AS <field>]")
    return AutomaticLookup(match["table"], _pairs(match["keys"]), _pairs(match["outputs"]), match["how"] == "OUTPUTNEW")


def _pairs(text: str) -> List[Tuple[str, str]]:
    words, pairs = text.replace(",", " ").split(), []
    while words:
        column = words.pop(0)
        renamed = len(words) > 1 and words[0].upper() == "AS"
        pairs.append((column, words[1] if renamed else column))
        del words[: 2 if renamed else 0]
    return pairs


def _check_lookup(stanza: str, text: str, lookups: Mapping[str, Lookup]) -> None:
    lookup = automatic_lookup(text)
    if lookup.table not in lookups:
        raise SplSyntaxError(f"props.conf: [{stanza}]: transforms.conf defines no lookup {lookup.table}")
    columns = lookups[lookup.table].columns
    unknown = [column for column, _ in lookup.keys + lookup.outputs if column not in columns]
    if unknown:
        raise SplSyntaxError(f"props.conf: [{stanza}]: {lookup.table} has no column {', '.join(unknown)}")


def _extract(row: Row, text: str) -> None:
    """``<pattern> [in <field>]``: its named groups become fields, where it fits the first time."""
    pattern, _, source = text.rpartition(" in ")
    if not pattern or not re.fullmatch(r"\w+", source):
        pattern, source = text, "_raw"
    match = compiled_pattern(pattern).search(str(row.get(source, "")))
    for name, value in (match.groupdict() if match else {}).items():
        put(row, name, value)


def _fits(pattern: str) -> Pattern[str]:
    """Return the pattern of a ``source::`` stanza: ``...`` is any text, ``*`` any text without a path separator."""
    parts = re.split(r"(\.\.\.|\*)", pattern)
    known = {"...": ".*", "*": r"[^/\\]*"}
    return re.compile("".join(known.get(part, re.escape(part)) for part in parts))
