"""What every input's process has: its settings, its sinks, what was written, the day's bytes and counts, and its end.

Health events go to standard output whatever the delivery is: a collector that takes nothing could not say so.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Callable, Dict, Optional, Tuple, Union

from aws_account_settings import accounts as account_settings
from splunk_host.splunkd import Splunkd, SplunkdError

from aws_inputs.claims import BEAT_EVERY_S, Claims
from aws_inputs.health import Health
from aws_inputs.kinds import OF_A_QUEUE
from aws_inputs.kv_checkpoints import KvCheckpoints
from aws_inputs.settings import InputSettings, names
from collectors.errors import CollectorError
from collectors.polling import counts as counting
from collectors.polling.budget import DailyBudget
from collectors.polling.checkpoint import Checkpoints, FileCheckpoints
from collectors.polling.count_journal import CountJournal
from collectors.polling.counts import Counts
from collectors.polling.memory import Memory
from collectors.polling.wanted import Wanted
from collectors.polling.writer import Rules, Tally
from collectors.sinks.splunk_events.sink import COUNT, SplunkEvents
from es_bridge.errors import ConfigError

if TYPE_CHECKING:
    from collectors.sinks.hec.sink import HecEvents

MIB = 1 << 20
#: The day's bytes are saved so often.
SAVE_DAY_EVERY_S = 60
#: Whether account or collector were changed on their pages is looked up so often, and at each heartbeat.
LOOK_AT_SETTINGS_EVERY_S = 60
#: Counts are written so often, and when the process ends.
COUNTS_EVERY_S = 3600
#: What splunkd has read is on its disk by then.
COUNTS_ARRIVE_WITHIN_MS = 600_000
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
    #: On this machine: the checkpoints that there were once.
    begun: FileCheckpoints
    budget: DailyBudget
    counts: Counts
    health: Health
    #: Name of this instance of Splunk.
    forwarder: str
    stop: threading.Event = field(default_factory=threading.Event)
    clock_ms: Callable[[], int] = now_ms
    #: Of the processes that run this input; none where several may, as at a queue.
    claims: Optional[Claims] = None
    _parent: int = field(default_factory=os.getppid)
    _looked_s: float = 0.0
    _settings_looked_s: float = -LOOK_AT_SETTINGS_EVERY_S
    #: The account, and the collector if there is one, as this process has them.
    _begun_with: Optional[Tuple[Any, ...]] = None
    _told_others: Tuple[str, ...] = ()
    _saved_s: float = 0.0
    _told_problem: Optional[BaseException] = None
    _counted_s: float = -COUNTS_EVERY_S
    #: Batches of counts that were written and may not have arrived -> when, epoch milliseconds.
    _written_batches: Dict[str, int] = field(default_factory=dict)

    @property
    def rules(self) -> Rules:
        """What is withheld."""
        values = self.settings.values
        products, left_out, standards = (
            names(str(values.get(name) or "")) for name in ("products", "products_left_out", "standards")
        )
        wanted = Wanted.of(products, left_out, standards, float(values.get("least_severity") or 0))
        return Rules(not values.get("all_versions"), values.get("passed_findings", "count") == "count", wanted)

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

    @property
    def stands_by(self) -> bool:
        """Whether another process reads this input, so that this one must not."""
        return self.claims is not None and not self.claims.reads

    def look_for_others(self) -> None:
        """Find out whether another process runs this input, and say so once. Raises `CheckpointUnusable`."""
        if self.claims is None:
            return
        self._looked_s = time.monotonic()
        others = sorted(each.who for each in self.claims.look())
        told = (*others, str(self.stands_by))
        if told == self._told_others:
            return
        was, self._told_others = self._told_others, told
        if others:
            self.health.notice(
                "",
                "two processes run this input",
                others=others,
                reads=self.claims.reader.who,
                error=f"{self.claims.reader.who} reads, and the other stands by until that one is gone. Disable the "
                "input on one of them, or end the process that outlived its splunkd",
            )
        elif was:
            self.health.notice("", "this process alone runs this input", reads=self.claims.reader.who)

    def end(self) -> None:
        """End the sinks and close the files."""
        if self.claims is not None:
            try:
                self.claims.end()
            except CollectorError:
                pass  # it ages
        self.memory.close()
        for sink in (self.sink, self.stdout):
            try:
                sink.close()
            except CollectorError:
                pass  # splunkd has gone: that is why it ends

    def every_moment(self) -> None:
        """Do what is due. Raises `CheckpointUnusable`, `StoreUnavailable`."""
        now_s = time.monotonic()
        if os.getppid() != self._parent:
            self.stop.set()  # splunkd has gone, which writing to a collector does not tell
        self._tell_of_collector()
        if now_s - self._settings_looked_s >= min(LOOK_AT_SETTINGS_EVERY_S, self.settings["heartbeat_s"]):
            self._settings_looked_s = now_s
            self._look_at_settings()
        if now_s - self._looked_s >= BEAT_EVERY_S:
            self.look_for_others()
        warning = self.budget.warning(self.clock_ms())
        if warning:
            self.health.notice("", "daily ceiling", error=warning, **self.bytes_of_day())
        if not self.stands_by:
            self.health.beat()
        if now_s - self._counted_s >= COUNTS_EVERY_S:
            self.write_counts()
        if now_s - self._saved_s >= SAVE_DAY_EVERY_S:
            self.save_day()

    def _look_at_settings(self) -> None:
        """End where account or collector are others by now: splunkd starts this anew, with a key that was rotated."""
        try:
            found: Tuple[Any, ...] = (account_settings.read(self.splunkd, self.settings["account"]),)
            if self.settings["delivery"] == "hec":
                from event_collector_settings import collectors as event_collectors

                found += (event_collectors.read(self.splunkd, self.settings["hec"]),)
        except (ConfigError, SplunkdError):
            return  # who begins anew is told what is wrong; what runs goes on
        if self._begun_with not in (None, found):
            self.health.notice(
                "", "settings were changed", error="The input ends, and begins anew with them in a minute"
            )
            self.stop.set()
        self._begun_with = found

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
        """Write what was counted, and batches of which nobody knows that they arrived; a search adds them up."""
        self._counted_s = time.monotonic()
        for batch, counted in self.counts.batches().items():
            if batch in self._written_batches:
                continue
            for key, number in counted:
                members = {"input": self.settings.stanza, **counting.event(key, number, batch)}
                self.sink.say(COUNT, self.clock_ms(), members)
            self._written_batches[batch] = self.clock_ms()
        self.save_day()

    def forget_arrived_counts(self) -> None:
        """Forget the batches of counts that have arrived."""
        now_ms = self.clock_ms()
        until_ms = self.sink.taken_until_ms(now_ms) - (0 if self.is_acknowledged else COUNTS_ARRIVE_WITHIN_MS)
        for batch in [batch for batch, written_ms in self._written_batches.items() if written_ms < until_ms]:
            self.counts.arrived(batch)
            del self._written_batches[batch]

    def save_day(self) -> None:
        """Save the day's bytes."""
        self._saved_s = time.monotonic()
        self.checkpoints.save(_day_name(self.settings.stanza), {"budget": self.budget.as_json()})
        self.forget_arrived_counts()


