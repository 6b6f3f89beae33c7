"""Objects of the Resolver's log in a folder, and an intake between them, a cluster and a dead-letter store."""

from __future__ import annotations

import gzip
import json
from datetime import date
from pathlib import Path
from typing import Any, Dict, List

from aws_bridge.object_ref import ObjectRef
from aws_bridge.objects import LocalObjects
from collectors.delivery.dead_letters import DeadLetter, DeadLetters
from collectors.delivery.intake import Intake
from collectors.delivery.letter_store import FolderLetters
from collectors.delivery.outcome import DONE, ObjectResult
from collectors.sinks.opensearch.sink import OpenSearchSink
from es_bridge.transport import Transport
from tests.log_records import resolver

BUCKET = "log-archive"
FOLDER = "AWSLogs/111122223333/vpcdnsquerylogs/vpc-1/2026/11/21"
NAME = "vpc-1_vpcdnsquerylogs_111122223333_20261121T0455Z_a1b2c3d4.log.gz"
KEY = f"{FOLDER}/{NAME}"
#: Of records without a time of their own.
KEY_INDEX = "aws-dns-2026.11.21"


def query(number: int, day: date, **values: Any) -> str:
    """Return a line of the Resolver's log."""
    return json.dumps(resolver(number, day, **values))


def lines(*texts: str) -> bytes:
    """Return the content of an object, packed: one line a text, the last one without its end."""
    return gzip.compress("\n".join(texts).encode(), 1)


def done(result: ObjectResult) -> Dict[str, int]:
    """Return the counts of a result that is `DONE`."""
    assert result.outcome == DONE, result.reason
    assert result.records == result.stored + result.already_there + result.dead
    return {"stored": result.stored, "already_there": result.already_there, "dead": result.dead}


def opensearch_sink(transport: Transport, options: Dict[str, Any]) -> OpenSearchSink:
    """Return a sink made with what ``options`` has for one; an intake has the same clock, and the rest is taken out."""
    own = {
        name: options.pop(name) for name in ("workers", "max_docs", "max_bytes", "give_up_after_s") if name in options
    }
    return OpenSearchSink(transport, **own, **{name: options[name] for name in ("clock",) if name in options})


class Shelf:
    """A folder that stands for a bucket, and beside it one of dead letters."""

    def __init__(self, folder: Path, transport: Transport) -> None:
        self.folder = folder / "bucket"
        self.folder.mkdir()
        self.objects = LocalObjects(self.folder, BUCKET)
        self.letters_folder = folder / "letters"
        self.letters = DeadLetters(FolderLetters(self.letters_folder))
        self.transport = transport

    def put(self, content: bytes, key: str = KEY) -> ObjectRef:
        """Write an object."""
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return self.objects.ref(path)

    def intake(self, **options: Any) -> Intake:
        """Return an intake; ``options`` are its own and those of its sink."""
        parts = {"objects": self.objects, "dead_letters": self.letters, **options}
        sink = opensearch_sink(parts.pop("transport", self.transport), parts)
        return Intake(sink, parts.pop("objects"), parts.pop("dead_letters"), **parts)

    def take(self, ref: ObjectRef, **options: Any) -> ObjectResult:
        """Take an object with a new intake and check that its counts add up."""
        result = self.intake().take(ref, **options)
        assert result.records == result.stored + result.already_there + result.dead
        return result

    def dead(self, **which: Any) -> List[DeadLetter]:
        """Return all letters."""
        return list(self.letters.iterate(**which))

    def stored(self, index: str, ref: ObjectRef) -> List[int]:
        """Return the numbers of the records of an object that are in the store, each as often as it is there."""
        self.transport.request("POST", (index, "_refresh"))
        found: List[int] = []
        after: Dict[str, Any] = {}
        while True:
            body = {"size": 5000, "_source": False, "sort": [{"_id": "asc"}], **after}
            hits = self.transport.request("POST", (index, "_search"), body=body).json()["hits"]["hits"]
            if not hits:
                return sorted(found)
            ids = [hit["_id"].rpartition("-") for hit in hits]
            found += [int(number) for identity, _, number in ids if identity == ref.identity]
            after = {"search_after": hits[-1]["sort"]}
