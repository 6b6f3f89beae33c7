"""splunkd's REST interface, as this app's scripts use it.

One kept-alive connection for all requests: the SDK's own client opens a new one, with a new TLS handshake, for each,
and parses Atom XML; both would be paid before the first row of every search.
"""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from typing import Any, Dict, List, Mapping, Optional, Tuple
from urllib.parse import quote, urlencode, urlsplit

from es_bridge.errors import BridgeError

TIMEOUT_S = 30.0


class SplunkdError(BridgeError):
    """splunkd did not answer, or answered with an error status (``status``; 0 without an answer)."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Splunkd:
    """Requests to splunkd. The session key is in no text this class produces."""

    def __init__(self, uri: str, session_key: str) -> None:
        self._uri = urlsplit(uri)
        self._session_key = session_key
        self._connection: Optional[http.client.HTTPConnection] = None
        #: One request at a time: inputs ask from several threads.
        self._lock = threading.Lock()

    def __enter__(self) -> Splunkd:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def entries(self, *path: str, session_key: str = "", **params: Any) -> List[Dict[str, Any]]:
        """Return the entries of one REST collection. Raises `SplunkdError`.

        ``session_key`` takes the place of this object's own for one request.
        """
        target = _target(path) + "?" + urlencode({"output_mode": "json", "count": 0, **params})
        status, body = self._send("GET", target, None, session_key or self._session_key)
        if status >= 400:
            raise SplunkdError(f"splunkd answered {status} for {'/'.join(path)}: {reason(body)}", status)
        try:
            entries: List[Dict[str, Any]] = json.loads(body)["entry"]
        except (ValueError, KeyError, TypeError):
            raise SplunkdError(f"splunkd answered {'/'.join(path)} with something that is not its JSON") from None
        return entries

    def stanzas(self, app: str, conf: str) -> Dict[str, Mapping[str, Any]]:
        """Return an app's own stanzas of ``<conf>.conf`` by name; none for a file that does not exist yet.

        Those of other apps are left out: splunkd lists what they share with all apps, and whoever may write into any
        app could write himself an access rule there. ``system`` is the administrator's own.
        """
        try:
            entries = self.entries("servicesNS", "nobody", app, "configs", f"conf-{conf}")
        except SplunkdError as exc:
            if exc.status == 404:
                return {}
            raise
        ours = [entry for entry in entries if (entry.get("acl") or {}).get("app") in (app, "system")]
        return {str(entry["name"]): entry["content"] for entry in ours}

    def post(self, *path: str, form: Mapping[str, str]) -> Tuple[int, bytes]:
        """Send a form; return (status, body) whatever the status. Raises `SplunkdError` without an answer."""
        body = urlencode({"output_mode": "json", **form}).encode()
        return self._send("POST", _target(path), body, self._session_key)

    def document(self, *path: str, **params: str) -> Tuple[int, bytes]:
        """Return (status, body) of one resource whatever the status. Raises `SplunkdError` without an answer."""
        target = _target(path) + "?" + urlencode({"output_mode": "json", **params})
        return self._send("GET", target, None, self._session_key)

    def delete(self, *path: str, **params: str) -> Tuple[int, bytes]:
        """Delete one resource, or what fits a ``query`` of the KV store; return (status, body) whatever the status.

        Raises `SplunkdError` without an answer.
        """
        target = _target(path) + "?" + urlencode({"output_mode": "json", **params})
        return self._send("DELETE", target, None, self._session_key)

    def post_document(self, *path: str, document: Mapping[str, Any]) -> Tuple[int, bytes]:
        """Send JSON; return (status, body) whatever the status. Raises `SplunkdError` without an answer."""
        body = json.dumps(document).encode()
        return self._send("POST", _target(path), body, self._session_key, "application/json")

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _send(
        self,
        method: str,
        target: str,
        body: Optional[bytes],
        session_key: str,
        kind: str = "application/x-www-form-urlencoded",
    ) -> Tuple[int, bytes]:
        headers = {"Authorization": f"Splunk {session_key}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = kind
        try:
            with self._lock:
                if self._connection is None:
                    self._connection = self._connect()
                self._connection.request(method, target, body, headers)
                reply = self._connection.getresponse()
                return reply.status, reply.read()
        except ValueError:  # http.client refuses a header it cannot send, in a message that shows it
            self.close()
            raise SplunkdError("the session key cannot be sent to splunkd: it holds a character of no key") from None
        except (OSError, http.client.HTTPException) as exc:
            self.close()
            raise SplunkdError(
                f"splunkd at {self._uri.netloc} did not answer ({type(exc).__name__}: {exc}). The app reads its "
                "settings from there: check that splunkd's management port is up"
            ) from exc

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._uri.hostname or "127.0.0.1", self._uri.port or 8089
        if self._uri.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        # splunkd is this process's own parent, on this machine, with a certificate it made for itself: there is no
        # authority to check it against, and the SDK does not either.
        context = ssl._create_unverified_context()  # noqa: S323, SLF001
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)


def reason(body: bytes) -> str:
    """Return the texts of the messages in a reply of splunkd."""
    try:
        messages = json.loads(body)["messages"]
        return "; ".join(str(message["text"]) for message in messages) or "no reason given"
    except (ValueError, KeyError, TypeError):
        return "no reason given"


def _target(path: Tuple[str, ...]) -> str:
    return "/" + "/".join(quote(part, safe="") for part in path)
