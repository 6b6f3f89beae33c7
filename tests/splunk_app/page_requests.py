"""The requests that a browser makes for the app's pages, and what a page shows of the answers."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Dict, List, Optional, Tuple

from lab.splunkd import SplunkdStandIn, User

ADMIN = User("admin", ("admin",))


class PageRequests:
    """Requests to the endpoints behind the pages, by an administrator unless another ``key`` is given."""

    def __init__(self, splunkd: SplunkdStandIn) -> None:
        self.splunkd = splunkd
        self.key = splunkd.state.session(ADMIN)
        #: Everything that came back.
        self.said: List[str] = []

    def send(self, page: str, name: str = "", form: Optional[Dict[str, str]] = None, **how: Any) -> Tuple[int, Any]:
        path = f"/servicesNS/nobody/aws_siem_bridge/aws_siem_bridge_{page}"
        path += f"/{urllib.parse.quote(name, safe='')}" if name else ""
        return self.call(path, form, **how)

    def call(self, path: str, form: Optional[Dict[str, str]], **how: Any) -> Tuple[int, Any]:
        query = urllib.parse.urlencode({"output_mode": "json", **how.get("query", {})})
        request = urllib.request.Request(
            f"{self.splunkd.uri}{path}?{query}",
            data=urllib.parse.urlencode(form).encode() if form is not None else None,
            headers={"Authorization": f"Splunk {how.get('key', self.key)}"},
            method=how.get("method"),
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                status, body = reply.status, reply.read().decode()
        except urllib.error.HTTPError as exc:
            status, body = exc.code, exc.read().decode()
        self.said.append(body)
        return status, json.loads(body)

    def listed(self, page: str, **query: str) -> Dict[str, Dict[str, Any]]:
        status, said = self.send(page, query=query)
        assert status == 200, said
        return {entry["name"]: entry["content"] for entry in said["entry"]}


def error(answer: Tuple[int, Any]) -> str:
    """Return what the page shows of a refusal: UCC takes it from between the two hyphens and the log's name."""
    status, said = answer
    assert status >= 400, said
    (message,) = said["messages"]
    _, _, text = message["text"].partition(" -- ")
    assert text, message
    return str(text.partition('". See splunkd.log')[0])


def ok(answer: Tuple[int, Any]) -> Any:
    """Return what was answered to a request that must succeed."""
    status, said = answer
    assert status in (200, 201), said
    return said
