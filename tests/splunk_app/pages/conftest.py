"""The built app's pages in a real browser: its handlers answer in child processes, its clusters are real engines."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator, Type

import pytest
from aws_account_settings import accounts
from splunk_host import secrets

from lab.app_command import AppCommand
from lab.aws import AwsAccount
from lab.browser import BrowserUnavailable, open_browser
from lab.splunkd import SplunkdStandIn, User
from splunk_bridge.chunked import Job
from splunk_bridge.command_line import parse_command_line

from ..conftest import Ended
from .configuration import TIMEOUT_MS, ConfigurationPage, InputsPage

ADMIN = User("admin", ("admin",))
ANALYST = User("analyst", ("power",))


@dataclass
class SearchHead:
    """A search head with the built app and nothing configured."""

    app: Path
    splunkd: SplunkdStandIn

    def search(self, line: str, user: User = ADMIN) -> Ended:
        """Run the built app's own command, as Splunk does for a search of this user."""
        parsed = parse_command_line(line)
        job = Job(parsed.args, parsed.raw_args, self.splunkd.uri, self.splunkd.state.session(user), user=user.name)
        script = self.app / "bin" / "elastic_search.py"
        with AppCommand(job, python=sys.executable, script=script, home=self.splunkd.splunk_home) as command:
            replies = list(command.run())
            return Ended(replies, command.wait(), command.stderr(), command.audit_log())

    def stored(self, name: str, conf: str = "aws_siem_bridge_cluster") -> Any:
        """Return a stanza as it is stored, None when there is none."""
        return (self.splunkd.state.stanzas(conf) or {}).get(name)


@dataclass
class Forwarder:
    """A heavy forwarder with the built app, on a machine with the role of an AWS account."""

    splunkd: SplunkdStandIn

    def stored(self, stanza: str) -> Any:
        """Return an input as it is stored, None when there is none."""
        return (self.splunkd.state.stanzas("inputs") or {}).get(stanza)

    def use(self, account: str, stanza: str) -> None:
        """Let an input use an account."""
        self.splunkd.state.set_stanza("inputs", stanza, {"account": account})

    def secrets(self, account: str) -> Any:
        """Return the stored secrets of an account."""
        return secrets.unpack(accounts.ACCOUNTS.realm, account, self.splunkd.state.passwords())


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    """A browser. One that cannot be had skips the test with the reason; under CI it fails it."""
    browser = open_browser()
    try:
        opened = browser.__enter__()
    except BrowserUnavailable as error:
        if os.environ.get("CI", "").lower() == "true":
            raise
        pytest.skip(str(error))
    yield opened
    browser.__exit__(None, None, None)


@pytest.fixture
def head(built_app: Path) -> Iterator[SearchHead]:
    with SplunkdStandIn(built_app, web=True) as splunkd:
        yield SearchHead(built_app, splunkd)


@pytest.fixture
def forwarder(built_app: Path, aws_account: AwsAccount) -> Iterator[Forwarder]:
    with SplunkdStandIn(built_app, web=True, environment=aws_account.environment("us-east-1")) as splunkd:
        yield Forwarder(splunkd)


@pytest.fixture
def analysts_head(built_app: Path) -> Iterator[SearchHead]:
    """The same, with Splunk Web for a user who may not configure anything."""
    with SplunkdStandIn(built_app, web=True, web_user=ANALYST) as splunkd:
        yield SearchHead(built_app, splunkd)


@pytest.fixture
def visit(chromium: Any) -> Iterator[Callable[..., ConfigurationPage]]:
    """Return a function that gives the pages in a browser's profile of their own.

    Whatever went wrong on a page without showing fails the test at its end, unless it is not to be ``faultless``.
    """
    contexts = []
    pages = []

    def open_pages(
        splunkd: SplunkdStandIn, faultless: bool = True, kind: Type[ConfigurationPage] = ConfigurationPage
    ) -> ConfigurationPage:
        context = chromium.new_context(viewport={"width": 1280, "height": 1000}, reduced_motion="reduce")
        contexts.append(context)
        context.set_default_timeout(TIMEOUT_MS)
        page = kind(context.new_page(), splunkd.web_uri)
        if faultless:
            pages.append((splunkd, page))
        return page

    yield open_pages
    faults = [(page.watch.faults(), splunkd.not_served) for splunkd, page in pages]
    for context in contexts:
        context.close()
    assert faults == [([], [])] * len(faults)


@pytest.fixture
def page(head: SearchHead, visit: Callable[..., ConfigurationPage]) -> ConfigurationPage:
    """The configuration page of `head`, opened by an administrator."""
    return visit(head.splunkd).open()


@pytest.fixture
def accounts_page(forwarder: Forwarder, visit: Callable[..., ConfigurationPage]) -> ConfigurationPage:
    """The tab AWS accounts of `forwarder`, opened by an administrator."""
    return visit(forwarder.splunkd).open("AWS accounts")


@pytest.fixture
def inputs_page(forwarder: Forwarder, visit: Callable[..., InputsPage]) -> InputsPage:
    """The page Inputs of `forwarder`, which has an AWS account called hub, opened by an administrator."""
    forwarder.splunkd.state.set_stanza(accounts.ACCOUNT_CONF, "hub", {"sign_in": "machine"})
    return visit(forwarder.splunkd, kind=InputsPage).load()
