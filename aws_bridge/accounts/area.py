"""One account and region, and AWS's lists in it, page by page, whichever of its ways to page a service has."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping, NamedTuple

from aws_bridge.accounts.caller import Caller
from aws_bridge.errors import CallRejected

#: Pages of one list; a longer one is one that never ends.
MOST_PAGES = 20_000


class Area(NamedTuple):
    """Who asks, and where. ``region`` is the home region for services that have none."""

    caller: Caller
    account: str
    region: str

    def ask(self, service: str, operation: str, **parameters: Any) -> Dict[str, Any]:
        """Return one answer. Raises `aws_bridge.errors.CallProblem`."""
        return self.caller.call(service, self.region, operation, **parameters)

    def each(
        self, service: str, operation: str, member: str, token: Mapping[str, str], **parameters: Any
    ) -> Iterator[Dict[str, Any]]:
        """Yield the items of a list. ``token``: member of the answer -> parameter of the next request, a text or more.

        Raises `CallRejected` for a list that does not end, `aws_bridge.errors.CallProblem` as `ask`.
        """
        ((answered, asked),) = token.items()
        used, more = set(), dict(parameters)
        for _ in range(MOST_PAGES):
            answer = self.ask(service, operation, **more)
            yield from answer.get(member) or ()
            following = answer.get(answered)
            if not following:
                return
            # DynamoDB's is a key of the table, with its types.
            if repr(following) in used:
                break
            used.add(repr(following))
            more[asked] = following
        raise CallRejected(
            f"{service}:{operation} in account {self.account}, region {self.region} gives the same pages again",
            call=f"{service}:{operation}",
        )


#: How each service pages.
EC2 = RESOURCE = {"NextToken": "NextToken"}
MARKER = {"NextMarker": "Marker"}
IAM = RDS = {"Marker": "Marker"}
EKS = {"nextToken": "nextToken"}
DYNAMODB = {"LastEvaluatedKey": "ExclusiveStartKey"}
