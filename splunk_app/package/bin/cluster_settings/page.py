"""The REST handlers behind the configuration pages: what UCC's own cannot check is checked here, before it is stored.

UCC's generated scripts (``aws_siem_bridge_rh_cluster.py`` and ``..._access.py``) start one of these classes for each
request of the Cluster and the Access page. `splunktaucclib` and the module `splunk` it imports exist only in the built
app inside Splunk.

What a page shows of an error is the text given here.
"""

from __future__ import annotations

import contextlib
import re
from typing import Any, Dict, Iterator, List, Mapping

from splunk_host import APP, secrets
from splunk_host.splunkd import Splunkd, SplunkdError
from splunktaucclib.rest_handler.admin_external import (
    AdminExternalHandler,
    build_conf_info,
    get_splunkd_endpoint,
)
from splunktaucclib.rest_handler.error import RestError

from cluster_settings import access, conf
from cluster_settings.connection_check import try_cluster
from cluster_settings.labels import LABELS, as_on_the_page
from es_bridge.config import ClusterConfig
from es_bridge.errors import BridgeError, ConfigError, Overloaded, TlsError, UnreachableError

#: A field of the form only. It is not stored: who edits a cluster again wants the test again.
TEST_ON_SAVE = "test_on_save"
WITHOUT_TEST = "To save settings of a cluster that cannot be reached now, switch off Test the connection on save"
#: It becomes a stanza, a value of ``cluster=`` and of ``source``, and the name of a folder. No dot: solnlib deletes the
#: secrets of a stanza by a regular expression made of its name, so eu.prod would take those of eu-prod along.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
#: Line ends as Python's and a conf file's readers see them, and what no text field should hold.
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


class _Handler(AdminExternalHandler):
    """What both pages share."""

    #: What the page is told of a stanza that says nothing of it: the form shows a missing switch as off.
    understood: Dict[str, str] = {}

    @build_conf_info
    def handleList(self, confInfo: Any) -> List[Any]:  # noqa: N802 - the name Splunk calls
        """List stanzas. Never with their secrets, which UCC's own handler gives to whoever asks with ``--cred--``."""
        name = self.callerArgs.id
        found = list(self.handler.get(name) if name else self.handler.all(count=0))
        for entity in found:
            self._complete(entity.content)
        return found

    @staticmethod
    def _tidy(payload: Dict[str, Any]) -> None:
        """Strip what was typed, and refuse line ends: nobody should have to know what they do in a conf file."""
        for key, value in payload.items():
            if isinstance(value, str) and key not in conf.SECRET_KEYS:
                payload[key] = value = value.strip()
                if _CONTROL.search(value):
                    raise RestError(
                        400,
                        f"{LABELS.get(key, key)} holds a line end or another control character. Was too much copied?",
                    )

    def _complete(self, content: Dict[str, Any]) -> None:
        content.update((key, value) for key, value in self.understood.items() if not content.get(key))

    def _splunkd(self) -> Splunkd:
        return Splunkd(get_splunkd_endpoint(), self.getSessionKey())


