"""A command line for the checkpoints of a forwarder's inputs, in its KV store and in its files.

Nothing is begun anew by it without saying so: `reset` names what will be read again and asks; the input then says in a
health event that it was reset. An input that runs has to be disabled first: it would save over what is changed.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional

from splunk_host.splunkd import Splunkd, SplunkdError

from aws_inputs.claims import GONE_AFTER_MS
from aws_inputs.kinds import KINDS
from aws_inputs.kv_checkpoints import KvCheckpoints
from collectors.errors import CheckpointUnusable
from collectors.polling.checkpoint import RESET, Checkpoints, FileCheckpoints
from collectors.polling.position import Track
from collectors.records.page import iso
from es_bridge.terminal import put, put_error

#: First member of an exported file.
FORM = "aws_siem_bridge checkpoints 1"
_CLAIM, _DAY = "claim", "day"


class ToolError(Exception):
    """What a person has to change."""


class Place(NamedTuple):
    """Where checkpoints are, and what that is called."""

    called: str
    checkpoints: Checkpoints


def main(arguments: List[str]) -> int:
    """Do what is asked; return the exit status."""
    given = _parser().parse_args(arguments)
    try:
        run: int = given.run(given, list(_places(given)))
        return run
    except (ToolError, CheckpointUnusable, SplunkdError, OSError) as exc:
        put_error(f"aws_checkpoints: {exc}")
        return 1


class _Parser(argparse.ArgumentParser):
    """A parser whose messages are printed as all others are."""

    def _print_message(self, message: str, file: Any = None) -> None:
        (put if file is sys.stdout else put_error)(message.rstrip("\n"))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="aws_checkpoints.py", description=__doc__)
    parser.add_argument("--uri", default="https://127.0.0.1:8089", help="this forwarder's splunkd")
    parser.add_argument(
        "--user", default="admin", help="who signs in; the password is asked for, or in SPLUNK_PASSWORD"
    )
    parser.add_argument("--files-only", action="store_true", help="do not ask splunkd: its KV store is switched off")
    parser.add_argument(
        "--home", default=os.environ.get("SPLUNK_HOME", "/opt/splunk"), help="$SPLUNK_HOME, where files are"
    )
    commands = parser.add_subparsers(dest="command", metavar="<command>", required=True)
    for name, function, text in (
        ("list", _list, "show them: where each poll is, and how old that is"),
        ("reset", _reset, "let an input, or one account and region of it, begin at its start date again"),
        ("export", _export, "print them as JSON, for another forwarder"),
        ("import", _import, "take over what another forwarder exported, from standard input"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=function)
        if name != "import":
            required = "?" if name in ("list", "export") else None
            command.add_argument(
                "prefix",
                nargs=required,
                default="",
                help="a stanza, or more: aws_guardduty://all/111122223333/eu-west-1",
            )
        if name == "reset":
            command.add_argument("--yes", action="store_true", help="do not ask")
        if name == "import":
            command.add_argument(
                "--to", choices=("kvstore", "file"), default="kvstore", help="as the input's checkpoints"
            )
            command.add_argument("--replace", action="store_true", help="also where there is one already")
    return parser


def _places(given: argparse.Namespace) -> Iterator[Place]:
    for kind in KINDS:
        folder = Path(given.home, "var", "lib", "splunk", "modinputs", kind)
        for each in sorted(folder.glob("*")) if folder.is_dir() else ():
            yield Place(f"file, {each}", FileCheckpoints(each))
    if not given.files_only:
        yield Place("kvstore", KvCheckpoints(_sign_in(given)))


def _sign_in(given: argparse.Namespace) -> Splunkd:
    token = os.environ.get("SPLUNK_SESSION_KEY", "")
    if token:
        return Splunkd(given.uri, token)
    password = os.environ.get("SPLUNK_PASSWORD") or getpass.getpass(f"Splunk password of {given.user}: ")
    with Splunkd(given.uri, "") as splunkd:
        status, body = splunkd.post("services", "auth", "login", form={"username": given.user, "password": password})
    try:
        return Splunkd(given.uri, str(json.loads(body)["sessionKey"]))
    except (ValueError, KeyError, TypeError):
        raise ToolError(f"splunkd at {given.uri} does not let {given.user} sign in ({status})") from None


class _Found(NamedTuple):
    place: Place
    name: str
    content: Dict[str, Any]


def _found(places: List[Place], prefix: str) -> List[_Found]:
    found = []
    for place in places:
        for name in place.checkpoints.names(prefix):
            content = place.checkpoints.load(name)
            if content is not None:
                found.append(_Found(place, name, content))
    return found


def _of_polls(found: List[_Found]) -> List[_Found]:
    return [each for each in found if f"/{_CLAIM}/" not in each.name]


def _list(given: argparse.Namespace, places: List[Place]) -> int:
    found = _found(places, given.prefix)
    for each in found:
        put(f"{each.name}  [{each.place.called}]  {_said(each)}")
    if not found:
        put_error("there is no checkpoint" + (f" whose name begins with {given.prefix}" if given.prefix else ""))
    return 0


def _said(found: _Found) -> str:
    if f"/{_CLAIM}/" in found.name:
        return f"process {found.content.get('pid')} on {found.content.get('forwarder')}"
    try:
        track = Track.from_json(found.content)
    except ValueError:
        return "reset" if RESET in found.content else "bytes of the day" if found.name.endswith(_DAY) else "of assets"
    if not track.reached:
        return "nothing is read"
    position = track.reached[-1].position
    text = f"read until {iso(position.head_ms)}, saved {iso(track.reached[-1].wall_ms)}"
    if position.backfill is not None and not position.backfill.done:
        text += f", back-fill {position.backfill.percent} %"
    return text


def _reset(given: argparse.Namespace, places: List[Place]) -> int:
    found = [each for each in _of_polls(_found(places, given.prefix)) if not each.name.endswith(f"/{_DAY}")]
    if not found:
        raise ToolError(f"there is no checkpoint whose name begins with {given.prefix}: see list")
    _refuse_running(places, [each.name for each in found])
    for each in found:
        put(f"{each.name}: {_said(each)}")
    if not given.yes:
        put_error(
            "These begin at the start_date of their input again, or now where it has none. What is read again is "
            "written again, and paid for again. Type yes:"
        )
        if sys.stdin.readline().strip() != "yes":
            raise ToolError("nothing is changed")
    for each in found:
        each.place.checkpoints.save(each.name, {RESET: int(time.time() * 1000)})
    put_error(f"{len(found)} reset")
    return 0


def _export(given: argparse.Namespace, places: List[Place]) -> int:
    found = _of_polls(_found(places, given.prefix))
    _refuse_running(places, [each.name for each in found])
    put(json.dumps({"form": FORM, "checkpoints": {each.name: each.content for each in found}}))
    put_error(f"{len(found)} exported. Disable the input here before it is enabled on the other forwarder")
    return 0


def _import(given: argparse.Namespace, places: List[Place]) -> int:
    try:
        told = json.load(sys.stdin)
        if told["form"] != FORM:
            raise ValueError(told["form"])
        wanted: Mapping[str, Dict[str, Any]] = {str(name): dict(each) for name, each in told["checkpoints"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise ToolError(f"this is no export of checkpoints: {exc}") from None
    _refuse_running(places, list(wanted))
    there = {each.name for each in _of_polls(_found(places, ""))} & set(wanted)
    if there and not given.replace:
        raise ToolError(
            f"{', '.join(sorted(there))}: there already. Give --replace to begin where the other forwarder was"
        )
    for name, content in wanted.items():
        _target(given, places, name).save(name, content)
    put_error(f"{len(wanted)} imported. What each wrote last there may be written once more")
    return 0


def _target(given: argparse.Namespace, places: List[Place], name: str) -> Checkpoints:
    if given.to == "file":
        from aws_inputs.process import folder_of

        (stanza,) = _stanzas(name)
        return FileCheckpoints(
            folder_of(str(Path(given.home, "var", "lib", "splunk", "modinputs", stanza.partition("://")[0])), stanza)
        )
    kv = next((place.checkpoints for place in places if place.called == "kvstore"), None)
    if kv is None:
        raise ToolError("--files-only and --to kvstore exclude each other")
    return kv


def _stanzas(name: str) -> Iterator[str]:
    """Yield the one stanza of a checkpoint's name: the part before account, region and kind, or before ``day``."""
    kind, _, rest = name.partition("://")
    parts = rest.split("/")
    length = 1 if parts[-1] == _DAY else 3
    yield f"{kind}://{'/'.join(parts[:-length])}"


def _refuse_running(places: List[Place], names: List[str]) -> None:
    """Raise for checkpoints of an input whose process gave a sign of life just now."""
    now_ms = time.time() * 1000
    stanzas = {stanza for name in names for stanza in _stanzas(name)}
    for each in _found(places, ""):
        stanza, claim, _ = each.name.partition(f"/{_CLAIM}/")
        beat_ms: Optional[Any] = each.content.get("beat_ms")
        if claim and stanza in stanzas and isinstance(beat_ms, int) and now_ms - beat_ms < GONE_AFTER_MS:
            raise ToolError(f"{stanza} runs ({_said(each)}): disable the input first, and wait a minute")
