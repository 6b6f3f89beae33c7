"""What people are told about an incident: facts in, one message for each kind of channel out. Pure.

Names, alerts and reasons may hold text that an attacker chose, such as a host's name or a tag. Every such text loses
characters that hide or turn text, and is escaped for its channel, so that it is read as it is: it formats nothing,
leads nowhere and calls nobody.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timezone, tzinfo
from typing import Any, Dict, List, Mapping, Sequence, Tuple
from urllib.parse import quote

from response.core.notice_texts import LANGUAGES, result_text, text
from response.errors import BadSettings

BEGAN, QUESTION, ENDED, MESSAGE, BROKEN = "began", "question", "ended", "message", "broken"
KINDS = (BEGAN, QUESTION, ENDED, MESSAGE, BROKEN)
#: Characters of one text, and of a whole message: Discord takes 2,000, Slack's sections 3,000.
MOST_TEXT, MOST_MESSAGE = 500, 1_900
#: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html: a subject has at most 100 characters of ASCII.
MOST_SUBJECT = 100
_CUT = " …"
_URL = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,20})://")
#: What formats or links in Discord's Markdown. https://docs.discord.com/developers/reference#message-formatting
_DISCORD = re.compile(r"([\\*_~`|>#\[\]()<@:-])")
_INSTANCE = re.compile(r"i-[0-9a-f]{8,17}", re.ASCII)
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d", re.ASCII)


@dataclass(frozen=True)
class Notice:
    """What happened to one incident."""

    kind: str
    incident: str
    account: str
    region: str
    target: str
    #: Of the account; empty where it is not known.
    account_name: str = ""
    action: str = ""
    alert: str = ""
    result: str = ""
    says: str = ""
    #: What was done, and what was not, each in a sentence.
    done: Tuple[str, ...] = ()
    failed: Tuple[str, ...] = ()
    #: What whoever set up the alert wants to be said.
    message: str = ""
    reason: str = ""
    approver: str = ""
    dry_run: bool = False
    #: Epoch seconds.
    time_s: float = 0.0
    #: (label, URL): made here of checked ids, never taken from an event.
    links: Tuple[Tuple[str, str], ...] = ()


def notice_of(event: Mapping[str, Any], now_s: float, account_name: str = "", splunk: str = "") -> Notice:
    """Return the notice of a step's event. ``splunk``: URL of Splunk's web, for a link to the alert's search."""
    kind = str(event.get("kind") or MESSAGE)
    given = {name: str(event.get(name) or "") for name in ("incident", "account", "region", "instance", "target")}
    results = [each for each in event.get("results") or () if isinstance(each, Mapping)]
    well = ("done", "already_done", "planned", "partial")
    sentences = [(str(each.get("result")), str(each.get("says") or "")) for each in results]
    done = [says for result, says in sentences if result in well]
    failed = [says for result, says in sentences if result not in well]
    result, says = str(event.get("result") or ""), str(event.get("says") or "")
    if says:
        (done if result in well else failed).append(says)
    if event.get("problems"):
        failed.append(str(event["problems"]))
    return Notice(
        kind=kind if kind in KINDS else MESSAGE,
        incident=given["incident"],
        account=given["account"],
        region=given["region"],
        target=given["instance"] or given["target"],
        account_name=account_name,
        action=str(event.get("action") or ""),
        alert=str(event.get("search") or event.get("alert") or ""),
        result=result,
        says=says,
        done=tuple(done),
        failed=tuple(failed),
        message=str(_options(event).get("message") or "") if kind == MESSAGE else "",
        reason=str(event.get("reason") or ""),
        approver=str(event.get("approver") or ""),
        dry_run=event.get("dry_run") is not False,
        time_s=now_s,
        links=_links(given["instance"], given["region"], str(event.get("sid") or ""), splunk),
    )


def _options(event: Mapping[str, Any]) -> Mapping[str, Any]:
    options = event.get("options")
    return options if isinstance(options, Mapping) else {}


