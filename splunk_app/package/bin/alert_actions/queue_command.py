"""``| awsresponsequeue``: one row a request that waits to be handed over to AWS; ``do=replay`` hands it over."""

from __future__ import annotations

import sys
import traceback
from typing import Any, Dict, Iterator

from search_command.audit import log_trace
from search_command.chunked import Chunk, ChunkedGeneratingCommand
from search_command.table import encode
from splunk_host.splunkd import Splunkd
from splunklib.searchcommands import Configuration

from alert_actions.queue import Queue
from alert_actions.queue_options import DROP, LOOK, QueueOptions, parse_options
from alert_actions.replay import WAITS, Outcome, Replay
from es_bridge.errors import QueryError

COLUMNS = ("_time", "id", "action", "outcome", "says", "attempts", "rows", "sid", "search", "user", "aws_account")
DROPPED = "dropped"


@Configuration(type="reporting")
class AwsResponseQueueCommand(ChunkedGeneratingCommand):
    """Lists, hands over or drops what waits. See ``docs/alert_actions.md``."""

    def start(self) -> None:
        """Be the process of the command."""
        # One argument only: with more the SDK would speak protocol version 1.
        self.process(sys.argv[:1], sys.stdin, sys.stdout)

    def chunks(self) -> Iterator[Chunk]:
        """Yield one row an entry, when it is settled."""
        info = self._metadata.searchinfo
        options = parse_options(list(info.args or ()), getattr(info, "raw_args", None))
        with Splunkd(info.splunkd_uri, info.session_key) as splunkd:
            for each in _outcomes(splunkd, options):
                yield Chunk(encode(COLUMNS, [_row(each)]))
        yield Chunk(last=True)

    def unexpected(self, error: BaseException) -> str:
        """Log the traceback and return what the user reads."""
        log_trace("".join(traceback.format_exception(type(error), error, error.__traceback__)))
        return (
            f"the command failed in a way nobody foresaw ({type(error).__name__}). Please report it with the traceback "
            "in aws_siem_bridge_search.log (index=_internal)"
        )


def _outcomes(splunkd: Splunkd, options: QueueOptions) -> Iterator[Outcome]:
    replay = Replay(splunkd)
    if options.do == LOOK:
        for each in replay.look():
            if options.id in ("", each.entry.id):
                yield each
        return
    if options.do != DROP:
        yield from replay.run(options.id)
        return
    queue = Queue(splunkd)
    entry = queue.entry(options.id) if options.id else None
    if entry is None:
        raise QueryError(f"do=drop needs the id of an entry, and there is none of {options.id!r}: see do=list")
    claim = queue.claim(entry.id)
    if claim is None:
        # Between two attempts the last claim holds the entry until the next one: that is no process at work.
        attempts, _, says = queue.attempts(entry.id)
        if not says:
            yield Outcome(entry, WAITS, "a process is just handing it over: try again in a minute", attempts)
            return
    queue.done(entry.id)
    yield Outcome(entry, DROPPED, "it is not handed over any more", claim.number if claim else 0)


def _row(each: Outcome) -> Dict[str, Any]:
    entry = each.entry
    return {
        "_time": float(entry.created), "id": entry.id, "action": entry.action, "outcome": each.outcome,
        "says": each.says, "attempts": each.attempts, "rows": len(entry.rids), "sid": entry.sid,
        "search": entry.search, "user": entry.user, "aws_account": entry.aws_account,
    }  # fmt: skip
