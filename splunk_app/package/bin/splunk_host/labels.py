"""Settings as a page calls them: errors name conf keys, somebody before the page knows labels."""

from __future__ import annotations

import re
from typing import Callable, Mapping


def replacing(words: Mapping[str, str]) -> Callable[[str], str]:
    """Return what gives a text with the first words replaced by the second, the longest first.

    A word is replaced where it stands alone, and not as part of a path, a URL or a quoted name.
    """
    longest_first = sorted(map(re.escape, words), key=len, reverse=True)
    word = re.compile(rf"(?<![\w'\"/.=*-])(?:{'|'.join(longest_first)})(?![\w'\"/*-])")
    return lambda text: word.sub(lambda found: words[found.group()], text)
