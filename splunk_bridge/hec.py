"""Splunk's HTTP Event Collector with indexer acknowledgement: one channel to one address.

https://help.splunk.com/splunk-enterprise/get-data-in/collect-http-event-data/about-http-event-collector-indexer-acknowledgment:
whoever sends gives a channel, a GUID of his own, and gets a number for each request. Asked for the number later, Splunk
says whether everything in that request is indexed, once. A number that it does not know is answered with false, as one
that is not indexed yet: after a restart of Splunk all of them.
"""

from __future__ import annotations

import gzip
import json
import re
import ssl
import threading
import uuid
from http.cookies import SimpleCookie
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Set
from urllib.parse import urlsplit

import urllib3

#: Silence that is taken for an error.
TIMEOUT_S = 30.0
#: Bodies from so many bytes on are compressed.
_COMPRESSED_FROM = 1024
#: Numbers that are asked for at once.
MOST_ASKED = 1000
#: https://help.splunk.com/en/splunk-enterprise/get-data-in/collect-http-event-data/troubleshoot-http-event-collector
_TOKEN_CODES = (1, 2, 3, 4)
INDEX, FORMAT, ACK_IS_OFF = 7, 6, 14
_CHANNEL_CODES = (10, 11)
_EVENT_CODES = (6, 12, 13)
#: Of a proxy or load balancer in front as well.
_BUSY = (408, 429, 500, 502, 503, 504)
_BLANK = re.compile(r"[\s\x00-\x1f\x7f]")
#: Who tells Splunk whether it is us.
_CHANNEL_HEADER = "X-Splunk-Request-Channel"


class HecError(Exception):
    """HEC did not answer, or did not take what was sent; ``str()`` says what to do, and holds no token."""

    def __init__(self, text: str, *, status: int = 0, code: int = -1, event: int = -1) -> None:
        super().__init__(text)
        #: 0 without an answer.
        self.status = status
        #: HEC's own code, -1 without one.
        self.code = code
        #: Which event of the request it is about, from 0; -1 if that is not said.
        self.event = event

    @property
    def kind(self) -> str:
        """What a health event calls it."""
        if self.too_large:
            return "too_large"
        if self.code in _TOKEN_CODES or self.status in (401, 403):
            return "denied"
        if self.code in (INDEX, ACK_IS_OFF, *_CHANNEL_CODES):
            return "settings"
        return "unavailable" if self.passes else "refused"

    @property
    def passes(self) -> bool:
        """Whether it passes by itself: no answer, or busy."""
        return self.status == 0 or self.status in _BUSY

    @property
    def too_large(self) -> bool:
        """Whether the request is longer than Splunk takes (``max_content_length`` in limits.conf)."""
        return self.status == 413

    @property
    def of_an_event(self) -> bool:
        """Whether an event is at fault, and not the settings."""
        return self.code in _EVENT_CODES


