"""What a failed request becomes: an error of this package that says what happened, where, and what to do next."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
from typing import Any, Callable, Dict, List, Tuple
from urllib.parse import urlsplit

import urllib3

from es_bridge.bounded_reply import TooLong
from es_bridge.config import ClusterConfig
from es_bridge.errors import (
    AuthenticationError,
    BridgeError,
    NotFound,
    Overloaded,
    PermissionDenied,
    RejectedQuery,
    ReplyTooLarge,
    RequestTimeout,
    ResponseError,
    TlsError,
    UnreachableError,
)
from es_bridge.http_response import Response

#: A moment later the same request may work. `es_bridge.transport` tries again what was refused as a whole,
#: `es_bridge.bulk` the documents that were refused one by one.
RETRY_STATUS = (429, 502, 503, 504)
#: Said with 503 in some engines, and no moment later will it be different.
MAX_BUCKETS = "search.max_buckets"
#: OpenSearch with 500, Elasticsearch 9 with 429: the engine's own time limit of a search.
TIME_IS_OVER = (b'"time_exceeded_exception"', b'"search_timeout_exception"')
#: What urllib3 raises before a request is sent.
CONNECTING = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)
#: AWS's error types for a request whose signature is not accepted -> what to do.
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
AWS_REFUSALS = {
    "ExpiredTokenException": "They have expired: renew them",
    "UnrecognizedClientException": "AWS does not know them: check access key and session token",
    "InvalidSignatureException": "Check the secret key, the region, the service (es or aoss), and this machine's clock",
    "IncompleteSignatureException": "Something between here and AWS changes the request's headers: check the proxy",
    "MissingAuthenticationTokenException": "The cluster wants signed requests: set the authentication to SigV4",
}
CLOCK = "More than 5 minutes lie between this machine's clock and AWS's: set it right"
_CLOCK_IS_OFF = "Signature expired|Signature not yet current"
#: Kind of authentication -> what to do when the cluster answers 401.
CREDENTIALS = {
    "none": "It wants some: choose an authentication",
    "basic": "Check user name and password",
    "api_key": "Check the API key; one that has expired must be replaced by a new one",
    "bearer": "Check the bearer token; one that has expired must be replaced by a new one",
    "sigv4": "It does not take signed requests: is it an Amazon domain? If not, choose another authentication",
}
#: Longer than any explanation an engine gives; others may answer with megabytes.
_MOST_CHARACTERS = 4_000
#: A query that cannot be read is quoted twice before the place is named.
_MOST_CHARACTERS_OF_A_QUERY = 200_000
#: The engines' error types whose reason does not say what to do -> what to do.
HINTS = {
    "too_long_http_line_exception": "The list of indices is too long: use wildcards, -exclusions or an alias",
    "too_long_frame_exception": "The list of indices is too long: use wildcards, -exclusions or an alias",
    "index_closed_exception": "An index named is closed: leave it out of index=, or have it opened",
    "cluster_block_exception": "The index is closed or blocked: leave it out of index=, or have it opened",
}
_PROXY_ASKS = "does not accept the user name and password it was given, or wants some (407)"


def is_final(body: bytes) -> bool:
    """Whether the body of an error says, whatever its status, that asking again will not help."""
    return any(name in body for name in (MAX_BUCKETS.encode(), *TIME_IS_OVER))


def unreachable(
    config: ClusterConfig, host: str, exc: Exception, timeout_s: float, redact: Callable[[str], str]
) -> BridgeError:
    """Return the error of this package for what urllib3 raised. ``redact`` takes secrets out of what a server said."""
    where = f"cluster {config.name!r} at {host}"
    if isinstance(exc, urllib3.exceptions.ReadTimeoutError):
        return RequestTimeout(
            f"{where} did not answer within {timeout_s:g} s. Narrow the time range or the query, or raise the "
            "cluster's request timeout"
        )
    seen = _chain(exc)
    if any(isinstance(e, urllib3.exceptions.ProxyError) for e in seen):
        return _proxy_failed(config, where, seen, redact(_said(seen)))
    ended = any(isinstance(e, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) for e in seen)
    tls = next((e for e in seen if isinstance(e, (ssl.SSLError, urllib3.exceptions.SSLError))), None)
    if tls is not None and not ended:  # an end in the middle is a lost connection, not a wrong setting
        return TlsError(_tls_text(where, host, redact(_said(seen)), config))
    hint = "Check host and port, that the cluster runs, and that the way there is open (firewall, security group)"
    if isinstance(seen[-1], socket.gaierror):
        hint = f"No address is known for {urlsplit(host).hostname}: check the name of the host, and this machine's DNS"
    elif host.startswith("http:") and isinstance(seen[-1], ConnectionResetError):  # closed without a response, too
        hint += ". If the port serves HTTPS, use https:// instead of http://"
    elif host.startswith("https:") and (ended or isinstance(seen[-1], (BrokenPipeError, ConnectionResetError))):
        hint += ". If the port serves plain HTTP, use http:// instead of https://. "
        # With TLS 1.3 the server says no after the handshake, and a client that is writing by then never reads it.
        if config.client_cert_file:
            hint += (
                f"A server that does not accept the client certificate file {config.client_cert_file} does this, too"
            )
        else:
            hint += "A server that wants a client certificate (client certificate file, client key file) does this, too"
    never_sent = any(isinstance(e, CONNECTING) for e in seen)
    return UnreachableError(f"{where} cannot be reached: {redact(_said(seen))}. {hint}", never_sent=never_sent)


def unreadable(config: ClusterConfig, host: str, request: str, exc: Exception) -> BridgeError:
    """Return the error for a reply that is longer than its bound (`TooLong`), or not what its headers say."""
    said = f"cluster {config.name!r} at {host}: the reply to {request}"
    if isinstance(exc, TooLong):
        return ReplyTooLarge(
            f"{said} cannot be used: {exc}. No engine sends that much in reply to it: check host and port, and what "
            "lies between here and the cluster. If a page of documents is so large, use a smaller page size or size="
        )
    return ResponseError(f"{said} cannot be used: {exc}. Is something between here and the cluster changing answers?")


def _proxy_failed(config: ClusterConfig, where: str, seen: List[BaseException], text: str) -> BridgeError:
    proxy = f"the proxy {config.proxy}"
    if " 407 " in text + " ":
        return AuthenticationError(f"{where}: {proxy} {_PROXY_ASKS}", status=407)
    # urllib3 1.26 wraps a connection lost in the middle in the same error.
    connecting = any(isinstance(e, CONNECTING) for e in seen) or "Tunnel connection failed" in text
    return UnreachableError(
        f"{where} cannot be reached through {proxy}: {text}. Check the proxy's address, and that it lets requests to "
        "this cluster pass",
        never_sent=connecting,
    )


def _tls_text(where: str, host: str, text: str, config: ClusterConfig) -> str:
    trusted = f"the CA file {config.ca_file}" if config.ca_file else "the system's certificate store"
    client_cert_file = config.client_cert_file
    if "WRONG_VERSION_NUMBER" in text or "record layer failure" in text.lower():
        return f"{where} does not speak TLS. Use http:// instead of https://, or the port that serves HTTPS"
    if "Hostname mismatch" in text or "doesn't match" in text or "IP address mismatch" in text:
        return (
            f"{where}: the certificate is for another name than {urlsplit(host).hostname}. Use the name in the "
            "certificate as host"
        )
    if "expired" in text:
        return f"{where}: the server's certificate has expired. Ask the cluster's administrator to renew it"
    if "self-signed certificate in" not in text and re.search("self.signed certificate", text):
        return (
            f"{where}: the server's certificate is self-signed and not in {trusted}. Give that certificate itself as "
            "CA file, or have the server use one of your authority"
        )
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return (
            f"{where}: the server's certificate is not signed by an authority in {trusted}. Give the cluster's CA "
            "certificate as CA file"
        )
    # What a server says of a client certificate: RFC 8446, section 6.2. TLS 1.2 has no alert for one that is missing.
    if "CERTIFICATE_REQUIRED" in text or ("HANDSHAKE_FAILURE" in text and not client_cert_file):
        wants = "wants" if "CERTIFICATE_REQUIRED" in text else "refuses the TLS handshake; most likely it wants"
        return (
            f"{where}: the server {wants} a client certificate. Give one it accepts as client certificate file, and "
            f"its key as client key file ({text})"
        )
    if client_cert_file and re.search("ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_|UNSUPPORTED_CERT)", text):
        return (
            f"{where}: the server does not accept the client certificate file {client_cert_file}: it has expired, or "
            f"is not signed by an authority the server knows ({text})"
        )
    return f"{where}: the TLS handshake failed: {text}. Check CA file, client certificate and host name"


def _chain(exc: BaseException) -> List[BaseException]:
    """Return an exception and what it came from, the first cause last."""
    seen = [exc]
    cause = exc.__cause__ or exc.__context__
    while cause is not None:
        # urllib3 1.26 leaves a TypeError in the chain, of its attempt to call http.client as on Python 2.
        if isinstance(cause, (OSError, http.client.HTTPException, urllib3.exceptions.HTTPError)):
            seen.append(cause)
        cause = cause.__cause__ or cause.__context__
    return seen


def _said(seen: List[BaseException]) -> str:
    """Return the words of the first cause; what the libraries wrap around it is noise."""
    return str(seen[-1]) or type(seen[-1]).__name__


def refused(config: ClusterConfig, response: Response, attempts: int) -> ResponseError:
    """Return the error for a response with an error status, with the engine's own reason in it."""
    error_type, reason = engine_reason(response)
    where = f"cluster {config.name!r} at {response.host}"
    said = f"{error_type}: {reason[:_MOST_CHARACTERS]}" if error_type else reason[:_MOST_CHARACTERS]
    facts: Dict[str, Any] = {"status": response.status, "error_type": error_type, "reason": reason}
    if response.status < 400:
        location = response.redact(response.headers.get("Location", "nowhere"))[:300]
        return ResponseError(
            f"{where} answers with a redirection to {location}. Give the URL that the cluster itself answers on",
            **facts,
        )
    if response.status == 407:
        return AuthenticationError(f"{where}: the proxy {config.proxy} {_PROXY_ASKS}", **facts)
    if response.status == 403 and error_type in AWS_REFUSALS:
        hint = CLOCK if re.search(_CLOCK_IS_OFF, reason) else AWS_REFUSALS[error_type]
        return AuthenticationError(f"{where} does not accept the AWS credentials (403 {said}). {hint}", **facts)
    if response.status == 403 and reason.startswith("User: anonymous is not authorized"):
        hint = "The domain's access policy wants signed requests: set the authentication to SigV4"
        return AuthenticationError(f"{where} does not know who asks (403 {said}). {hint}", **facts)
    if error_type in HINTS and response.status in (400, 403):
        return RejectedQuery(f"{where} refused the request ({response.status} {said}). {HINTS[error_type]}", **facts)
    if response.status == 401:
        return AuthenticationError(
            f"{where} does not accept the credentials ({config.auth.kind}) it was given (401 {said}). "
            f"{CREDENTIALS[config.auth.kind]}",
            **facts,
        )
    if response.status == 403:
        return PermissionDenied(
            f"{where} refuses this account a permission (403 {said}). Ask the cluster's administrator to add it to "
            "the account's role",
            **facts,
        )
    if response.status == 404:
        return NotFound(f"{where}: not found (404 {said})", **facts)
    if MAX_BUCKETS in reason:
        return RejectedQuery(
            f"{where} refused the request ({response.status} {said}). Have the cluster's setting {MAX_BUCKETS} raised; "
            "its default is 65,535",
            **facts,
        )
    if any(name in response.body for name in TIME_IS_OVER):
        return ResponseError(
            f"{where} ended the search at a time limit ({response.status} {said}): the cluster's setting "
            "search.default_search_timeout may be too short",
            **facts,
        )
    if response.status == 413:
        return ResponseError(
            f"{where} takes no request that large (413 {said}). Shorten the query, or have the setting "
            "http.max_content_length raised on the cluster or on what is in front of it",
            **facts,
        )
    if response.status == 400:
        return RejectedQuery(f"{where} refused the request (400 {said})", **facts)
    if response.status in RETRY_STATUS:
        return Overloaded(
            f"{where} is overloaded or unavailable (HTTP {response.status} {said}), still after "
            f"{attempts} attempts. Try again later or narrow the search",
            **facts,
        )
    return ResponseError(f"{where} answered HTTP {response.status} {said}", **facts)


