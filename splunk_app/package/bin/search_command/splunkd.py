"""splunkd's REST interface as the running search may use it: with the session of the user who searches.

One kept-alive connection for all reads: the SDK's own client opens a new one, with a new TLS handshake, for each, and
parses Atom XML; both would be paid before the first row of every search.
"""

from __future__ import annotations

import http.client
import json
import ssl
from typing import Any, Dict, List, Optional
from urllib.parse import quote, urlencode, urlsplit

from es_bridge.errors import BridgeError

TIMEOUT_S = 30.0


class SplunkdError(BridgeError):
    """splunkd did not answer, or answered with an error status (``status``; 0 without an answer)."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Splunkd:
    """Reads from splunkd. The session key is in no text this class produces."""

    def __init__(self, uri: str, session_key: str) -> None:
        self._uri = urlsplit(uri)
        self._headers = {"Authorization": f"Splunk {session_key}", "Accept": "application/json"}
        self._connection: Optional[http.client.HTTPConnection] = None

    def entries(self, *path: str, **params: Any) -> List[Dict[str, Any]]:
        """Return the entries of one REST collection. Raises `SplunkdError`."""
        target = "/" + "/".join(quote(part, safe="") for part in path)
        target += "?" + urlencode({"output_mode": "json", "count": 0, **params})
        try:
            if self._connection is None:
                self._connection = self._connect()
            self._connection.request("GET", target, headers=self._headers)
            reply = self._connection.getresponse()
            body = reply.read()
        except (OSError, http.client.HTTPException) as exc:
            raise SplunkdError(
                f"splunkd at {self._uri.netloc} did not answer ({type(exc).__name__}: {exc}). The command reads its "
                "clusters from there: check that splunkd's management port is up"
            ) from exc
        if reply.status >= 400:
            raise SplunkdError(f"splunkd answered {reply.status} for {'/'.join(path)}: {_reason(body)}", reply.status)
        try:
            entries: List[Dict[str, Any]] = json.loads(body)["entry"]
        except (ValueError, KeyError, TypeError):
            raise SplunkdError(f"splunkd answered {'/'.join(path)} with something that is not its JSON") from None
        return entries

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._uri.hostname or "127.0.0.1", self._uri.port or 8089
        if self._uri.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        # splunkd is this process's own parent, on this machine, with a certificate it made for itself: there is no
        # authority to check it against, and the SDK does not either.
        context = ssl._create_unverified_context()  # noqa: S323, SLF001
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)


def _reason(body: bytes) -> str:
    try:
        messages = json.loads(body)["messages"]
        return "; ".join(str(message["text"]) for message in messages) or "no reason given"
    except (ValueError, KeyError, TypeError):
        return "no reason given"
