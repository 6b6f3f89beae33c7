"""What every input's process has: its settings, its sinks, what was written, the day's bytes and counts, and its end.

Health events go to standard output whatever the delivery is: a collector that takes nothing could not say so.
"""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Callable, Dict, Optional, Union

from splunk_host.splunkd import Splunkd

from aws_inputs.health import Health
from aws_inputs.kv_checkpoints import KvCheckpoints
from aws_inputs.settings import InputSettings, names
from collectors.errors import CollectorError
from collectors.polling import counts as counting
from collectors.polling.budget import DailyBudget
from collectors.polling.checkpoint import Checkpoints, FileCheckpoints
from collectors.polling.counts import Counts
from collectors.polling.memory import Memory
from collectors.polling.wanted import Wanted
from collectors.polling.writer import Rules, Tally
from collectors.sinks.splunk_events.sink import COUNT, SplunkEvents
from es_bridge.errors import ConfigError

if TYPE_CHECKING:
    from collectors.sinks.hec.sink import HecEvents

MIB = 1 << 20
#: The day's bytes and counts are saved so often.
SAVE_DAY_EVERY_S = 60
#: Counts are written so often, and when the process ends.
COUNTS_EVERY_S = 3600
#: A process that is to end waits so long for what it wrote to be taken.
SETTLED_WITHIN_S = 10.0
#: Place of the health events about a collector.
COLLECTOR = "collector"
#: Server roles of a member of a search head cluster: an input there would run on every member.
CLUSTERED = ("shc_member", "shc_captain", "cluster_search_head_member")


class Stopped(Exception):  # noqa: N818 - it is no error
    """The process is to end."""


def now_ms() -> int:
    """Return the time, epoch milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass
class Process:
    """The process of one input."""

    settings: InputSettings
    splunkd: Splunkd
    sink: Union[SplunkEvents, HecEvents]
    #: Of health events.
    stdout: SplunkEvents
    memory: Memory
    checkpoints: Checkpoints
    budget: DailyBudget
    counts: Counts
    health: Health
    stop: threading.Event = field(default_factory=threading.Event)
    clock_ms: Callable[[], int] = now_ms
    _saved_s: float = 0.0
    _told_problem: Optional[BaseException] = None
    _counted_s: float = field(default_factory=time.monotonic)

    @property
    def rules(self) -> Rules:
        """What is withheld."""
        values = self.settings.values
        chosen = (names(str(values.get(name) or "")) for name in ("products", "products_left_out", "standards"))
        return Rules(
            not values.get("all_versions"), values.get("passed_findings", "count") == "count", Wanted.of(*chosen)
        )

    def sleep(self, seconds: float) -> None:
        """Wait; raise `Stopped` when the process is to end."""
        if self.stop.wait(seconds):
            raise Stopped

    @property
    def delete_after_s(self) -> int:
        """How long a message waits for its deletion, beside the time until what it held is taken."""
        return 0 if self.is_acknowledged else int(self.settings["delete_after_s"])

    @property
    def is_acknowledged(self) -> bool:
        """Whether the sink knows what is indexed."""
        return self.sink is not self.stdout

    def wait_until_taken(self) -> None:
        """Wait until what was written is taken. Raises `Stopped`."""
        written_ms = self.clock_ms()
        while self.sink.taken_until_ms(self.clock_ms()) < written_ms:
            self.sleep(0.2)

    def end(self) -> None:
        """End the sinks and close the files."""
        self.memory.close()
        for sink in (self.sink, self.stdout):
            try:
                sink.close()
            except CollectorError:
                pass  # splunkd has gone: that is why it ends

    def every_moment(self) -> None:
        """Do what is due. Raises `CheckpointUnusable`, `StoreUnavailable`."""
        now_s = time.monotonic()
        self._tell_of_collector()
        warning = self.budget.warning(self.clock_ms())
        if warning:
            self.health.notice("", "daily ceiling", error=warning, **self.bytes_of_day())
        self.health.beat()
        if now_s - self._counted_s >= COUNTS_EVERY_S:
            self._counted_s = now_s
            self.write_counts()
        if now_s - self._saved_s >= SAVE_DAY_EVERY_S:
            self.save_day()

    def _tell_of_collector(self) -> None:
        if isinstance(self.sink, SplunkEvents):
            return
        delivery = self.sink.delivery
        if delivery.problem is None:
            rejected, delivery.figures.rejected = delivery.figures.rejected, []
            tally, resent = Tally(bad=rejected), delivery.figures.resent
            self.health.worked(COLLECTOR, tally, 0, in_flight=delivery.in_flight, resent=resent)
        elif delivery.look_problem is not None and delivery.look_problem is not self._told_problem:
            self._told_problem = delivery.look_problem
            self.health.failed(COLLECTOR, delivery.look_problem)

    def bytes_of_day(self) -> Dict[str, int]:
        """Return what a health event says of the licence."""
        return {"bytes_written_today": self.budget.written, "bytes_withheld_today": self.budget.withheld}

    def write_counts(self) -> None:
        """Write what was counted; a search adds it up."""
        for key, number in self.counts.take():
            members = {"input": self.settings.stanza, **counting.event(key, number)}
            self.sink.say(COUNT, self.clock_ms(), members)
        self.save_day()

    def save_day(self) -> None:
        """Save the day's bytes and counts."""
        self._saved_s = time.monotonic()
        day = {"budget": self.budget.as_json(), "counts": self.counts.as_json()}
        self.checkpoints.save(_day_name(self.settings.stanza), day)


def begin(settings: InputSettings, splunkd: Splunkd, checkpoint_dir: str, stream: BinaryIO) -> Process:
    """Return the process of an input, nothing written yet. Raises `ConfigError`, `CheckpointUnusable`, `OSError`."""
    refuse_in_a_cluster(splunkd)
    stanza = settings.stanza
    # Names of stanzas may hold anything.
    folder = Path(checkpoint_dir) / hashlib.sha256(stanza.encode()).hexdigest()[:24]
    stop = threading.Event()

    def sleep(seconds: float) -> None:
        if stop.wait(seconds):
            raise Stopped

    stdout = SplunkEvents(stream, settings.placing)
    health = Health(stdout, stanza, int(settings["heartbeat_s"] * 1000), now_ms)
    checkpoints: Checkpoints = FileCheckpoints(folder) if settings["checkpoints"] == "file" else KvCheckpoints(splunkd)
    day: Any = checkpoints.load(_day_name(stanza)) or {}
    sink: Union[SplunkEvents, HecEvents] = stdout
    if settings["delivery"] == "hec":
        from aws_inputs.delivery import collector_sink

        sink = collector_sink(settings, splunkd, sleep, now_ms, lambda problem: health.failed(COLLECTOR, problem))
        health.place(COLLECTOR, collector=sink.delivery.hec.url)
    return Process(
        settings,
        splunkd,
        sink,
        stdout,
        Memory(folder / "findings"),
        checkpoints,
        DailyBudget(int(settings["daily_ceiling_mib"] * MIB), day.get("budget")),
        Counts(day.get("counts", ())),
        health,
        stop,
    )


def refuse_in_a_cluster(splunkd: Splunkd) -> None:
    """Raise `ConfigError` on a member of a search head cluster."""
    for entry in splunkd.entries("services", "server", "info"):
        roles = entry["content"].get("server_roles") or []
        if any(role in CLUSTERED for role in roles):
            raise ConfigError(
                "this is a member of a search head cluster, where an input would run on every member. Set the input up "
                "on a heavy forwarder, and delete it here"
            )


def _day_name(stanza: str) -> str:
    return f"{stanza}/day"
