"""Script of the app's persistent REST handler, started by splunkd. What it does is in ``cluster_settings.handler``.

The search command asks it for the settings of a search: see restmap.conf.
"""

import sys
from pathlib import Path

# splunkd loads this file by its path: unlike with a script that is run, its folder need not be on the path.
sys.path.insert(0, str(Path(__file__).resolve().parent))

import import_paths  # noqa: E402, F401
from cluster_settings.handler import answer  # noqa: E402
from splunk.persistconn.application import PersistentServerConnectionApplication  # noqa: E402


class SearchSettingsHandler(PersistentServerConnectionApplication):
    """Answers one request at a time, any number of them."""

    def __init__(self, command_line: object = None, command_arg: object = None) -> None:
        super().__init__()

    def handle(self, in_string: object) -> object:
        """Return the reply to a request."""
        return answer(in_string)  # type: ignore[arg-type]
