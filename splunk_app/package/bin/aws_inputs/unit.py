"""One kind of findings in one account and region, as an input polls it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from aws_bridge.accounts.caller import Caller
from collectors.polling.coverage import Seat
from collectors.polling.poller import Poller
from collectors.records.record import Origin


@dataclass
class Unit:
    """A place that is polled, or another place shows its findings."""

    name: str
    #: As a person calls it.
    account: str
    account_id: str
    region: str
    dataset: str
    caller: Caller
    poller: Optional[Poller] = None
    failures: int = 0
    #: Of the last turn: why it failed, unless that passes by itself.
    refused: Optional[BaseException] = None
    #: It waits for nothing: another place is read in its stead, or another Security Hub of the account.
    idle: bool = False
    #: It is in the queue; a turn of it is being done.
    waits: bool = False
    runs: bool = False
    #: When it was first seen that another place shows its findings, seconds of the monotonic clock; 0 if none does.
    shown_since_s: float = 0.0

    @property
    def seat(self) -> Seat:
        """What it is for `Coverage`."""
        return Seat(self.dataset, Origin(self.account_id, self.region))
