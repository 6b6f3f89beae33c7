"""The app's REST handler: a search asks for its settings, this decides whether it gets them.

Its answer holds a cluster's secrets, and every user of Splunk can reach the endpoint. So, in this order, each step
refusing what it is not sure of:

1. the caller proves to be a local process of Splunk's own operating system user (`splunk_host.local_token`);
2. splunkd says who the caller's session belongs to: roles, capabilities, time zone;
3. the access rules say what these roles may read on the cluster asked for;
4. only then secrets are read, with the system's own token, which no user's process ever sees.

Everything is read anew for each request: a handler lives for days, and a right taken away must be gone at once. Only
which engine answers on a cluster is remembered (`cluster_settings.engine_memory`), for whoever passed all of this. What
was refused, to whom and why is in ``aws_siem_bridge_settings.log``, whatever the log level.
"""

from __future__ import annotations

import hmac
import json
import logging
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Set, Tuple, Union

from splunk_host import APP, local_token, log, secrets
from splunk_host.splunkd import Splunkd, SplunkdError

from cluster_settings import access, conf
from cluster_settings.client import MARK
from cluster_settings.engine_memory import EngineMemory
from es_bridge.errors import ConfigError

LOG_NAME = "aws_siem_bridge_settings.log"
#: Far more than a cluster's name and a token need.
MAX_REQUEST_CHARACTERS = 100_000
#: The one thing that is kept from one request to the next. It gives nobody a right.
ENGINES = EngineMemory()


