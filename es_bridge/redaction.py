"""The cluster's secrets, taken out of what others say: a proxy or a server may quote a request's headers in an error.

Only the words of others are changed, never a document. What somebody hides on purpose in another notation gets through:
a cluster knows its own secrets and has its documents to tell them with.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Iterable, Iterator, Set
from urllib.parse import quote, quote_plus

from es_bridge.config import ClusterConfig

INSTEAD = "(secret left out)"
#: A secret shorter than this may be part of an ordinary word: it is taken out where it stands alone.
_TELLING_CHARACTERS = 8


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """Return ``text`` without ``secrets``, in the notations that headers, JSON, URLs and HTML give them."""
    found = {notation for secret in secrets if secret for notation in _notations(secret)}
    if not found:
        return text
    # The longest first: one may begin with another.
    pattern = "|".join(_expression(notation) for notation in sorted(found, key=len, reverse=True))
    return re.sub(pattern, INSTEAD, text)


def secrets_of(config: ClusterConfig) -> Set[str]:
    """Return what the settings of a cluster hold that nobody may read, also joined and encoded as headers do it."""
    auth = config.auth
    found = {auth.bearer_token, auth.secret_access_key, auth.session_token}
    found |= {auth.api_key, *_parts_of_api_key(auth.api_key)}
    for name, password in ((auth.username, auth.password), (config.proxy_username, config.proxy_password)):
        if password:
            found |= {password, _base64(f"{name}:{password}")}
    return found - {""}


def _parts_of_api_key(key: str) -> Iterator[str]:
    """Yield the other notation of an API key, and its secret half: ``id:key``, or the base64 form of that."""
    if ":" in key:
        yield _base64(key)
    else:
        try:
            key = base64.b64decode(key, validate=True).decode()
        except (binascii.Error, ValueError):
            return
        yield key
    yield key.rpartition(":")[2]


def _notations(secret: str) -> Set[str]:
    import html  # only when something went wrong, and its tables are large

    plain = {secret, _base64(secret)}
    escaped = {json.dumps(text, ensure_ascii=ascii)[1:-1] for text in plain for ascii in (True, False)}
    escaped |= {text.replace("/", "\\/") for text in escaped}
    # JSON in JSON: an error that quotes another one.
    escaped |= {json.dumps(text, ensure_ascii=False)[1:-1] for text in escaped}
    return plain | escaped | {how(text) for text in plain for how in (quote, quote_plus, html.escape)}


def _base64(text: str) -> str:
    # Without what fills it up, which some notations leave out.
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")


def _expression(notation: str) -> str:
    if len(notation) >= _TELLING_CHARACTERS:
        return re.escape(notation)
    return rf"(?:(?<!\w)|(?<=%[0-9A-Fa-f]{{2}})){re.escape(notation)}(?!\w)"
