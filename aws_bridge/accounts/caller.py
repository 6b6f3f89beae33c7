"""One call in one account and region: not too many at once, tried again while that can help, a refusal in words."""

from __future__ import annotations

import copy
import json
import threading
import time
from collections import Counter
from email.utils import parsedate_to_datetime
from typing import Any, Callable, Dict, Mapping, NamedTuple, Tuple

from aws_bridge.accounts.rate import Rate
from aws_bridge.accounts.refusals import refusal
from aws_bridge.accounts.session import WIRE_BODY, AwsSession
from aws_bridge.errors import CallProblem, CallRejected, Expired, NotSignedIn, Throttled, Unavailable

#: Calls at once in one account and region: AWS counts per account and region, and others use the same limit.
CALLS_AT_ONCE = 4
#: Attempts before the caller is told, the first included. Throttling passes by itself, so it is waited for longer.
ATTEMPTS: Mapping[type, int] = {Throttled: 8, Unavailable: 4, Expired: 2}


class Place(NamedTuple):
    """Where a call is made."""

    account: str
    region: str

    def __str__(self) -> str:
        return f"account {self.account!r}, region {self.region}"


class Wire(NamedTuple):
    """An answer as AWS wrote it."""

    body: Dict[str, Any]
    #: When AWS made it by its own clock, at the latest, epoch milliseconds; what changes afterwards has a later time.
    as_of_ms: int


class Caller:
    """Makes the calls of one account; share it between threads."""

    def __init__(
        self,
        session: AwsSession,
        *,
        wait_s: Callable[[int], float],
        calls_at_once: int = CALLS_AT_ONCE,
        rates: Mapping[str, Tuple[float, int]] = {},  # noqa: B006 - never changed
        sleep: Callable[[float], Any] = time.sleep,
        attempts: Mapping[type, int] = ATTEMPTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``wait_s``: attempts that failed before, from 0 -> seconds to wait before the next one.
        ``rates``: ``service:Operation`` -> (calls a second, calls in a burst) in one region, where AWS publishes it.
        ``sleep`` waits so many seconds; what it raises ends the call. ``attempts``: see `ATTEMPTS`; empty for one.
        ``clock``: seconds, for the rates.
        """
        self.session = session
        #: ``service:Operation`` -> calls made, attempts that were throttled among them.
        self.made: Counter[str] = Counter()
        self.throttled: Counter[str] = Counter()
        self._calls_at_once = calls_at_once
        self._wait_s = wait_s
        self._rates = rates
        self._sleep = sleep
        self._attempts = attempts
        self._clock = clock
        self._lock = threading.Lock()
        self._gates: Dict[str, threading.BoundedSemaphore] = {}
        self._paces: Dict[Tuple[str, str], Rate] = {}
        self._accepted = False

    def without_repeating(self) -> Caller:
        """Return a caller of the same account that asks once: for what must not be done twice when an answer is lost.

        Throttled calls and expired credentials are tried again: those took no effect.
        """
        other = copy.copy(self)
        other._attempts = {kind: most for kind, most in self._attempts.items() if kind is not Unavailable}
        return other

    @property
    def account(self) -> str:
        """The account's name."""
        return self.session.account.name

    def wire(self, service: str, region: str, operation: str, **parameters: Any) -> Wire:
        """Return the answer's body as AWS wrote it, decoded: with its own casing, and with members newer than botocore.

        For services that speak JSON. Raises `CallProblem`.
        """
        answer = self.call(service, region, operation, **parameters)
        try:
            found = json.loads(answer[WIRE_BODY])
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise CallRejected(
                f"{service}:{operation} in {Place(self.account, region)}: the answer is no JSON object. Something on "
                "the way, such as a proxy, may have written it",
                call=f"{service}:{operation}",
            )
        return Wire(found, _as_of_ms(answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")))

    def call(self, service: str, region: str, operation: str, **parameters: Any) -> Dict[str, Any]:
        """Return the parsed answer of ``operation`` (``ListFindings``). Raises `CallProblem` after the last attempt."""
        name = f"{service}:{operation}"
        attempt = 0
        while True:
            generation = self.session.generation
            try:
                with self._gate(region):
                    self._pace(name, region)
                    self.made[name] += 1
                    client = self.session.client(service, region)
                    answer: Dict[str, Any] = getattr(client, _method(operation))(**parameters)
                self._accepted = True
                return answer
            except CallProblem:
                raise
            except Exception as exc:
                problem = self._problem(exc, name, region)
            if isinstance(problem, Throttled):
                self.throttled[name] += 1
            if isinstance(problem, Expired):
                self.session.renew(generation)
            attempt += 1
            if attempt >= self._attempts.get(type(problem), 1):
                raise problem
            # The seat is given back while this waits: others may have a call that works.
            self._sleep(self._wait_s(attempt - 1))

    def _problem(self, exc: Exception, name: str, region: str) -> CallProblem:
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        # The last is an answer that nobody can read, such as a page of a proxy.
        if not isinstance(exc, (BotoCoreError, ClientError, ResponseParserError)):
            raise exc
        found = refusal(exc, name, str(Place(self.account, region)), known_elsewhere=self._accepted)
        if isinstance(found, NotSignedIn) and not self._accepted and region != self.session.account.home_region:
            self._accepted = self._home_knows_us()
            found = refusal(exc, name, str(Place(self.account, region)), known_elsewhere=self._accepted)
        return found

    def _home_knows_us(self) -> bool:
        """Return whether STS at home accepts the credentials: needs no permission."""
        try:
            self.session.client("sts", self.session.account.home_region).get_caller_identity()
            return True
        except Exception:
            return False

    def _gate(self, region: str) -> threading.BoundedSemaphore:
        with self._lock:
            return self._gates.setdefault(region, threading.BoundedSemaphore(self._calls_at_once))

    def _pace(self, name: str, region: str) -> None:
        rate = self._rates.get(name)
        if rate is None:
            return
        with self._lock:
            pace = self._paces.setdefault((name, region), Rate(*rate, clock=self._clock))
        wait_s = pace.wait_s()
        if wait_s > 0:
            self._sleep(wait_s)


def _method(operation: str) -> str:
    from botocore import xform_name

    name: str = xform_name(operation)
    return name


def _as_of_ms(date: str) -> int:
    """Return the time of an answer's header, two seconds earlier: it is in whole seconds, and after the answer's data.

    Without a header it is the time of this machine.
    """
    try:
        seconds = parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError):
        seconds = time.time()
    return int((seconds - 2) * 1000)
