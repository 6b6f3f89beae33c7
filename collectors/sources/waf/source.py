"""AWS WAF logs out of the files that AWS or Firehose writes to S3: one JSON object after the other.

AWS's own files have one on each line; what Firehose delivers may have nothing between them
(https://docs.aws.amazon.com/firehose/latest/dev/basic-deliver.html). Either is read, also mixed.

``httpRequest.requestId`` is no identity: what sends the requests may choose or repeat it. A record is known by its
object and its number there.
"""

from __future__ import annotations

from typing import Iterable, Iterator

from collectors.records.json_record import json_records
from collectors.records.lines import Lines
from collectors.records.record import Context, Made
from collectors.sources.waf.fast_path import normalise


def records(pieces: Iterable[bytes], context: Context) -> Iterator[Made]:
    """Yield the records of one object whose unpacked content arrives in ``pieces``, and its bad ones.

    Raises `collectors.errors.DamagedFile` after every complete record before the damage.
    """
    return json_records(Lines(pieces, context.first_number, glued=True), context, normalise)
