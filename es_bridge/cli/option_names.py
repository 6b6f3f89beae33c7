"""Messages of the packages name a setting as code and Splunk do; here it gets the name that this command line has."""

from __future__ import annotations

import re
from typing import Mapping

#: Settings of a cluster and of a search -> what they are called here.
OPTIONS: Mapping[str, str] = {
    "ca_file": "--ca-file",
    "client_cert_file": "--client-cert",
    "client_key_file": "--client-key",
    "proxy_username": "--proxy-username",
    "proxy_password": "--proxy-password-file",
    "connect_timeout_s": "--connect-timeout",
    "request_timeout_s": "--request-timeout",
    "api_key": "--api-key-file",
    "bearer_token": "--bearer-token-file",
    "verify_tls": "--insecure",
    "time_field": "--time-field",
    "time_zone": "--time-zone",
    "unknown_fields": "--unknown-fields",
    "start_time": "--earliest",
    "end_time": "--latest",
    "partial": "--partial",
    "query": "--query",
    "dsl": "--dsl",
    "size": "--size",
    "fields": "--fields",
    "top": "--top",
    "sample": "--sample",
    "stats": "--stats",
    "by": "--by",
    "span": "--span",
    "where": "--where",
    "sort": "--sort",
    "limit": "--limit",
}
#: Words that are ordinary ones, too: they are meant where a value or an equals sign follows.
_ONLY_WITH_VALUE = (
    "partial",
    "query",
    "dsl",
    "size",
    "fields",
    "top",
    "sample",
    "stats",
    "by",
    "span",
    "where",
    "sort",
    "limit",
)
_SETTINGS = "|".join(name for name in OPTIONS if name not in _ONLY_WITH_VALUE)
_EMPTY_RANGE = "earliest must be before latest"
#: What stands in quotes is somebody's text. An apostrophe is no quote.
_NAMED = re.compile(
    r"(?P<quoted>(?<!\w)'[^']*'|\"[^\"]*\")"
    rf"|\b(?P<name>{_SETTINGS})\b(?P<equals>=(?=\w))?"
    rf"|\b(?P<word>{'|'.join(_ONLY_WITH_VALUE)})="
    r"|(?P<index>\bindex=(?=\S))"
)


def as_options(text: str) -> str:
    """Return a message with the names of options in place of those of settings."""
    return _NAMED.sub(_option, text).replace(_EMPTY_RANGE, "--earliest must be before --latest")


def _option(found: re.Match[str]) -> str:
    if found["quoted"] is not None:
        return found["quoted"]
    if found["name"]:
        return OPTIONS[found["name"]] + (" " if found["equals"] else "")
    follows = found.string[found.end() : found.end() + 1]
    if found["index"]:
        return ""
    return OPTIONS[found["word"]] + (" " if follows and (follows.isalnum() or follows in "'\"{-") else "")
