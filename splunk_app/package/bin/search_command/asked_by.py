"""Whether a person runs a search and sees its messages, as its sid tells.

::

    1763700000.123                              typed into the search bar, or sent to the REST interface
    1763700000.123_0A1B...-...                  the same in a search head cluster
    kim__kim__search__panel1_1763700000.123     a panel of a dashboard
    subsearch_<one of these>_1763700000.123     a subsearch of it
    scheduler__kim__search__RMD5..._at_17637... a scheduled search; rt_, SummaryDirector_, remote_ and others: no person

What is not known is taken for a search that nobody watches. Not verified on a real Splunk: see
``docs/verify_on_splunk.md``, B4 and B8.
"""

from __future__ import annotations

import re
from typing import Any

_TIME = r"[0-9]{1,12}\.[0-9]{1,9}"
_GUID = "(?:_[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})?"
_TYPED = rf"{_TIME}{_GUID}"
_SUBSEARCH = rf"subsearch_({_TIME}{_GUID})_{_TIME}{_GUID}"
_END = rf"_{_TIME}{_GUID}$"
#: Longer ones are none of Splunk's.
_LONGEST_SID = 500


def is_watched(sid: Any) -> bool:
    """Return whether this is the sid of a search that a person runs."""
    text = str(sid or "")
    if len(text) > _LONGEST_SID:
        return False
    if re.fullmatch(_TYPED, text) or re.fullmatch(_SUBSEARCH, text):
        return True
    user, _, rest = text.partition("__")
    # A panel names its user twice. Nobody but the scheduler is called so in a sid, whatever users there are.
    return (
        "scheduler" not in text.lower() and bool(user) and rest.startswith(f"{user}__") and bool(re.search(_END, text))
    )
