"""Secrets in storage/passwords, in the format of Splunk's UCC framework, so that its pages write what is read here.

A conf value of six asterisks stands for a secret. The secrets of a stanza are one JSON text, cut into pieces of at most
255 characters; the user name of a piece is the stanza, a separator and the piece's number; the last one is an end mark.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Iterable, Mapping, NamedTuple, Optional

from es_bridge.errors import ConfigError
from splunk_host import APP
from splunk_host.splunkd import Splunkd

SECRET_IS_ELSEWHERE = "*" * 6
_PIECE_SEPARATOR = "``splunk_cred_sep``"
_END_MARK = _PIECE_SEPARATOR + _PIECE_SEPARATOR.join("SPLUNK") + _PIECE_SEPARATOR


class Stanzas(NamedTuple):
    """The stanzas of a conf file that have secrets, and how a message names them."""

    #: The file's name without ``.conf``.
    conf: str
    #: What one stanza is, such as ``cluster``.
    called: str
    #: Where an administrator enters them, as a message ends: ``on the app's Clusters page``.
    entered: str

    @property
    def realm(self) -> str:
        """What storage/passwords files them under."""
        return f"__REST_CREDENTIAL__#{APP}#configs/conf-{self.conf}"


def with_secrets(splunkd: Splunkd, stanzas: Stanzas, name: str, stanza: Mapping[str, Any]) -> Dict[str, Any]:
    """Return a stanza with its secrets in place; asks splunkd only when it has some.

    Raises `ConfigError` when they are not stored, `SplunkdError` when splunkd does not give them.
    """
    keys = [key for key, value in stanza.items() if value == SECRET_IS_ELSEWHERE]
    if not keys:
        return dict(stanza)
    entries = splunkd.entries("servicesNS", "nobody", APP, "storage", "passwords", search=f"realm={stanzas.realm}")
    stored = unpack(stanzas.realm, name, [entry["content"] for entry in entries])
    if stored is None or any(not stored.get(key) for key in keys):
        missing = [key for key in keys if not (stored or {}).get(key)]
        raise ConfigError(
            f"{stanzas.called} {name!r}: no secret is stored for {', '.join(missing)}. An administrator has to "
            f"enter it again {stanzas.entered}"
        )
    return {**stanza, **{key: stored[key] for key in keys}}


def unpack(realm: str, stanza: str, entries: Iterable[Mapping[str, Any]]) -> Optional[Dict[str, str]]:
    """Return the secrets stored for a stanza, ``None`` when there are none or a piece of them is missing."""
    pieces: Dict[int, str] = {}
    for entry in entries:
        owner, _, number = str(entry.get("username", "")).rpartition(_PIECE_SEPARATOR)
        if entry.get("realm") == realm and owner == stanza and number.isdecimal():
            pieces[int(number)] = str(entry.get("clear_password", ""))
    text = ""
    for position in range(1, len(pieces) + 1):
        piece = pieces.get(position)
        if piece is None:
            return None
        if piece == _END_MARK:  # what comes after it is left over from a longer secret
            break
        text += piece
    else:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else None
