"""Runs a custom alert action as splunkd does: results in a gzipped CSV file, JSON on standard input, a child process.

https://dev.splunk.com/enterprise/docs/devtools/customalertactions/. What the action writes to standard error and how it
ends is in splunkd.log, as ``sendmodalert`` has it; nothing is repeated, whatever it ends with. Parameters are those of
alert_actions.conf, of the saved search, and of the call, the last wins.

Left out: ``track_alert``, ``forceCsvResults``, tokens other than ``$name$`` and ``$result.<column>$``, per-result caps.
"""

from __future__ import annotations

import csv
import gzip
import itertools
import json
import os
import re
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence

from .users import SYSTEM_USER, User

if TYPE_CHECKING:
    from .server import SplunkdStandIn

MULTIVALUE = "__mv_"
_SYSTEM = User(SYSTEM_USER, ("admin",))
_PERIOD = re.compile(r"([0-9]+)([smh]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Ran:
    """How an action ended."""

    status: int
    stderr: str
    sid: str
    #: What the process was given; it holds a session key.
    payload: Dict[str, Any] = field(repr=False)


class AlertActions:
    """The actions of the stand-in's app."""

    def __init__(self, splunkd: SplunkdStandIn, python: str, environment: Optional[Mapping[str, str]] = None) -> None:
        self._splunkd = splunkd
        self._python = python
        self._environment = dict(environment or {})
        self._log = splunkd.splunk_home / "var" / "log" / "splunk" / "splunkd.log"

    def run_alert(
        self, search: str, stanza: Mapping[str, str], rows: Sequence[Mapping[str, Any]]
    ) -> Dict[str, List[Ran]]:
        """Run the actions that a saved search has switched on, on its rows: once, or once for each.

        Return action -> how its processes ended. Actions that the app has no script for are left to other apps.
        """
        bin_dir = self._splunkd.splunk_home / "etc" / "apps" / self._splunkd.state.app / "bin"
        each_row = stanza.get("alert.digest_mode", "1") == "0"
        ran: Dict[str, List[Ran]] = {}
        for key, value in stanza.items():
            found = re.fullmatch(r"action\.([^.]+)", key)
            if found and value == "1" and (bin_dir / f"{found[1]}.py").is_file():
                numbers = range(len(rows)) if each_row else (-1,)
                ran[found[1]] = [self.run(found[1], rows, search=search, stanza=stanza, one=one) for one in numbers]
        return ran

    def run(self, action: str, rows: Sequence[Mapping[str, Any]], **given: Any) -> Ran:
        """Run an action on the rows of a search, and wait for it; see `start` for what else is ``given``."""
        process, sid, payload = self.start(action, rows, **given)
        began_s = time.monotonic()
        settings = self._settings(action)
        period = _PERIOD.fullmatch(settings.get("maxtime", "5m"))
        limit_s = int(period.group(1)) * _SECONDS[period.group(2)] if period else 300
        try:
            _, err = process.communicate(json.dumps(payload).encode(), timeout=limit_s)
        except subprocess.TimeoutExpired:
            process.kill()
            _, err = process.communicate()
        stderr = err.decode("utf-8", "replace")
        self._note(action, sid, stderr, process.returncode, time.monotonic() - began_s)
        return Ran(process.returncode, stderr, sid, payload)

    def start(
        self,
        action: str,
        rows: Sequence[Mapping[str, Any]],
        *,
        search: str = "",
        params: Mapping[str, str] = {},  # noqa: B006 - never changed
        user: User = _SYSTEM,
        sid: str = "",
        one: int = -1,
        stanza: Optional[Mapping[str, str]] = None,
    ) -> tuple[subprocess.Popen[bytes], str, Dict[str, Any]]:
        """Start the process, which waits for its payload; return it, the sid and the payload.

        ``search``: name of the saved search, empty for ``| sendalert``; ``stanza``: its settings, where they are not
        those of the app. ``one``: number of the row, for an alert that runs once for each result.
        """
        sid = sid or f"scheduler__{user.name}__app__RMD5_at_{int(time.time())}_{next(_numbers)}"
        folder = self._splunkd.splunk_home / "var" / "run" / "splunk" / "dispatch" / sid
        file = folder / "results.csv.gz" if one < 0 else folder / "per_result_alert" / f"tmp_{one}.csv.gz"
        shown = list(rows if one < 0 else rows[one : one + 1])
        most = int(self._settings(action).get("maxresults", "10000"))
        write_results(file, shown[:most])
        first = {name: _first(value) for name, value in shown[0].items()} if shown else {}
        payload = {
            "app": self._splunkd.state.app,
            "owner": user.name,
            "results_file": str(file),
            "results_link": f"http://stand-in:8000/app/search/@go?sid={sid}",
            "search_uri": f"/servicesNS/{user.name}/{self._splunkd.state.app}/saved/searches/x" if search else None,
            "server_host": "stand-in",
            "server_uri": self._splunkd.uri,
            "session_key": self._splunkd.state.session(user),
            "sid": sid,
            "search_name": search or None,
            "configuration": self._configuration(action, search, params, first, stanza),
            "result": {
                name: value if not isinstance(value, (int, float)) else str(value) for name, value in first.items()
            },
        }
        bin_dir = self._splunkd.splunk_home / "etc" / "apps" / self._splunkd.state.app / "bin"
        process = subprocess.Popen(
            [self._python, str(bin_dir / f"{action}.py"), "--execute"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            cwd=bin_dir, env=self._variables(),
        )  # fmt: skip
        return process, sid, payload

    def _variables(self) -> Dict[str, str]:
        inherited = {
            name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ
        }
        compiled = os.environ.get("AWS_SIEM_BRIDGE_LAB_PYCACHE") or str(self._splunkd.splunk_home / "var" / "pycache")
        home = {"SPLUNK_HOME": str(self._splunkd.splunk_home), "PYTHONPYCACHEPREFIX": compiled}
        return {**inherited, **home, **self._environment}

    def _settings(self, action: str) -> Mapping[str, str]:
        return (self._splunkd.state.stanzas("alert_actions") or {}).get(action, {})

    def _configuration(
        self,
        action: str,
        search: str,
        params: Mapping[str, str],
        first: Mapping[str, Any],
        stanza: Optional[Mapping[str, str]],
    ) -> Dict[str, str]:
        prefix = f"action.{action}."
        if stanza is None:
            stanza = (self._splunkd.state.stanzas("savedsearches") or {}).get(search, {}) if search else {}
        own = {name[len(prefix) :]: value for name, value in stanza.items() if name.startswith(prefix)}
        known = {**self._settings(action), **own}
        found = {name[len("param.") :]: value for name, value in known.items() if name.startswith("param.")}
        found.update(params)
        return {name: _with_tokens(value, search, first) for name, value in found.items()}

    def _note(self, action: str, sid: str, stderr: str, status: int, seconds: float) -> None:
        lines = [f"sendmodalert - action={action} STDERR -  {line}" for line in stderr.splitlines()]
        took = f"duration={seconds * 1000:.0f} ms"
        lines.append(
            f"sendmodalert - action={action} - Alert action script completed in {took} with exit code={status}"
        )
        if status:
            lines.append(
                f"sendmodalert - Error in 'sendalert' command: Alert script returned error code {status}. sid={sid}"
            )
        with self._log.open("a", encoding="utf-8") as log:
            log.writelines(f"{time.strftime('%m-%d-%Y %H:%M:%S')} {line}\n" for line in lines)


def write_results(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as a job's results: every column, each with its ``__mv_`` beside it."""
    columns: List[str] = list(dict.fromkeys(name for row in rows for name in row))
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([each for name in columns for each in (name, MULTIVALUE + name)])
        for row in rows:
            cells: List[str] = []
            for name in columns:
                value = row.get(name)
                if isinstance(value, (list, tuple)):
                    texts = [str(each) for each in value]
                    several = ";".join(f"${text.replace('$', '$$')}$" for text in texts)
                    cells += ["\n".join(texts), several if len(texts) > 1 else ""]
                else:
                    cells += ["" if value is None else str(value), ""]
            writer.writerow(cells)


def _first(value: Any) -> Any:
    return [str(each) for each in value] if isinstance(value, (list, tuple)) else "" if value is None else str(value)


def _with_tokens(text: str, search: str, first: Mapping[str, Any]) -> str:
    found = text.replace("$name$", search)
    return re.sub(r"\$result\.([^$]+)\$", lambda match: str(first.get(match.group(1), "")), found)
