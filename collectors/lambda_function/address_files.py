"""The address databases of a function: files of its package or layer, or objects of S3, fetched once an instance."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any, List, Sequence

from aws_bridge.clients import errors, said
from aws_bridge.object_ref import split_uri
from collectors.errors import CollectorError

#: A function may write here and nowhere else, and finds it again as long as the instance lives.
CACHE = Path(tempfile.gettempdir())


def local_files(places: Sequence[str], s3: Any, cache: Path = CACHE) -> List[Path]:
    """Return where the databases at ``places``, files or ``s3://bucket/key``, are on this machine.

    Raises `CollectorError` when one cannot be fetched.
    """
    return [fetched(place, s3, cache) if "://" in place else Path(place) for place in places]


def fetched(uri: str, s3: Any, cache: Path = CACHE) -> Path:
    """Return the file with the content of an object, fetched unless this version of it is there already."""
    bucket, key = split_uri(uri)
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
        version = hashlib.sha256(f"{uri} {answer['ETag']}".encode()).hexdigest()[:24]
        path = cache / f"addresses-{version}.mmdb"
        if path.exists():
            answer["Body"].close()
            return path
        partial = path.with_suffix(".part")
        with partial.open("wb") as file:
            for piece in answer["Body"].iter_chunks(1 << 20):
                file.write(piece)
    except errors() as exc:
        raise CollectorError(
            f"address database {uri} cannot be fetched: {said(exc)}. The function's role needs s3:GetObject on it"
        ) from exc
    partial.replace(path)
    return path
