"""No secret in anything that is written or can be looked at: logs, answers, messages, arguments, environments.

One afternoon in the life of the app, at log level DEBUG: clusters of every kind are saved, listed, edited and searched,
with success and without, by those who may and those who may not. Then everything that came out is searched for them.
"""

import base64
import json
import threading
from pathlib import Path
from typing import Dict, Iterator, List, Set, Tuple
from urllib.parse import quote

import psutil
import pytest
from cluster_settings import handler

from lab.app_command import SCRIPT
from lab.engine import Engine
from lab.front.faults import FaultyServer
from lab.front.server import Reply
from lab.splunkd import SplunkdStandIn, User

from ..conftest import Splunk, Store
from ..page_requests import ADMIN, error, ok
from .test_page import Pages

pytestmark = [pytest.mark.splunk_python, pytest.mark.one_python]

#: Form of a cluster and the secrets in it. Long ones are cut into pieces where they are stored.
KINDS: Dict[str, Dict[str, str]] = {
    "basic": {"auth": "basic", "username": "kim", "password": "canary-password-" + "p" * 300},
    "key": {"auth": "api_key", "api_key": "canary-id:canary-api-key"},
    "bearer": {"auth": "bearer", "bearer_token": "canary-bearer-token"},
    "aws": {
        "auth": "sigv4",
        "aws_region": "us-east-1",
        "aws_access_key_id": "AKIDEXAMPLE",
        "aws_secret_access_key": "canary-aws-secret",
        "aws_session_token": "canary-session-token-" + "t" * 900,
    },
    "proxied": {"proxy": "http://127.0.0.1:1", "proxy_username": "kim", "proxy_password": "canary-proxy-password"},
}


class Seen:
    """Every process below this one, with its arguments and its environment, as anybody on the machine may see them."""

    def __init__(self) -> None:
        self._processes: Dict[Tuple[int, float], Set[str]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "Seen":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.01):
            for process in psutil.Process().children(recursive=True):
                found = self._processes.setdefault((process.pid, process.create_time()), set())
                if len(found) > 1:
                    continue  # seen before and after it became what it runs
                try:
                    found.add(f"{process.cmdline()} {process.environ()}")
                except psutil.Error:
                    continue

    @property
    def texts(self) -> List[str]:
        return [text for texts in self._processes.values() for text in texts]


def forms(secret: str, user: str = "kim") -> Set[str]:
    """Return a secret in every form it takes on its way."""
    basic = base64.b64encode(f"{user}:{secret}".encode()).decode()
    alone = base64.b64encode(secret.encode()).decode()
    return {secret, quote(secret), json.dumps(secret)[1:-1], basic, alone, secret[:40]}


@pytest.fixture
def pages(built_app: Path, tmp_path: Path, splunk_python: str) -> Iterator[Pages]:
    with SplunkdStandIn(built_app, splunk_home=tmp_path, python=splunk_python) as splunkd:
        yield Pages(splunkd, "")


def test_nothing_that_is_written_holds_a_secret(
    pages: Pages, built_app: Path, splunk_python: str, secured: Engine
) -> None:
    splunkd, home = pages.splunkd, pages.splunkd.splunk_home
    splunkd.state.set_stanza("aws_siem_bridge_settings", "logging", {"loglevel": "DEBUG"})
    right = Store(secured, "reader").config
    real = {
        "hosts": right.hosts[0],
        "ca_file": right.ca_file or "",
        "auth": "basic",
        "username": "reader",
        "password": right.auth.password,
        "is_default": "1",
    }
    index = Store(secured).fill({"n": number} for number in range(12_000))
    splunk = Splunk(splunkd, splunk_python)
    written: List[str] = []
    refusal = Reply(401, json.dumps({"error": {"type": "security_exception", "reason": "no"}}).encode())
    with Seen() as seen, FaultyServer([refusal] * 100) as wrong:
        # Saved: refused by the test first, then without it.
        for name, form in KINDS.items():
            assert "Nothing was saved" in error(pages.add(name, hosts=wrong.url, **form))
            ok(pages.add(name, hosts=wrong.url, test_on_save="0", **form))
            error(pages.edit(name, hosts=wrong.url))
        ok(pages.add("real", **real))
        ok(pages.edit("real", page_size_docs="2000"))
        assert "Check user name and password" in error(pages.edit("real", password="canary-password-typo"))
        ok(pages.add("everybody", "access", cluster="*", roles="user", indices="aws-*"))
        for asking in ({}, {"--cred--": "1"}):
            pages.listed(**asking)
            pages.send("cluster", "real", query=asking)
        # Searched: with rows, through workers, and with every kind of failure.
        lines = [f"| elasticsearch index={index} size=0", "| elasticsearch index=secret-*", "| elasticsearch indx=x"]
        searches = [(line, user) for line in lines for user in (User("analyst"), User("guest", ("guest",)), ADMIN)]
        searches += [(f"| elasticsearch index=aws-* cluster={name}", User("analyst")) for name in KINDS]
        for line, user in searches:
            ended = splunk.run(line, user)
            written += [json.dumps(reply.metadata) for reply in ended.replies]
            written += [reply.body.decode() for reply in ended.replies]
            written.append(ended.stderr)
        # Asked past the command, without the token.
        for user in (User("analyst"), ADMIN):
            key = splunkd.state.session(user)
            assert pages.call("/services/aws_siem_bridge/search_settings", {"cluster": "real"}, key=key)[0] == 403
        assert SCRIPT.name in "".join(seen.texts)
        for script in ("encode_worker.py", "search_settings_handler.py", "aws_siem_bridge_rh_cluster.py"):
            assert any(script in text for text in seen.texts), f"{script} was not seen running"
        written += seen.texts
    token_files = list((home / "var" / "run" / "splunk" / "aws_siem_bridge").glob("local_token-*"))
    files = [path for path in home.rglob("*") if path.is_file() and path not in token_files]
    names = {path.name for path in files}
    assert {"aws_siem_bridge_search.log", handler.LOG_NAME} <= names
    written += [path.read_text(encoding="utf-8", errors="replace") for path in files] + pages.said

    secrets = {secret for form in KINDS.values() for secret in form.values() if secret.startswith("canary")}
    secrets |= {"canary-password-typo", splunkd.state.users.system_key, *splunkd.state.users._sessions}
    secrets |= {path.read_text() for path in token_files}
    leaks = {form for secret in secrets for form in forms(secret)} | forms(right.auth.password, "reader")
    for text in written:
        for leak in leaks:
            assert leak not in text, text[max(0, text.index(leak) - 200) : text.index(leak)]
    # The search for them works: what was written is there, and they were in use and would be found.
    everything = "\n".join(written)
    for said in ('user="analyst" cluster="real" status=200', 'refused user="guest"', "outcome=", "no local token"):
        assert said in everything
    assert len(secrets) > 20
    stored = json.dumps(splunkd.state.passwords())
    assert any(form in stored for form in forms(right.auth.password, "reader"))
