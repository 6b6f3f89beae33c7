"""Status events to Splunk's HTTP Event Collector, whose token is in Secrets Manager.

Without acknowledgement, which Splunk Cloud has not for such a token: what HEC took may be lost with an indexer.

Needs ``secretsmanager:GetSecretValue`` on the secret, and ``kms:Decrypt`` where it has a key of its own.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Sequence

from aws_bridge.accounts.area import Area
from response.core.status import SOURCE, SOURCETYPE
from response.errors import BadSettings
from splunk_bridge.hec import Hec


class HecStatus:
    """One collector. Raises `BadSettings` for an address that is none."""

    def __init__(
        self, area: Area, url: str, secret: str, index: str = "", ca_file: str = "", timeout_s: float = 5.0
    ) -> None:
        """``secret`` is the secret's ARN or name; its text is the token, or JSON with it as ``token``."""
        self._area, self._secret, self._index = area, secret, index
        try:
            self._hec = Hec(url, self._token, ca_file=ca_file or None, timeout_s=timeout_s, connections=1)
        except (OSError, ValueError) as exc:
            raise BadSettings(f"status by HEC: {exc}") from exc

    def publish(self, statuses: Sequence[Mapping[str, Any]]) -> None:
        """Post events. Raises `splunk_bridge.hec.HecError`, `BadSettings`, `aws_bridge.errors.CallProblem`."""
        self._hec.post_events(b"\n".join(json.dumps(self._envelope(each)).encode() for each in statuses))

    def _envelope(self, status: Mapping[str, Any]) -> Dict[str, Any]:
        place: List[str] = [str(status[name]) for name in ("account", "region") if status.get(name)]
        index = {"index": self._index} if self._index else {}
        return {
            "time": status["time"], "host": status.get("account") or "aws", "sourcetype": SOURCETYPE,
            "source": ":".join([SOURCE, *(place or ["aws"])]), **index, "event": dict(status),
        }  # fmt: skip

    def _token(self) -> str:
        text = str(self._area.ask("secretsmanager", "GetSecretValue", SecretId=self._secret).get("SecretString") or "")
        if text.lstrip().startswith("{"):
            try:
                text = str(json.loads(text)["token"])
            except (ValueError, KeyError):
                text = ""
        if not text.strip():
            raise BadSettings(f'the secret {self._secret} has no token: its text is the token, or {{"token": "..."}}')
        return text.strip()
