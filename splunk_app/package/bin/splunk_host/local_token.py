"""A secret that proves its holder to be a local process of the operating system's user that runs Splunk.

A searching user has a session key, and could call the app's REST handler from anywhere. What he cannot do is read a
file that belongs to Splunk's own user. One token holds from one start of splunkd to the next::

    $SPLUNK_HOME/var/run/splunk/aws_siem_bridge/    0700
        local_token-<start>                         0600

Whoever needs it first, command or handler, makes it; a token that another user could have read is refused. POSIX only.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
import tempfile
from pathlib import Path
from typing import Callable

from es_bridge.errors import ConfigError
from splunk_host import APP

PREFIX = "local_token-"
_TOKEN_BYTES = 48
#: Several processes may make the token at the same time; one of them wins at once.
_ATTEMPTS = 5


def current() -> str:
    """Return the token of this start of splunkd. Raises `ConfigError` when it would not be a secret."""
    folder = private_folder()
    path = folder / (PREFIX + _start_id())
    for _ in range(_ATTEMPTS):
        try:
            return _read(path)
        except FileNotFoundError:
            _make(path)
    raise ConfigError(f"{path} disappears as soon as it is made. Does another program clean up this folder?")


def private_folder() -> Path:
    """Return the app's folder for what only its own processes may read, made when it is not there.

    Raises `ConfigError` when other users could read it.
    """
    home = os.environ.get("SPLUNK_HOME")
    if not home:
        raise ConfigError("SPLUNK_HOME is not set: the app's scripts are meant to be started by splunkd")
    folder = Path(home, "var", "run", "splunk", APP)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        _check(folder, folder.lstat(), stat.S_ISDIR)
    except OSError as exc:
        raise ConfigError(f"the folder {folder} cannot be used: {exc.strerror}") from exc
    return folder


def _start_id() -> str:
    """Return a name for this start of splunkd: splunkd.pid is written at each, its first line is the process id."""
    pid_file = Path(os.environ["SPLUNK_HOME"], "var", "run", "splunk", "splunkd.pid")
    try:
        with pid_file.open("rb") as file:
            told = b"%s %d" % (file.readline().strip(), os.fstat(file.fileno()).st_mtime_ns)
    except OSError:
        return "no-pid"
    return hashlib.sha256(told).hexdigest()[:16]


def _read(path: Path) -> str:
    try:
        # A link could lead to a file whose content somebody else knows.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, encoding="ascii") as file:
            _check(path, os.fstat(file.fileno()), stat.S_ISREG)
            token = file.read()
        if len(token) != len(secrets.token_urlsafe(_TOKEN_BYTES)):
            raise ValueError("it does not hold a token")
        return token
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as exc:
        raise ConfigError(f"{path} cannot be read ({exc}). Remove it: it is made anew") from exc


def _make(path: Path) -> None:
    """Make a token unless another process is quicker, and remove those of former starts."""
    try:
        descriptor, temporary = tempfile.mkstemp(prefix="new-", dir=path.parent)  # 0600
    except OSError as exc:
        raise ConfigError(f"no file can be made in {path.parent}: {exc.strerror}") from exc
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(_TOKEN_BYTES))
        # Unlike a rename this never replaces the token that another process has made and uses already.
        os.link(temporary, path)
    except FileExistsError:
        return
    except OSError as exc:
        raise ConfigError(f"{path} cannot be made: {exc.strerror}") from exc
    finally:
        Path(temporary).unlink()
    for other in path.parent.glob(PREFIX + "*"):
        if other != path:
            other.unlink(missing_ok=True)


def _check(path: Path, found: os.stat_result, is_kind: Callable[[int], bool]) -> None:
    if not is_kind(found.st_mode):
        raise ConfigError(f"{path} is not what this app put there. Remove it: it is made anew")
    if found.st_uid != os.geteuid():
        raise ConfigError(
            f"{path} belongs to another user (uid {found.st_uid}) than Splunk runs as (uid {os.geteuid()}). Remove it: "
            "it is made anew"
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise ConfigError(
            f"{path} is open to other users (mode {stat.S_IMODE(found.st_mode):04o}), so it proves nothing. Remove "
            "it: it is made anew"
        )
