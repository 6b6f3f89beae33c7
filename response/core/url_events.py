"""A request to a function URL of Lambda as its function gets it, and the answer as Lambda takes it. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from typing import Any, Dict, Mapping, NamedTuple
from urllib.parse import parse_qs

from response.core.approval_page import HEADERS, Page

#: Bytes of a body: a name and a reason, each character escaped.
MOST_BODY = 8 * 1024
_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 8


class Refused(Exception):
    """A request that no form of ours makes. ``status`` of HTTP."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


class UrlRequest(NamedTuple):
    """One request. ``path`` without the slash it begins with; ``address`` of whoever asks, as Lambda saw it."""

    method: str
    path: str
    address: str
    headers: Mapping[str, Any]
    body: str
    encoded: bool

    def form(self) -> Dict[str, str]:
        """Return the fields of a form, the first value of each. Raises `Refused`."""
        if str(self.headers.get("content-type") or "").partition(";")[0].strip().lower() != _FORM:
            raise Refused(415)
        if len(self.body) > MOST_BODY:
            raise Refused(413)
        try:
            raw = base64.b64decode(self.body, validate=True) if self.encoded else self.body.encode()
            fields = parse_qs(raw.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        except (binascii.Error, ValueError):
            raise Refused(400) from None
        return {name: values[0] for name, values in fields.items()}


def request_of(event: Any) -> UrlRequest:
    """Return the request of an event. Raises `Refused` for an event of another sort, such as a direct call."""
    if not isinstance(event, dict):
        raise Refused(400)
    context = event.get("requestContext")
    http = context.get("http") if isinstance(context, dict) else None
    if not isinstance(http, dict):
        raise Refused(400)
    headers = event.get("headers")
    return UrlRequest(
        str(http.get("method") or ""),
        str(event.get("rawPath") or "")[1:],
        _address(http.get("sourceIp")),
        headers if isinstance(headers, dict) else {},
        str(event.get("body") or ""),
        event.get("isBase64Encoded") is True,
    )


def answer_of(page: Page, method: str) -> Dict[str, Any]:
    """Return a page as Lambda takes it."""
    body = "" if method == "HEAD" else page.body
    return {"statusCode": page.status, "headers": {**HEADERS, **dict(page.more)}, "body": body}


def _address(value: Any) -> str:
    try:
        return str(ipaddress.ip_address(str(value)))
    except ValueError:
        return "an unknown address"
