"""Events by way of an HTTP Event Collector that acknowledges them. Imported where an input is set to it."""

from __future__ import annotations

from typing import Any, Callable, Dict

from splunk_host import APP
from splunk_host.secrets import Stanzas, with_secrets
from splunk_host.splunkd import Splunkd

from aws_inputs.settings import InputSettings
from collectors.sinks.hec.sink import HecEvents
from es_bridge.backoff import Backoff
from es_bridge.errors import ConfigError
from splunk_bridge.hec import Hec, HecError
from splunk_bridge.hec_delivery import RESEND_AFTER_S, HecDelivery

HEC_CONF = "aws_siem_bridge_hec"
COLLECTORS = Stanzas(HEC_CONF, called="event collector", entered="as docs/findings.md says")
BACKOFF = Backoff(first_s=0.5, longest_s=60.0)
_RESEND_AFTER_BOUNDS_S = (10, 3600)


def collector_sink(
    settings: InputSettings,
    splunkd: Splunkd,
    sleep: Callable[[float], None],
    clock_ms: Callable[[], int],
    on_wait: Callable[[HecError], None],
) -> HecEvents:
    """Return the sink of an input with ``delivery = hec``. Raises `ConfigError`, `SplunkdError`."""
    stanza = _stanza(splunkd, settings["hec"])
    delivery = HecDelivery(
        collector(splunkd, settings["hec"], stanza),
        wait_s=BACKOFF.wait_s,
        sleep=sleep,
        clock=clock_ms,
        resend_after_s=_resend_after_s(settings["hec"], stanza),
        on_wait=on_wait,
    )
    delivery.begin()
    return HecEvents(delivery, settings.placing)


def check(splunkd: Splunkd, name: str) -> None:
    """Raise for a collector that takes no events with acknowledgement: `ConfigError`, `SplunkdError`."""
    stanza = _stanza(splunkd, name)
    _resend_after_s(name, stanza)
    found = collector(splunkd, name, stanza)
    try:
        found.check()
    except HecError as exc:
        raise ConfigError(f"event collector {name!r}: {exc}") from exc
    finally:
        found.close()


def collector(splunkd: Splunkd, name: str, stanza: Dict[str, Any]) -> Hec:
    """Return the collector of a stanza. Its token is read again when it was refused. Raises `ConfigError`."""

    def token() -> str:
        return str(with_secrets(splunkd, COLLECTORS, name, stanza).get("token") or "").strip()

    if not token():
        raise ConfigError(f"event collector {name!r}: token: it is missing")
    try:
        return Hec(str(stanza.get("url") or ""), token, ca_file=str(stanza.get("ca_file") or "") or None)
    except (OSError, ValueError) as exc:
        raise ConfigError(f"event collector {name!r}: {exc}") from exc


def _stanza(splunkd: Splunkd, name: str) -> Dict[str, Any]:
    stanzas = splunkd.stanzas(APP, HEC_CONF)
    if name not in stanzas:
        known = ", ".join(sorted(stanzas)) or "none"
        raise ConfigError(f"hec: there is no event collector {name!r} in this app; there is {known}")
    return dict(stanzas[name])


def _resend_after_s(name: str, stanza: Dict[str, Any]) -> float:
    text = str(stanza.get("resend_after_s") or RESEND_AFTER_S)
    least, most = _RESEND_AFTER_BOUNDS_S
    try:
        if least <= float(text) <= most:
            return float(text)
    except ValueError:
        pass
    raise ConfigError(f"event collector {name!r}: resend_after_s: {text} is not from {least} to {most}")
