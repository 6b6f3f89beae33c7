"""What an answer of a service is written with: the request, the refusal, and the list of all answers."""

from __future__ import annotations

from typing import Any, Callable, Dict, NamedTuple, Tuple


class Request(NamedTuple):
    """One call, read by its description."""

    service: str
    operation: str
    account: str
    region: str
    #: By the names of the input's members; inside of them as the wire has it.
    given: Dict[str, Any]


class Refused(Exception):
    """AWS says no: its code, and what it says. The status is the one of the service's description."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


Answer = Callable[[Request], Dict[str, Any]]
#: (service, operation) -> what answers it.
ANSWERS: Dict[Tuple[str, str], Answer] = {}
#: Service -> how it refuses what does not fit its description: code and text, in which ``{}`` is what does not fit.
#: Security Hub's operations of its second version do it in another way: see `V2`.
INVALID: Dict[str, Tuple[str, str]] = {}


def answers(service: str, *operations: str) -> Callable[[Answer], Answer]:
    """Let a function answer these operations. Its docstring names AWS's page."""

    def keep(answer: Answer) -> Answer:
        ANSWERS.update({(service, operation): answer for operation in operations})
        return answer

    return keep


#: What is added to a service's name in `INVALID` for operations whose names end with it.
V2 = "V2"


def invalid(request: Request, what: str) -> Refused:
    """Return the service's refusal of an input that is not as it must be."""
    newer = request.service + V2
    code, text = INVALID[newer if request.operation.endswith(V2) and newer in INVALID else request.service]
    return Refused(code, text.format(what))
