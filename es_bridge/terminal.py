r"""Everything the command lines print goes through here: no text of others reaches a terminal as a command to it.

Names of files and objects, documents, and what a cluster or a proxy says in an error are chosen by others. A character
of Unicode's category C (controls, invisible formats and changes of direction, halves of surrogate pairs, private and
unassigned ones) and the two line separators are printed as ``\u001b``, or as two of these beyond U+FFFF: inside a JSON
string that is the same value. Documents that go into a file or a pipe are not printed: they stay as they are.
"""

from __future__ import annotations

import sys
import threading
import traceback
import unicodedata
from typing import Any, Optional, TextIO

_LINE_SEPARATORS = "\u2028\u2029"
#: Back to the beginning of the line, and clear it.
_OVERWRITE = "\r\x1b[K"


def shown(text: str) -> str:
    """Return ``text`` as it can be shown on one line."""
    if text.isprintable():  # nothing of categories C and Z but the space
        return text
    return "".join(_escape(c) if unicodedata.category(c)[0] == "C" or c in _LINE_SEPARATORS else c for c in text)


def put(*lines: str, to: Optional[TextIO] = None, flush: bool = False) -> None:
    """Print each text on a line of its own, a line end in it as an escape; to standard output, or to ``to``."""
    stream = sys.stdout if to is None else to
    for line in lines or ("",):
        _write(stream, shown(line) + "\n")
    if flush:
        stream.flush()


def put_error(*lines: str) -> None:
    """Print each text on a line of its own on standard error."""
    put(*lines, to=sys.stderr, flush=True)


def overwrite(text: str, end: str = "") -> None:
    """Print progress on standard error, in the place of what is on the terminal's line."""
    _write(sys.stderr, _OVERWRITE + shown(text) + end)
    sys.stderr.flush()


def json_line(line: bytes) -> bytes:
    """Return a line of JSON for a terminal: the same value."""
    # A tab is white space between members: inside a string JSON has none.
    text = line.decode("utf-8", "surrogateescape").rstrip("\n").replace("\t", " ")
    return (shown(text) + "\n").encode("utf-8", "backslashreplace")


def show_failures() -> None:
    """Print what nobody caught through `put_error`, too: its text may quote anything."""

    def hook(kind: Any, error: Any, trace: Any) -> None:
        put_error(*"".join(traceback.format_exception(kind, error, trace)).rstrip("\n").split("\n"))

    def thread_hook(failed: threading.ExceptHookArgs) -> None:
        if failed.exc_type is not SystemExit:
            hook(failed.exc_type, failed.exc_value, failed.exc_traceback)

    sys.excepthook = hook
    threading.excepthook = thread_hook


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
    except UnicodeEncodeError:  # a terminal that does not speak UTF-8
        encoding = getattr(stream, "encoding", None) or "ascii"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))


def _escape(character: str) -> str:
    code = ord(character)
    if code <= 0xFFFF:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
