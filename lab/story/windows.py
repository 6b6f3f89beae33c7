"""How records are spread over the story's time: window after window of five minutes, more by day than at night."""

from __future__ import annotations

from typing import Iterator, Tuple

#: All four logs are delivered every five minutes.
WINDOW_S = 300
#: Records per hour of the day in Seoul, as shares of the busiest hour: people work from nine to six.
BUSY = (3, 2, 2, 2, 2, 3, 4, 6, 8, 10, 10, 9, 8, 9, 10, 10, 10, 9, 7, 6, 5, 5, 4, 3)
SEOUL_OFFSET_S = 9 * 3600


def windows(first_s: int, until_s: int, records: int) -> Iterator[Tuple[int, int, int]]:
    """Yield (begin, end, number of records) of each five minutes; the numbers add up to ``records``."""

    def edges() -> Iterator[Tuple[int, int, float]]:
        begin = first_s
        while begin < until_s:
            end = min(until_s, begin - begin % WINDOW_S + WINDOW_S)
            yield begin, end, (end - begin) * BUSY[(begin + SEOUL_OFFSET_S) // 3600 % 24]
            begin = end

    total = sum(weight for _, _, weight in edges())
    seen, given = 0.0, 0
    for begin, end, weight in edges():
        seen += weight
        upto = records if end == until_s else int(records * seen / total)
        yield begin, end, upto - given
        given = upto