def _links(instance: str, region: str, sid: str, splunk: str) -> Tuple[Tuple[str, str], ...]:
    found = []
    if _INSTANCE.fullmatch(instance) and _REGION.fullmatch(region):
        where = f"https://{region}.console.aws.amazon.com/ec2/home?region={region}"
        found.append(("EC2", f"{where}#InstanceDetails:instanceId={instance}"))
    if splunk and sid and not sid.startswith("guardduty:"):
        found.append(("Splunk", f"{splunk.rstrip('/')}/app/search/@go?sid={quote(sid, safe='')}"))
    return tuple(found)


def may_answer(channel: Mapping[str, Any], approver: str) -> bool:
    """Return whether a channel gets the link by which a question is answered.

    Its setting ``approves`` is true, or a list of approvers whom its readers answer for.
    """
    chosen = channel.get("approves")
    return chosen is True or (isinstance(chosen, list) and approver in chosen)


def clean(value: str, most: int = MOST_TEXT) -> str:
    """Return a text on one line, without what hides, turns or controls text, and of at most so many characters."""
    kept = []
    for each in value:
        category = unicodedata.category(each)
        # Cc control, Cf format (bidi marks, zero width), Cs surrogates, Co private use, Zl and Zp separators of lines
        if category in ("Cf", "Cs", "Co"):
            continue
        kept.append(" " if category in ("Cc", "Zl", "Zp") else each)
    flat = " ".join("".join(kept).split())
    return flat if len(flat) <= most else flat[: most - len(_CUT)] + _CUT


def unlinked(value: str) -> str:
    """Return a text in which no URL is one that a reader could click."""
    return _URL.sub(r"\1[:]//", value)


def for_discord(value: str) -> str:
    """Return a text that Discord shows as it is: no format, no link, nobody called."""
    return _DISCORD.sub(r"\\\1", unlinked(clean(value)))