class Refused(Exception):
    """The request is not answered. ``text`` goes to the caller, ``why`` and more only into the log."""

    def __init__(self, status: int, text: str, why: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.why = why or text


@dataclass(frozen=True)
class Request:
    """What splunkd passes on to a persistent handler. Keys and tokens are left out of ``repr``."""

    user: str
    splunkd_uri: str
    cluster: str
    session_key: str = field(repr=False)
    system_key: str = field(repr=False)
    #: A report of the engine that a search has found, and the key of the settings it had; empty: there is none.
    engine: str = ""
    engine_key: str = ""


@dataclass(frozen=True)
class Caller:
    """Whose session it is."""

    name: str
    tz: str
    #: Roles assigned to the user, without those they import.
    roles: Tuple[str, ...]
    may_configure: bool


def answer(in_string: Union[str, bytes]) -> Dict[str, Any]:
    """Return the reply to one request as splunkd's persistent connection wants it: payload, status, headers."""
    told: Dict[str, Any] = {}
    try:
        return _reply(200, _settings(in_string, told))
    except Refused as refused:
        _log_refusal(told, refused.status, refused.why)
        return _reply(refused.status, _messages(refused.text))
    except SplunkdError as exc:
        _log_refusal(told, 502, str(exc))
        return _reply(502, _messages(f"the app's settings cannot be read: {exc}"))
    except ConfigError as exc:
        _log_refusal(told, 500, str(exc))
        return _reply(500, _messages(str(exc)))
    except Exception as exc:
        # Whatever it is, nothing is given away, neither in the answer nor in the log: the text of an error that nobody
        # foresaw may show what it stumbled over.
        where = _place(exc)
        _log_refusal(told, 500, f"unexpected {type(exc).__name__} at {where}")
        return _reply(500, _messages(f"the app's settings handler failed ({type(exc).__name__} at {where}). Report it"))


def _settings(in_string: Union[str, bytes], told: Dict[str, Any]) -> Dict[str, Any]:
    """Return the settings asked for; ``told`` collects what the log may say of a refusal."""
    request = _request(in_string, told)
    if request.engine:
        # The key stands for the settings it was found with, so nothing more needs to be asked.
        return {"remembered": ENGINES.remember(request.engine_key, request.engine)}
    with Splunkd(request.splunkd_uri, request.system_key) as splunkd:
        caller = _caller(splunkd, request)
        clusters = splunkd.stanzas(APP, conf.CLUSTER_CONF)
        clusters = {name: stanza for name, stanza in clusters.items() if not conf.switch(stanza.get("disabled"))}
        rules, problems = access.rules(splunkd.stanzas(APP, conf.ACCESS_CONF))
        roles = None if caller.may_configure else _roles(splunkd, caller, rules)
        usable = access.usable_clusters(rules, clusters, roles)
        name = request.cluster or _default(clusters, usable)
        told["cluster"] = name
        if name not in clusters:
            raise Refused(404, f"cluster {name!r} is not configured. {_names(clusters, usable)}")
        if name not in usable:
            broken = f"; rules left out: {'; '.join(problems)}" if problems else ""
            asked = f"cluster {name!r}" if request.cluster else "the default cluster"
            raise Refused(
                403,
                f"no access rule lets user {caller.name!r} search {asked}. {_names(clusters, usable)} An administrator "
                "gives access on the app's Access page",
                f"no access rule for roles {', '.join(sorted(roles or ()))}{broken}",
            )
        log_level = log.level(splunkd.stanzas(APP, conf.SETTINGS_CONF).get("logging", {}).get("loglevel"))
        stanza = secrets.with_secrets(splunkd, conf.CLUSTERS, name, _own_keys(clusters[name]))
        indices = None if roles is None else list(access.allowed_indices(rules, name, roles))
    engine_key = ENGINES.key(stanza)
    _log().setLevel(log_level)
    _log().debug("%s", log.line({"user": caller.name, "cluster": name, "status": 200, "indices": json.dumps(indices)}))
    return {
        "cluster": {**stanza, "name": name},
        "user": {"name": caller.name, "tz": caller.tz},
        "indices": indices,
        "log_level": log_level,
        "engine": ENGINES.recall(engine_key),
        "engine_key": engine_key,
    }


def _request(in_string: Union[str, bytes], told: Dict[str, Any]) -> Request:
    """Return the request once its local token is right; nothing else of it is looked at before."""
    if len(in_string) > MAX_REQUEST_CHARACTERS:
        raise Refused(403, "the request is too large to be one of this app's")
    try:
        given = json.loads(in_string)
        session = dict(given.get("session") or {})
        told["user"] = str(session.get("user"))
        form = _form(given.get("form"))
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise Refused(403, "the request is not one of this app's") from None
    _check_token(form.get("local_token", ""))
    if given.get("method") != "POST":
        raise Refused(405, "only POST is answered here")
    session_key, system_key = session.get("authtoken"), given.get("system_authtoken")
    uri = (given.get("server") or {}).get("rest_uri")
    if not (session_key and system_key and uri and session.get("user")):
        raise Refused(
            500,
            "splunkd does not tell the app's settings handler what it needs (session, system token, URI): check the "
            "stanza [script:aws_siem_bridge_search_settings] of restmap.conf",
        )
    return Request(
        user=str(session["user"]),
        splunkd_uri=str(uri),
        cluster=form.get("cluster", "").strip(),
        engine=form.get("engine", ""),
        engine_key=form.get("engine_key", ""),
        session_key=str(session_key),
        system_key=str(system_key),
    )


def _form(pairs: Any) -> Dict[str, str]:
    """Return the form's fields. One that is given twice is refused: which of them was meant?"""
    form: Dict[str, str] = {}
    for name, value in pairs or ():
        if name in form:
            raise ValueError("given twice")
        form[str(name)] = str(value)
    return form


def _check_token(given: str) -> None:
    refusal = (
        "this endpoint answers only the search commands of this app, on this machine. Where one of them is refused, "
        f"{LOG_NAME} says why (index=_internal)"
    )
    if not given:
        raise Refused(403, refusal, "no local token: not called by the app's search command")
    try:
        right = local_token.current()
    except ConfigError as exc:
        raise Refused(403, refusal, f"no local token to compare with: {exc}") from None
    if not hmac.compare_digest(given.encode("utf-8", "replace"), right.encode()):
        raise Refused(403, refusal, "wrong local token: of a former start of splunkd, or made up")


def _caller(splunkd: Splunkd, request: Request) -> Caller:
    """Return whose session it is; splunkd is asked with that session, not with the system's."""
    try:
        (entry,) = splunkd.entries("services", "authentication", "current-context", session_key=request.session_key)
        content = entry["content"]
        caller = Caller(
            name=str(content["username"]),
            tz=str(content.get("tz") or ""),
            roles=tuple(str(role) for role in content["roles"]),
            may_configure=access.CAPABILITY in list(content.get("capabilities") or ()),
        )
    except (ValueError, KeyError, TypeError):
        raise Refused(403, "splunkd does not say whose session this is") from None
    if caller.name.lower() != request.user.lower():
        raise Refused(403, "splunkd does not say whose session this is", f"the session belongs to {caller.name!r}")
    return caller


def _roles(splunkd: Splunkd, caller: Caller, rules: List[access.Rule]) -> Set[str]:
    """Return the caller's roles with those they import; splunkd is asked only when a rule names another one."""
    assigned = access.held_roles(caller.roles, {})
    if all(assigned.issuperset(rule.roles) for rule in rules):
        return assigned
    entries = splunkd.entries("services", "authorization", "roles")
    imported = {str(entry["name"]): list(entry["content"].get("imported_roles") or ()) for entry in entries}
    return access.held_roles(caller.roles, imported)


def _own_keys(stanza: Mapping[str, Any]) -> Dict[str, Any]:
    return {key: value for key, value in stanza.items() if key in conf.CLUSTER_KEYS}


def _default(clusters: Mapping[str, Mapping[str, Any]], usable: List[str]) -> str:
    marked = [name for name, stanza in clusters.items() if conf.switch(stanza.get("is_default"))]
    if len(marked) == 1:
        return marked[0]
    if len(clusters) == 1:
        return next(iter(clusters))
    if not clusters:
        raise Refused(404, _names(clusters, usable))
    how_many = "more than one cluster is" if marked else "no cluster is"
    raise Refused(404, f"{how_many} marked as default: give cluster=. {_names(clusters, usable)}")


def _names(clusters: Mapping[str, Any], usable: List[str]) -> str:
    """Return a sentence with the clusters this user may search; others are not named."""
    if not clusters:
        return "No cluster is configured: an administrator adds one on the app's Clusters page."
    if not usable:
        return "There is no cluster you may search."
    return f"Clusters you may search: {', '.join(usable)}."


def _reply(status: int, content: Dict[str, Any]) -> Dict[str, Any]:
    return {
        "payload": json.dumps({**content, MARK: APP}),
        "status": status,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store"},
    }


def _messages(text: str) -> Dict[str, Any]:
    return {"messages": [{"type": "ERROR", "text": text}]}


def _log() -> logging.Logger:
    return log.open_log("aws_siem_bridge.settings", LOG_NAME)


def _log_refusal(told: Mapping[str, Any], status: int, why: str) -> None:
    facts = {"user": told.get("user"), "cluster": told.get("cluster"), "status": status, "reason": why}
    refusals = _log().getChild("refused")
    refusals.setLevel(logging.WARNING)  # its own, so that no log level of the app silences it
    refusals.warning("refused %s", log.line(facts))


def _place(exc: BaseException) -> str:
    """Return file and line where an error was raised."""
    trace: Optional[Any] = exc.__traceback__
    place = "an unknown place"
    while trace is not None:
        place = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
