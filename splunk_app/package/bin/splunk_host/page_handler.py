"""What the REST handlers behind all configuration pages share.

UCC's generated scripts start a subclass for each request of a page. `splunktaucclib` and the module `splunk` it imports
exist only in the built app inside Splunk. What a page shows of an error is the text given here.
"""

from __future__ import annotations

import contextlib
import re
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence

from solnlib.utils import is_true
from splunktaucclib.rest_handler.admin_external import (
    AdminExternalHandler,
    build_conf_info,
    get_splunkd_endpoint,
)
from splunktaucclib.rest_handler.entity import RestEntity
from splunktaucclib.rest_handler.error import RestError

from es_bridge.errors import ConfigError
from splunk_host import APP
from splunk_host.page_texts import of_field
from splunk_host.splunkd import Splunkd, SplunkdError

#: A field of a form only. It is not stored: who edits something again wants the test again.
TEST_ON_SAVE = "test_on_save"
#: It becomes a stanza, a value in events and searches, and the name of a folder. No dot: solnlib deletes the secrets
#: of a stanza by a regular expression made of its name, so eu.prod would take those of eu-prod along.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
#: Line ends as Python's and a conf file's readers see them, and what no text field should hold.
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


class PageHandler(AdminExternalHandler):
    """Lists without secrets, and what a subclass needs to check what is saved."""

    #: What the page is told of a stanza that says nothing of it: the form shows a missing switch as off.
    understood: Mapping[str, str] = {}
    #: Conf key -> what the page calls it.
    labels: Mapping[str, str] = {}
    #: Keys whose text is taken as it is.
    secret_keys: Sequence[str] = ()

    @build_conf_info
    def handleList(self, confInfo: Any) -> List[Any]:  # noqa: N802 - the name Splunk calls
        """List stanzas. Never with their secrets, which UCC's own handler gives to whoever asks with ``--cred--``."""
        name = self.callerArgs.id
        found = list(self.handler.get(name) if name else self.handler.all(count=0))
        for entity in found:
            self.complete(entity.content)
        return found if name else [*found, *self.also_listed()]

    def also_listed(self) -> Sequence[RestEntity]:
        """Return what a list has that no stanza is of."""
        return ()

    def complete(self, content: Dict[str, Any]) -> None:
        """Add to a stanza what the page is to show of it."""
        content.update((key, value) for key, value in self.understood.items() if not content.get(key))

    def check_name(self, name: str) -> None:
        """Raise `RestError` for a name that nothing new can have."""
        if not _NAME.fullmatch(name) or name.lower() in ("default", "global"):
            raise RestError(
                400,
                f"Name {name!r} cannot be used: take 1 to 63 letters, digits, underscores and hyphens, beginning "
                "with a letter or digit, and not default",
            )

    def tidy(self, payload: Dict[str, Any]) -> None:
        """Strip what was typed, and refuse line ends: nobody should have to know what they do in a conf file."""
        for key, value in payload.items():
            if isinstance(value, str) and key not in self.secret_keys:
                payload[key] = value = value.strip()
                if _CONTROL.search(value):
                    raise RestError(
                        400,
                        f"{self.labels.get(key, key)} holds a line end or another control character. Was too much "
                        "copied?",
                    )

    def wants_test(self, payload: Dict[str, Any]) -> bool:
        """Return whether the connection is to be tried, and take that out of what is stored."""
        return bool(is_true(payload.pop(TEST_ON_SAVE, "1")))

    def handleCreate(self, confInfo: Any) -> None:  # noqa: N802
        """Store what is new, and show it as in a list."""
        with self._fields_in_words():
            super().handleCreate(confInfo)
        self.complete(confInfo[self.callerArgs.id])

    def handleEdit(self, confInfo: Any) -> None:  # noqa: N802
        """Store what was changed, and show it as in a list."""
        with self._fields_in_words():
            super().handleEdit(confInfo)
        self.complete(confInfo[self.callerArgs.id])

    @contextlib.contextmanager
    def _fields_in_words(self) -> Iterator[None]:
        """Name the field that UCC refuses, in the form's words: UCC shows a regular expression, or less."""
        try:
            yield
        except RestError as exc:
            for field in self.endpoint.model(self.callerArgs.id).fields:
                value = self.payload.get(field.name)
                if not value or field.validator is None or field.validator.validate(value, self.payload):
                    continue
                if str(exc.message) == str(field.validator.msg):
                    raise RestError(exc.status, of_field(self._page_name(), field.name, str(exc.message))) from None
            raise

    def _page_name(self) -> str:
        return str(self._get_name()).partition(f"{APP}_")[2] or str(self._get_name())

    def splunkd(self) -> Splunkd:
        """Return splunkd, for whoever uses the page."""
        return Splunkd(get_splunkd_endpoint(), self.getSessionKey())


class CheckedPageHandler(PageHandler):
    """A page whose stanzas are checked, each as a whole, before they are stored."""

    #: The conf file that the stanzas are in, without ``.conf``.
    conf_file = ""

    def as_on_the_page(self, text: str) -> str:
        """Return an error's text in the words of the page."""
        return text

    def check(self, name: str, payload: Dict[str, Any], stored: Mapping[str, Any]) -> None:
        """Check what is to be stored beside what is ``stored`` already. Raises `RestError` with what the page shows."""
        raise NotImplementedError

    def create_hook(self, session_key: str, config_name: str, stanza_id: str, payload: Dict[str, Any]) -> None:
        """Check what is new. Raises `RestError`."""
        self.check_name(stanza_id)
        self.check(stanza_id, payload, {})

    def edit_hook(self, session_key: str, config_name: str, stanza_id: str, payload: Dict[str, Any]) -> None:
        """Check what was changed; what the page does not send stays as it is. Raises `RestError`."""
        self.check(stanza_id, payload, self.stored(stanza_id))

    def stored(self, name: str) -> Mapping[str, Any]:
        """Return a stanza as it is. Raises `RestError`."""
        with shown(self.as_on_the_page), self.splunkd() as splunkd:
            found: Mapping[str, Any] = splunkd.stanzas(APP, self.conf_file).get(name, {})
            return found


def inputs_with(splunkd: Splunkd, **wanted: str) -> List[str]:
    """Return the stanzas of this app's inputs with these settings, whatever app they are in. Raises `SplunkdError`."""
    kinds = tuple(f"{kind}://" for kind in splunkd.stanzas(APP, "inputs") if "://" not in kind)
    entries = splunkd.entries("servicesNS", "-", "-", "configs", "conf-inputs")
    return sorted(
        str(entry["name"])
        for entry in entries
        if str(entry["name"]).startswith(kinds)
        and all(str(entry["content"].get(key) or "").strip() == value for key, value in wanted.items())
    )


@contextlib.contextmanager
def shown(as_on_the_page: Callable[[str], str] = str) -> Iterator[None]:
    """Make errors of this app such as the page shows."""
    try:
        yield
    except SplunkdError as exc:
        raise RestError(500, str(exc)) from None
    except ConfigError as exc:
        raise RestError(400, as_on_the_page(str(exc))) from None
