"""The page by which a person answers a question: facts in, HTML out. Pure.

Whatever an attacker chose, such as a host's name or a tag, is text on it: escaped, on one line, without what hides or
turns text. The page loads nothing, runs nothing, and is shown in no frame.
"""

from __future__ import annotations

import base64
import hashlib
import html
from typing import Dict, List, NamedTuple, Sequence, Tuple

from response.core import notice_texts
from response.core.approval_texts import TEXTS, text
from response.core.asking import Asking
from response.core.notice_texts import LANGUAGES
from response.core.notices import clean

#: Characters of what a person says.
MOST_NAME, MOST_WHY = 80, 300
APPROVE, REJECT = "approve", "reject"
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem;color:#16191f;"
    "background:#fff;overflow-wrap:anywhere}h1{font-size:1.4rem}dt{font-weight:600;margin-top:.6rem}dd{margin:0}"
    "label{display:block;margin-top:1rem;font-weight:600}input{font:inherit;width:100%;padding:.4rem;"
    "box-sizing:border-box}button{font:inherit;margin:1.2rem .8rem 0 0;padding:.5rem 1.4rem}small{color:#545b64}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
#: https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html
HEADERS: Dict[str, str] = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Strict-Transport-Security": "max-age=31536000",
}


class Page(NamedTuple):
    """An answer of HTTP. ``more``: headers beside `HEADERS`."""

    status: int
    body: str
    more: Tuple[Tuple[str, str], ...] = ()


def asks(asking: Asking, *, nameless: bool = False) -> Page:
    """Return the page with what is asked, and a form. ``nameless``: an answer came without a name."""
    language = asking.language
    account = f"{asking.account_name} ({asking.account})" if asking.account_name else asking.account
    facts = [
        (notice_texts.text(key, language), _shown(value)) for key, value in (
            ("target", asking.target), ("account", account), ("region", asking.region), ("action", asking.action),
            ("alert", asking.alert), ("reason", asking.reason), ("approver", asking.approver)) if value
    ]  # fmt: skip
    facts += [
        (text("yes", language), _on_yes(asking)),
        (text("no", language), text("no.hard" if asking.when == "before_hard" else "no.first", language)),
        (text("silence", language, until=_shown(asking.until)), _on_silence(asking)),
    ]
    lines = ["<dl>", *(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts), "</dl>"]
    if asking.dry_run:
        lines.insert(0, f"<p><strong>{notice_texts.text('dry_run', language)}</strong></p>")
    if nameless:
        lines.append(f'<p role="alert"><strong>{text("nameless", language)}</strong></p>')
    lines += [
        '<form method="post" autocomplete="off">',
        # The first button is what Enter in a field presses: a slip must decide nothing.
        "<button disabled hidden></button>",
        f'<label>{text("name", language)}<input name="name" required maxlength="{MOST_NAME}"></label>',
        f'<label>{text("why", language)}<input name="why" maxlength="{MOST_WHY}"></label>',
        f'<button name="answer" value="{APPROVE}">{text("approve", language)}</button>',
        f'<button name="answer" value="{REJECT}">{text("reject", language)}</button>',
        "</form>",
        f"<p><small>{text('once', language)}</small></p>",
    ]
    title = notice_texts.text("question", language, incident=_shown(asking.incident))
    return Page(400 if nameless else 200, _html(title, lines, language))


def answered(asking: Asking, answer: str) -> Page:
    """Return the page that says that an answer counts. ``answer``: agreed or rejected."""
    return _told(200, "answered", asking, answer)


def decided(asking: Asking, answer: str, by: str) -> Page:
    """Return the page that says how somebody decided, by a link or at the command line."""
    return _told(410, "decided", asking, answer, by)


def ended(asking: Asking) -> Page:
    """Return the page of a link whose time is over, or whose question was asked again."""
    return _told(410, "ended", asking)


def early(asking: Asking) -> Page:
    """Return the page of a link that was told before its question was kept."""
    return _told(503, "early", asking)._replace(more=(("Retry-After", "5"),))


def unsure(asking: Asking) -> Page:
    """Return the page for when AWS does not say whether an answer arrived."""
    return _told(503, "unsure", asking)


def unknown() -> Page:
    """Return the page of a link that is none of ours, in every language."""
    return _in_all(404, "unknown")


def refused(status: int, *more: Tuple[str, str]) -> Page:
    """Return the page for a request that no browser of a person sends."""
    return _in_all(status, "refused")._replace(more=more)


def unwell() -> Page:
    """Return the page for when AWS does not answer."""
    return _in_all(503, "unsure")


def _told(status: int, key: str, asking: Asking, answer: str = "", by: str = "") -> Page:
    language = asking.language
    said = text(answer, language) if answer else ""
    line = text(f"{key}.text", language, incident=_shown(asking.incident), by=_shown(by))
    return Page(status, _html(text(key, language, answer=said), [f"<p>{line}</p>"], language))


def _in_all(status: int, key: str) -> Page:
    lines = [f'<p lang="{each}">{text(f"{key}.text", each)}</p>' for each in LANGUAGES]
    return Page(status, _html(" / ".join(text(key, each) for each in LANGUAGES), lines, LANGUAGES[0]))


def _on_yes(asking: Asking) -> str:
    if asking.when == "before_hard":
        return text("yes.hard", asking.language)
    key = f"yes.{asking.action}"
    return text(key if key in TEXTS else "yes.other", asking.language, action=_shown(asking.action))


def _on_silence(asking: Asking) -> str:
    if asking.has_following:
        following = _shown(asking.following) or text("somebody", asking.language)
        return text("silence.next", asking.language, following=following)
    return text("silence.go_on" if asking.goes_on else "silence.leave", asking.language)


def _shown(value: str) -> str:
    return html.escape(clean(value))


def _html(title: str, lines: Sequence[str], language: str) -> str:
    head: List[str] = [
        "<!doctype html>",
        f'<html lang="{language}"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title><style>{_STYLE}</style></head>",
        f"<body><main><h1>{title}</h1>",
    ]
    return "\n".join([*head, *lines, "</main></body></html>", ""])
