"""The app's ``bin`` folder is on the path of its scripts inside Splunk, so it is here too."""

import sys
from pathlib import Path

BIN = Path(__file__).resolve().parents[2] / "splunk_app" / "package" / "bin"
sys.path.insert(0, str(BIN))