class ClusterHandler(_Handler):
    """The Clusters page: all fields together must make sense, and the cluster must answer."""

    understood = {
        TEST_ON_SAVE: "1",
        "engine": "auto",
        "auth": conf.NO_SIGN_IN,
        "verify_tls": "1",
        "leading_wildcards": "1",
    }

    def create_hook(self, session_key: str, config_name: str, stanza_id: str, payload: Dict[str, Any]) -> None:
        """Check a new cluster. Raises `RestError` with what the page shows."""
        if not _NAME.fullmatch(stanza_id) or stanza_id.lower() in ("default", "global"):
            raise RestError(
                400,
                f"Name {stanza_id!r} cannot be used: take 1 to 63 letters, digits, underscores and hyphens, beginning "
                "with a letter or digit, and not default",
            )
        self._check(stanza_id, payload, {})

    def edit_hook(self, session_key: str, config_name: str, stanza_id: str, payload: Dict[str, Any]) -> None:
        """Check a changed cluster; what the page does not send stays as it is. Raises `RestError`."""
        with _shown(), self._splunkd() as splunkd:
            stored = splunkd.stanzas(APP, conf.CLUSTER_CONF).get(stanza_id, {})
        self._check(stanza_id, payload, stored)

    def delete_hook(self, session_key: str, config_name: str, stanza_id: str) -> None:
        """Refuse to delete a cluster that access rules name: the next one of that name would inherit them."""
        with _shown(), self._splunkd() as splunkd:
            rules = splunkd.stanzas(APP, conf.ACCESS_CONF)
        naming = sorted(name for name, rule in rules.items() if str(rule.get("cluster") or "").strip() == stanza_id)
        if naming:
            raise RestError(
                409,
                f"cluster {stanza_id!r} is named by access rules: {', '.join(naming)}. Delete them first on the Access "
                "page, because a new cluster of this name would inherit them",
            )

    def handleCreate(self, confInfo: Any) -> None:  # noqa: N802
        """Store a new cluster; as the only default when it is to be one."""
        super().handleCreate(confInfo)
        self._complete(confInfo[self.callerArgs.id])
        self._be_the_only_default()

    def handleEdit(self, confInfo: Any) -> None:  # noqa: N802
        """Store a changed cluster; as the only default when it is to be one."""
        super().handleEdit(confInfo)
        self._complete(confInfo[self.callerArgs.id])
        self._be_the_only_default()

    def _check(self, name: str, payload: Dict[str, Any], stored: Mapping[str, Any]) -> None:
        self._tidy(payload)
        wants_test = conf.switch(payload.pop(TEST_ON_SAVE, "1"))
        together = {key: value for key, value in {**stored, **payload}.items() if key in conf.CLUSTER_KEYS}
        with _shown():
            with self._splunkd() as splunkd:
                stanza = secrets.with_secrets(splunkd, conf.CLUSTERS, name, together)
            config = conf.cluster_config(name, stanza)
            conf.ceilings(name, stanza)
            conf.question_ceilings(name, stanza)
        if config.warning and not conf.switch(together.get(conf.ALLOW_PLAIN_HTTP)):
            raise RestError(
                400,
                f"{config.warning}. Nothing was saved. To save it all the same, switch on Allow credentials over plain "
                "HTTP, below TLS",
            )
        if wants_test:
            _try(config)

    def _be_the_only_default(self) -> None:
        """Take the mark from the cluster that had it: two of them would leave searches without a default."""
        if not conf.switch(self.payload.get("is_default")):
            return
        try:
            with self._splunkd() as splunkd:
                for name, stanza in splunkd.stanzas(APP, conf.CLUSTER_CONF).items():
                    if name != self.callerArgs.id and conf.switch(stanza.get("is_default")):
                        _no_default(splunkd, name)
        except SplunkdError as exc:
            raise RestError(
                500, f"the cluster is stored, but another one is still marked as default, too: {exc}"
            ) from None


class AccessHandler(_Handler):
    """The Access page: a rule must be one that can be enforced, on a cluster that there is."""

    def create_hook(self, session_key: str, config_name: str, stanza_id: str, payload: Dict[str, Any]) -> None:
        """Check a new rule. Raises `RestError` with what the page shows."""
        self._check(stanza_id, payload, {})

    def edit_hook(self, session_key: str, config_name: str, stanza_id: str, payload: Dict[str, Any]) -> None:
        """Check a changed rule. Raises `RestError`."""
        with _shown(), self._splunkd() as splunkd:
            stored = splunkd.stanzas(APP, conf.ACCESS_CONF).get(stanza_id, {})
        self._check(stanza_id, payload, stored)

    def _check(self, name: str, payload: Dict[str, Any], stored: Mapping[str, Any]) -> None:
        self._tidy(payload)
        with _shown(), self._splunkd() as splunkd:
            rule = access.rule(name, {**stored, **payload})
            clusters = sorted(splunkd.stanzas(APP, conf.CLUSTER_CONF))
        if rule.cluster not in (access.EVERY_CLUSTER, *clusters):
            there = (
                f"Choose * or one of {', '.join(clusters)}" if clusters else "Add it on the Clusters page, or choose *"
            )
            raise RestError(400, f"access rule {name!r}: cluster {rule.cluster!r} is not configured. {there}")


@contextlib.contextmanager
def _shown() -> Iterator[None]:
    """Make errors of this app such as the page shows."""
    try:
        yield
    except SplunkdError as exc:
        raise RestError(500, str(exc)) from None
    except ConfigError as exc:
        raise RestError(400, as_on_the_page(str(exc))) from None


def _try(config: ClusterConfig) -> None:
    try:
        try_cluster(config)
    except BridgeError as exc:
        text = f"{as_on_the_page(str(exc))}. Nothing was saved"
        # Where the cluster has answered, it is the settings that are wrong: saving them untried would not help.
        if isinstance(exc, (UnreachableError, Overloaded)) and not isinstance(exc, TlsError):
            text += f". {WITHOUT_TEST}"
        raise RestError(400, text) from None


def _no_default(splunkd: Splunkd, name: str) -> None:
    path = ("servicesNS", "nobody", APP, "configs", f"conf-{conf.CLUSTER_CONF}", name)
    status, _ = splunkd.post(*path, form={"is_default": "0"})
    if status >= 400:
        raise SplunkdError(f"splunkd answered {status} when cluster {name!r} was to be the default no more", status)
