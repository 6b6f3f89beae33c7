"""Forms in which a text is searched for: percent-decoded, and with accents and Hangul composed and decomposed. Pure.

What stands in a URI is chosen by whoever sends it: ``%EA%B0%80`` for one syllable, ``%2e%2e%2f`` for ``../``, and
``%252e`` where one decoder hides behind another. And a letter may be one character or several: ``가`` is one (NFC), or
two that are shown alike (NFD, as macOS writes names of files). A query may be typed either way, so a field can be found
by both: nothing has to be known about who asks, and ``NOT`` stays right.

The field itself has the first form. The others stand beside it in a field that is not indexed but copied into the index
of the first one (``copy_to`` in the template), so that the field keeps one value.
"""

from __future__ import annotations

import codecs
import re
from typing import Dict, Iterable, List, Tuple
from unicodedata import normalize

from collectors.records.shape import LONGEST_INDEXED

#: Layers of percent-encoding that are taken off: what is encoded more often stands as it is in the record.
ROUNDS = 3

_ENCODED = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_KEPT = "collectors.records.text_forms.kept"


def _kept(error: UnicodeError) -> Tuple[str, int]:
    """Leave bytes that are no UTF-8 encoded, in capitals: ``%C0%AE``. In one pass, however many there are."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(f"%{byte:02X}" for byte in error.object[error.start : error.end]), error.end


codecs.register_error(_KEPT, _kept)


def percent_decoded(text: str) -> str:
    """Return ``text`` without one layer of percent-encoding; what is no such encoding, or no UTF-8, stays."""
    return _ENCODED.sub(lambda found: bytes.fromhex(found.group().replace("%", "")).decode("utf-8", _KEPT), text)


def decoded_forms(text: str, plus_is_space: bool) -> List[str]:
    """Return ``text`` decoded once, and for as long as this changes something, up to `ROUNDS` times, each once.

    Both ways of writing letters are among them; first is what one layer less gives, composed. Forms behind the first
    are left out where they are too long to be indexed.
    """
    if plus_is_space:
        text = text.replace("+", " ")
    found = [percent_decoded(text)]
    while len(found) < ROUNDS and "%" in found[-1]:
        further = percent_decoded(found[-1])
        if further == found[-1]:
            break
        found.append(further)
    return letter_forms(found)


def letter_forms(texts: Iterable[str]) -> List[str]:
    """Return ``texts`` composed and, where that differs, decomposed, each once."""
    texts = list(texts)
    forms: Dict[str, None] = {}
    for form in ("NFC", "NFD"):
        for text in texts:
            written = text if text.isascii() else normalize(form, text)
            if not forms or len(written) <= LONGEST_INDEXED:
                forms[written] = None
    return list(forms)
