"""Script of the alert action ``aws_unblock_ip``, started by splunkd. See ``alert_actions.run``."""

import sys

import import_paths  # noqa: F401, I001
import quiet  # noqa: F401
from alert_actions.run import main

if __name__ == "__main__":
    sys.exit(main("aws_unblock_ip", sys.argv))
