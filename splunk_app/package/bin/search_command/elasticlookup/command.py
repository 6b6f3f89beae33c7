"""``| elasticlookup``: each chunk of events goes to the lookup, and comes back with what was found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Iterator, List, Tuple, cast

from splunklib.searchcommands import Configuration

from search_command.chunked import Chunk, ChunkedStreamingCommand, Request
from search_command.command import ClusterCommand
from search_command.elasticlookup.options import check_complete, parse_options
from search_command.work import Work

if TYPE_CHECKING:
    from es_bridge.lookup.lookup import Lookup


@Configuration(distributed=False, required_fields=["*"])
class ElasticlookupCommand(ClusterCommand, ChunkedStreamingCommand):
    """Looks events up in an Elasticsearch or OpenSearch cluster. See ``docs/elasticlookup.md``."""

    name = "elasticlookup"

    def chunks(self, requests: Iterator[Request]) -> Iterator[Chunk]:
        """Yield one reply for each request, in order."""
        options = parse_options(*self.typed())
        check_complete(options)
        self.ask_settings(options.question.cluster, options.question.index)
        from search_command.elasticlookup import looking_up  # imports most of the command, while splunkd answers

        settings = self.settings()
        prepared = looking_up.prepare(options, settings, self.info)
        self.note_request(prepared.lookup.request)
        with self.at_work(prepared.lookup, prepared.transport):
            try:
                for request in requests:
                    count, body = prepared.rows.of(request.body, self.is_wanted)
                    self.rows_out += count
                    if not request.finished:
                        yield Chunk(body, self.new_messages())
                        continue
                    prepared.rows.finish(self.is_wanted())
                    self.note_work(prepared.lookup)
                    yield Chunk(body, self.new_messages(), self.metrics(), last=True)
            finally:
                self.note_work(prepared.lookup)

    def note_work(self, work: Work) -> None:
        """Take note of what the lookup found out so far, also of the time from the first window to the last."""
        super().note_work(work)
        lookup = cast("Lookup", work)
        earliest, latest = lookup.range_ms or (None, None)
        self.note_request(replace(lookup.request, earliest_ms=earliest, latest_ms=latest))
        self.note(cut=lookup.cut)

    def unsent_messages(self) -> List[Tuple[str, str]]:
        """Return the messages that came up since the last reply: they help to understand the error."""
        return self.new_messages()
