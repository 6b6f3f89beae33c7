"""What a queried name says by itself: the domain that somebody registered, its length, and how random it looks. Pure.

===================================  ================================================================================
field                                value, all in lower case
===================================  ================================================================================
dns.question.registered_domain       the public suffix and the label before it: ``example.co.kr``
dns.question.length                  characters of dns.question.name: without the dot at its end, the root has 0
dns.question.entropy                 Shannon's entropy of the name, in bits a character: see `entropy`
===================================  ================================================================================

The suffixes are those of https://publicsuffix.org/list/, both parts (a bucket or a page that somebody rents is his own
registered domain), as the package ``publicsuffixlist`` brings them: nothing is fetched. Under a top level that is not
in the list (``internal``) the last two labels count as registered. Without the package there is no registered domain.
"""

from __future__ import annotations

from functools import lru_cache
from math import fsum, log2
from typing import Any

from collectors.records.cache import bounded_cache
from collectors.records.json_record import quoted

#: A DNS name has 255 bytes, each of them written as up to four characters. What is longer is none.
LONGEST_NAME = 1024
#: Names that are remembered, and characters of one: some 15 MB.
MAX_REMEMBERED, LONGEST_REMEMBERED = 32_768, 128


@bounded_cache(MAX_REMEMBERED, LONGEST_REMEMBERED)
def question_of(name: str) -> str:
    """Return the members of ``dns.question`` that a queried name gives, with ``name``; empty for an empty name."""
    if not name:
        return ""
    name = name[:-1] if name[-1] == "." and len(name) > 1 else name
    own = f'"name":{quoted(name)}'
    length = len(name) if name != "." else 0
    if length > LONGEST_NAME:
        return f'{own},"length":{length}'
    name = name.lower()
    suffixes = _suffixes()
    domain = suffixes.privatesuffix(name) if suffixes and length else None
    found = f',"registered_domain":{quoted(domain)}' if domain and name.endswith(domain) else ""
    return f'{own}{found},"length":{length},"entropy":{round(entropy(name), 3)}'


def entropy(name: str) -> float:
    """Return Shannon's entropy of the characters of ``name``, its dots left out, in bits a character.

    ``-sum(p * log2(p))``, where p is the share of each different character, written here as
    ``log2(n) - sum(c * log2(c)) / n`` with the counts c. 0 for one repeated character; ``example`` has 2.522, 32 random
    hexadecimal digits have about 3.6. ``name`` has at most `LONGEST_NAME` characters.
    """
    characters = name.replace(".", "")
    size = len(characters)
    if size < 2:
        return 0.0
    # fsum: the same whatever the order of a set is.
    return max(0.0, log2(size) - fsum(map(_C_LOG_C.__getitem__, map(characters.count, set(characters)))) / size)


_C_LOG_C = [0.0, *(count * log2(count) for count in range(1, 2 * LONGEST_NAME + 1))]


@lru_cache(maxsize=1)
def _suffixes() -> Any:
    try:
        from publicsuffixlist import PublicSuffixList
    except ImportError:
        return None
    return PublicSuffixList()
