"""Shows, resets, exports and imports the checkpoints of this forwarder's inputs: see docs/findings.md.

$SPLUNK_HOME/bin/splunk cmd python3 $SPLUNK_HOME/etc/apps/aws_siem_bridge/bin/aws_checkpoints.py list
"""

import sys

import import_paths  # noqa: F401
from aws_inputs.checkpoint_tool import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
