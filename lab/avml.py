"""A stand-in for AVML with its command line: ``acquire FILE`` writes a small valid image, ``upload put FILE URL``.

As a programme of its own: `tool` returns the bytes of an executable. Gaps: the memory is made up and two small ranges
long, in LiME's format; no ``--compress``, no sources, no Azure. Like AVML it takes nothing but 201 for a success of a
PUT, so an upload to S3, which answers 200, ends with an error although it arrived.

https://github.com/microsoft/avml
"""

from __future__ import annotations

import os
import struct
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import List

#: https://github.com/504ensicsLabs/LiME/blob/master/doc/README.md: magic, version, first and last address, reserved.
HEADER = struct.Struct("<IIQQQ")
MAGIC, VERSION = 0x4C694D45, 1
#: First address and length of the ranges.
RANGES = ((0x1000, 0x9E000), (0x100000, 0x1F0000))


def image() -> bytes:
    """Return an image: each range with its header before it."""
    parts = []
    for first, length in RANGES:
        parts.append(HEADER.pack(MAGIC, VERSION, first, first + length - 1, 0))
        line = b"stand-in for memory at %012x\0" % first
        parts.append((line * (length // len(line) + 1))[:length])
    return b"".join(parts)


def main(arguments: List[str]) -> int:
    """Do what the command line says; return the exit status."""
    if arguments[:1] == ["acquire"] and len(arguments) == 2:
        Path(arguments[1]).write_bytes(image())
        return 0
    if arguments[:2] == ["upload", "put"] and len(arguments) == 4:
        return _put(Path(arguments[2]), arguments[3])
    _say("error: unrecognized subcommand\n")
    return 2


def _say(text: str) -> None:
    os.write(2, text.encode())


def _put(file: Path, url: str) -> int:
    headers = {"x-ms-blob-type": "BlockBlob", "Content-Length": str(file.stat().st_size)}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, file.read_bytes(), headers, method="PUT"), timeout=60) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    except OSError as error:
        _say(f"Error: HTTP request error: {error} for {url}\n")
        return 1
    if status == 201:
        return 0
    _say(f"Error: UnexpectedStatusCode {{ status: {status} }}\n")
    return 1


def tool() -> bytes:
    """Return this module as an executable for this machine's Python."""
    return f"#!{sys.executable} -I\n".encode() + Path(__file__).read_bytes()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
