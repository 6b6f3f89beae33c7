"""``| elasticstats``: options -> cluster -> aggregation -> rows, and what the user reads about it."""

from __future__ import annotations

from typing import Iterator

from splunklib.searchcommands import Configuration

from search_command.chunked import Chunk, ChunkedGeneratingCommand
from search_command.command import ClusterCommand
from search_command.elasticstats.options import parse_options
from search_command.work import Work


@Configuration(type="reporting")  # rows are results, not events: Splunk shows them as statistics
class ElasticstatsCommand(ClusterCommand, ChunkedGeneratingCommand):
    """Aggregates in an Elasticsearch or OpenSearch cluster. See ``docs/elasticstats.md``."""

    name = "elasticstats"

    def chunks(self) -> Iterator[Chunk]:
        """Yield one row a group, then the figures."""
        options = parse_options(*self.typed())
        self.ask_settings(options.question.cluster, options.question.index)
        from search_command.elasticstats import preparing  # imports most of the command, while splunkd answers

        settings = self.settings()
        statistics, transport = preparing.prepare(options, settings, self.info, self.picker, self.now_ms)
        self.note_request(statistics.request)
        with self.at_work(statistics, transport):
            yield from self.replies(preparing.encoded(statistics))

    def note_cut(self, work: Work) -> None:
        """Take note of how many rows limit= left out."""
        self.note(cut=getattr(work, "cut", None))
