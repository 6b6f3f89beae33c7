"""Which operation of which AWS service a request is, by botocore's own descriptions of the services."""

from __future__ import annotations

import functools
import io
import json
import re
from typing import Any, Dict, List, NamedTuple, Optional, Tuple
from urllib.parse import parse_qs, unquote

_SCOPE = re.compile(r"Credential=([^/,]+)/\d+/([^/]*)/([^/]*)/aws4_request")
#: Credentials name a service by its signing name, descriptions are named by botocore.
OF_SIGNING_NAME = {"access-analyzer": "accessanalyzer"}
_PLACE = re.compile(r"\{([^}+]+)(\+?)\}")


class Operation(NamedTuple):
    """One request, named as AWS's documentation and policies name it."""

    #: As in credentials and policies: ``s3``, ``sqs``, ``lambda``.
    service: str
    #: ``GetObject``, ``ReceiveMessage``; empty for a request that no description fits.
    name: str
    #: ``bucket/key``, ``bucket``, the name of a queue or topic, a UUID; empty where there is none.
    resource: str
    #: Access key id of the caller; empty for an unsigned request.
    access_key: str
    #: Whose that key is.
    account: str = ""
    #: The region the request is signed for; empty for an unsigned request.
    region: str = ""


class _Route(NamedTuple):
    """How a request of one operation of a REST service looks."""

    name: str
    method: str
    path: re.Pattern[str]
    #: Parameters of the query that are always there, and headers (lower case).
    query: Tuple[Tuple[str, str], ...]
    headers: Tuple[str, ...]


def operation_of(environ: Dict[str, Any]) -> Operation:
    """Return what a WSGI request is. The body is read only where the operation's name is in it, and put back."""
    scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    access_key, region, service = (scope[1], scope[2], scope[3].lower()) if scope else ("", "", "")
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        body = _body(environ)
        name = target.rpartition(".")[2]
        return Operation(service, name, _named_in(json.loads(body or b"{}")), access_key, region=region)
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        form = {name: values[0] for name, values in parse_qs(_body(environ).decode()).items()}
        if "Action" in form:
            return Operation(service, form["Action"], _named_in(form), access_key, region=region)
    path = unquote(environ.get("RAW_URI") or environ.get("REQUEST_URI") or environ["PATH_INFO"]).partition("?")[0]
    route = _route_of(service, environ, path) if service else None
    name, resource = (route.name, path.strip("/")) if route else ("", "")
    return Operation(service, name, resource, access_key, region=region)


def _body(environ: Dict[str, Any]) -> bytes:
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _named_in(parameters: Dict[str, Any]) -> str:
    for name in ("QueueUrl", "QueueName", "TopicArn", "Name", "KeyId", "SecretId"):
        if isinstance(parameters.get(name), str):
            return re.split("[/:]", parameters[name])[-1]
    return ""


def _route_of(service: str, environ: Dict[str, Any], path: str) -> Optional[_Route]:
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    for route in _routes(service):
        if (
            route.method == environ["REQUEST_METHOD"]
            and route.path.fullmatch(path)
            and all(name in query and value in ("", query[name][0]) for name, value in route.query)
            and all(f"HTTP_{name.upper().replace('-', '_')}" in environ for name in route.headers)
        ):
            return route
    return None


@functools.cache
def _routes(service: str) -> List[_Route]:
    """Return the routes of a REST service, the most particular first; none for other services."""
    from botocore.exceptions import UnknownServiceError

    from lab.aws.services import wire

    try:
        model = wire.service(OF_SIGNING_NAME.get(service, service))
    except UnknownServiceError:
        return []
    routes = []
    for name in model.operation_names:
        operation = model.operation_model(name)
        path, _, literals = operation.http["requestUri"].partition("?")
        query = [tuple(pair.partition("=")[::2]) for pair in literals.split("&") if pair]
        headers = []
        shape = operation.input_shape
        for member in shape.required_members if shape else ():
            where = shape.members[member].serialization
            if where.get("location") == "querystring":
                query.append((where["name"], ""))
            elif where.get("location") == "header":
                headers.append(where["name"].lower())
        routes.append(_Route(name, operation.http.get("method", "POST"), _pattern(path), tuple(query), tuple(headers)))
    # `id` of the SDK's own requests (x-id=GetObject) is no condition.
    return sorted(
        [r._replace(query=tuple(q for q in r.query if q[0] != "x-id")) for r in routes],
        key=lambda r: (-len(r.query) - len(r.headers), -len(r.path.pattern), _LIKELIER.get(r.name, 1)),
    )


#: Of two operations that look alike, the one that is in use comes first.
_LIKELIER = {"ListObjects": 0, "GetBucketNotificationConfiguration": 0, "PutBucketNotificationConfiguration": 0}


def _pattern(path: str) -> re.Pattern[str]:
    parts = []
    end = 0
    for place in _PLACE.finditer(path):
        parts.append(re.escape(path[end : place.start()]) + (".+" if place[2] else "[^/]+"))
        end = place.end()
    return re.compile("".join(parts) + re.escape(path[end:]) + "/?")
