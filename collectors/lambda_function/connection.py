"""The search cluster as the functions' settings name it, and whether it takes documents."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any, Callable, Dict

from aws_bridge.clients import client
from aws_bridge.functions.secrets import login_of
from collectors.lambda_function.settings import REQUEST_TIMEOUT_S, Settings
from collectors.reading.recognise import kind_of
from collectors.sinks.opensearch.index_names import daily_index
from collectors.sources.registry import LOGS
from es_bridge.answers import COUNT, Maybe
from es_bridge.config import Auth, ClusterConfig
from es_bridge.errors import BridgeError
from es_bridge.transport import Transport

#: Its index takes no such document, whatever its mapping: it is not JSON.
NO_DOCUMENT = b"{"


def transport_of(settings: Settings, clients: Callable[[str], Any] = client) -> Transport:
    """Return the way to the cluster. Raises `SecretProblem`, and `ConfigError` for settings that contradict."""
    return Transport(
        ClusterConfig(
            settings.urls,
            auth=_auth(settings, clients),
            ca_file=settings.ca_file or None,
            connect_timeout_s=5.0,
            request_timeout_s=REQUEST_TIMEOUT_S,
            max_retries=0,  # the bulk writer tries again by itself, and looks at the clock in between
        ),
        opaque_id="aws-siem-bridge lambda",
    )


def index_of(key: str) -> str:
    """Return the index that new records of the object under ``key`` go to."""
    dataset = kind_of(key).dataset
    return daily_index(dataset if dataset in LOGS else next(iter(LOGS)), datetime.now(timezone.utc).date())


def why_not_writable(transport: Transport, index: str) -> str:
    """Return why ``index`` takes no documents, or nothing if it does.

    The cluster's health would not tell: it is green with a full disk. Sent is a bulk request with what is no document.
    It passes everything a document passes, the account's rights, blocks and back-pressure, and is then refused as no
    JSON: that answer means that a document would have been taken.
    """
    action: Dict[str, Any] = {"create": {"_index": index, "_id": "is-it-writable"}}
    body = json.dumps(action).encode() + b"\n" + NO_DOCUMENT + b"\n"
    try:
        answer = transport.request("POST", ["_bulk"], body=body, content_type="application/x-ndjson")
        item = answer.json({"items": [{"create": {"status": COUNT, "error": Maybe(dict)}}]})["items"][0]["create"]
    except IndexError:
        return f"{answer.where} answered nothing about a document"
    except BridgeError as exc:
        return str(exc)
    status, error = item["status"], item.get("error") or {}
    # 404: indices are not created by themselves, and this one is not there yet; 409 cannot be, as nothing is stored.
    if status in (400, 404) and error.get("type") not in ("index_closed_exception", "cluster_block_exception"):
        return ""
    return f"index {index} answers HTTP {status} {error.get('type')}: {error.get('reason')}"


def _auth(settings: Settings, clients: Callable[[str], Any]) -> Auth:
    if settings.sigv4_region:
        return Auth("sigv4", region=settings.sigv4_region, service=settings.service)
    if not settings.secret_arn:
        return Auth()
    login = login_of(clients("secretsmanager"), settings.secret_arn)
    return Auth("basic", username=login.username, password=login.password)
