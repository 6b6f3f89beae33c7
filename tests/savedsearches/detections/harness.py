"""Runs detections on their cases, on a real engine, with the app's real commands."""

from __future__ import annotations

import json
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, Set

from collectors.store.templates import pieces_for, write
from es_bridge.config import ClusterConfig
from es_bridge.dialect import detect
from es_bridge.transport import Transport
from savedsearches.backtest.runs import Around, Outcome
from savedsearches.content.detection import Detection, seconds
from savedsearches.content.dispatch import moment_at
from savedsearches.runner import values
from savedsearches.runner.knowledge import Knowledge, read_knowledge
from savedsearches.runner.local_settings import LocalSettings
from savedsearches.runner.lookups import Lookup, shipped_lookups
from savedsearches.runner.macros import Macro, shipped_macros
from savedsearches.runner.values import Row

from .cases import MACROS, Case, fill, index_of
from .forked import ForkServer
from .plain_records import HEALTH

APP = Path(__file__).resolve().parents[3] / "splunk_app" / "package"
#: Searches that run at a time; each is a process or two.
AT_A_TIME = 2
SEOUL_OFFSET_S = 32_400


class Harness:
    """An engine with the documents of cases, and what runs searches on it."""

    def __init__(self, url: str, cases: Iterable[Case]) -> None:
        self.config = ClusterConfig((url,), name="detections")
        self.knowledge: Knowledge = read_knowledge(APP / "default")
        self.macros = shipped_macros(APP)
        self._pool = ThreadPoolExecutor(AT_A_TIME)
        self._open = ExitStack()
        self._settings = self._open.enter_context(LocalSettings(self.config))
        self._fork = self._open.enter_context(ForkServer())
        self._futures: Dict[str, Future[Outcome]] = {}
        self._loaded: Set[str] = set()
        wanted = list(cases)
        self.load(wanted)
        for case in wanted:
            self._futures[case.id] = self._pool.submit(self.run, case)

    def close(self) -> None:
        """Stop what has not run."""
        self._pool.shutdown(cancel_futures=True)
        self._open.close()

    def outcome(self, case: Case) -> Outcome:
        """Return what became of a case."""
        return self._futures[case.id].result()

    def run(self, case: Case, search: str = "", detection: Optional[Detection] = None) -> Outcome:
        """Run a case within its window; ``search`` and ``detection`` take the place of its own."""
        around = Around(
            self._settings, self._macros_of(case), self._lookups(case), self._events(case), popen=self._fork.popen
        )
        detection = detection or case.detection
        moment = moment_at(detection, case.end_s + seconds(case.detection.schedule.lag))
        return around.run(detection, moment, search)

    def _events(self, case: Case) -> List[Row]:
        # A search of an index without any event is an error of the runner: there is always a sign of life.
        alive = {
            "_time": case.end_s - 60, "_indextime": case.end_s - 50, "_raw": json.dumps(HEALTH),
            "index": "aws_findings", "sourcetype": "aws:siem_bridge:health",
            "source": "aws_siem_bridge:health:labelled", "host": "h",
        }  # fmt: skip
        has_health = "health" in case.detection.data
        return [self.knowledge.apply(event) for event in (case.events if has_health else [alive, *case.events])]

    def _lookups(self, case: Case) -> Dict[str, Lookup]:
        tables = shipped_lookups(APP)
        for name, rows in case.lookups.items():
            tables[name].replace([dict(row) for row in rows])
        return tables

    def _macros_of(self, case: Case) -> Dict[str, Macro]:
        macros = dict(self.macros)
        for data, name in MACROS.items():
            macros[name] = Macro(index_of(data, case.detection))
        raw = [index_of(data, case.detection) for data in MACROS if data in case.detection.data]
        macros["aws_all_raw"] = Macro(",".join(raw))
        macros["aws_findings_index"] = Macro("index=aws_findings")
        macros["aws_local_offset_s(1)"] = Macro(str(SEOUL_OFFSET_S), ("time",))
        return macros

    def load(self, cases: Iterable[Case]) -> None:
        """Make the documents and events of cases, and load those of detections that are not there yet."""
        cases = list(cases)
        for case in cases:
            fill(case)
        new = [case for case in cases if case.detection.name not in self._loaded]
        if new:
            self._load(new)
            self._loaded.update(case.detection.name for case in new)

    def _load(self, cases: List[Case]) -> None:
        with Transport(self.config, "tests") as transport:
            used: Dict[str, str] = {}
            lines: List[bytes] = []
            for case in cases:
                for index, identity, body in case.documents:
                    lines.append(json.dumps({"create": {"_index": index, "_id": identity}}).encode())
                    lines.append(body)
                for data in case.detection.data:
                    if data in MACROS:
                        used[index_of(data, case.detection)] = data
            dialect = detect(transport)
            known = {"linux": "filebeat"}
            for data in sorted(set(used.values())):
                for piece in pieces_for(transport, dialect, known.get(data, data)):
                    write(transport, piece)
            for index in used:  # one without documents is still one of the store
                transport.request("PUT", (index,))
            for start in range(0, len(lines), 4000):
                body = b"\n".join(lines[start : start + 4000]) + b"\n"
                reply = transport.request("POST", ("_bulk",), {"refresh": "true"}, body).json()
                errors = [item["create"] for item in reply["items"] if "error" in item["create"]]
                assert not errors, errors[:1]


def shown(value: Any) -> Any:
    """Return a value as Splunk shows it: text, or a list of texts."""
    if isinstance(value, list):
        return [values.text(part) for part in value]
    if isinstance(value, bool):
        return str(value).lower()
    return values.text(value)
