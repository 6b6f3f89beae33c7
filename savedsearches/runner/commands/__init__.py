"""The commands of the subset, by name."""

from __future__ import annotations

from typing import Dict

from savedsearches.runner.commands import (
    calculate,
    combine,
    extract,
    filtering,
    generating,
    lookup,
    ordering,
    shaping,
    statistics,
    timechart,
)
from savedsearches.runner.session import Build

COMMANDS: Dict[str, Build] = {
    "addinfo": calculate.addinfo,
    "append": combine.append,
    "appendpipe": combine.appendpipe,
    "bin": calculate.bin_command,
    "bucket": calculate.bin_command,
    "collect": combine.collect,
    "dedup": ordering.dedup,
    "eval": calculate.eval_command,
    "eventstats": statistics.eventstats,
    "fields": shaping.fields,
    "fillnull": shaping.fillnull,
    "head": ordering.head,
    "inputlookup": lookup.inputlookup,
    "join": combine.join,
    "lookup": lookup.lookup,
    "makeresults": generating.makeresults,
    "mvexpand": extract.mvexpand,
    "outputlookup": lookup.outputlookup,
    "rename": shaping.rename,
    "rex": extract.rex,
    "search": filtering.search,
    "sort": ordering.sort,
    "spath": extract.spath,
    "stats": statistics.stats,
    "streamstats": statistics.streamstats,
    "table": shaping.table,
    "timechart": timechart.timechart,
    "where": filtering.where,
}
#: Commands that begin a search; any other first command has no rows to work on.
GENERATING = ("inputlookup", "makeresults", "search")