class Hec:
    """One channel. Safe to use from several threads."""

    def __init__(
        self,
        url: str,
        token: Callable[[], str],
        *,
        ca_file: Optional[str] = None,
        verify_tls: bool = True,
        channel: str = "",
        timeout_s: float = TIMEOUT_S,
        connections: int = 10,
    ) -> None:
        """``url`` is that of the collector, such as ``https://splunk.example:8088``. ``token`` is asked for again when
        one was refused. TLS is verified by ``ca_file`` or the authorities that Python knows, unless ``verify_tls``
        is false: then whoever is in the middle reads the token.

        Raises `ValueError` for a URL that is none, and for a file without a certificate.
        """
        parts = urlsplit(url)
        if "@" in parts.netloc:  # not shown: it may hold a password
            raise ValueError("the URL of an event collector has no user name: https://<host>:8088")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or _BLANK.search(url):
            raise ValueError(f"{url!r} is no URL of an event collector: https://<host>:8088")
        if ca_file and verify_tls:
            _check_ca_file(ca_file)
        self.url = url.rstrip("/").partition("/services/collector")[0]
        self.channel = channel or str(uuid.uuid4())
        self._token = token
        self._known_token = ""
        self._cookies: Dict[str, str] = {}
        self._lock = threading.Lock()
        self._compress = True
        self._is_checked = False
        if not verify_tls:
            # Somebody chose this; one warning a request on standard error would only be noise.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._pool = urllib3.PoolManager(
            cert_reqs="CERT_REQUIRED" if verify_tls else "CERT_NONE",
            ca_certs=ca_file if verify_tls else None,
            timeout=timeout_s,
            retries=False,
            maxsize=connections,
            block=True,
        )

    def send(self, body: bytes) -> int:
        """Send events, one JSON object after the other; return the number to ask for. Raises `HecError`.

        The first time `check` comes before: without acknowledgement events would be taken, and sent again.
        """
        if not self._is_checked:
            self.check()
            self._is_checked = True
        number = self._deliver(body).get("ackId")
        if not isinstance(number, int):
            raise _ack_is_off(200)
        return number

    def post_events(self, body: bytes) -> None:
        """Send events as `send` does, without asking for acknowledgement: for tokens that have none. Raises `HecError`.

        What HEC took may be lost with its indexer.
        """
        self._deliver(body)

    def _deliver(self, body: bytes) -> Mapping[str, Any]:
        headers = {"Content-Type": "application/json"}
        sent = body
        if self._compress and len(body) >= _COMPRESSED_FROM:
            sent = gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
        try:
            return self._post("/services/collector/event", sent, headers)
        except HecError as exc:
            if "Content-Encoding" not in headers or not (exc.status == 415 or exc.code == FORMAT):
                raise
            # Something on the way does not unpack it.
            found = self._post("/services/collector/event", body, {"Content-Type": "application/json"})
            self._compress = False
            return found

    def acknowledged(self, numbers: Iterable[int]) -> Set[int]:
        """Return those of the numbers whose events are indexed: each is said once. Raises `HecError`."""
        wanted = list(numbers)
        done: Set[int] = set()
        for start in range(0, len(wanted), MOST_ASKED):
            some: List[int] = wanted[start : start + MOST_ASKED]
            body = json.dumps({"acks": some}).encode()
            found = self._post("/services/collector/ack", body, {"Content-Type": "application/json"})
            acks = found.get("acks")
            if not isinstance(acks, Mapping):
                raise HecError(f"{self.url} answers a question for acknowledgements with something else", status=200)
            done.update(number for number in some if acks.get(str(number)) is True)
        return done

    def check(self) -> None:
        """Raise `HecError` where events cannot be sent with acknowledgement; nothing is written by it."""
        self.acknowledged([0])

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Mapping[str, Any]:
        try:
            return self._once(path, body, headers)
        except HecError as exc:
            if exc.kind != "denied":
                raise
        with self._lock:
            self._known_token, self._is_checked = "", False  # it may have been renewed
        return self._once(path, body, headers)

    def _once(self, path: str, body: bytes, headers: Mapping[str, str]) -> Mapping[str, Any]:
        with self._lock:
            self._known_token = self._known_token or self._token()
            given = {**headers, "Authorization": f"Splunk {self._known_token}", _CHANNEL_HEADER: self.channel}
            if self._cookies:  # a load balancer has to lead to the same Splunk again: numbers are that one's own
                given["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        try:
            reply = self._pool.request("POST", self.url + path, body=body, headers=given, redirect=False)
        except urllib3.exceptions.HTTPError as exc:
            raise HecError(_unreachable(self.url, exc)) from None
        except (ValueError, UnicodeError):  # http.client shows the header that it cannot send
            raise HecError(f"the token for {self.url} holds a character of no token", code=4, status=403) from None
        self._keep_cookies(reply.headers)
        try:
            found = json.loads(reply.data)
        except ValueError:
            found = {}
        found = found if isinstance(found, dict) else {}
        if reply.status != 200 or found.get("code", 0) != 0:
            raise _refusal(self.url, reply.status, found)
        return found

    def _keep_cookies(self, headers: Mapping[str, str]) -> None:
        text = headers.get("Set-Cookie")
        if text:
            cookie: SimpleCookie = SimpleCookie()
            cookie.load(text)
            with self._lock:
                self._cookies.update({name: each.coded_value for name, each in cookie.items()})


def _check_ca_file(path: str) -> None:
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ValueError) as exc:
        raise ValueError(
            f"the CA file {path} cannot be used: {exc}. Give the path of a PEM file on this machine that Splunk's user "
            "may read"
        ) from None


def _refusal(url: str, status: int, found: Mapping[str, Any]) -> HecError:
    code = found.get("code")
    code = code if isinstance(code, int) else -1
    said = str(found.get("text") or "no reason given")[:200]
    event = found.get("invalid-event-number")
    error = HecError("", status=status, code=code, event=event if isinstance(event, int) else -1)
    if code == ACK_IS_OFF:
        return _ack_is_off(status)
    if error.kind == "denied":
        hint = "Is the token that of this collector, and enabled?"
    elif code == INDEX:
        hint = "Allow the input's index in the token's settings, and create the index"
    elif error.too_large:
        hint = "Raise max_content_length in limits.conf, [http_input]"
    elif error.kind == "settings":
        hint = "Is there a proxy on the way that takes the header X-Splunk-Request-Channel away?"
    elif error.of_an_event:
        hint = "This event is left out"
    elif error.passes:
        hint = "It is tried again"
    else:
        hint = "Is this the address of an HTTP Event Collector?"
    return HecError(f"{url} answered {status}, {said}. {hint}", status=status, code=code, event=error.event)


def _ack_is_off(status: int) -> HecError:
    return HecError(
        "the token has no indexer acknowledgement. Switch it on (useACK = 1 in the token's stanza of inputs.conf); "
        "Splunk Cloud Platform has it for Amazon Data Firehose only: choose delivery = stdout there",
        status=status,
        code=ACK_IS_OFF,
    )


def _unreachable(url: str, error: Exception) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return f"the certificate of {url} is not signed by an authority this machine trusts: give it in ca_file"
    return f"{url} cannot be reached ({type(error).__name__}). Is this the collector's port (8088), and HEC enabled?"
