"""``| elasticindices``: one row an index that the user may read."""

from __future__ import annotations

from typing import Iterator

from splunklib.searchcommands import Configuration

from search_command.chunked import Chunk, ChunkedGeneratingCommand
from search_command.command import ClusterCommand
from search_command.elasticindices.options import parse_options


@Configuration(type="reporting")
class ElasticindicesCommand(ClusterCommand, ChunkedGeneratingCommand):
    """Lists indices with documents, size, times, lifecycle and lag. See ``docs/fields_and_indices.md``."""

    name = "elasticindices"

    def chunks(self) -> Iterator[Chunk]:
        """Yield one row an index, then the figures."""
        options = parse_options(*self.typed())
        self.ask_settings(options.question.cluster, options.question.index)
        from search_command.elasticindices import summary  # imports most of the command, while splunkd answers

        work, transport = summary.prepare(options, self.settings(), self.info)
        self.note_request(work.request)
        with self.at_work(work, transport):
            yield from self.replies(summary.encoded(work))
