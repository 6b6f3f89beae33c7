"""After how long a message is seen again that was not done: longer with each receipt."""

from __future__ import annotations

from es_bridge.backoff import Backoff

#: One of its objects cannot be read, or it makes no sense: 30 s, 60 s, ... up to a quarter of an hour.
FAILED = Backoff(first_s=30, longest_s=900)
#: The cluster took nothing, in a function: `collectors.lambda_function.batch` says what these are good for.
OUTAGE = Backoff(first_s=15 * 60, longest_s=4 * 3600)


def seen_again_s(backoff: Backoff, receive_count: int) -> int:
    """Return the seconds until a message is seen again that was received so often, -1 if the queue did not say."""
    return int(backoff.ceiling_s(receive_count - 1))
