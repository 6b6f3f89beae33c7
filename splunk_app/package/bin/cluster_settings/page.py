"""The REST handlers behind the configuration pages: what UCC's own cannot check is checked here, before it is stored.

UCC's generated scripts (``aws_siem_bridge_rh_cluster.py`` and ``..._access.py``) start one of these classes for each
request of the Cluster and the Access page. `splunktaucclib` and the module `splunk` it imports exist only in the built
app inside Splunk.

What a page shows of an error is the text given here.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping

from splunk_host import APP, secrets
from splunk_host.page_handler import TEST_ON_SAVE, CheckedPageHandler, shown
from splunk_host.splunkd import Splunkd, SplunkdError
from splunktaucclib.rest_handler.error import RestError

from cluster_settings import access, conf
from cluster_settings.connection_check import try_cluster
from cluster_settings.labels import LABELS, as_on_the_page
from es_bridge.config import ClusterConfig
from es_bridge.errors import BridgeError, Overloaded, TlsError, UnreachableError

WITHOUT_TEST = "To save settings of a cluster that cannot be reached now, switch off Test the connection on save"


class _Handler(CheckedPageHandler):
    """What both pages share."""

    labels = LABELS
    secret_keys = conf.SECRET_KEYS

    def as_on_the_page(self, text: str) -> str:
        """See `CheckedPageHandler.as_on_the_page`."""
        return as_on_the_page(text)


class ClusterHandler(_Handler):
    """The Clusters page: all fields together must make sense, and the cluster must answer."""

    conf_file = conf.CLUSTER_CONF
    understood = {
        TEST_ON_SAVE: "1",
        "engine": "auto",
        "auth": conf.NO_SIGN_IN,
        "verify_tls": "1",
        "leading_wildcards": "1",
    }

    def delete_hook(self, session_key: str, config_name: str, stanza_id: str) -> None:
        """Refuse to delete a cluster that access rules name: the next one of that name would inherit them."""
        with shown(as_on_the_page), self.splunkd() as splunkd:
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
        self._be_the_only_default()

    def handleEdit(self, confInfo: Any) -> None:  # noqa: N802
        """Store a changed cluster; as the only default when it is to be one."""
        super().handleEdit(confInfo)
        self._be_the_only_default()

    def check(self, name: str, payload: Dict[str, Any], stored: Mapping[str, Any]) -> None:
        """See `CheckedPageHandler.check`."""
        self.tidy(payload)
        wants_test = self.wants_test(payload)
        together = {key: value for key, value in {**stored, **payload}.items() if key in conf.CLUSTER_KEYS}
        with shown(as_on_the_page):
            with self.splunkd() as splunkd:
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
            with self.splunkd() as splunkd:
                for name, stanza in splunkd.stanzas(APP, conf.CLUSTER_CONF).items():
                    if name != self.callerArgs.id and conf.switch(stanza.get("is_default")):
                        _no_default(splunkd, name)
        except SplunkdError as exc:
            raise RestError(
                500, f"the cluster is stored, but another one is still marked as default, too: {exc}"
            ) from None


class AccessHandler(_Handler):
    """The Access page: a rule must be one that can be enforced, on a cluster that there is."""

    conf_file = conf.ACCESS_CONF

    def create_hook(self, session_key: str, config_name: str, stanza_id: str, payload: Dict[str, Any]) -> None:
        """Check a new rule, whose name may be anything. Raises `RestError` with what the page shows."""
        self.check(stanza_id, payload, {})

    def check(self, name: str, payload: Dict[str, Any], stored: Mapping[str, Any]) -> None:
        """See `CheckedPageHandler.check`."""
        self.tidy(payload)
        with shown(as_on_the_page), self.splunkd() as splunkd:
            rule = access.rule(name, {**stored, **payload})
            clusters = sorted(splunkd.stanzas(APP, conf.CLUSTER_CONF))
        if rule.cluster not in (access.EVERY_CLUSTER, *clusters):
            there = (
                f"Choose * or one of {', '.join(clusters)}" if clusters else "Add it on the Clusters page, or choose *"
            )
            raise RestError(400, f"access rule {name!r}: cluster {rule.cluster!r} is not configured. {there}")


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
