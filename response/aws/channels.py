"""Sends a message to a channel: Discord, Slack, SNS, or a receiver of one's own. URLs and tokens are in no message.

A channel is ``{"kind", "name", ...}``: discord ``url``, ``forum``; slack ``url``, or ``token`` and ``channel``; sns
``topic``; webhook ``url``, ``header``, ``value``.
"""

from __future__ import annotations

import json
import time
from typing import Any, Callable, Dict, Mapping, Optional
from urllib.parse import quote, urlsplit

from aws_bridge.accounts.area import Area
from response.core import notices
from response.core.notices import Notice

KINDS = ("discord", "slack", "sns", "webhook")
TIMEOUT_S = 10.0
#: A receiver that asks for more patience than this is told of as one that failed.
MOST_WAIT_S, ATTEMPTS = 5.0, 3
SLACK_URL = "https://slack.com/api/chat.postMessage"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class ChannelProblem(Exception):
    """A message was not delivered. The text has no URL, no token and nothing that the receiver said but a status."""


class Channels:
    """Delivers notices. ``area``: where SNS is."""

    def __init__(
        self, area: Area, sleep: Callable[[float], Any] = time.sleep, ca_file: Optional[str] = None,
        slack_url: str = SLACK_URL,
    ) -> None:  # fmt: skip
        import urllib3

        self._area = area
        self._sleep = sleep
        self._slack_url = slack_url
        self._pool = urllib3.PoolManager(
            cert_reqs="CERT_REQUIRED", ca_certs=ca_file, timeout=TIMEOUT_S, retries=False
        )  # fmt: skip

    def deliver(self, channel: Mapping[str, Any], notice: Notice, language: str, zone: Any, thread: str) -> str:
        """Send a notice, into ``thread`` unless it is empty; return the thread it is in, or nothing.

        Raises `ChannelProblem`, and `aws_bridge.errors.CallProblem` of SNS.
        """
        kind = channel.get("kind")
        if kind == "discord":
            return self._discord(channel, notices.discord(notice, language, zone), notice, thread)
        if kind == "slack":
            return self._slack(channel, notices.slack(notice, language, zone), thread)
        if kind == "sns":
            topic = str(channel.get("topic") or "")
            subject, text = notices.subject_of(notice), notices.email(notice, language, zone)
            region = topic.split(":")[3] if topic.count(":") >= 5 else self._area.region
            self._area._replace(region=region).ask("sns", "Publish", TopicArn=topic, Subject=subject, Message=text)
            return ""
        if kind == "webhook":
            headers = {str(channel["header"]): str(channel.get("value") or "")} if channel.get("header") else {}
            self._post(str(channel.get("url") or ""), notices.webhook(notice, language, zone), headers)
            return ""
        raise ChannelProblem(f"its kind is none of {', '.join(KINDS)}")

    def _discord(self, channel: Mapping[str, Any], body: Dict[str, Any], notice: Notice, thread: str) -> str:
        url = str(channel.get("url") or "")
        join = "&" if "?" in url else "?"
        if thread:
            url += f"{join}wait=true&thread_id={quote(thread, safe='')}"
        else:
            url += f"{join}wait=true"
            if channel.get("forum"):
                # Only a forum's webhook can begin a thread: https://docs.discord.com/developers/resources/webhook
                body = {**body, "thread_name": notices.clean(notice.incident, 100)}
        answer = self._post(url, body, {})
        return str(answer.get("channel_id") or "") if channel.get("forum") else ""

    def _slack(self, channel: Mapping[str, Any], body: Dict[str, Any], thread: str) -> str:
        if not channel.get("token"):
            # An incoming webhook says no ts, so its messages stand alone.
            self._post(str(channel.get("url") or ""), body, {})
            return ""
        body = {**body, "channel": str(channel.get("channel") or ""), **({"thread_ts": thread} if thread else {})}
        answer = self._post(self._slack_url, body, {"Authorization": f"Bearer {channel['token']}"})
        if answer.get("ok") is not True:
            code = str(answer.get("error") or "")
            raise ChannelProblem(f"Slack refuses it: {code if code.replace('_', '').isalpha() else 'no reason'}")
        return thread or str(answer.get("ts") or "")

    def _post(self, url: str, body: Mapping[str, Any], headers: Dict[str, str]) -> Dict[str, Any]:
        """POST JSON; a receiver that asks for patience gets some. Return its JSON, or nothing."""
        import urllib3

        parts = urlsplit(url)
        if not parts.hostname or (parts.scheme != "https" and parts.hostname not in _LOOPBACK):
            raise ChannelProblem("its URL is not one of https")
        data = json.dumps(body).encode()
        waited = 0.0
        for attempt in range(ATTEMPTS):
            try:
                answer = self._pool.request(
                    "POST", url, body=data, headers={"Content-Type": "application/json", **headers}, redirect=False
                )
            except (urllib3.exceptions.HTTPError, ValueError, UnicodeError) as exc:
                # The text of these has the URL in it.
                raise ChannelProblem(f"it cannot be reached: {type(exc).__name__}") from None
            if answer.status == 429 and attempt < ATTEMPTS - 1:
                wait_s = _retry_after_s(answer.headers.get("Retry-After", ""))
                if waited + wait_s > MOST_WAIT_S:
                    raise ChannelProblem(f"it takes nothing for {wait_s:g} s more (HTTP 429)")
                waited += wait_s
                self._sleep(wait_s)
                continue
            if not 200 <= answer.status < 300:
                raise ChannelProblem(f"it answered HTTP {answer.status}")
            try:
                found = json.loads(answer.data)
            except ValueError:
                found = {}
            return found if isinstance(found, dict) else {}
        raise ChannelProblem("it takes nothing (HTTP 429)")


def _retry_after_s(text: str) -> float:
    """Return the seconds that a receiver asks for; a date, or nonsense, is one second."""
    try:
        seconds = float(text)
    except ValueError:
        return 1.0
    return seconds if 0 <= seconds < 1e6 else 1.0
