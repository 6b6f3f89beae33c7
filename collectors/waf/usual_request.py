r"""``httpRequest`` as AWS usually writes it, read by a pattern out of the record's text: nothing is decoded.

AWS writes its members in one order, as text. Such a text is JSON, repeats no key and fits the index template: the
pattern has shown all that, so what it found goes into the common fields as it stands there. Of escapes only those are
taken that JSON has no other way to write: ``\"`` and ``\\``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Match, Optional, Pattern, Tuple

from collectors.waf.authority import forwarded_address, without_port
from collectors.waf.request import Asked

#: Of a JSON string: without escapes, and with the two.
_PLAIN = r'[^"\\\x00-\x1f]*'
_ESCAPED = rf'{_PLAIN}(?:\\["\\]{_PLAIN})*'
#: The headers that are wanted. No letter beyond ASCII is a capital of these.
_HEADERS = ("host", "user-agent", "referer", "x-forwarded-for", "forwarded")
#: Their first letters: most headers are passed over by this look.
_FIRST_LETTERS = "[" + "".join(name[0] + name[0].upper() for name in _HEADERS) + "]"
_FIRST_HEADER = 3
_NAMED = frozenset(("clientIp", "country", "headers", "uri", "args", "httpVersion", "httpMethod", "requestId"))
_members = re.compile(rf',"(\w+)":"({_ESCAPED})"', re.ASCII).findall
_forwarded = re.compile(rf'"name":"({"|".join(_HEADERS[-2:])})","value":"({_ESCAPED})"', re.ASCII | re.I).findall
#: A text of more characters is not remembered.
_LONGEST_MORE = 256


def _pattern(text: str) -> Pattern[str]:
    # There is one way only to read each header: a pattern with two would try both for every header that an outsider
    # repeats. Of a header that was there already nothing is kept: the first one counts.
    wanted = "|".join(
        rf'(?i:{name})","value":"(?:(?({group}){text}|({text})))' for group, name in enumerate(_HEADERS, _FIRST_HEADER)
    )
    other = rf'{text}","value":"{text}'
    header = (
        rf'\{{"name":"(?:(?!{_FIRST_LETTERS}){other}|{wanted}|(?!(?i:{"|".join(_HEADERS)})"){other})"\}}'
        r"(?:,(?=\{)|(?=\]))"
    )
    return re.compile(
        rf'"clientIp":"({_PLAIN})","country":"({_PLAIN})","headers":\[(?:{header})*\]'
        rf',"uri":"({text})","args":"({text})","httpVersion":"({_PLAIN})","httpMethod":"({_PLAIN})"'
        rf',"requestId":"({text})"((?:,"\w+":"{text}")*)\}}',
        re.ASCII,
    )


_plain_request, _escaped_request = _pattern(_PLAIN).match, _pattern(_ESCAPED).match


def usual_request(text: str) -> Optional[Tuple[Asked, int]]:
    """Return what is asked for, and where the request ends in ``text``, which begins behind ``"httpRequest":{``.

    None for a request that needs a closer look.
    """
    found: Optional[Match[str]] = (_escaped_request if "\\" in text else _plain_request)(text)
    if found is None:
        return None
    address, country, host, agent, referrer, *forwarded, path, query, version, method, request_id, more = found.groups()
    named = (_more if len(more) <= _LONGEST_MORE else _more.__wrapped__)(more)
    if named is None:
        return None
    domain = without_port(named if host is None else host)
    forwarded_for, standard = forwarded
    client = forwarded_address(_unescaped(forwarded_for), "") if forwarded_for else ""
    if not client and (standard is not None or forwarded_for is not None):
        # Of a repeated header the first one was read, and the others may have what it has not.
        values = [(name.lower(), _unescaped(value)) for name, value in _forwarded(text, 0, found.end())]
        client = forwarded_address(
            *(",".join(value for name, value in values if name == wanted) for wanted in _HEADERS[-2:])
        )
    request = (
        address,
        country,
        method,
        version,
        f'"{path}"' if path else "",
        f'"{query}"' if query else "",
        f'"{domain}"' if domain else "",
        f'"{referrer}"' if referrer else "",
        f'"{agent}"' if agent else "",
        f'"{request_id}"' if request_id else "",
        client,
    )
    return tuple.__new__(Asked, request), found.end()


def _unescaped(text: Optional[str]) -> str:
    return text.replace('\\"', '"').replace("\\\\", "\\") if text and "\\" in text else text or ""


@lru_cache(maxsize=1024)
def _more(text: str) -> Optional[str]:
    """Return the host that AWS names among the last members of a request, empty if none; None if one is repeated."""
    members = _members(text)
    found = dict(members)
    return found.get("host", "") if len(found) == len(members) and _NAMED.isdisjoint(found) else None
