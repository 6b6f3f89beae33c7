"""The open incident of each instance or principal, and how many were opened in an hour: a table of DynamoDB.

One item a case (``account|region|instance``) with the number of its last incident, one an hour, one a hand-over, and
one each execution beside an incident's first (``execution|<its name>``), written before it is started. Every change is
conditional, so that ten responses at once make one incident. The lock has no timeout: an execution that broke is found
by a sweep, and not by another response that begins in its place.

Needs ``dynamodb:GetItem`` and ``UpdateItem`` on the table, and ``Scan`` where incidents are listed. Items of hand-overs
have ``expires``, the table's attribute for time to live.
"""

from __future__ import annotations

import json
import time
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Protocol, Tuple

from aws_bridge.accounts.area import DYNAMODB, Area
from response.aws.conditional import was_so
from response.errors import NoIncident

#: States of an incident: opened and not started, waiting for a person, running, over.
NEW, WAITING, RUNNING, RELEASED = "new", "waiting", "running", "released"
#: An item of DynamoDB has 400 KB, and whoever can make alerts must not fill it. Later ones are attached and not listed.
MOST_ALERTS = 200
#: Characters of a row's answer that are kept, for the same reason.
_MOST_SAYS = 500
_HOUR_S = 3600
#: How long a hand-over is known: Splunk's queue forgets one after three days.
_KEPT_S = 7 * 24 * _HOUR_S
_NAMES = ("incident", "state", "input", "alerts", "opened", "counted", "outcome", "says", "clocks", "resumed",
          "answer", "expires", "since", "told", "shown")  # fmt: skip
#: Keys of executions beside an incident's first begin with it.
_FURTHER = "execution|"
#: How long one that is over is known: AWS takes the name of a closed execution again after 90 days.
_OVER_KEPT_S = 100 * 24 * _HOUR_S


class Keyed(Protocol):
    """What an incident can be about."""

    @property
    def key(self) -> str:
        """Return the key of its item."""

    @property
    def slug(self) -> str:
        """Return what the incident's name begins with."""


class Opened(NamedTuple):
    """The incident of an instance or principal."""

    id: str
    state: str
    #: Whether this call opened it.
    new: bool
    #: What the execution was started with, or will be.
    input: str
    key: str = ""
    opened_ms: int = 0
    alerts: Tuple[str, ...] = ()
    #: How the last execution ended, as the workflow says: done, failed, refused ...; and in words.
    outcome: str = ""
    says: str = ""
    #: Clocks that a person started: name -> epoch milliseconds at which it is due.
    clocks: Tuple[Tuple[str, int], ...] = ()
    #: The clocks as Splunk was told of them.
    clocks_shown: Tuple[Tuple[str, int], ...] = ()
    #: How often the workflow was started again.
    resumed: int = 0
    #: When that was, or when it was opened, in epoch milliseconds.
    since_ms: int = 0
    #: What people were told of it by a sweep.
    told: str = ""

    @property
    def is_further(self) -> bool:
        """Whether it is an execution beside an incident's first, and ``id`` its name: `Incidents.reserve`."""
        return self.key.startswith(_FURTHER)

    @property
    def execution(self) -> str:
        """The name of its last execution."""
        return f"{self.id}-resumed-{self.resumed}" if self.resumed else self.id

    @property
    def event(self) -> Dict[str, Any]:
        """The input as an object."""
        found = json.loads(self.input)
        return found if isinstance(found, dict) else {}


