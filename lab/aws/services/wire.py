"""JSON requests and replies of AWS's services, held to the descriptions that the product ships.

A request is read by its operation's input, a reply must fit the output: no member that is unknown there, none missing
that is required, types, enumerations, lengths and ranges. So a reply that AWS could not give is an error of this
stand-in and no test passes with it.
"""

from __future__ import annotations

import functools
import json
import re
from datetime import datetime
from typing import Any, Dict, List, Optional, Tuple
from urllib.parse import parse_qs, unquote

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

from aws_bridge.service_models import FOLDER

_PLACE = re.compile(r"\{([^}+]+)\+?\}")
_NUMBERS = ("integer", "long", "float", "double")


@functools.cache
def loader() -> Loader:
    """Return what reads the shipped descriptions, and botocore's own of other services."""
    return Loader(extra_search_paths=[str(FOLDER)])


@functools.cache
def service(name: str) -> ServiceModel:
    """Return a service's description. Raises botocore's UnknownServiceError."""
    return ServiceModel(loader().load_service_model(name, "service-2"), name)


@functools.cache
def operation(service_name: str, name: str) -> OperationModel:
    """Return an operation's description."""
    return service(service_name).operation_model(name)


def read(model: OperationModel, environ: Dict[str, Any], body: bytes) -> Dict[str, Any]:
    """Return what a request gives, by the names of the input's members; inside of them names are those of the wire."""
    shape = model.input_shape
    if shape is None:
        return {}
    content = json.loads(body) if body.strip() else {}
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    path = unquote(environ.get("RAW_URI") or environ.get("REQUEST_URI") or environ["PATH_INFO"]).partition("?")[0]
    in_path = _match(model.http.get("requestUri", "/"), path)
    given: Dict[str, Any] = {}
    for name, member in shape.members.items():
        wire_name = member.serialization.get("name", name)
        where = member.serialization.get("location")
        if where == "uri":
            given[name] = in_path[wire_name]
        elif where == "querystring" and wire_name in query:
            given[name] = _from_text(member, query[wire_name])
        elif where is None and content.get(wire_name) is not None:
            given[name] = content[wire_name]
    return given


def _match(template: str, path: str) -> Dict[str, str]:
    template = template.partition("?")[0]
    pattern, end = "", 0
    names = []
    for place in _PLACE.finditer(template):
        pattern += re.escape(template[end : place.start()]) + ("(.+)" if place[0].endswith("+}") else "([^/]+)")
        names.append(place[1])
        end = place.end()
    found = re.fullmatch(pattern + re.escape(template[end:]) + "/?", path)
    return dict(zip(names, found.groups())) if found else {}


def _from_text(shape: Shape, texts: List[str]) -> Any:
    if shape.type_name == "list":
        return texts
    if shape.type_name in ("integer", "long") and re.fullmatch(r"-?\d+", texts[0]):
        return int(texts[0])
    return texts[0] == "true" if shape.type_name == "boolean" else texts[0]


def problems_of_input(model: OperationModel, given: Dict[str, Any]) -> List[str]:
    """Return what AWS would refuse in a request; members that it does not know are nothing to it."""
    shape = model.input_shape
    if shape is None:
        return []
    missing = [f"{name} is missing" for name in shape.required_members if name not in given]
    found = [problem for name, value in given.items() for problem in check(shape.members[name], value, name, False)]
    return missing + found


def check(shape: Shape, value: Any, at: str = "", strict: bool = True) -> List[str]:
    """Return in words where ``value``, as the wire has it, does not fit ``shape``.

    ``strict`` is for replies: unknown members, and values outside of an enumeration, are problems.
    """
    kind = shape.type_name
    if kind == "structure":
        return _check_structure(shape, value, at, strict)
    if kind == "list":
        if not isinstance(value, list):
            return [f"{at} is no list"]
        inner = [
            problem
            for place, each in enumerate(value)
            for problem in check(shape.member, each, f"{at}[{place}]", strict)
        ]
        return _size(shape, len(value), at) + inner
    if kind == "map":
        if not isinstance(value, dict):
            return [f"{at} is no object"]
        return [problem for key, each in value.items() for problem in check(shape.value, each, f"{at}.{key}", strict)]
    if kind == "boolean":
        return [] if isinstance(value, bool) else [f"{at} is no boolean: {value!r}"]
    if kind in _NUMBERS:
        right = isinstance(value, (int, float) if kind in ("float", "double") else int) and not isinstance(value, bool)
        return _size(shape, value, at) if right else [f"{at} is no {kind}: {value!r}"]
    if kind == "timestamp":
        return _check_time(shape, value, at)
    if not isinstance(value, str):
        return [f"{at} is no text: {value!r}"]
    allowed = shape.metadata.get("enum")
    if strict and allowed and value not in allowed:
        return [f"{at} is none of its enumeration: {value!r}"]
    return _size(shape, len(value), at)


@functools.cache
def _members(shape: StructureShape) -> Dict[str, Tuple[str, Shape]]:
    """Return a structure's members by the names of the wire. Descriptions are kept, so each is looked at once."""
    return {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}


def _check_structure(shape: StructureShape, value: Any, at: str, strict: bool) -> List[str]:
    if shape.metadata.get("document"):
        return []
    if not isinstance(value, dict):
        return [f"{at} is no object"]
    members = _members(shape)
    found = []
    for wire_name, inner in value.items():
        if wire_name in members:
            found += check(members[wire_name][1], inner, f"{at}.{wire_name}" if at else wire_name, strict)
        elif strict:
            found.append(f"{at} has no member {wire_name}")
    for wire_name, (name, _) in members.items():
        if name in shape.required_members and wire_name not in value:
            found.append(f"{at}.{wire_name} is missing")
    return found


def _check_time(shape: Shape, value: Any, at: str) -> List[str]:
    if shape.serialization.get("timestampFormat") == "iso8601":
        try:
            datetime.fromisoformat(value.replace("Z", "+00:00"))
        except (AttributeError, ValueError):
            return [f"{at} is no ISO time: {value!r}"]
        return []
    right = isinstance(value, (int, float)) and not isinstance(value, bool)
    return [] if right else [f"{at} is no time in seconds: {value!r}"]


def _size(shape: Shape, size: float, at: str) -> List[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if (low is not None and size < low) or (high is not None and size > high):
        return [f"{at} is outside of {low}..{high}: {size}"]
    return []


def problems_of_output(model: OperationModel, reply: Dict[str, Any]) -> List[str]:
    """Return in words why AWS could not give this reply."""
    shape = model.output_shape
    return check(shape, reply, model.name) if shape is not None else ([f"{model.name} has no reply"] if reply else [])


def modelled_errors(model: OperationModel) -> Dict[str, int]:
    """Return the errors of an operation: code -> HTTP status."""
    return {
        shape.metadata.get("error", {}).get("code") or shape.name: shape.metadata.get("error", {}).get(
            "httpStatusCode", 400
        )
        for shape in model.error_shapes
    }


def find_shape(service_name: str, operation_name: str, *members: str) -> Optional[Any]:
    """Return the shape reached from an operation's output by wire names; lists are entered."""
    shape: Any = operation(service_name, operation_name).output_shape
    for wire_name in members:
        by_wire = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        shape = by_wire[wire_name]
        while shape.type_name == "list":
            shape = shape.member
    return shape
