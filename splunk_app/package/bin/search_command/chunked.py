"""The chunked protocol, version 2: our loop on the SDK's handshake.

`splunklib` reads the getinfo request and answers it with the command's type. From the first execute request on this
module talks itself, because the SDK collects up to 50,000 rows before it sends any, drops
columns its first row does not have, breaks on braces in a message, and turns a closed pipe into a traceback.

How a run ends, as splunkd sees it:

- done: a last chunk with ``finished: true``, exit status 0;
- failed: an ERROR message in a chunk with ``finished: false``, then exit status 1. With ``finished: true`` the job
  would count as done, and an alert would see "no events";
- closed by splunkd (``| head``): end of stdin or a broken pipe; exit status 0, nothing on stderr;
- cancelled: SIGTERM; what is open in the cluster is closed within two seconds, exit status 143 (see `sigterm`);
- finalized ("stop and keep the results"): seen in the dispatch directory between chunks, ends as done.
"""

from __future__ import annotations

import csv
import json
import os
import re
import sys
import threading
from pathlib import Path
from types import MappingProxyType
from typing import (
    Any,
    BinaryIO,
    Callable,
    Dict,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    NoReturn,
    Optional,
    Sequence,
    Set,
    Tuple,
)

from splunklib.searchcommands import GeneratingCommand, StreamingCommand
from splunklib.searchcommands.search_command import SearchCommand

from es_bridge.errors import BridgeError
from search_command.sigterm import on_sigterm

#: How long the cluster has to confirm that a cancelled search is closed, and then the log to take its line: together
#: they leave a margin below the two seconds in which a cancelled search must be gone.
CANCEL_LIMIT_S = 1.7
LOG_LIMIT_S = 0.2
EXIT_FAILED = 1

_HEADER = re.compile(rb"chunked 1\.0,(\d+),(\d+)\n")


class Chunk(NamedTuple):
    """What one reply carries: CSV bytes, messages as (level, text), Job Inspector metrics."""

    body: bytes = b""
    messages: Sequence[Tuple[str, str]] = ()
    #: Name -> (seconds, invocations, rows in, rows out); any of them None.
    metrics: Mapping[str, Tuple[Optional[float], Optional[int], Optional[int], Optional[int]]] = MappingProxyType({})
    #: The command has no more to say. Without it an empty chunk follows the last one.
    last: bool = False


class Request(NamedTuple):
    """One execute request: whether splunkd has no more rows, and the CSV bytes of those it sent."""

    finished: bool
    body: bytes


