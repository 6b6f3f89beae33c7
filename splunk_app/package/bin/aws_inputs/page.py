"""The REST handler behind the page Inputs, one for every kind.

splunkd itself stores an input, by ``data/inputs/<kind>``, and starts the kind's script with ``--validate-arguments``
before: what is wrong is said there, for inputs that are saved without the page too. Here is what the page needs beside.
"""

from __future__ import annotations

import contextlib
import re
from typing import Any, Dict, Iterator, Mapping

from splunk_host.labels import replacing
from splunk_host.page_handler import PageHandler
from splunktaucclib.rest_handler.error import RestError

from aws_inputs.kinds import KINDS, Kind

#: What splunkd puts before the message of a script, or of itself.
_BEFORE = re.compile(
    r"\s*(?:(?:Encountered the following error while trying to \w+:|In handler '[^']*':"
    r"|Argument validation for scheme\s*=\s*[^:\s]+:)\s*)+"
)
#: splunkd ends a check after 30 seconds.
_KILLED = "script running failed"
#: What splunkd gives where a stanza says nothing: not what anybody chose.
_NOTHING = {"host": "$decideOnStartup"}


class InputHandler(PageHandler):
    """The page Inputs, for one kind."""

    @property
    def kind(self) -> Kind:
        """The kind whose endpoint this is."""
        return KINDS[self.endpoint.input_type]

    @property
    def labels(self) -> Mapping[str, str]:  # type: ignore[override]
        """See `PageHandler.labels`."""
        return {setting.name: setting.label for setting in self.kind.settings}

    def complete(self, content: Dict[str, Any]) -> None:
        """Show what holds: a default where the stanza says nothing."""
        for key, nothing in _NOTHING.items():
            if content.get(key) == nothing:
                content[key] = ""
        for setting in self.kind.settings:
            if content.get(setting.name) in (None, ""):
                content[setting.name] = setting.default
        content["account"] = content["account"] or "default"

    def create_hook(self, session_key: str, config_name: str, stanza_id: str, payload: Dict[str, Any]) -> None:
        """Check the name of a new input. Raises `RestError` with what the page shows."""
        self.check_name(stanza_id)
        self._prepare(payload)

    def edit_hook(self, session_key: str, config_name: str, stanza_id: str, payload: Dict[str, Any]) -> None:
        """See `create_hook`."""
        self._prepare(payload)

    def handleCreate(self, confInfo: Any) -> None:  # noqa: N802 - the name Splunk calls
        """Store a new input."""
        with self._in_words_of_the_page():
            super().handleCreate(confInfo)

    def handleEdit(self, confInfo: Any) -> None:  # noqa: N802
        """Store a changed input, or switch one on or off."""
        with self._in_words_of_the_page():
            super().handleEdit(confInfo)

    def _prepare(self, payload: Dict[str, Any]) -> None:
        """Tidy what was typed; an emptied field goes back to its default."""
        self.tidy(payload)
        for setting in self.kind.settings:
            if payload.get(setting.name) == "" and setting.default:
                payload[setting.name] = setting.default
        if payload.get("index") == "":
            payload["index"] = "default"

    @contextlib.contextmanager
    def _in_words_of_the_page(self) -> Iterator[None]:
        try:
            yield
        except RestError as exc:
            text = str(exc.message)
            before = _BEFORE.match(text)
            text = text[before.end() :].strip() if before else text
            if _KILLED in text:
                text = (
                    f"splunkd ended the check of this input ({text}). AWS did not answer in time: look at the "
                    "account's proxy and private endpoints, and try again"
                )
            as_on_the_page = replacing({f"{name}:": f"{label}:" for name, label in self.labels.items()})
            raise RestError(exc.status, as_on_the_page(text)) from None
