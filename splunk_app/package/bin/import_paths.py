"""Where a script of the app finds what it imports. Import this first, and nothing else decides about paths.

In the built app everything is in ``lib``; in the source tree `es_bridge` is at the repository's root and the rest is
installed.
"""

import sys
from pathlib import Path

_BIN = Path(__file__).resolve().parent
_LIB = _BIN.parent / "lib"

if (_LIB / "es_bridge").is_dir():
    sys.path.insert(0, str(_LIB))
else:
    sys.path.insert(0, str(_BIN.parents[2]))
