"""``| elasticfields``: one row a field of the documents asked about."""

from __future__ import annotations

from typing import Iterator

from splunklib.searchcommands import Configuration

from search_command.chunked import Chunk, ChunkedGeneratingCommand
from search_command.command import ClusterCommand
from search_command.elasticfields.options import parse_options


@Configuration(type="reporting")
class ElasticfieldsCommand(ClusterCommand, ChunkedGeneratingCommand):
    """Lists fields with types, shares of documents and values. See ``docs/fields_and_indices.md``."""

    name = "elasticfields"

    def chunks(self) -> Iterator[Chunk]:
        """Yield one row a field, then the figures."""
        options = parse_options(*self.typed())
        self.ask_settings(options.question.cluster, options.question.index)
        from search_command.elasticfields import summary  # imports most of the command, while splunkd answers

        work, transport = summary.prepare(options, self.settings(), self.info, self.picker, self.now_ms)
        self.note_request(work.request)
        with self.at_work(work, transport):
            yield from self.replies(summary.encoded(work))
