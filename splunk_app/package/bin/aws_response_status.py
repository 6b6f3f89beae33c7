"""Script of the modular input ``aws_response_status``, started by splunkd: see ``aws_inputs.command``."""

import logging
import sys
import warnings

# splunkd logs as an error what is written to stderr.
logging.getLogger().addHandler(logging.NullHandler())
warnings.simplefilter("ignore")

import import_paths  # noqa: E402, F401
from aws_inputs.command import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main("aws_response_status", sys.argv))
