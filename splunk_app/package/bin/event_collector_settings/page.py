"""The REST handler behind the tab Event collectors: a collector must make sense, and take events.

The token goes to Splunk's store of passwords, as UCC's handler puts it there, and never comes back to a page.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping

from splunk_host import secrets
from splunk_host.page_handler import TEST_ON_SAVE, CheckedPageHandler, inputs_with, shown
from splunktaucclib.rest_handler.error import RestError

from es_bridge.errors import ConfigError
from event_collector_settings import collectors
from event_collector_settings.labels import LABELS, as_on_the_page

WITHOUT_TEST = "To save a collector that is away now, switch off Test the connection on save"


class CollectorHandler(CheckedPageHandler):
    """The tab Event collectors."""

    conf_file = collectors.HEC_CONF
    labels = LABELS
    secret_keys = collectors.SECRET_KEYS
    understood = {TEST_ON_SAVE: "1", "verify_tls": "1"}

    def edit_hook(self, session_key: str, config_name: str, stanza_id: str, payload: Dict[str, Any]) -> None:
        """Check a changed collector; what the page does not send stays as it is. Raises `RestError`.

        Another address needs the token anew: it is the old one's, and nobody should have it sent elsewhere.
        """
        stored = self.stored(stanza_id)
        url = str(payload.get("url") or "").strip()
        if url and url != stored.get("url") and payload.get("token") in (None, "", secrets.SECRET_IS_ELSEWHERE):
            raise RestError(400, "Token: enter it again. It is that of the URL before, and is not sent to another one")
        self.check(stanza_id, payload, stored)

    def delete_hook(self, session_key: str, config_name: str, stanza_id: str) -> None:
        """Refuse to delete a collector that inputs use: they would end, and nothing would arrive any more."""
        with shown(), self.splunkd() as splunkd:
            using = inputs_with(splunkd, delivery="hec", hec=stanza_id)
        if using:
            raise RestError(
                409,
                f"Event collector {stanza_id!r} is used by inputs: {', '.join(using)}. Give them another one first on "
                "the page Inputs, or delivery = stdout",
            )

    def as_on_the_page(self, text: str) -> str:
        """See `CheckedPageHandler.as_on_the_page`."""
        return as_on_the_page(text)

    def check(self, name: str, payload: Dict[str, Any], stored: Mapping[str, Any]) -> None:
        """See `CheckedPageHandler.check`."""
        self.tidy(payload)
        wants_test = self.wants_test(payload)
        with shown(as_on_the_page):
            with self.splunkd() as splunkd:
                stanza = secrets.with_secrets(splunkd, collectors.COLLECTORS, name, {**stored, **payload})
            settings = collectors.settings_of(name, stanza)
            if wants_test:
                _try(settings, str(stanza["token"]).strip())


def _try(settings: collectors.CollectorSettings, token: str) -> None:
    try:
        settings.check(token)
    except ConfigError as exc:
        text = f"{as_on_the_page(str(exc))}. Nothing was saved"
        if isinstance(exc, collectors.Untaken) and exc.passes:
            text += f". {WITHOUT_TEST}"
        raise RestError(400, text) from None
