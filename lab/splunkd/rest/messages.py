"""A request to splunkd, what a resource answers, and how that looks as JSON and as Atom.

Atom is what splunkd answers unless ``output_mode=json`` is asked for, and what Splunk's SDK for Python reads.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple, Union
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from ..users import User

Pairs = Tuple[Tuple[str, str], ...]


class RestError(Exception):
    """A request that cannot be served: its HTTP status and what splunkd would say."""

    def __init__(self, status: int, text: str, level: str = "ERROR") -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.level = level


UNKNOWN_USER = RestError(401, "call not properly authenticated", "WARN")


@dataclass(frozen=True)
class Request:
    """One request, its path already taken apart."""

    method: str
    #: After ``/services`` or ``/servicesNS/<owner>/<app>``, decoded.
    path: Tuple[str, ...]
    owner: str = "nobody"
    app: str = "-"
    query: Pairs = ()
    form: Pairs = ()
    headers: Pairs = ()
    body: bytes = field(default=b"", repr=False)
    #: None without a valid session.
    user: Optional[User] = None
    session_key: str = field(default="", repr=False)

    def argument(self, name: str, default: str = "") -> str:
        """Return an argument of the form or the query string; the last one counts."""
        return {**dict(self.query), **dict(self.form)}.get(name, default)

    @property
    def arguments(self) -> Dict[str, str]:
        """Return what a resource is told, without the arguments that shape the answer."""
        given = {**dict(self.query), **dict(self.form)}
        return {name: value for name, value in given.items() if name not in ANSWER_ARGUMENTS}

    @property
    def known_user(self) -> User:
        """Who asks. Raises `RestError` 401 without a session."""
        if self.user is None:
            raise UNKNOWN_USER
        return self.user


#: Arguments of every collection; they are no keys of a stanza.
ANSWER_ARGUMENTS = frozenset(
    ["output_mode", "count", "offset", "search", "sort_key", "sort_dir", "sort_mode", "summarize", "f"]
)


@dataclass(frozen=True)
class Entry:
    """One entry of a feed."""

    name: str
    content: Mapping[str, Any]
    acl: Mapping[str, Any] = field(default_factory=dict)
    fields: Optional[Mapping[str, Any]] = None


@dataclass(frozen=True)
class Feed:
    """What most resources answer."""

    entries: Sequence[Entry]
    status: int = 200
    #: Path of the collection the entries are in, such as ``configs/conf-x``.
    collection: str = ""


@dataclass(frozen=True)
class Raw:
    """An answer as it goes over the wire."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=UTF-8"
    headers: Pairs = ()


Answer = Union[Feed, Raw]


def rendered(answer: Answer, request: Request, app: str) -> Raw:
    """Return an answer in the output mode that was asked for."""
    if isinstance(answer, Raw):
        return answer
    owner = "nobody" if request.owner == "-" else request.owner
    base = f"/servicesNS/{quote(owner)}/{quote(app)}/{answer.collection or '/'.join(request.path)}"
    if request.argument("output_mode") == "json":
        return Raw(answer.status, json.dumps(_json(answer, base, app)).encode())
    return Raw(answer.status, _atom(answer, base, app).encode(), "text/xml; charset=UTF-8")


def rendered_error(error: RestError, request: Optional[Request]) -> Raw:
    """Return a failure in the output mode that was asked for."""
    if request is not None and request.argument("output_mode").startswith("json"):
        body = json.dumps({"messages": [{"type": error.level, "text": error.text}]})
        return Raw(error.status, body.encode())
    text = f"<msg type={quoteattr(error.level)}>{_text(error.text)}</msg>"
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<response><messages>{text}</messages></response>'
    return Raw(error.status, body.encode(), "text/xml; charset=UTF-8")


def json_answer(value: Any, status: int = 200) -> Raw:
    """Return an answer that is JSON whatever output mode was asked for."""
    return Raw(status, json.dumps(value).encode())


def _acl(entry: Entry, app: str) -> Dict[str, Any]:
    return {
        "app": app,
        "owner": "nobody",
        "sharing": "app",
        "can_write": True,
        "modifiable": True,
        "removable": True,
        "perms": {"read": ["*"], "write": ["admin", "sc_admin"]},
        **entry.acl,
    }


def _links(entry: Entry, base: str) -> Dict[str, str]:
    path = f"{base}/{quote(entry.name, safe='')}"
    return {"alternate": path, "list": path, "edit": path, "remove": path}


def _json(feed: Feed, base: str, app: str) -> Dict[str, Any]:
    entries = [
        {
            "name": entry.name,
            "id": _links(entry, base)["alternate"],
            "links": _links(entry, base),
            "author": "nobody",
            "acl": _acl(entry, app),
            **({"fields": entry.fields} if entry.fields is not None else {}),
            "content": {"eai:acl": None, **entry.content},
        }
        for entry in feed.entries
    ]
    return {
        "links": {"create": f"{base}/_new", "_reload": f"{base}/_reload"},
        "origin": base,
        "entry": entries,
        "paging": {"total": len(entries), "perPage": 30, "offset": 0},
        "messages": [],
    }


def _atom(feed: Feed, base: str, app: str) -> str:
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom" '
        'xmlns:s="http://dev.splunk.com/ns/rest" xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">',
        f"<title>{_text(base.rpartition('/')[2])}</title><id>{_text(base)}</id>",
        "<author><name>Splunk</name></author>",
        f'<link href={quoteattr(base + "/_new")} rel="create"/>',
        f"<opensearch:totalResults>{len(feed.entries)}</opensearch:totalResults>"
        "<opensearch:itemsPerPage>30</opensearch:itemsPerPage><opensearch:startIndex>0</opensearch:startIndex>"
        "<s:messages/>",
    ]
    for entry in feed.entries:
        links = _links(entry, base)
        content = {**entry.content, "eai:acl": _acl(entry, app)}
        if entry.fields is not None:
            content["eai:attributes"] = {f"{kind}Fields": names for kind, names in entry.fields.items()}
        parts.append(f"<entry><title>{_text(entry.name)}</title><id>{_text(links['alternate'])}</id>")
        parts += [f"<link href={quoteattr(path)} rel={quoteattr(kind)}/>" for kind, path in links.items()]
        parts.append("<author><name>nobody</name></author>")
        parts.append(f'<content type="text/xml">{_element(content)}</content></entry>')
    return "\n".join([*parts, "</feed>"])


def _element(value: Any) -> str:
    if isinstance(value, Mapping):
        return (
            "<s:dict>"
            + "".join(f"<s:key name={quoteattr(k)}>{_element(v)}</s:key>" for k, v in value.items())
            + ("</s:dict>")
        )
    if isinstance(value, (list, tuple)):
        return "<s:list>" + "".join(f"<s:item>{_element(item)}</s:item>" for item in value) + "</s:list>"
    if isinstance(value, bool):
        return "1" if value else "0"
    return "" if value is None else _text(str(value))


def _text(value: str) -> str:
    # A control character cannot be in XML 1.0 at all.
    return escape("".join(c if c >= " " or c in "\t\n\r" else "\ufffd" for c in value))
