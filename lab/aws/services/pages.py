"""Pages and their tokens.

A token belongs to the request that it was given for: another filter or sort order makes it invalid. It says how many
items came before, so what changes while somebody reads moves the rest: an item that leaves the list lets its follower
slip into a page that was read already.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, DefaultDict, Dict, List, Optional, Sequence, Tuple

from lab.aws.services.contract import Request, invalid
from lab.aws.services.wire import operation


@dataclass
class Repeats:
    """Tokens that come again, as GuardDuty's were seen to."""

    times: int
    #: 1 is the token just used; 2 the one before it, which makes a circle of two.
    length: int


@dataclass
class Pages:
    """Cuts lists into pages and remembers which tokens it gave."""

    #: (account, region, operation) -> what is to come again there; region "" is every region.
    repeats: Dict[Tuple[str, str, str], Repeats] = field(default_factory=dict)
    _given: DefaultDict[str, List[str]] = field(default_factory=lambda: defaultdict(list))

    def page(
        self, request: Request, items: Sequence[Any], most: int, end: Optional[str] = None
    ) -> Tuple[List[Any], Dict[str, str]]:
        """Return one page of at most ``most``, and the next one's token by its name in the reply.

        At the end the token is ``end``; None leaves it out. Raises `Refused` for no token of this list, or one of
        another request.
        """
        given = {name.lower(): value for name, value in request.given.items()}
        size = min(given.get("maxresults") or most, most)
        page, token = self._cut(request, items, size, given.get("nexttoken", ""))
        token = end if token is None else token
        return page, {} if token is None else {_token_name(request): token}

    def _cut(self, request: Request, items: Sequence[Any], size: int, used: str) -> Tuple[List[Any], Optional[str]]:
        reading = self._reading(request)
        try:
            start = self._start(reading, used) if used else 0
        except (ValueError, TypeError):
            raise invalid(request, "NextToken is not valid for this request") from None
        end = start + size
        page = list(items[start:end])
        if end >= len(items):
            return page, None
        again = self._again(request, reading, used)
        if again:
            return page, again
        token = base64.urlsafe_b64encode(json.dumps([reading, end]).encode()).decode()
        if token not in self._given[reading]:
            self._given[reading].append(token)
        return page, token

    def _reading(self, request: Request) -> str:
        """Return what is the same in all requests of one list."""
        asked = {
            name: value for name, value in request.given.items() if name.lower() not in ("nexttoken", "maxresults")
        }
        text = json.dumps([request.account, request.region, request.service, request.operation, asked], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _start(self, reading: str, token: str) -> int:
        of, start = json.loads(base64.urlsafe_b64decode(token))
        if of != reading:
            raise ValueError("a token of another request")
        return int(start)

    def _again(self, request: Request, reading: str, used: str) -> str:
        repeats = self.repeats.get((request.account, request.region, request.operation)) or self.repeats.get(
            (request.account, "", request.operation)
        )
        given = self._given[reading]
        if not repeats or not repeats.times or used not in given:
            return ""
        place = given.index(used) - (repeats.length - 1)
        if place < 0:
            return ""
        repeats.times -= 1
        return given[place]


def _token_name(request: Request) -> str:
    shape = operation(request.service, request.operation).output_shape
    assert shape is not None
    name = next(name for name in shape.members if name.lower() == "nexttoken")
    return str(shape.members[name].serialization.get("name", name))


#: The pages of the stand-in's process.
PAGES = Pages()