class ChunkedCommand(SearchCommand):
    """Base of every command: what is said to splunkd, and how a run ends. It hears of the end in `ended`.

    A kind of command says in `answer` how it replies; `ChunkedGeneratingCommand` is one. Nothing that happens there
    happens in a process that splunkd starts only to ask for its configuration. A `BridgeError` raised there becomes the
    user's error message.
    """

    def __init__(self) -> None:
        super().__init__()
        #: The time picker's (earliest, latest) as splunkd sent them; ``"0"`` is unbounded.
        self.picker: Tuple[str, str] = ("0", "0")
        self._texts_sent: Set[str] = set()
        #: Taken by the thread that ends the search, and never released: the process ends with it.
        self._ending = threading.Lock()
        self._is_noted = False
        #: What makes the replies, where that is a generator.
        self.produced: Iterator[Chunk] = iter(())

    def answer(self, requests: BinaryIO, replies: BinaryIO) -> Tuple[str, str]:
        """Reply to execute requests (`next_request`, `send`) until there is nothing left to say.

        Returns (outcome, error): see `ended`.
        """
        raise NotImplementedError

    def close_replies(self) -> None:
        """Run the ``finally`` blocks of what makes the replies. Called at the end, unless it was cancelled."""
        close = getattr(self.produced, "close", None)
        if close:
            close()

    def unsent_messages(self) -> List[Tuple[str, str]]:
        """Return what was to be said before the error that ends the command."""
        return []

    def cancel(self) -> None:
        """Close what is open in the cluster. Called in another thread than `chunks`, which may be at any point."""

    def go_on(self) -> None:
        """Return, unless the search was cancelled: then this thread waits for the end of the process."""
        if self._ending.locked():
            self._ending.acquire()

    def ended(self, outcome: str, error: str) -> None:
        """Take note of the end: ``done``, ``finalized``, ``closed``, ``cancelled``, ``failed`` with its error.

        Or ``refused`` with its error, which is a failure to whoever searches: a right is missing.
        """

    def unexpected(self, error: BaseException) -> str:
        """Return the text the user reads when something failed that nobody foresaw."""
        return f"unexpected {type(error).__name__}: {error}"

    # What follows overrides the SDK's internals of version 2.1.1, to which lib/requirements.txt pins it.

    def _protocol_v2_option_parser(self, arg: str) -> List[str]:
        """Take every argument as it is: a bad option must not fail in getinfo, where splunkd drops the message."""
        return [arg]

    def _read_chunk(self, istream: BinaryIO) -> Any:
        """Read the getinfo request, keeping the picker's times as text: the SDK makes floats of them."""
        chunk = SearchCommand._read_chunk(istream)
        if chunk is None:
            _leave(0)  # splunkd went away before it asked anything
        info = getattr(chunk[0], "searchinfo", None)
        if info is not None:
            self.picker = (str(getattr(info, "earliest_time", 0)), str(getattr(info, "latest_time", 0)))
            info.earliest_time, info.latest_time = (_number(text) for text in self.picker)
        return chunk

    def _execute(self, ifile: Any, process: Any) -> None:
        requests = self._as_binary_stream(ifile)
        replies = self._record_writer.ofile
        on_sigterm(self._end_cancelled)
        _leave(self._run(requests, replies))

    def _run(self, requests: BinaryIO, replies: BinaryIO) -> int:
        """Answer until the end; return the exit status."""
        try:
            outcome, error = self.answer(requests, replies)
        except BrokenPipeError:
            outcome, error = "closed", ""
        except Exception as exc:  # what the user reads must not depend on what we foresaw
            self.go_on()  # a search that was cancelled fails of what the cancelling closes
            outcome, error = "failed", str(exc) if isinstance(exc, BridgeError) else self.unexpected(exc)
            if isinstance(exc, BridgeError) and exc.refused:
                outcome = "refused"
        self._ending.acquire()
        self._close()
        self._note_end(outcome, error)
        if not error:
            return 0
        try:
            self.send(replies, Chunk(messages=[*self.unsent_messages(), ("ERROR", error)]), finished=False)
        except BrokenPipeError:
            pass
        return EXIT_FAILED

    @staticmethod
    def next_request(requests: BinaryIO) -> Optional[Request]:
        """Read one execute request; ``None`` at the end of the stream.

        A body that was announced and never comes (splunkd 6.3 does that) reads as short, and the next header as end.
        """
        header = requests.readline()
        if not header:
            return None
        match = _HEADER.fullmatch(header)
        if match is None:
            raise BridgeError(f"splunkd sent a chunk header that cannot be read: {header[:80]!r}")
        metadata = json.loads(requests.read(int(match.group(1))))
        body = requests.read(int(match.group(2)))
        if metadata.get("action") != "execute":
            raise BridgeError(f"splunkd sent action {metadata.get('action')!r} where execute was expected")
        return Request(bool(metadata.get("finished")), body)

    def send(self, replies: BinaryIO, chunk: Chunk, finished: bool) -> None:
        """Write one reply. ``finished``: the command has no more to say."""
        inspector: Dict[str, Any] = {f"metric.{name}": values for name, values in chunk.metrics.items()}
        # splunkd refuses a text it has seen before.
        messages = [(level, text) for level, text in dict.fromkeys(chunk.messages) if text not in self._texts_sent]
        self._texts_sent.update(text for _, text in messages)
        if messages:
            inspector["messages"] = messages
        metadata: Dict[str, Any] = {"finished": finished}
        if inspector:
            metadata["inspector"] = inspector
        encoded = json.dumps(metadata, ensure_ascii=False).encode("utf-8", "replace")
        replies.write(b"chunked 1.0,%d,%d\n" % (len(encoded), len(chunk.body)) + encoded)
        replies.write(chunk.body)
        replies.flush()

    def is_finalized(self) -> bool:
        """Return whether the user pressed "stop"; the protocol has no message for it, the job's directory shows it."""
        directory = Path(self._metadata.searchinfo.dispatch_dir or "")
        try:
            if (directory / "finalize").exists():
                return True
            with (directory / "status.csv").open(encoding="utf-8", errors="replace", newline="") as file:
                status = next(csv.DictReader(file), {})
        except (OSError, csv.Error):
            return False  # no directory to look at, or just being rewritten
        return status.get("state") == "FINALIZING" or status.get("finalized") not in (None, "", "0")

    def _end_cancelled(self) -> None:
        """Close what is open and take note of it, in the thread of `sigterm`, which then ends the process."""
        confirmed = False
        if self._ending.acquire(timeout=CANCEL_LIMIT_S):  # else the search is just ending, and cannot
            confirmed = _within(CANCEL_LIMIT_S, self._cancel)
        error = "" if confirmed else "the cluster did not confirm in time that the search is closed"
        _within(LOG_LIMIT_S, lambda: self._note_end("cancelled", error))

    def _cancel(self) -> None:
        try:
            self.cancel()
        except Exception as exc:
            self.unexpected(exc)  # nobody reads it any more, but the log keeps it

    def _note_end(self, outcome: str, error: str) -> None:
        if not self._is_noted:
            self._is_noted = True
            self.ended(outcome, error)

    def _close(self) -> None:
        try:
            self.close_replies()
        except Exception as exc:
            self.unexpected(exc)  # nobody reads it any more, but the log keeps it


