"""What splunkd starts a modular input for: its scheme, a check of settings on save, and the run itself."""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
from typing import BinaryIO, List, Mapping, NamedTuple
from xml.sax.saxutils import escape

from splunk_host.log import line, open_log
from splunk_host.splunkd import Splunkd, SplunkdError
from splunklib.modularinput import InputDefinition, ValidationDefinition

from aws_bridge.errors import AwsError
from aws_inputs.kinds import ASSETS, EVENTS, KINDS, PROWLER, RESPONSE_STATUS, WAF, Kind, scheme
from aws_inputs.process import Process, begin, now_ms
from aws_inputs.settings import read
from collectors.errors import CollectorError
from es_bridge.errors import BridgeError
from es_bridge.terminal import put_error

LOG_FILE = "aws_siem_bridge_inputs.log"


class _Given(NamedTuple):
    """What splunkd writes to standard input."""

    stanza: str
    values: Mapping[str, str]
    splunkd: Splunkd
    checkpoint_dir: str


def main(kind_name: str, arguments: List[str]) -> int:
    """Do what splunkd asks for; return the exit status."""
    kind = KINDS[kind_name]
    name = kind.name
    out = _own_stdout()
    if arguments[1:2] == ["--scheme"]:
        _say(out, scheme(kind))
        return 0
    try:
        if arguments[1:2] == ["--validate-arguments"]:
            _validate(kind, _to_validate(kind, sys.stdin.buffer.read()))
            return 0
        given = _to_run(sys.stdin.buffer.read())
        name = given.stanza
        _run(kind, given, out)
        return 0
    except (AwsError, BridgeError, CollectorError) as exc:
        return _failed(name, arguments, str(exc), out)
    except OSError as exc:
        return _failed(name, arguments, f"the input's files cannot be used: {exc}", out)


def _own_stdout() -> BinaryIO:
    """Return standard output; what a library prints goes to standard error, and not between two events."""
    out = os.fdopen(os.dup(1), "wb", buffering=1 << 16)
    os.dup2(2, 1)
    return out


def _say(out: BinaryIO, text: str) -> None:
    out.write(text.encode())
    out.flush()


def _failed(name: str, arguments: List[str], text: str, out: BinaryIO) -> int:
    if "--validate-arguments" in arguments:
        _say(out, f"<error><message>{escape(text)}</message></error>")
        return 1
    _log().error(line({"input": name, "error": text}))
    put_error(f"ERROR {name}: {' '.join(text.split())}")
    return 1


def _log() -> logging.Logger:
    return open_log("aws_siem_bridge.inputs", LOG_FILE)


def _to_validate(kind: Kind, text: bytes) -> _Given:
    found = ValidationDefinition.parse(io.BytesIO(text))
    metadata = found.metadata
    return _Given(
        f"{kind.name}://{metadata.get('name', '')}",
        {key: str(value or "") for key, value in found.parameters.items()},
        Splunkd(metadata["server_uri"], metadata["session_key"]),
        metadata.get("checkpoint_dir", ""),
    )


def _to_run(text: bytes) -> _Given:
    found = InputDefinition.parse(io.BytesIO(text))
    metadata = found.metadata
    ((stanza, values),) = found.inputs.items()
    return _Given(
        stanza,
        {key: str(value or "") for key, value in values.items()},
        Splunkd(metadata["server_uri"], metadata["session_key"]),
        metadata["checkpoint_dir"],
    )


def _validate(kind: Kind, given: _Given) -> None:
    """Raise for what is wrong, by itself or as AWS sees it."""
    settings = read(kind, given.stanza, given.values, now_ms())
    from aws_inputs.saving import check

    with given.splunkd as splunkd:
        check(settings, splunkd)


def _run(kind: Kind, given: _Given, out: BinaryIO) -> None:
    _log().info(line({"input": given.stanza, "event": "started"}))
    settings = read(kind, given.stanza, given.values, now_ms())
    process = begin(settings, given.splunkd, given.checkpoint_dir, out)
    signal.signal(signal.SIGTERM, lambda *_: process.stop.set())
    signal.signal(signal.SIGINT, lambda *_: process.stop.set())
    try:
        _tell_overlaps(process, given)
        if kind is EVENTS:
            from aws_inputs.events import Events

            Events(process).run()
        elif kind is ASSETS:
            from aws_inputs.assets import Assets

            Assets(process).run()
        elif kind is PROWLER:
            from aws_inputs.prowler import Prowler

            Prowler(process).run()
        elif kind is RESPONSE_STATUS:
            from aws_inputs.response_status import ResponseStatus

            ResponseStatus(process).run()
        elif kind is WAF:
            from aws_inputs.waf import Waf

            Waf(process).run()
        else:
            from aws_inputs.polling import Polling

            Polling(process).run()
    finally:
        process.end()


def _tell_overlaps(process: Process, given: _Given) -> None:
    """Say which other input brings the same; what cannot be found out stops no input."""
    from aws_inputs.overlap import notices

    try:
        for each in notices(given.splunkd, given.stanza, given.values):
            process.health.notice("", "the same findings by two roads", **each)
    except SplunkdError as exc:
        _log().warning(line({"input": given.stanza, "error": f"other inputs are not known: {exc}"}))
