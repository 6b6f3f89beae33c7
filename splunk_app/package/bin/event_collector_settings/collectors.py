"""How an input gets to an HTTP Event Collector: a stanza of ``aws_siem_bridge_hec.conf``, its token from the store."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Callable, Dict, Mapping

from splunk_host import APP
from splunk_host.secrets import SECRET_IS_ELSEWHERE, Stanzas, with_secrets
from splunk_host.splunkd import Splunkd

from es_bridge.errors import ConfigError
from splunk_bridge.hec import TIMEOUT_S, Hec, HecError
from splunk_bridge.hec_delivery import RESEND_AFTER_S

HEC_CONF = "aws_siem_bridge_hec"
COLLECTORS = Stanzas(HEC_CONF, called="event collector", entered="on the tab Event collectors of the app's page")
#: Encrypted fields: their value is in storage/passwords.
SECRET_KEYS = ("token",)
#: What is not acknowledged is sent again after so long, seconds.
LEAST_RESEND_S, MOST_RESEND_S = 10, 3600
#: Somebody waits before a page, and splunkd ends a check of an input after 30 seconds.
CHECK_TIMEOUT_S = 10.0
_TRUE, _FALSE = ("1", "true", "t", "yes", "on"), ("0", "false", "f", "no", "off")
#: https://help.splunk.com/en/splunk-enterprise/administer/manage-indexers-and-indexer-clusters: names of indexes.
_INDEX = re.compile(r"[a-z0-9_][a-z0-9_-]{0,2047}")


@dataclass(frozen=True)
class CollectorSettings:
    """One collector; where its token comes from is asked when it is used."""

    name: str
    url: str
    verify_tls: bool = True
    ca_file: str = ""
    #: Of events whose input names none; empty: the token says it.
    index: str = ""
    resend_after_s: float = RESEND_AFTER_S

    def hec(self, token: Callable[[], str], timeout_s: float = TIMEOUT_S) -> Hec:
        """Return the way to it. Raises `ConfigError`."""
        try:
            return Hec(self.url, token, ca_file=self.ca_file or None, verify_tls=self.verify_tls, timeout_s=timeout_s)
        except (OSError, ValueError) as exc:
            raise ConfigError(f"event collector {self.name!r}: {exc}") from exc

    def check(self, token: str) -> None:
        """Raise `ConfigError` for a collector that takes no events with acknowledgement; nothing is written by it."""
        found = self.hec(lambda: token, CHECK_TIMEOUT_S)
        try:
            found.check()
        except HecError as exc:
            raise Untaken(f"event collector {self.name!r}: {exc}", passes=exc.passes) from exc
        finally:
            found.close()


class Untaken(ConfigError):
    """A collector does not take what is sent to it; ``passes`` where it may only be away."""

    def __init__(self, text: str, passes: bool) -> None:
        super().__init__(text)
        self.passes = passes


def settings_of(name: str, stanza: Mapping[str, Any]) -> CollectorSettings:
    """Return what a stanza says. Raises `ConfigError`."""
    given = {key: str(value or "").strip() for key, value in stanza.items()}
    verifies = (given.get("verify_tls") or "true").lower()
    if verifies not in (*_TRUE, *_FALSE):
        raise ConfigError(f"event collector {name!r}: verify_tls: {verifies!r} is neither true nor false")
    index = given.get("index", "")
    if index and not _INDEX.fullmatch(index):
        raise ConfigError(
            f"event collector {name!r}: index: {index!r} is no name of an index; they are of small letters, digits, _ "
            "and -"
        )
    if not given.get("token"):
        raise ConfigError(f"event collector {name!r}: token: it is missing")
    found = CollectorSettings(
        name, given.get("url", ""), verifies in _TRUE, given.get("ca_file", ""), index,
        _resend_after_s(name, given.get("resend_after_s", "")),
    )  # fmt: skip
    found.hec(str).close()  # whether URL and file are such
    return found


def read(splunkd: Splunkd, name: str) -> CollectorSettings:
    """Return a collector by its name. Raises `ConfigError`, `SplunkdError`."""
    return settings_of(name, _stanza(splunkd, name))


def token_of(splunkd: Splunkd, name: str) -> str:
    """Return the token as it is now: it may have been renewed. Raises `ConfigError`, `SplunkdError`."""
    token = str(with_secrets(splunkd, COLLECTORS, name, _stanza(splunkd, name)).get("token") or "").strip()
    if not token:
        raise ConfigError(f"event collector {name!r}: token: it is missing")
    return token


def _stanza(splunkd: Splunkd, name: str) -> Dict[str, Any]:
    stanzas = splunkd.stanzas(APP, HEC_CONF)
    if name not in stanzas:
        known = ", ".join(sorted(stanzas)) or "none"
        raise ConfigError(
            f"hec: there is no event collector {name!r} in this app; there is {known}. Choose one of them, or add it "
            "on the tab Event collectors of the app's configuration page, on this instance"
        )
    stanza = dict(stanzas[name])
    if stanza.get("token") not in (None, "", SECRET_IS_ELSEWHERE):
        raise ConfigError(
            f"event collector {name!r}: token is in clear text in {HEC_CONF}.conf, where it is not read. Open the tab "
            "Event collectors of the app's configuration page once: it moves it into Splunk's store of passwords"
        )
    return stanza


def _resend_after_s(name: str, text: str) -> float:
    try:
        if LEAST_RESEND_S <= float(text or RESEND_AFTER_S) <= MOST_RESEND_S:
            return float(text or RESEND_AFTER_S)
    except ValueError:
        pass
    raise ConfigError(
        f"event collector {name!r}: resend_after_s: {text} is not from {LEAST_RESEND_S} to {MOST_RESEND_S}"
    )
