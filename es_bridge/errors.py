"""What can go wrong between a question and its answer.

::

    BridgeError
    ├── ConfigError             the settings of a cluster contradict each other or name something unknown
    ├── QueryError              the question itself: time, pattern, query text, refused clause
    │   └── TimeError           a time that cannot be read, or can be read in two ways
    ├── UnreachableError        no host of the cluster answered (retryable)
    │   ├── TlsError            the TLS handshake failed: certificate, name, protocol
    │   └── RequestTimeout      connected, but no answer within the time limit
    ├── ResponseError           the engine answered with an error status
    │   ├── AuthenticationError 401
    │   ├── PermissionDenied    403, names the missing permission where the engine does
    │   ├── NotFound            404: unknown index, expired search context
    │   ├── RejectedQuery       400: the engine could not read the query
    │   └── Overloaded          429, 502, 503, 504 (retryable; raised when the retries are used up)
    ├── NothingMatched          the pattern named no index this account may read
    ├── PartialResult           HTTP 200, but shards failed, the search timed out, or a page is short
    ├── IndexNotAllowed         the pattern names an index that whoever asks may not read
    ├── CeilingReached          the search grew beyond what an administrator allows one search
    ├── ReplyTooLarge           a reply is larger than the caller can hold: ask for less
    └── Aborted                 the caller closed the search while a request was under way

Messages say what happened, where, and what to do next. They never hold a secret: nothing here receives one.
"""

from __future__ import annotations

from typing import Optional


class BridgeError(Exception):
    """Base of everything `es_bridge` raises on purpose; ``str()`` is the text a user may read."""

    #: Whether the same request may work a moment later.
    retryable = False
    #: Whether it is about a right that is missing: whoever watches over access wants to know.
    refused = False


class ConfigError(BridgeError):
    """The settings of a cluster cannot be used as they are."""


class QueryError(BridgeError):
    """The question cannot be asked as it is."""


class TimeError(QueryError):
    """A time is unreadable, ambiguous or of a kind that is not supported."""


class UnreachableError(BridgeError):
    """No host of the cluster answered. ``never_sent``: the request certainly did not reach the engine."""

    retryable = True

    def __init__(self, message: str, *, never_sent: bool = False) -> None:
        super().__init__(message)
        self.never_sent = never_sent


class TlsError(UnreachableError):
    """The TLS handshake failed. Trying again does not help: a certificate or a setting is wrong."""

    retryable = False


class RequestTimeout(UnreachableError):
    """A host was reached but did not answer within the time limit."""


class Aborted(BridgeError):
    """The search was closed by its caller while a request was under way."""


class ReplyTooLarge(BridgeError):
    """A reply is larger than the caller is ready to hold in memory; it was not read to its end."""


class ResponseError(BridgeError):
    """The engine answered with an error status.

    ``status`` is the HTTP status, ``error_type`` and ``reason`` are the engine's own words (``""`` if it gave none).
    """

    def __init__(self, message: str, *, status: int = 0, error_type: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type
        self.reason = reason


class AuthenticationError(ResponseError):
    """401: the cluster does not accept the credentials."""


class PermissionDenied(ResponseError):
    """403: the account lacks a permission."""


class NotFound(ResponseError):
    """404: no such index, or a search context that is gone."""


class RejectedQuery(ResponseError):
    """400: the engine refused the request."""


class Overloaded(ResponseError):
    """429, 502, 503 or 504, still after the retries."""

    retryable = True


class NothingMatched(BridgeError):
    """The pattern names no index that exists and that this account may read."""


class IndexNotAllowed(BridgeError):
    """The pattern names an index that whoever asks may not read. Never names that index."""

    refused = True


class CeilingReached(BridgeError):
    """The search grew beyond what an administrator allows one search; names the ceiling and its value."""


class PartialResult(BridgeError):
    """The answer is incomplete although the engine said 200."""

    def __init__(self, message: str, *, failed_shards: Optional[int] = None) -> None:
        super().__init__(message)
        self.failed_shards = failed_shards
