"""``| elasticmatch``: each chunk of a list goes to the engine as terms; what it has of them comes back."""

from __future__ import annotations

from typing import Iterator, List, Tuple

from splunklib.searchcommands import Configuration

from search_command.chunked import Chunk, ChunkedStreamingCommand, Request
from search_command.command import ClusterCommand
from search_command.elasticmatch.options import check_complete, parse_options


@Configuration(distributed=False, required_fields=["*"])
class ElasticmatchCommand(ClusterCommand, ChunkedStreamingCommand):
    """Matches a list in an Elasticsearch or OpenSearch cluster. See ``docs/elasticmatch.md``."""

    name = "elasticmatch"

    def chunks(self, requests: Iterator[Request]) -> Iterator[Chunk]:
        """Yield one reply for each request, in order."""
        options = parse_options(*self.typed())
        check_complete(options)
        self.ask_settings(options.question.cluster, options.question.index)
        from search_command.elasticmatch import matching  # imports most of the command, while splunkd answers

        settings = self.settings()
        prepared = matching.prepare(options, settings, self.info, self.picker, self.now_ms)
        lists = prepared.lists
        self.note_request(prepared.request)
        with self.at_work(lists, prepared.transport):
            try:
                for request in requests:
                    wanted = self.is_wanted()
                    count, body = lists.of(request.body, request.finished) if wanted else (0, b"")
                    self.rows_out += count
                    if not request.finished:
                        yield Chunk(body, self.new_messages())
                        continue
                    if not wanted:
                        lists.notes.append("The search was finalized: values that came later were not matched")
                    lists.finish()
                    self.note_work(lists)
                    yield Chunk(body, self.new_messages(), self.metrics(), last=True)
            finally:
                self.note_work(lists)

    def unsent_messages(self) -> List[Tuple[str, str]]:
        """Return the messages that came up since the last reply: they help to understand the error."""
        return self.new_messages()
