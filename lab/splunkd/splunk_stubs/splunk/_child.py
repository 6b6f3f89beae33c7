"""A child's side of the stand-in's frames. Not part of the real package."""

import json
import os
import queue
import struct
import sys
import threading
from typing import Any, Dict

_LENGTH = struct.Struct(">I")


class Connection:
    """Requests from the stand-in and answers to it. When the stand-in goes away, so does this process."""

    def __init__(self):
        self._requests: queue.Queue[Dict[str, Any]] = queue.Queue()
        self._input = os.fdopen(os.dup(0), "rb")
        self._output = os.fdopen(os.dup(1), "wb")
        # A script that prints must not write between the frames.
        os.dup2(2, 1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        threading.Thread(target=self._read, daemon=True).start()

    def receive(self):
        """Return the next request."""
        return self._requests.get()

    def send(self, answer):
        """Send an answer."""
        body = json.dumps(answer).encode()
        self._output.write(_LENGTH.pack(len(body)) + body)
        self._output.flush()

    def _read(self):
        while True:
            head = self._input.read(_LENGTH.size)
            if len(head) < _LENGTH.size:
                sys.stderr.flush()
                # Also in the middle of a request: nobody waits for its answer any more.
                os._exit(0)
            self._requests.put(json.loads(self._input.read(_LENGTH.unpack(head)[0])))