def engine_reason(response: Response) -> Tuple[str, str]:
    """Return (error type, reason) as the engine told them; type is ``""`` for a body that is not the engines' JSON.

    Without secrets: what stands between here and the engine may quote the request.
    """
    try:
        error_type, reason = _told(response)
    except RecursionError:  # nested so deeply that it cannot be written as text
        error_type, reason = "", response.beginning()
    most = _MOST_CHARACTERS_OF_A_QUERY if reason.startswith("Failed to parse query [") else _MOST_CHARACTERS
    return response.redact(error_type)[:_MOST_CHARACTERS], response.redact(reason)[:most]


def _told(response: Response) -> Tuple[str, str]:
    """Return (error type, reason) as they are.

    The root cause is more telling than the outer error ("all shards failed").
    """
    try:
        reply = json.loads(response.body)
        error = reply.get("error")
    except (ValueError, AttributeError, RecursionError):
        return "", response.beginning() or "no explanation"
    if error is None and ("x-amzn-ErrorType" in response.headers or "Message" in reply):  # AWS's front, not the engine
        said = str(reply.get("message") or reply.get("Message") or "no explanation")
        kind = response.headers.get("x-amzn-ErrorType", "").partition(":")[0]
        return kind, said.partition(" The Canonical String")[0]
    if isinstance(error, dict):
        # A failed shard's reason carries its causes, the root cause does not.
        causes: List[Any] = [f.get("reason") for f in _list(error, "failed_shards") if isinstance(f, dict)]
        causes += _list(error, "root_cause")
        inner = next((e for e in causes if isinstance(e, dict) and e.get("reason")), error)
        reason = str(inner.get("reason") or error.get("reason") or "no reason given")
        deepest = inner.get("caused_by") or error.get("caused_by")
        while isinstance(deepest, dict) and deepest.get("reason"):
            if str(deepest["reason"]) not in reason:
                reason += f" ({deepest['reason']})"
            deepest = deepest.get("caused_by")
        # Elasticsearch says only here that an API key has expired.
        if inner.get("additional_unsuccessful_credentials"):
            reason += f" ({inner['additional_unsuccessful_credentials']})"
        return str(inner.get("type") or error.get("type") or ""), reason
    if error:
        return "", str(error)
    return "", response.beginning() or "no explanation"


def _list(error: Dict[str, Any], key: str) -> List[Any]:
    found = error.get(key)
    return found if isinstance(found, list) else []