def begin(settings: InputSettings, splunkd: Splunkd, checkpoint_dir: str, stream: BinaryIO) -> Process:
    """Return the process of an input, nothing written yet. Raises `ConfigError`, `CheckpointUnusable`, `OSError`."""
    forwarder = refuse_in_a_cluster(splunkd)
    stanza = settings.stanza
    folder = folder_of(checkpoint_dir, stanza)
    stop = threading.Event()

    def sleep(seconds: float) -> None:
        if stop.wait(seconds):
            raise Stopped

    stdout = SplunkEvents(stream, settings.placing)
    health = Health(stdout, stanza, forwarder, int(settings["heartbeat_s"] * 1000), now_ms)
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
        FileCheckpoints(folder / "begun"),
        DailyBudget(int(settings["daily_ceiling_mib"] * MIB), day.get("budget")),
        Counts(CountJournal(folder)),
        health,
        forwarder,
        stop,
        claims=None if settings.kind in OF_A_QUEUE else Claims(checkpoints, stanza, forwarder, now_ms),
    )


def folder_of(checkpoint_dir: str, stanza: str) -> Path:
    """Return where an input's files are. Names of stanzas may hold anything."""
    return Path(checkpoint_dir) / hashlib.sha256(stanza.encode()).hexdigest()[:24]


def refuse_in_a_cluster(splunkd: Splunkd) -> str:
    """Return this instance's name. Raises `ConfigError` on a member of a search head cluster."""
    name = ""
    for entry in splunkd.entries("services", "server", "info"):
        name = str(entry["content"].get("serverName") or "")
        roles = entry["content"].get("server_roles") or []
        if any(role in CLUSTERED for role in roles):
            raise ConfigError(
                "this is a member of a search head cluster, where an input would run on every member. Set the input up "
                "on a heavy forwarder, and delete it here"
            )
    return name


def _day_name(stanza: str) -> str:
    return f"{stanza}/day"
