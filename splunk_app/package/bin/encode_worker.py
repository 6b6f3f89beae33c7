"""Script of a worker process of ``| elasticsearch``: windows in, encoded chunks out. See `workers` there."""

import signal
import sys

import import_paths  # noqa: F401
from search_command.elasticsearch.workers import work

if __name__ == "__main__":
    # The parent ends its workers itself, after it has closed what is open in the cluster.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    work(sys.stdin.buffer, sys.stdout.buffer)
