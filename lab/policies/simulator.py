"""Asks the simulator of IAM policies `@cloud-copilot/iam-simulate`, which runs as a program of its own.

It is fetched once as an npm package, 19 MB, with AWS's list of actions, resources and condition keys inside, so a
misspelt action or a resource that an action does not have is an error and not a silent "denied". Its licence is
AGPL-3.0: it runs beside the tests and is part of nothing that ships.
"""

from __future__ import annotations

import enum
import hashlib
import json
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, List, Mapping, Optional, Sequence, Type, Union

from lab.engine.cache import building, cache_dir
from lab.engine.progress import Progress, to_stderr
from lab.node import install_packages, node

_HERE = Path(__file__).parent
#: A policy document as JSON has it.
Policy = Mapping[str, Any]


class PolicyError(Exception):
    """A question that cannot be answered: an unknown action, a wrong resource, a policy that is none."""


class Decision(enum.Enum):
    """What AWS would do. Implicitly: nothing allows it; explicitly: a statement denies it."""

    ALLOWED = "Allowed"
    IMPLICITLY_DENIED = "ImplicitlyDenied"
    EXPLICITLY_DENIED = "ExplicitlyDenied"


@dataclass(frozen=True)
class Question:
    """May ``principal`` call ``action`` on ``resource``, which is in ``account``?

    ``principal``: an ARN (of a role's session: ``arn:aws:sts::<account>:assumed-role/<role>/<session>``) or a service
    such as ``events.amazonaws.com``. ``context``: condition keys of the request, such as ``sts:ExternalId``.
    ``resource_policy``: a bucket's, queue's, bus's, or for ``sts:AssumeRole`` the role's trust policy.
    """

    principal: str
    action: str
    resource: str
    account: str
    identity: Sequence[Policy] = ()
    resource_policy: Optional[Policy] = None
    session: Optional[Policy] = None
    boundaries: Sequence[Policy] = ()
    context: Mapping[str, Union[str, List[str]]] = field(default_factory=dict)

    def as_json(self) -> Dict[str, Any]:
        """Return it as the simulator reads it."""
        found: Dict[str, Any] = {
            "request": {
                "principal": self.principal,
                "action": self.action,
                "resource": {"resource": self.resource, "accountId": self.account},
                "contextVariables": dict(self.context),
            },
            "identityPolicies": _named(self.identity),
            "serviceControlPolicies": [],
            "resourceControlPolicies": [],
        }
        if self.resource_policy is not None:
            found["resourcePolicy"] = self.resource_policy
        if self.session is not None:
            found["sessionPolicy"] = self.session
        if self.boundaries:
            found["permissionBoundaryPolicies"] = _named(self.boundaries)
        return found


class PolicySimulator:
    """The running program. A context manager; `decide` takes some milliseconds."""

    def __init__(self, progress: Progress = to_stderr) -> None:
        """Start it, fetching it when the cache does not have it. Raise `lab.node.NodeUnavailable`."""
        home = cache_dir() / "policies" / _digest()
        if not home.is_dir():
            progress(f"policies: downloading the simulator of IAM policies, 20 MB (once; kept in {cache_dir()})", 0, 0)
            with building(home) as draft:
                install_packages(_HERE, draft)
                shutil.copy(_HERE / "answer.mjs", draft)
        command = [str(node()), str(home / "answer.mjs")]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def decide(self, question: Question) -> Decision:
        """Return what AWS would do. Raise `PolicyError`, also for a condition key that the action does not have."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(question.as_json()) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise PolicyError(f"the simulator ended with status {self._process.wait()}")
        answer = json.loads(line)
        if "errors" in answer:
            raise PolicyError(f"{question.action} on {question.resource}: {json.dumps(answer['errors'])}")
        if answer["ignored"]:
            raise PolicyError(f"{question.action} has no condition key {', '.join(answer['ignored'])}")
        return Decision(answer["decision"])

    def __enter__(self) -> PolicySimulator:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._process.communicate()


def _named(policies: Sequence[Policy]) -> List[Dict[str, Any]]:
    return [{"name": f"policy {number}", "policy": policy} for number, policy in enumerate(policies, 1)]


def _digest() -> str:
    digest = hashlib.sha256()
    for source in ("package-lock.json", "answer.mjs"):
        digest.update((_HERE / source).read_bytes())
    return digest.hexdigest()[:12]