class ChunkedGeneratingCommand(ChunkedCommand, GeneratingCommand):
    """Base of a command that makes rows of nothing. Subclasses yield `Chunk`s from `chunks`.

    Its type is ``stateful``, once, on the search head, unless the subclass says another.
    """

    def chunks(self) -> Iterator[Chunk]:
        """Yield the replies. Its ``finally`` blocks run however the search ends, unless it is cancelled.

        It starts with the first execute request.
        """
        raise NotImplementedError

    def generate(self) -> Any:
        """Not used: `answer` takes the chunks themselves."""
        raise NotImplementedError

    def answer(self, requests: BinaryIO, replies: BinaryIO) -> Tuple[str, str]:
        """Send one chunk for each request. What splunkd sends along is of no interest to a generator."""
        self.produced = self.chunks()
        while self.next_request(requests):
            if self.is_finalized():
                self.send(replies, Chunk(messages=[("INFO", "The search was finalized: events may be missing")]), True)
                return "finalized", ""
            chunk = next(self.produced, None) or Chunk(last=True)
            self.go_on()
            self.send(replies, chunk, finished=chunk.last)
            if chunk.last:
                return "done", ""
        return "closed", ""


class ChunkedStreamingCommand(ChunkedCommand, StreamingCommand):
    """Base of a command that is handed rows and hands rows on. Subclasses yield `Chunk`s from `chunks`.

    It has to be configured with ``distributed=False``: its type then is ``stateful``, once, on the search head.
    """

    def __init__(self) -> None:
        super().__init__()
        self._was_finalized = False

    def chunks(self, requests: Iterator[Request]) -> Iterator[Chunk]:
        """Yield one reply for each request, with ``last`` for one that is finished. As `ChunkedGeneratingCommand`'s."""
        raise NotImplementedError

    def stream(self, records: Any) -> Any:
        """Not used: `answer` takes the chunks themselves."""
        raise NotImplementedError

    def answer(self, requests: BinaryIO, replies: BinaryIO) -> Tuple[str, str]:
        """Send one chunk for each request; ``finished`` is as splunkd says it of its rows."""
        self.produced = self.chunks(iter(lambda: self.next_request(requests), None))
        for chunk in self.produced:
            self.go_on()
            self.send(replies, chunk, finished=chunk.last)
            if chunk.last:
                return "finalized" if self._was_finalized else "done", ""
        return "closed", ""

    def is_wanted(self) -> bool:
        """Return whether the rows still to come are wanted: not once the user pressed "stop"."""
        self._was_finalized = self._was_finalized or self.is_finalized()
        return not self._was_finalized


def _within(seconds: float, work: Callable[[], None]) -> bool:
    """Do it in a thread of its own; return whether it ended in time."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    return not thread.is_alive()


def _leave(status: int) -> NoReturn:
    """End the process at once: no interpreter shutdown that could write to a pipe splunkd has closed."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        pass
    os._exit(status)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
