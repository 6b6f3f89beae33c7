"""``| elasticsearch``: options -> cluster -> search -> rows, and what the user reads about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterator

from splunklib.searchcommands import Configuration

from search_command.chunked import Chunk, ChunkedGeneratingCommand
from search_command.command import ClusterCommand
from search_command.elasticsearch.options import parse_options

if TYPE_CHECKING:
    from search_command.work import Work


@Configuration()
class ElasticsearchCommand(ClusterCommand, ChunkedGeneratingCommand):
    """Searches an Elasticsearch or OpenSearch cluster. See ``docs/search_command.md``."""

    name = "elasticsearch"

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows of the search, then the figures."""
        options = parse_options(*self.typed())
        self.ask_settings(options.question.cluster, options.question.index)
        from search_command.elasticsearch import searching  # imports most of the command, while splunkd answers

        settings = self.settings()
        prepared = searching.prepare(options, settings, self.info, self.picker, self.now_ms)
        self.note_request(prepared.request)
        helpers = [prepared.workers] if prepared.workers else []
        with self.at_work(prepared.search, prepared.transport, *helpers):
            yield from self.replies(searching.encoded(prepared))

    def note_cut(self, work: Work) -> None:
        """Take note of how many events that match were not returned."""
        if work.matched is not None:
            self.note(cut=max(0, work.matched - self.rows_out))
