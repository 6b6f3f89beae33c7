"""splunkd's REST interface from outside: signing in, resources as JSON, searches as jobs.

https://help.splunk.com/en/splunk-enterprise/rest-api-reference: https on port 8089, a session key of ``auth/login`` or
a token, ``output_mode=json``. splunkd's own certificate is signed by nobody: give its authority, or switch verification
off knowingly.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import quote, urlencode

import urllib3

#: Silence of splunkd that is taken for an error.
TIMEOUT_S = 60.0
#: Rows that `Splunkd.run` fetches.
MOST_ROWS = 1000
#: Between two looks at a job.
_POLL_S = 0.25

Form = Sequence[Tuple[str, str]]


class RestError(Exception):
    """splunkd did not answer, or refused. ``status`` is 0 without an answer."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


@dataclass
class JobResult:
    """How a search ended."""

    sid: str
    state: str
    is_failed: bool
    #: (level, text), in splunkd's order.
    messages: List[Tuple[str, str]]
    #: Everything else splunkd tells of the job.
    content: Dict[str, Any] = field(repr=False, default_factory=dict)
    rows: List[Dict[str, Any]] = field(default_factory=list)

    def texts(self, *levels: str) -> List[str]:
        """Return the texts of messages of these levels."""
        return [text for level, text in self.messages if level in levels]


class Splunkd:
    """A splunkd at a URL such as ``https://splunk.example:8089``. Signed in with `sign_in` or with a token."""

    def __init__(self, url: str, *, token: str = "", ca_file: Optional[str] = None, verify_tls: bool = True) -> None:
        self.url = url.rstrip("/")
        self._authorization = f"Bearer {token}" if token else ""
        self._pool = urllib3.PoolManager(
            cert_reqs="CERT_REQUIRED" if verify_tls else "CERT_NONE",
            ca_certs=ca_file,
            timeout=TIMEOUT_S,
            retries=False,
        )
        if not verify_tls:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def sign_in(self, user: str, password: str) -> None:
        """Get a session key. Raises `RestError` when name and password are not accepted."""
        answer = self.request("POST", "/services/auth/login", [("username", user), ("password", password)])
        self._authorization = f"Splunk {answer['sessionKey']}"

    def as_user(self, user: str, password: str) -> Splunkd:
        """Return the same splunkd, signed in as another user."""
        other = object.__new__(Splunkd)
        other.url, other._pool, other._authorization = self.url, self._pool, ""
        other.sign_in(user, password)
        return other

    def request(self, method: str, path: str, form: Form = (), query: Form = ()) -> Any:
        """Return what splunkd answers, as JSON. Raises `RestError` for any status from 400 on."""
        status, body = self.raw(method, path, form, query)
        if status >= 400:
            raise RestError(f"{method} {path}: {status} {_reason(body)}", status)
        try:
            return json.loads(body or b"{}")
        except ValueError:
            raise RestError(f"{method} {path}: the answer is not JSON", status) from None

    def send_document(self, method: str, path: str, document: Any, query: Form = ()) -> None:
        """Send JSON (nothing where it is ``None``), as the KV store takes it. Raises `RestError` as `request` does."""
        body = None if document is None else json.dumps(document).encode()
        status, answer = self._send(method, path, body, "application/json", query)
        if status >= 400:
            raise RestError(f"{method} {path}: {status} {_reason(answer)}", status)

    def raw(self, method: str, path: str, form: Form = (), query: Form = ()) -> Tuple[int, bytes]:
        """Return (status, body). Raises `RestError` without an answer."""
        body = urlencode(list(form)).encode() if method == "POST" else None
        return self._send(method, path, body, "application/x-www-form-urlencoded", query)

    def _send(self, method: str, path: str, body: Optional[bytes], kind: str, query: Form) -> Tuple[int, bytes]:
        url = f"{self.url}{path}?{urlencode([('output_mode', 'json'), *query])}"
        headers = {"Authorization": self._authorization} if self._authorization else {}
        if body is not None:
            headers["Content-Type"] = kind
        try:
            reply = self._pool.request(method, url, body=body, headers=headers)
        except urllib3.exceptions.HTTPError as exc:
            raise RestError(_unreachable(self.url, exc)) from None
        return reply.status, reply.data

    def entries(self, path: str) -> List[Dict[str, Any]]:
        """Return the entries of a collection. Raises `RestError`."""
        return list(self.request("GET", path, query=[("count", "0")]).get("entry", []))

    def start(self, search: str, **arguments: str) -> str:
        """Start a search and return its id. ``earliest_time``, ``latest_time`` and more are splunkd's own arguments."""
        form = [("search", search), *((name, value) for name, value in arguments.items() if value)]
        return str(self.request("POST", "/services/search/jobs", form)["sid"])

    def look(self, sid: str) -> JobResult:
        """Return how far a job is, without rows."""
        (entry,) = self.request("GET", f"/services/search/jobs/{quote(sid, safe='')}")["entry"]
        content: Mapping[str, Any] = entry["content"]
        return JobResult(
            sid,
            str(content.get("dispatchState")),
            str(content.get("isFailed")).lower() in ("1", "true"),
            _messages(content.get("messages")),
            dict(content),
        )

    def wait(self, sid: str, within_s: float = 600.0) -> JobResult:
        """Return a job that has ended. Raises `RestError` when it has not within that time."""
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            job = self.look(sid)
            if str(job.content.get("isDone")).lower() in ("1", "true"):
                return job
            time.sleep(_POLL_S)
        raise RestError(f"the search {sid} did not end within {within_s:.0f} s")

    def run(self, search: str, **arguments: str) -> JobResult:
        """Return a search that has ended, with its first rows."""
        job = self.wait(self.start(search, **arguments))
        if not job.is_failed:
            path = f"/services/search/jobs/{quote(job.sid, safe='')}/results"
            job.rows = list(self.request("GET", path, query=[("count", str(MOST_ROWS))]).get("results", []))
        return job

    def control(self, sid: str, action: str) -> None:
        """Do something to a job: ``cancel``, ``finalize``."""
        self.request("POST", f"/services/search/jobs/{quote(sid, safe='')}/control", [("action", action)])


def _messages(given: Any) -> List[Tuple[str, str]]:
    if isinstance(given, Mapping):  # as older versions give them: level -> texts
        return [(str(level).upper(), str(text)) for level, texts in given.items() for text in texts]
    return [(str(message["type"]).upper(), str(message["text"])) for message in given or ()]


def _reason(body: bytes) -> str:
    try:
        return "; ".join(str(message["text"]) for message in json.loads(body)["messages"]) or "no reason given"
    except (ValueError, KeyError, TypeError):
        return "no reason given"


def _unreachable(url: str, error: Exception) -> str:
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return (
            f"the certificate of {url} is not signed by an authority this machine trusts: give it with --ca-file, or "
            "use --insecure on a machine you know"
        )
    return f"{url} cannot be reached ({type(error).__name__}): is this splunkd's management port?"
