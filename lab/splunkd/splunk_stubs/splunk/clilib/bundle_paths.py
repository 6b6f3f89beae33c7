"""Paths below ``$SPLUNK_HOME``."""

import os
from pathlib import Path


def make_splunkhome_path(parts):
    """Return a path below ``$SPLUNK_HOME``. Raises ValueError for one that leads out of it."""
    home = os.path.normpath(os.environ["SPLUNK_HOME"])
    path = os.path.normpath(Path(home, *parts))
    if path != home and not path.startswith(home + os.sep):
        raise ValueError(f"Cannot write outside of $SPLUNK_HOME: {path}")
    return path