def for_slack(value: str) -> str:
    """Return a text for Slack's mrkdwn: https://docs.slack.dev/messaging/formatting-message-text."""
    escaped = unlinked(clean(value)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # A character that is no mark of format, and looks the same; @ and # call nobody without a space of no width.
    marks = {"*": "∗", "_": "_\u2060", "~": "∼", "`": "ˋ", "@": "@\u2060", "#": "#\u2060"}
    return "".join(marks.get(each, each) for each in escaped)


def for_email(value: str) -> str:
    """Return a text for a plain e-mail."""
    return unlinked(clean(value))


def subject_of(notice: Notice) -> str:
    """Return the subject of an e-mail: ASCII, one line, in English."""
    line = _title(notice, "en", for_email)
    ascii_ = "".join(each if " " <= each <= "~" else "?" for each in line)
    return ascii_[:MOST_SUBJECT].strip() or "Incident"


def lines_of(notice: Notice, language: str, zone: tzinfo, escape: Any) -> List[str]:
    """Return the lines of a message without its title and links; every value is escaped."""
    account = f"{notice.account_name} ({notice.account})" if notice.account_name else notice.account
    lines = []
    if notice.dry_run:
        lines.append(text("dry_run", language))
    for key, value in (
        ("target", notice.target), ("account", account), ("region", notice.region), ("action", notice.action),
        ("alert", notice.alert), ("text", notice.message), ("reason", notice.reason), ("approver", notice.approver),
    ):  # fmt: skip
        if value:
            lines.append(f"{text(key, language)}: {escape(value)}")
    if notice.kind == QUESTION:
        answer = f"aws-siem-bridge respond approve {notice.incident}"
        lines.append(f"{text('answer', language)}: {escape(answer)}")
    for key, values in (("done", notice.done), ("failed", notice.failed)):
        lines += [f"{text(key, language)}: {escape(each)}" for each in values]
    lines.append(f"{text('time', language)}: {escape(when(notice.time_s, zone))}")
    return lines


def when(epoch_s: float, zone: tzinfo) -> str:
    """Return a time in UTC and in the chosen zone."""
    moment = datetime.fromtimestamp(epoch_s, timezone.utc)
    utc = moment.strftime("%Y-%m-%d %H:%M:%S UTC")
    if zone == timezone.utc:
        return utc
    local = moment.astimezone(zone)
    return f"{utc}, {local.strftime('%Y-%m-%d %H:%M:%S')} {local.tzname()}"


def discord(notice: Notice, language: str, zone: tzinfo) -> Dict[str, Any]:
    """Return the body of a Discord webhook. ``allowed_mentions`` empty: whatever the text says, nobody is called."""
    lines = [f"**{_title(notice, language, for_discord)}**", *lines_of(notice, language, zone, for_discord)]
    links = [f"[{label}](<{url}>)" for label, url in notice.links]
    return {"content": _within(lines, links), "allowed_mentions": {"parse": []}, "flags": 4}


def slack(notice: Notice, language: str, zone: tzinfo) -> Dict[str, Any]:
    """Return the body of `chat.postMessage` or of a webhook of Slack, without the channel."""
    title = _title(notice, language, for_slack)
    lines = [f"*{title}*", *lines_of(notice, language, zone, for_slack)]
    links = [f"<{url.replace('&', '&amp;')}|{label}>" for label, url in notice.links]
    body = {"type": "mrkdwn", "text": _within(lines, links), "verbatim": True}
    return {
        "text": title,
        "blocks": [{"type": "section", "text": body}],
        "link_names": False,
        "parse": "none",
        "unfurl_links": False,
        "unfurl_media": False,
    }


def email(notice: Notice, language: str, zone: tzinfo) -> str:
    """Return the text of an e-mail."""
    title = _title(notice, language, for_email)
    links = [f"{label}: {url}" for label, url in notice.links]
    return "\n".join([title, "", *lines_of(notice, language, zone, for_email), *links]) + "\n"


def webhook(notice: Notice, language: str, zone: tzinfo) -> Dict[str, Any]:
    """Return the body for a receiver of one's own: the facts as they are, but for characters that hide or control."""
    facts: Dict[str, Any] = {
        name: clean(value) if isinstance(value, str) else value
        for name, value in (
            ("kind", notice.kind), ("incident", notice.incident), ("account", notice.account),
            ("account_name", notice.account_name), ("region", notice.region), ("target", notice.target),
            ("action", notice.action), ("alert", notice.alert), ("result", notice.result), ("reason", notice.reason),
            ("approver", notice.approver), ("dry_run", notice.dry_run), ("time", notice.time_s),
        )
    }  # fmt: skip
    facts.update(done=[clean(each) for each in notice.done], failed=[clean(each) for each in notice.failed])
    facts["links"] = [{"label": label, "url": url} for label, url in notice.links]
    facts["text"] = email(notice, language, zone)
    return facts


def _title(notice: Notice, language: str, escape: Any) -> str:
    how = result_text(notice.result, language)
    return text(notice.kind, language, incident=escape(notice.incident), result=how)


def _within(lines: Sequence[str], links: Sequence[str]) -> str:
    """Return lines as one text that a channel takes; the links stay, and that something was cut is seen."""
    tail = "\n" + " · ".join(links) if links else ""
    kept: List[str] = []
    room = MOST_MESSAGE - len(tail) - len(_CUT) - 1
    for line in lines:
        if sum(map(len, kept)) + len(kept) + len(line) > room:
            kept.append(_CUT.strip())
            break
        kept.append(line)
    return "\n".join(kept) + tail


def settings_of(known: str) -> Dict[str, Any]:
    """Return the channels of a secret's JSON. Raises `BadSettings`, without a word of the secret."""
    try:
        found = json.loads(known)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("channels"), list):
        raise BadSettings('the secret of channels is no {"channels": [...]}: see docs/contain.md')
    language = found.get("language", "en")
    if language not in LANGUAGES:
        raise BadSettings(f"the language of notifications is none of {', '.join(LANGUAGES)}")
    return found
