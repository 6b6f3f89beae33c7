"""What ``restmap.conf`` says of an endpoint, whoever runs it: authentication and capabilities.

https://docs.splunk.com/Documentation/Splunk/latest/Admin/Restmapconf
"""

from __future__ import annotations

from typing import Mapping

from ..rest.messages import Request, RestError
from ..users import User, Users


def is_on(value: str) -> bool:
    """Return what a switch in a conf file says."""
    return value.strip().lower() in ("1", "true", "t", "yes", "y", "on")


def check_access(settings: Mapping[str, str], request: Request, users: Users) -> None:
    """Raise `RestError` 401 or 403 unless a request may reach a handler with these settings.

    ``capability.<method>`` counts before ``capability``.
    """
    if not is_on(settings.get("requireAuthentication", "true")):
        return
    user = request.known_user
    needed = settings.get(f"capability.{request.method.lower()}") or settings.get("capability", "")
    if needed and not _holds(needed, user, users):
        raise RestError(403, f"You (user={user.name}) do not have permission to perform this operation")


def _holds(expression: str, user: User, users: Users) -> bool:
    """Whether a user has what names joined by ``and`` and ``or`` ask for; ``and`` binds tighter."""
    if "(" in expression:
        raise RestError(500, f"the stand-in reads no brackets in a capability: {expression}")
    return any(
        all(users.may(user, name.strip()) for name in either.split(" and ")) for either in expression.split(" or ")
    )
