"""Runs a modular input as splunkd does: configuration in XML on standard input, events in XML read from its output.

https://dev.splunk.com/enterprise/docs/developapps/manageknowledge/custominputs/modinputsscript/. What splunkd does
with an event after reading it (props, the index) is not here: `RunningInput.events` are rows as a search would begin
with. Reading can be paused, so that what a process wrote lies in the pipe when it is killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
import xml.etree.ElementTree as ElementTree
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence, cast
from xml.sax.saxutils import escape, quoteattr

from .users import SYSTEM_USER, User

if TYPE_CHECKING:
    from .server import SplunkdStandIn

_SYSTEM = User(SYSTEM_USER, ("admin",))
#: What splunkd puts into a stanza that does not say it.
_DEFAULTS = {"host": "$decideOnStartup", "index": "default", "interval": "60"}


class InputFailed(RuntimeError):
    """A script answered with an error, or with something that is no answer."""


class ModularInput:
    """One kind of input of the stand-in's app."""

    def __init__(
        self, splunkd: SplunkdStandIn, kind: str, python: str, environment: Optional[Mapping[str, str]] = None
    ) -> None:
        self.kind = kind
        self._splunkd = splunkd
        self._python = python
        self._environment = dict(environment or {})
        self._script = splunkd.splunk_home / "etc" / "apps" / splunkd.state.app / "bin" / f"{kind}.py"
        #: As splunkd gives it to all stanzas of a kind.
        self.checkpoint_dir = splunkd.splunk_home / "var" / "lib" / "splunk" / "modinputs" / kind
        self.checkpoint_dir.mkdir(parents=True, exist_ok=True)

    def scheme(self) -> ElementTree.Element:
        """Return the scheme."""
        return ElementTree.fromstring(self._once("--scheme", "").stdout)

    def validate(self, name: str, **values: Any) -> str:
        """Return what is wrong with settings, as the page would show it; empty if nothing is."""
        params = _params(values)
        done = self._once(
            "--validate-arguments", f"<items>{self._surroundings()}<item name={quoteattr(name)}>{params}</item></items>"
        )
        if done.returncode == 0:
            return ""
        try:
            return ElementTree.fromstring(done.stdout).findtext("message") or ""
        except ElementTree.ParseError:
            raise InputFailed(f"status {done.returncode}: {done.stdout!r} {done.stderr!r}") from None

    def run(self, name: str, **values: Any) -> RunningInput:
        """Start the input of one stanza."""
        stanza = f"{self.kind}://{name}"
        params = _params({**_DEFAULTS, **values})
        app = quoteattr(self._splunkd.state.app)
        configuration = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<input>{self._surroundings()}<configuration>'
            f"<stanza name={quoteattr(stanza)} app={app}>{params}</stanza></configuration></input>\n"
        )
        return RunningInput(self._popen([]), configuration)

    def _surroundings(self) -> str:
        return (
            f"<server_host>stand-in</server_host><server_uri>{self._splunkd.uri}</server_uri>"
            f"<session_key>{self._splunkd.state.session(_SYSTEM)}</session_key>"
            f"<checkpoint_dir>{escape(str(self.checkpoint_dir))}</checkpoint_dir>"
        )

    def _popen(self, arguments: List[str]) -> subprocess.Popen[bytes]:
        environment = {
            **{name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ},
            "SPLUNK_HOME": str(self._splunkd.splunk_home),
            "PYTHONPYCACHEPREFIX": str(self._splunkd.splunk_home / "var" / "pycache"),
            **self._environment,
        }
        return subprocess.Popen(
            [self._python, str(self._script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=self._splunkd.splunk_home,
        )

    def _once(self, argument: str, given: str) -> subprocess.CompletedProcess[bytes]:
        process = self._popen([argument])
        out, err = process.communicate(given.encode(), timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


class Kinds:
    """The kinds of input that the app has scripts and stanzas for; schemes are asked for once."""

    def __init__(self, splunkd: SplunkdStandIn, python: str, environment: Mapping[str, str]) -> None:
        self._splunkd, self._python, self._environment = splunkd, python, environment
        self._schemes: Dict[str, ElementTree.Element] = {}
        self._lock = threading.Lock()

    def kinds(self) -> List[str]:
        """Return their names."""
        return [stanza for stanza in self._splunkd.state.stanzas("inputs") or {} if "://" not in stanza]

    def arguments(self, kind: str) -> Sequence[str]:
        """Return the names of a kind's arguments."""
        return [argument.get("name", "") for argument in self._scheme(kind).findall("endpoint/args/arg")]

    def required(self, kind: str) -> Sequence[str]:
        """Return those that a new input must have."""
        found = self._scheme(kind).findall("endpoint/args/arg")
        return [each.get("name", "") for each in found if each.findtext("required_on_create") == "true"]

    def validate(self, kind: str, name: str, values: Mapping[str, str]) -> str:
        """Return what is wrong with an input, empty if nothing is."""
        return self._input(kind).validate(name, **values)

    def _scheme(self, kind: str) -> ElementTree.Element:
        with self._lock:
            if kind not in self._schemes:
                self._schemes[kind] = self._input(kind).scheme()
            return self._schemes[kind]

    def _input(self, kind: str) -> ModularInput:
        return ModularInput(self._splunkd, kind, self._python, self._environment)


class RunningInput:
    """The process of one stanza, whose events are read all the time."""

    def __init__(self, process: subprocess.Popen[bytes], configuration: str) -> None:
        self.process = process
        #: What was read: ``_time``, ``_indextime``, ``index``, ``source``, ``sourcetype``, ``host``, ``_raw``.
        self.events: List[Dict[str, Any]] = []
        self.stderr = ""
        self._lost = False
        self._reading = threading.Event()
        self._reading.set()
        self._changed = threading.Condition()
        self._threads = [
            threading.Thread(target=self._read, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        assert process.stdin
        process.stdin.write(configuration.encode())
        process.stdin.close()

    def pause(self) -> None:
        """Read nothing more; what the process writes stays in the pipe."""
        self._reading.clear()

    def go_on(self) -> None:
        """Read again."""
        self._reading.set()

    def wait_for(self, condition: Callable[[List[Dict[str, Any]]], Any], timeout_s: float = 60) -> None:
        """Wait until ``condition`` of the events holds. Raises `InputFailed`."""
        end_s = time.monotonic() + timeout_s
        with self._changed:
            while not condition(self.events):
                left_s = end_s - time.monotonic()
                if left_s <= 0 or (self.process.poll() is not None and not self._threads[0].is_alive()):
                    raise InputFailed(
                        f"{len(self.events)} events, status {self.process.poll()}: {self.stderr} {self.events[-3:]}"
                    )
                self._changed.wait(min(left_s, 0.2))

    def kill(self) -> None:
        """Kill the process as a machine that loses power would: what is in the pipe is lost."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)
        self._lost = True
        self._reading.set()
        for thread in self._threads:
            thread.join(30)

    def stop(self, timeout_s: float = 30) -> int:
        """End it as splunkd does, and read what is left; return its status."""
        self.process.terminate()
        return self.finish(timeout_s)

    def finish(self, timeout_s: float = 30) -> int:
        """Wait until it ends by itself, and read what is left; return its status."""
        self._reading.set()
        self.process.wait(timeout_s)
        for thread in self._threads:
            thread.join(timeout_s)
        return self.process.returncode

    def _read(self) -> None:
        assert self.process.stdout
        parser = ElementTree.XMLPullParser(("end",))
        descriptor = self.process.stdout.fileno()
        while True:
            self._reading.wait()
            # Small pieces: a pause leaves nearly everything in the pipe.
            piece = os.read(descriptor, 4096)
            if not piece or self._lost:
                break
            parser.feed(piece)
            ended: List[Any] = [cast(Any, each)[1] for each in parser.read_events()]
            found = [_row(element) for element in ended if element.tag == "event"]
            if found:
                with self._changed:
                    self.events += found
                    self._changed.notify_all()

    def _read_errors(self) -> None:
        assert self.process.stderr
        for text in self.process.stderr:
            self.stderr += text.decode("utf-8", "replace")


def _params(values: Mapping[str, Any]) -> str:
    return "".join(f"<param name={quoteattr(key)}>{escape(str(value))}</param>" for key, value in values.items())


def _row(element: ElementTree.Element) -> Dict[str, Any]:
    if element.get("unbroken") != "1" or element.find("done") is None or not element.get("stanza"):
        raise InputFailed(f"splunkd would break or join this event: {ElementTree.tostring(element)!r}")
    found = {child.tag: child.text or "" for child in element}
    return {
        "_time": float(found["time"]),
        "_indextime": time.time(),
        "index": found.get("index", "main"),
        "source": found.get("source", ""),
        "sourcetype": found.get("sourcetype", ""),
        "host": found.get("host", ""),
        "_raw": found["data"],
    }
