"""``python -m lab.demo.loader <arguments>``: aws-siem-bridge in a process that ends when its standard input does.

So a demo that is killed leaves no loader behind, which would ask for ever for a queue that is gone.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from aws_siem_bridge import main


def _end_with_input() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_input, daemon=True).start()
    sys.exit(main(sys.argv[1:]))
