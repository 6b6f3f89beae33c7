"""Runs one persistent script: ``python -m splunk.persistconn.appserver <script> <module.Class> <parameter>``."""

import importlib
import json
import sys
import traceback
from pathlib import Path

from splunk._child import Connection


def main():
    """Answer requests until the stand-in goes away."""
    script, handler, parameter = sys.argv[1:]
    connection = Connection()
    sys.path[0] = str(Path(script).parent)
    module, _, name = handler.rpartition(".")
    application = getattr(importlib.import_module(module), name)(script, parameter)
    while True:
        request = connection.receive()
        try:
            answer = application.handle(json.dumps(request))
            if isinstance(answer, bytes):
                answer = answer.decode()
            connection.send({"answer": answer})
        except Exception as exc:  # as splunkd's own: one request that fails does not end the process
            traceback.print_exc()
            connection.send({"error": type(exc).__name__})


if __name__ == "__main__":
    main()
