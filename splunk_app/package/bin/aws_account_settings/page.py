"""The REST handler behind the page AWS accounts: an account must make sense, and AWS must let it in.

Secrets go to Splunk's store of passwords, as UCC's handler puts them there, and never come back to a page.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Sequence

from splunk import admin
from splunk_host import secrets
from splunk_host.page_handler import TEST_ON_SAVE, CheckedPageHandler, inputs_with, shown
from splunktaucclib.rest_handler.entity import RestEntity
from splunktaucclib.rest_handler.error import RestError

from aws_account_settings import accounts
from aws_account_settings.connection_check import try_account
from aws_account_settings.labels import LABELS, as_on_the_page
from aws_bridge.errors import AwsError, CallProblem

#: Argument of a list: see `AccountHandler.also_listed`. It is named in ``builder/input_pages.py``, too.
WITH_MACHINE = "with_machine"
WITHOUT_TEST = "To save an account that cannot be entered yet, switch off Test the connection on save"


class AccountHandler(CheckedPageHandler):
    """The page AWS accounts."""

    conf_file = accounts.ACCOUNT_CONF
    labels = LABELS
    secret_keys = accounts.SECRET_KEYS
    understood = {TEST_ON_SAVE: "1", "partition": "aws"}

    def setup(self) -> None:
        """Take the argument with which the page Inputs asks for what its inputs may use."""
        super().setup()
        if self.requestedAction == admin.ACTION_LIST:
            self.supportedArgs.addOptArg(WITH_MACHINE)

    def also_listed(self) -> Sequence[RestEntity]:
        """Return the account of the machine, which has no stanza, to the page Inputs."""
        if WITH_MACHINE not in self.callerArgs.data:
            return ()
        endpoint = self.endpoint
        return [RestEntity(accounts.OF_THE_MACHINE, {}, endpoint.model(None), endpoint.user, endpoint.app)]

    def complete(self, content: Dict[str, Any]) -> None:
        """See `PageHandler.complete`."""
        super().complete(content)
        if not content.get("sign_in"):
            content["sign_in"] = accounts.ACCESS_KEY if content.get("access_key_id") else accounts.MACHINE

    def delete_hook(self, session_key: str, config_name: str, stanza_id: str) -> None:
        """Refuse to delete an account that inputs use: they would end, and nothing would arrive any more."""
        with shown(), self.splunkd() as splunkd:
            using = inputs_with(splunkd, account=stanza_id)
        if using:
            raise RestError(
                409,
                f"AWS account {stanza_id!r} is used by inputs: {', '.join(using)}. Delete them first on the page "
                "Inputs, or give them another account",
            )

    def as_on_the_page(self, text: str) -> str:
        """See `CheckedPageHandler.as_on_the_page`."""
        return as_on_the_page(text)

    def check(self, name: str, payload: Dict[str, Any], stored: Mapping[str, Any]) -> None:
        """See `CheckedPageHandler.check`."""
        self.tidy(payload)
        wants_test = self.wants_test(payload)
        if payload.get("sign_in") == accounts.MACHINE:  # a key that is not used is not kept
            payload.update(access_key_id="", secret_access_key="")
        if "proxy" in payload and not payload["proxy"]:
            payload.update(proxy_username="", proxy_password="")
        with shown(as_on_the_page):
            with self.splunkd() as splunkd:
                stanza = secrets.with_secrets(
                    splunkd, accounts.ACCOUNTS, name, accounts.used_keys({**stored, **payload})
                )
            settings = accounts.settings_of(name, stanza)
            if wants_test:
                _try(settings)


def _try(settings: accounts.AccountSettings) -> None:
    try:
        try_account(settings)
    except AwsError as exc:
        text = f"{as_on_the_page(str(exc))}. Nothing was saved"
        # Where AWS has answered, it is the settings or a policy that are wrong.
        if isinstance(exc, CallProblem):
            text += f". {WITHOUT_TEST}"
        raise RestError(400, text) from None
