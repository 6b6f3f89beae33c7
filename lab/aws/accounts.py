"""Whose access key is whose, and which sessions are over."""

from __future__ import annotations

import itertools
import re
from typing import Any, List, Set

#: An access key that belongs to an account because the account is in it: 20 characters, as AWS's are.
KEY_PREFIX = "AKIALABX"
_KEY = re.compile(KEY_PREFIX + r"(\d{12})")
#: Accounts of tests, which nobody else has.
FIRST = 200_000_000_001

_numbers = itertools.count(FIRST)
_expired: Set[str] = set()


def new() -> str:
    """Return the id of an account that nobody had."""
    return f"{next(_numbers):012d}"


def access_key_of(account: str) -> str:
    """Return the access key of an account's own."""
    return KEY_PREFIX + account


def account_of(access_key: str) -> str:
    """Return the account that a key belongs to; what nobody knows is of the account that moto has by default."""
    from moto.iam.models import get_account_id_from

    return str(get_account_id_from(access_key))


def is_expired(access_key: str) -> bool:
    """Whether a session is over."""
    return access_key in _expired


def expire_sessions(account: str) -> int:
    """End every session that AssumeRole gave for an account so far; return how many."""
    from moto.sts.models import sts_backends

    sessions = {role.access_key_id for role in sts_backends[account]["aws"].assumed_roles}
    _expired.update(sessions)
    return len(sessions)


def session_secrets(account: str) -> List[str]:
    """Return what is secret of every session that AssumeRole gave for an account: secret keys and tokens."""
    from moto.sts.models import sts_backends

    roles = sts_backends[account]["aws"].assumed_roles
    return [secret for role in roles for secret in (role.secret_access_key, role.session_token)]


def install() -> None:
    """Let moto know the keys of these accounts, too."""
    from moto.iam import models

    of_moto = models.get_account_id_from

    def get_account_id_from(access_key: str) -> Any:
        own = _KEY.fullmatch(access_key)
        return own[1] if own else of_moto(access_key)

    models.get_account_id_from = get_account_id_from
