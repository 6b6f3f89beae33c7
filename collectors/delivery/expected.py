"""The buckets a queue's messages may name: whoever may write into the queue would else choose what is read."""

from __future__ import annotations

import re
from typing import AbstractSet, FrozenSet, Iterable, List, Sequence, Tuple

from aws_bridge.errors import NotANotification
from collectors.delivery.work import Work
from collectors.errors import CollectorError

#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, those of before 2018 included
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]", re.ASCII)
_ADDRESS = re.compile(r"(?:arn:[a-z0-9-]+:s3:::|s3://)?(.*?)/?", re.ASCII)
#: What is said once where no bucket is named.
ANY_BUCKET = (
    "objects of every bucket that this account may read are loaded when a message names them: say which buckets are "
    "expected"
)


class UnexpectedBucket(NotANotification):
    """A message names an object of a bucket that is not expected: it is not read, and the message stays."""


def expected_buckets(given: Iterable[str]) -> FrozenSet[str]:
    """Return the names of buckets given as names, ``s3://name`` or ARNs. Raises `CollectorError` for anything else."""
    names = set()
    for text in given:
        found = _ADDRESS.fullmatch(text.strip())
        name = found[1] if found else ""
        if not _NAME.fullmatch(name):
            raise CollectorError(f"{text!r} is no bucket: give its name alone, s3://name, or its ARN")
        names.add(name)
    return frozenset(names)


def divided(work: Sequence[Work], expected: AbstractSet[str]) -> Tuple[List[Work], List[str]]:
    """Return what is to be taken, and the names of other buckets. Without an expected one every bucket is."""
    if not expected:
        return list(work), []
    strangers = {each.ref.bucket for each in work} - expected
    return [each for each in work if each.ref.bucket in expected], sorted(strangers)


def refuse(strangers: Sequence[str], expected: AbstractSet[str]) -> None:
    """Raise `UnexpectedBucket` if there are ``strangers``."""
    if strangers:
        named = ", ".join(repr(name[:80]) for name in strangers[:5]) + (", ..." if len(strangers) > 5 else "")
        raise UnexpectedBucket(
            f"it names objects of {named}, and expected are {', '.join(sorted(expected))}: nothing of them was read. "
            "Check who may send to this queue. If its logs are to be loaded, add the bucket to the expected ones"
        )
