"""HTTP to one cluster: hosts, failover, retries, TLS, compression, authentication, errors by status.

`urllib3` does the HTTP. It imports in a third of the time of `elastic-transport` (which is built on it), and a search
command pays that at every start: see ``docs/architecture.md``. What `elastic-transport` would add is here: a pool of
hosts of which some are considered down, retries decided by type, and errors that tell a user what to do.
"""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import threading
import time
import weakref
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Union
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from es_bridge.auth import authenticator
from es_bridge.backoff import Backoff
from es_bridge.bounded_reply import NotReadable, TooLong, bounded_response, read_beginning, read_body
from es_bridge.config import ClusterConfig, is_loopback
from es_bridge.errors import (
    Aborted,
    ConfigError,
    QueryError,
    RequestTimeout,
    TlsError,
    UnreachableError,
)
from es_bridge.failures import RETRY_STATUS, is_final, refused, unreachable, unreadable
from es_bridge.http_response import Response
from es_bridge.redaction import secrets_of, without_secrets

#: A host that did not answer is considered down for this long: others are asked first.
DOWN_FOR_S = 30.0
BACKOFF = Backoff(first_s=0.25, longest_s=15.0)
#: What a reply may have after decompression where the caller does not say: the largest are lists of 10,000 indices, of
#: some 2 MB.
MAX_REPLY_BYTES = 16 << 20
#: What is kept of the body of an error: engines say less, and whoever says more is not to fill the memory.
MAX_ERROR_BYTES = 1 << 20
#: Below this a compressed body is not smaller enough to pay.
COMPRESS_FROM_BYTES = 1024


class _Request(NamedTuple):
    """One request, serialised once, before the first attempt."""

    method: str
    target: str
    headers: Dict[str, str]
    data: Optional[bytes]
    timeout_s: float
    max_body_bytes: int
    #: What it is, for messages: without the names in its path, which not everybody may read.
    shape: str


class _Sockets:
    """The sockets of one transport, so that requests under way in other threads can be ended.

    The event stands for one generation of requests: ``abort`` sets it, which ends those that hold it, and puts a new
    one in its place, so that a search context can still be closed afterwards.
    """

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self.mine = threading.local()
        self._open: weakref.WeakSet[Any] = weakref.WeakSet()
        self._lock = threading.Lock()

    def add(self, connection: Any) -> None:
        if connection.sock is None:
            return
        with self._lock:
            self._open.add(connection.sock)
        if self.mine.stopped.is_set():  # aborted while it was connecting
            self._shut(connection.sock)

    def abort(self) -> None:
        stopped, self.stopped = self.stopped, threading.Event()
        stopped.set()
        with self._lock:
            open_now = list(self._open)
        for sock in open_now:
            self._shut(sock)

    @staticmethod
    def _shut(sock: Any) -> None:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # not connected any more, which is what we want


