"""Writes the conf files that Splunk reads from the table of `mapping`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, List, Sequence

from splunk_app.knowledge.mapping import Dataset, read_table

_ROOT = Path(__file__).resolve().parents[2]
APP = Path("splunk_app/package/default")
#: An app with the index-time part alone, for indexers that receive HEC or Firehose themselves.
PARSING = Path("deploy/splunk/aws_siem_bridge_parsing/default")
#: Macros that are written by hand, put in front of the rendered ones.
BY_HAND = Path(__file__).with_name("macros.conf")
#: Datasets without CIM fields: written by the inputs about themselves. Time member -> as for a dataset.
PLAIN = {
    "health": ("aws:siem_bridge:health", "time"),
    "count": ("aws:siem_bridge:count", "time"),
}
#: Longest event in bytes: EventBridge's and SQS's 1 MiB, and an envelope.
TRUNCATE = 2_097_152

_RENDERED = "# Rendered from splunk_app/knowledge/mapping.yaml by python -m splunk_app.knowledge; do not edit.\n"
_PROPS = """{rendered}\
# By source, not by sourcetype: so they are for the events of this app's inputs only, and share no key with the
# stanzas of the Splunk Add-on for AWS. A source that is overridden keeps its beginning. docs/cim.md says more.
"""
_PARSING = """{rendered}\
# For tiers that parse but do not search: indexers, and heavy forwarders without the app, that receive HEC or Firehose.
"""


def props(datasets: Sequence[Dataset]) -> str:
    """Return props.conf of the app: search time, and index time for the forwarder that runs the inputs."""
    parts = [_PROPS.format(rendered=_RENDERED)]
    for dataset in datasets:
        if dataset.sourcetype:
            lines = [_stanza(dataset.source), "KV_MODE = json"]
            lines += [f"EVAL-{name} = {text}" for name, text in dataset.for_events().items()]
            if "vendor_account" in dataset.fields:
                lines.append(_account_of("vendor_account"))
            parts.append("\n".join(lines + _index_time(dataset.time)) + "\n")
    for name, (_, time) in PLAIN.items():
        stanza = _stanza(f"aws_siem_bridge:{name}:")
        parts.append("\n".join([stanza, "KV_MODE = json", _account_of("account"), *_index_time(time)]) + "\n")
    return "\n".join(parts)


def parsing_props(datasets: Sequence[Dataset]) -> str:
    """Return props.conf with the index-time part alone."""
    times = {dataset.source: dataset.time for dataset in datasets if dataset.sourcetype}
    times.update((f"aws_siem_bridge:{name}:", time) for name, (_, time) in PLAIN.items())
    stanzas = ["\n".join([_stanza(source), *_index_time(time)]) + "\n" for source, time in times.items()]
    return "\n".join([_PARSING.format(rendered=_RENDERED), *stanzas])


def eventtypes(datasets: Sequence[Dataset]) -> str:
    """Return eventtypes.conf."""
    stanzas = []
    for dataset in datasets:
        for each in dataset.eventtypes:
            search = f'sourcetype="{dataset.sourcetype}" source="{dataset.source}*"'
            more = f" {each.search}" if each.search else ""
            stanzas.append(f"[{each.name}]\nsearch = {search}{more}\n")
    sample = "# Findings that somebody made to try something out.\n[aws_siem_bridge_sample]\n"
    stanzas.append(f'{sample}search = source="aws_siem_bridge:*" sample=true\n')
    return "\n".join([_RENDERED, *stanzas])


def tags(datasets: Sequence[Dataset]) -> str:
    """Return tags.conf."""
    stanzas = []
    for dataset in datasets:
        for each in dataset.eventtypes:
            if not each.tags:
                continue
            stanzas.append("\n".join([f"[eventtype={each.name}]", *(f"{tag} = enabled" for tag in each.tags)]) + "\n")
    return "\n".join([_RENDERED, *stanzas])


def macros(datasets: Sequence[Dataset]) -> str:
    """Return macros.conf: those written by hand, then one for each kind of rows."""
    parts = [BY_HAND.read_text("utf-8")] if BY_HAND.exists() else []
    parts.append(_RENDERED)
    for dataset in datasets:
        if dataset.macro:
            evals = ", ".join(f"{name}={text}" for name, text in dataset.for_rows().items())
            names = " | `aws_vendor_account_names`" if "vendor_account" in dataset.fields else ""
            parts.append(f"[{dataset.macro}]\ndefinition = eval {evals}{names}\n")
    return "\n".join(parts)


def rendered() -> Dict[Path, str]:
    """Return file, relative to the repository -> its text."""
    datasets = read_table()
    return {
        APP / "props.conf": props(datasets),
        APP / "eventtypes.conf": eventtypes(datasets),
        APP / "tags.conf": tags(datasets),
        APP / "macros.conf": macros(datasets),
        PARSING / "props.conf": parsing_props(datasets),
    }


def write() -> None:
    """Write all files."""
    for path, text in rendered().items():
        (_ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (_ROOT / path).write_text(text, "utf-8")


def _account_of(field: str) -> str:
    """Return the automatic lookup of whose account an event is of, as the macro aws_vendor_account_names has it."""
    columns = "account_name account_ou account_owner account_environment"
    return f"LOOKUP-aws_siem_bridge_account = aws_accounts account AS {field} OUTPUT {columns}"


def _stanza(source: str) -> str:
    return f"[source::{source}...]"


def _index_time(time: str) -> List[str]:
    member = re.escape(time.rpartition(".")[2])
    return [
        "# Index time. Between two objects that were joined, as Firehose does: no text in JSON can look like it.",
        "SHOULD_LINEMERGE = false",
        r'LINE_BREAKER = \}(\s*)\{"[\w@]',
        f"TRUNCATE = {TRUNCATE}",
        rf'TIME_PREFIX = "{member}"\s*:\s*"?',
        "MAX_TIMESTAMP_LOOKAHEAD = 40",
        "TZ = UTC",
    ]