class Incidents:
    """The incidents of one table."""

    def __init__(self, area: Area, table: str, clock: Callable[[], float] = time.time) -> None:
        """``area``: where the table is. ``clock`` gives epoch seconds."""
        self._area = area
        self._table = table
        self._clock = clock

    def open(self, case: Keyed, alert: str, input_of: Callable[[str], str]) -> Opened:
        """Open the next incident of a case, or find the one that is open, and attach the alert to it.

        ``input_of``: id of the incident -> what its execution gets. Raises `CallProblem`.
        """
        while True:
            found = self.find(case)
            if found and found.state != RELEASED:
                self._attach(case, found.id, alert)
                return found
            number = (int(found.id.rsplit("-", 1)[1]) if found else 0) + 1
            id = f"{case.slug}-{number}"
            text = input_of(id)
            condition = "#incident = :before AND #state = :released" if found else "attribute_not_exists(#incident)"
            values: Dict[str, Any] = {
                ":id": {"S": id}, ":new": {"S": NEW}, ":input": {"S": text}, ":alert": {"SS": [alert]},
                ":now": {"N": str(self._now_ms())},
            }  # fmt: skip
            if found:
                values.update({":before": {"S": found.id}, ":released": {"S": RELEASED}})
            update = (
                "SET #incident = :id, #state = :new, #input = :input, #alerts = :alert, #opened = :now "
                "REMOVE #outcome, #says, #clocks, #shown, #resumed, #since, #told"
            )
            if self._update(case.key, update, condition, values):
                return Opened(id, NEW, True, text, case.key)
            # Somebody else opened it between the two calls.

    def find(self, case: Keyed) -> Optional[Opened]:
        """Return the last incident of a case, or nothing."""
        item = self._call("GetItem", Key=_key(case.key), ConsistentRead=True).get("Item")
        return _opened(item) if item else None

    def reserve(self, name: str, alert: str, text: str) -> Opened:
        """Note an execution beside an incident's first, before it is started; or find the note of it.

        ``text``: what it will be started with. Whoever finds it `NEW` starts it, by this name, which AWS takes once.
        """
        values: Dict[str, Any] = {
            ":id": {"S": name}, ":new": {"S": NEW}, ":input": {"S": text}, ":alert": {"SS": [alert]},
            ":now": {"N": str(self._now_ms())},
        }  # fmt: skip
        update = "SET #incident = :id, #state = :new, #input = :input, #alerts = :alert, #opened = :now"
        if self._update(_FURTHER + name, update, "attribute_not_exists(#incident)", values):
            return Opened(name, NEW, True, text, _FURTHER + name)
        return _opened(self._call("GetItem", Key=_key(_FURTHER + name), ConsistentRead=True)["Item"])

    def end(self, name: str) -> None:
        """Let an execution beside an incident's first be over."""
        values = {
            ":id": {"S": name}, ":over": {"S": RELEASED}, ":expires": {"N": str(int(self._clock()) + _OVER_KEPT_S)},
        }  # fmt: skip
        self._update(_FURTHER + name, "SET #state = :over, #expires = :expires", "#incident = :id", values)

    def all(self) -> Iterator[Opened]:
        """Yield the last incident of every case: the whole table is read."""
        return (each for each in self.everything() if not each.is_further)

    def everything(self) -> Iterator[Opened]:
        """Yield what `all` does, and the executions beside an incident's first."""
        found = self._area.each("dynamodb", "Scan", "Items", DYNAMODB, TableName=self._table, ConsistentRead=True)
        return (_opened(item) for item in found if "incident" in item)

    def named(self, id: str) -> Opened:
        """Return an incident by its id. Raises `NoIncident` where it is none, or not the last of its case."""
        for each in self.all():
            if each.id == id:
                return each
        raise NoIncident(f"there is no incident {id[:100]} in the table {self._table}, or a later one took its place")

    def execution(self, name: str) -> Optional[Opened]:
        """Return an execution beside an incident's first by its name, or nothing."""
        item = self._call("GetItem", Key=_key(_FURTHER + name), ConsistentRead=True).get("Item")
        return _opened(item) if item else None

    def move(self, case: Keyed, incident: str, before: str, after: str) -> bool:
        """Take an incident from one state to the next; return whether it was in the first."""
        return self._move(case.key, incident, before, after)

    def began(self, found: Opened, state: str) -> None:
        """Take what was new to the state that it has now that its execution is started."""
        self._move(found.key, found.id, NEW, state)

    def close(self, key: str, incident: str) -> bool:
        """Let an incident be over, whatever state it is in; return whether it was the last of its case."""
        values = {":id": {"S": incident}, ":after": {"S": RELEASED}}
        return self._update(key, "SET #state = :after", "#incident = :id", values)

    def run(self, key: str, incident: str, before: Iterable[str]) -> None:
        """Let an incident in one of these states run."""
        for each in before:
            self._move(key, incident, each, RUNNING)

    def note(self, key: str, incident: str, outcome: str, says: str) -> None:
        """Keep how the workflow of an incident ended."""
        values = {":id": {"S": incident}, ":outcome": {"S": outcome}, ":says": {"S": says}}
        self._update(key, "SET #outcome = :outcome, #says = :says", "#incident = :id", values)

    def resumed(self, found: Opened) -> Opened:
        """Count one more execution of an incident and return it so. Raises `NoIncident` when another did, meanwhile."""
        number = found.resumed + 1
        values = {
            ":id": {"S": found.id}, ":number": {"N": str(number)}, ":before": {"N": str(found.resumed)},
            ":now": {"N": str(self._now_ms())},
        }  # fmt: skip
        condition = "#incident = :id AND (attribute_not_exists(#resumed) OR #resumed = :before)"
        update = "SET #resumed = :number, #since = :now REMOVE #outcome, #says"
        if not self._update(found.key, update, condition, values):
            raise NoIncident(f"somebody else resumed the incident {found.id} just now: look at its status")
        return found._replace(resumed=number)

    def told(self, found: Opened, what: str) -> None:
        """Keep what people were told of an incident or execution, so that they are told once."""
        values = {":id": {"S": found.id}, ":told": {"S": what}}
        self._update(found.key, "SET #told = :told", "#incident = :id", values)

    def set_clocks(self, found: Opened, clocks: Mapping[str, int]) -> None:
        """Keep the clocks of an incident: name -> epoch milliseconds at which it is due."""
        values = {":id": {"S": found.id}, ":clocks": {"S": json.dumps(dict(clocks), sort_keys=True)}}
        if not self._update(found.key, "SET #clocks = :clocks", "#incident = :id", values):
            raise NoIncident(f"the incident {found.id} is over, and another one took its place")

    def show_clocks(self, found: Opened) -> None:
        """Keep that Splunk was told of an incident's clocks as they are in ``found``."""
        values = {":id": {"S": found.id}, ":shown": {"S": json.dumps(dict(found.clocks), sort_keys=True)}}
        self._update(found.key, "SET #shown = :shown", "#incident = :id", values)

    def answer_of(self, hand_over: str) -> Optional[List[Dict[str, Any]]]:
        """Return what a hand-over was answered, or nothing for one that is new."""
        item = self._call("GetItem", Key=_key(f"request|{hand_over}"), ConsistentRead=True).get("Item")
        return json.loads(item["answer"]["S"]) if item else None

    def keep_answer(self, hand_over: str, rows: List[Dict[str, Any]], *, again: bool = False) -> None:
        """Keep what a hand-over was answered, unless it is kept; ``again``: in the place of what is."""
        short = [{**row, "says": str(row.get("says", ""))[:_MOST_SAYS]} for row in rows]
        values = {
            ":answer": {"S": json.dumps(short)}, ":expires": {"N": str(int(self._clock()) + _KEPT_S)},
        }  # fmt: skip
        update = "SET #answer = :answer, #expires = :expires"
        condition = "attribute_not_exists(#answer)"
        self._update(
            f"request|{hand_over}", update, f"{condition} OR attribute_exists(#answer)" if again else condition, values
        )

    def within(self, what: str, incident: str, most: int) -> bool:
        """Count an incident in ``what``, an hour or an alert; return whether it is among the first ``most``.

        Counting one again changes nothing.
        """
        if most <= 0:
            return False
        condition = "attribute_not_exists(#counted) OR size(#counted) < :most OR contains(#counted, :id)"
        values = {":one": {"SS": [incident]}, ":id": {"S": incident}, ":most": {"N": str(most)}}
        return self._update(what, "ADD #counted :one", condition, values)

    def this_hour(self) -> str:
        """Return the key under which this hour's incidents are counted."""
        return f"hour|{int(self._clock() // _HOUR_S) * _HOUR_S}"

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)

    def _move(self, key: str, incident: str, before: str, after: str) -> bool:
        values = {":id": {"S": incident}, ":before": {"S": before}, ":after": {"S": after}}
        return self._update(key, "SET #state = :after", "#incident = :id AND #state = :before", values)

    def _attach(self, case: Keyed, incident: str, alert: str) -> None:
        values = {":alert": {"SS": [alert]}, ":id": {"S": incident}, ":most": {"N": str(MOST_ALERTS)}}
        self._update(case.key, "ADD #alerts :alert", "#incident = :id AND size(#alerts) < :most", values)

    def _update(self, key: str, update: str, condition: str, values: Dict[str, Any]) -> bool:
        names = {f"#{name}": name for name in _NAMES}
        words = f"{update} {condition}".replace("(", " ").replace(")", " ").replace(",", " ").split()
        used = {name: real for name, real in names.items() if name in words}
        return was_so(lambda: self._call(
            "UpdateItem", Key=_key(key), UpdateExpression=update, ConditionExpression=condition,
            ExpressionAttributeNames=used, ExpressionAttributeValues=values,
        ))  # fmt: skip

    def _call(self, operation: str, **given: Any) -> Dict[str, Any]:
        return self._area.ask("dynamodb", operation, TableName=self._table, **given)


def _key(key: str) -> Dict[str, Any]:
    return {"pk": {"S": key}}


def _opened(item: Mapping[str, Any]) -> Opened:
    clocks, shown = (json.loads(item[name]["S"]) if name in item else {} for name in ("clocks", "shown"))
    return Opened(
        id=item["incident"]["S"],
        state=item["state"]["S"],
        new=False,
        input=item["input"]["S"],
        key=item["pk"]["S"],
        opened_ms=int(item["opened"]["N"]),
        alerts=tuple(sorted(item["alerts"]["SS"])),
        outcome=item.get("outcome", {}).get("S", ""),
        says=item.get("says", {}).get("S", ""),
        clocks=tuple(sorted(clocks.items())),
        clocks_shown=tuple(sorted(shown.items())),
        resumed=int(item.get("resumed", {}).get("N", "0")),
        since_ms=int(item.get("since", item["opened"])["N"]),
        told=item.get("told", {}).get("S", ""),
    )