class Transport:
    """Requests to one cluster. Safe to use from several threads; ``close()`` when done.

    ``opaque_id`` goes out as ``X-Opaque-Id`` with every request: the engines write it into slow logs and task lists
    (https://opensearch.org/docs/latest/api-reference/x-opaque-id/), so a slow query can be traced to who asked.
    """

    def __init__(self, config: ClusterConfig, opaque_id: str = "aws-siem-bridge") -> None:
        self.config = config
        self.bytes_received = 0
        self.requests_sent = 0
        self._authenticator = authenticator(config.auth, _proxy_of_sts(config))
        self._secrets = secrets_of(config)
        self._headers = {
            "X-Opaque-Id": quote(opaque_id, safe="@:/._-+= "),
            "User-Agent": "aws-siem-bridge",
            "Accept": "application/json",
        }
        self._sockets = _Sockets()
        self._lock = threading.Lock()
        self._turn = 0
        self._under_way = 0
        self._repeating = threading.Lock()
        #: How often a request was lost without an answer, and again when it was repeated.
        self._lost_again = 0
        self._down_until: Dict[str, float] = {}
        self._hosts = [host.rstrip("/") for host in config.hosts]
        self._pools = {host: self._pool(host) for host in self._hosts}
        self._compress = not all(map(is_loopback, self._hosts)) if config.compress is None else config.compress
        if self._compress:
            self._headers["Accept-Encoding"] = "gzip"

    def __enter__(self) -> Transport:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close idle connections."""
        for pool in self._pools.values():
            pool.clear() if isinstance(pool, urllib3.PoolManager) else pool.close()

    @property
    def opaque_id(self) -> str:
        """What the requests carry as ``X-Opaque-Id``, as it is sent."""
        return self._headers["X-Opaque-Id"]

    def abort(self) -> bool:
        """End every request under way, in any thread, with `Aborted`; later requests work as before.

        Return whether there was one.

        The engines cancel a search whose connection is closed. Searches that run side by side want a transport each.
        """
        was_under_way = self._under_way > 0
        self._sockets.abort()
        return was_under_way

    def request(
        self,
        method: str,
        path: Sequence[str],
        params: Optional[Mapping[str, Any]] = None,
        body: Union[None, bytes, Mapping[str, Any]] = None,
        *,
        content_type: str = "application/json",
        timeout_s: Optional[float] = None,
        idempotent: bool = True,
        retry_timeouts: bool = False,
        repeat_lost: int = 1,
        accept_status: Sequence[int] = (),
        max_body_bytes: int = MAX_REPLY_BYTES,
    ) -> Response:
        """Send one request, with retries, and return the response (status below 300 or in ``accept_status``).

        ``path`` is a sequence of segments, each percent-encoded here: a user's text never becomes part of a URL
        otherwise. ``idempotent=False`` forbids a second attempt once the request may have reached the engine (the next
        page of a scroll would be skipped). ``repeat_lost``: how many times at most it is sent again after a connection
        that ended without an answer, because a request that ends nodes must not be taken to the next one; of requests
        side by side one is repeated first, and the others only when that one was answered. A reply
        of more than ``max_body_bytes`` after decompression raises `ReplyTooLarge` and is not read to its end. Raises
        the errors of `es_bridge.errors`.
        """
        target = "/" + "/".join(_segment(segment) for segment in path)
        if params:
            target += "?" + urlencode({k: _param(v) for k, v in params.items() if v is not None}, quote_via=quote)
        headers = dict(self._headers)
        data: Optional[bytes] = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
            headers["Content-Type"] = content_type
            if self._compress and len(data) >= COMPRESS_FROM_BYTES:
                data = gzip.compress(data, 1)
                headers["Content-Encoding"] = "gzip"
        timeout_s = timeout_s or self.config.request_timeout_s
        return self._attempts(
            _Request(method, target, headers, data, timeout_s, max_body_bytes, _shape(method, path)),
            idempotent,
            retry_timeouts,
            repeat_lost,
            accept_status,
        )

    def _attempts(
        self,
        request: _Request,
        idempotent: bool,
        retry_timeouts: bool,
        repeat_lost: int,
        accept_status: Sequence[int],
    ) -> Response:
        stopped = self._sockets.mine.stopped = self._sockets.stopped
        refreshed = False
        attempt = 0
        lost = 0
        lost_again = self._lost_again
        is_careful = repeat_lost <= 1
        tried: List[str] = []
        while True:
            host = self._next_host(tried)
            tried.append(host)
            wait_s = BACKOFF.wait_s(attempt)
            try:
                if lost and is_careful:
                    response = self._repeated(host, request, lost_again)
                else:
                    response = self._counted(host, request)
            except UnreachableError as exc:
                self._consider_down(host)
                sent = not exc.never_sent
                hopeless = isinstance(exc, RequestTimeout) and not retry_timeouts
                out_of_hosts = isinstance(exc, TlsError) and len(set(tried)) >= len(self._hosts)
                if hopeless or out_of_hosts or (sent and not idempotent) or attempt >= self.config.max_retries:
                    raise
                lost += _is_lost(exc)
                if lost > repeat_lost:
                    raise UnreachableError(
                        f"{exc}. The connection ended {lost} times without an answer, so the request is not sent "
                        "again: it may be what makes nodes of the cluster fail. Look at their logs, or narrow the "
                        "search"
                    ) from exc
                if len(set(tried)) < len(self._hosts):
                    wait_s = 0.0  # another host may be alive: no reason to wait
            else:
                if response.status < 300 or response.status in accept_status:
                    return response
                if response.status in (401, 403) and self._authenticator.refreshable and not refreshed:
                    # Temporary credentials expire and are rotated; the next attempt signs with fresh ones.
                    refreshed = True
                    self._authenticator.refresh()
                    continue
                final = response.status not in RETRY_STATUS or is_final(response.body)
                if final or not idempotent or attempt >= self.config.max_retries:
                    raise refused(self.config, response, attempts=attempt + 1)
                wait_s = _retry_after(response) or wait_s
            attempt += 1
            stopped.wait(wait_s)

    def _repeated(self, host: str, request: _Request, lost_again: int) -> Response:
        """Send what was lost once more, while nothing else is repeated.

        A search asks several things about one query side by side. If that is what ends nodes, one repeat finds out.
        """
        with self._repeating:
            if self._lost_again != lost_again:
                raise UnreachableError(
                    f"cluster {self.config.name!r}: another request of this search got no answer when it was repeated"
                )
            try:
                return self._counted(host, request)
            except UnreachableError as exc:
                self._lost_again += _is_lost(exc)
                raise

    def _counted(self, host: str, request: _Request) -> Response:
        with self._lock:
            self._under_way += 1
        try:
            return self._send(host, request)
        finally:
            with self._lock:
                self._under_way -= 1

    def _send(self, host: str, request: _Request) -> Response:
        stopped = self._sockets.mine.stopped

        def go_on() -> None:
            if stopped.is_set():
                raise Aborted("the search was closed")

        go_on()
        url = host + request.target
        credentials = self._authenticator.headers(request.method, url, request.headers, request.data)
        pool = self._pools[host]
        # A pool takes the path, a proxy's manager the whole URL.
        address = url if isinstance(pool, urllib3.PoolManager) else urlsplit(host).path + request.target
        self._sockets.mine.max_body_bytes = request.max_body_bytes
        reply: Any = None
        try:
            reply = pool.urlopen(
                request.method,
                address,
                body=request.data,
                headers={**request.headers, **credentials},
                timeout=urllib3.Timeout(connect=self.config.connect_timeout_s, read=request.timeout_s),
                retries=False,
                redirect=False,
                preload_content=False,
                enforce_content_length=True,
            )
            if reply.status >= 300:
                body = read_beginning(reply, MAX_ERROR_BYTES, go_on)
            else:
                body = read_body(reply, request.max_body_bytes, go_on)
            reply.release_conn()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as exc:
            if stopped.is_set():
                raise Aborted("the search was closed") from None
            raise unreachable(self.config, host, exc, request.timeout_s, self.redact) from exc
        except BaseException as exc:
            if reply is not None:
                reply.close()  # what is left of it must not be taken for the next reply
            if isinstance(exc, (TooLong, NotReadable)):
                go_on()
                raise unreadable(self.config, host, request.shape, exc) from None
            raise
        go_on()  # a reply of no announced length ends where its connection was ended
        self.count(1, len(body))
        where = f"cluster {self.config.name!r} at {host}"
        return Response(reply.status, reply.headers, body, host, where, self.redact)

    def redact(self, text: str) -> str:
        """Return what somebody else said, without the secrets of this cluster."""
        return without_secrets(text, self._secrets.union(self._authenticator.secrets()))

    def count(self, requests: int, received_bytes: int) -> None:
        """Add to the figures: also for requests that a worker process made for this search."""
        with self._lock:
            self.requests_sent += requests
            self.bytes_received += received_bytes

    def _next_host(self, tried: Sequence[str]) -> str:
        """Return the next host in turn, preferring one not tried for this request and not considered down."""
        with self._lock:
            now = time.monotonic()
            order = self._hosts[self._turn :] + self._hosts[: self._turn]
            self._turn = (self._turn + 1) % len(self._hosts)
            return min(order, key=lambda h: (tried.count(h), max(0.0, self._down_until.get(h, 0.0) - now)))

    def _consider_down(self, host: str) -> None:
        with self._lock:
            self._down_until[host] = time.monotonic() + DOWN_FOR_S

    def _pool(self, host: str) -> Any:
        parts = urlsplit(host)
        config = self.config
        sockets = self._sockets
        secure = parts.scheme == "https"
        base: Any = HTTPSConnection if secure else HTTPConnection

        class Tracked(base):  # registers its socket, so that abort() can end a request in another thread
            response_class = bounded_response(lambda: sockets.mine.max_body_bytes)

            def connect(self) -> None:
                super().connect()
                sockets.add(self)

        pool_base: Any = urllib3.HTTPSConnectionPool if secure else urllib3.HTTPConnectionPool

        class Pool(pool_base):
            ConnectionCls = Tracked

        options: Dict[str, Any] = {"maxsize": 8, "block": False}
        if secure:
            options["ssl_context"] = self._ssl_context()
        if not config.proxy:
            return Pool(parts.hostname or "", parts.port or (443 if secure else 80), **options)
        proxy_headers = None
        if config.proxy_username:
            proxy_headers = urllib3.make_headers(proxy_basic_auth=f"{config.proxy_username}:{config.proxy_password}")
        manager = urllib3.ProxyManager(config.proxy, proxy_headers=proxy_headers, **options)
        manager.pool_classes_by_scheme = {parts.scheme: Pool}
        return manager

    def _ssl_context(self) -> ssl.SSLContext:
        config = self.config
        try:
            context = ssl.create_default_context(cafile=config.ca_file)
        except (OSError, ssl.SSLError) as exc:
            raise ConfigError(
                f"cluster {config.name!r}: the CA file {config.ca_file} cannot be used ({exc}). It must be "
                "readable and hold certificates in PEM form"
            ) from exc
        if not config.ca_file and not context.cert_store_stats()["x509_ca"]:
            _trust_certifi(context)
        # urllib3 1.26 gives the TLS library no name where the host is an address (RFC 6066 has none there), and a
        # context that checks names refuses that. Without its check urllib3 compares the certificate itself.
        if not config.verify_tls or urllib3.__version__.startswith("1."):
            context.check_hostname = False
        if not config.verify_tls:
            context.verify_mode = ssl.CERT_NONE
            # The user chose this; one warning a request on standard error would only be noise.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        if config.client_cert_file:
            try:
                # A password, for OpenSSL would ask for one on standard input, where splunkd talks to us.
                context.load_cert_chain(config.client_cert_file, config.client_key_file, password="")
            except (OSError, ssl.SSLError) as exc:
                raise ConfigError(
                    f"cluster {config.name!r}: the client certificate {config.client_cert_file} cannot be used "
                    f"({exc}). Certificate and key must be readable, in PEM form without a passphrase, and belong "
                    "together"
                ) from exc
        return context


def _segment(text: str) -> str:
    """Return one segment of a path, percent-encoded. Dots alone would make proxies and libraries leave the path."""
    if text in (".", ".."):
        raise QueryError(f"{text!r} is not the name of an index")
    return quote(text, safe="")


def _shape(method: str, path: Sequence[str]) -> str:
    """Return a request in short: names of indices, which never begin with an underscore, are left out."""
    return f"{method} /" + "/".join(part if part.startswith("_") or not part else "…" for part in path)


def _param(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_lost(error: UnreachableError) -> bool:
    """Whether a connection ended without an answer, after the request may have been read."""
    return not error.never_sent and not isinstance(error, (RequestTimeout, TlsError))


def _proxy_of_sts(config: ClusterConfig) -> str:
    """Return the cluster's proxy as AWS's library takes it, ``""`` when there is none."""
    if not config.proxy or not config.proxy_username:
        return config.proxy or ""
    parts = urlsplit(config.proxy)
    user, password = quote(config.proxy_username, safe=""), quote(config.proxy_password, safe="")
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.netloc}"))


def _retry_after(response: Response) -> Optional[float]:
    try:
        return min(BACKOFF.longest_s, max(0.0, float(response.headers.get("Retry-After", ""))))
    except ValueError:
        return None


def _trust_certifi(context: ssl.SSLContext) -> None:
    # Splunk's own Python is built without a system certificate store on some platforms.
    try:
        import certifi
    except ImportError:
        return
    context.load_verify_locations(certifi.where())
