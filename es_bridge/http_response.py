"""What a cluster answered to one request."""

from __future__ import annotations

import json
from typing import Any, Callable, Mapping, NamedTuple

from es_bridge.answers import checked
from es_bridge.errors import ResponseError


class Response(NamedTuple):
    """What the cluster answered: status, headers (case-insensitive mapping), body as received after decompression."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    host: str
    #: Cluster and host, for messages.
    where: str
    #: Takes the cluster's secrets out of a text; for all words of this answer that somebody gets to read.
    redact: Callable[[str], str]

    def json(self, shape: Any = None) -> Any:
        """Return the decoded body, compared with a shape (`es_bridge.answers`) where one is given.

        Raises `ResponseError` when it is not JSON (a proxy's page, say), or not of that shape.
        """
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError) as exc:
            raise ResponseError(
                f"{self.host} answered {self.status} with something that is not JSON: {self.beginning()!r}. "
                "Is this the URL of a search cluster, and not of a proxy or a dashboard?",
                status=self.status,
            ) from exc
        return value if shape is None else checked(value, shape, self.where)

    def beginning(self) -> str:
        """Return the beginning of the body on one line, without secrets: a cut through one would leave half of it."""
        text = self.redact(self.body[:100_000].decode("utf-8", "replace"))
        return " ".join(text[:300].split())
