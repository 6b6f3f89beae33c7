"""CloudTrail's digest chain: that the log files of a period are those AWS wrote, and that none is missing.

Every hour and for every region a trail writes a digest: a JSON file with the SHA-256 of each log file it delivered in
that hour, and with hash and signature of the digest before it. The digest's own signature is in the metadata of its S3
object. https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
and, for what is signed, .../cloudtrail-log-file-custom-validation.html:

- hashes are of the unpacked content, in hexadecimal;
- signed (SHA-256 with RSA, PKCS #1 v1.5) are four lines: digestEndTime, ``<bucket>/<key>`` of the digest, the SHA-256
  of its content, and previousDigestSignature, or the word ``null`` where a chain begins;
- the public keys are those of ListPublicKeys in the digest's region; a digest names the fingerprint of its key.

Log files that came too late for the digest of their hour are named by a digest of its own, ``..._backfill.json.gz`` in
the same folder. Those are a chain beside the regular one: each names the backfill digest that was written before it,
which may be about a later hour, and most hours have none. So the links of this chain are followed, and not the hours,
and nothing is expected to be covered by it.

What cannot be seen this way: a log file that somebody added (no digest names it, so nothing is said about it), and
digests removed from the end of a chain, but for the time that is then not covered.
"""

from __future__ import annotations

import hashlib
import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import (
    AbstractSet,
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Protocol,
    Set,
    Tuple,
    Union,
)

from aws_bridge.errors import ObjectGone, ObjectUnreadable
from aws_bridge.object_ref import ObjectRef
from aws_bridge.objects import Objects
from collectors.errors import DamagedFile
from collectors.reading.unpack import unpacked

DIGEST, LOG, GAP = "digest", "log", "gap"
VALID, CHANGED, MISSING, UNVERIFIED = "valid", "changed", "missing", "unverified"
#: Log files read at once: each is a request of some milliseconds.
READERS = 8
HOUR_MS = 3_600_000
#: A digest is delivered within the hour after its own; before that its absence means nothing.
DELIVERED_WITHIN_MS = 2 * 3_600_000
NO_DIGEST = (
    "from this log file on, there is no digest of the period for this account and region: the trail has no log file "
    "validation, or the digests were removed"
)
#: A digest of the busiest hour is below this.
MAX_DIGEST_BYTES = 100_000_000

_KEY = re.compile(
    r"(?P<account>\d{12})_CloudTrail-Digest_(?P<region>[a-z0-9-]+)_(?P<trail>.+)_(?P<home>[a-z0-9-]+)"
    r"_(?P<end>\d{8}T\d{6}Z)(?P<backfill>_backfill)?\.json(?:\.gz)?$"
)
_LOG_KEY = re.compile(
    r"(?:^|/)(?P<account>\d{12})/CloudTrail/(?P<region>[a-z0-9-]+)/\d{4}/\d\d/\d\d/\d{12}_CloudTrail_[a-z0-9-]+"
    r"_(?P<at>\d{8}T\d{4}Z)_[^/]*\.json(?:\.gz)?$"
)


class Chain(NamedTuple):
    """What one chain of digests is about: a trail writes one for each account and region."""

    account: str
    region: str
    trail: str
    home_region: str


#: Account and region.
Place = Tuple[str, str]


class DigestObject(NamedTuple):
    """A digest as its key describes it."""

    chain: Chain
    end_ms: int
    ref: ObjectRef
    #: Whether it is of the chain of those that name what came late.
    is_backfill: bool = False

    def meets(self, since_ms: Optional[int], until_ms: Optional[int]) -> bool:
        """Whether it covers a part of a period (epoch milliseconds): a digest is about the hour before its time."""
        after = since_ms is None or self.end_ms > since_ms
        return after and (until_ms is None or self.end_ms - HOUR_MS < until_ms)


class Checked(NamedTuple):
    """What was found out about one file, or about a time without digests (`GAP`, `MISSING`)."""

    kind: str
    result: str
    uri: str
    #: Why it is not `VALID`.
    reason: str = ""


class DigestStore(Protocol):
    """Where digests and log files are."""

    @property
    def objects(self) -> Objects:
        """What opens them."""

    def digests(self) -> Iterable[DigestObject]:
        """Return the digests of the period, in any order."""

    def logs_of_others(self, known: AbstractSet[Place], end_ms: int) -> Iterable[ObjectRef]:
        """Return the first log file of the period, delivered before ``end_ms``, of each place that is not ``known``."""

    def signature(self, digest: DigestObject) -> str:
        """Return the digest's signature in hexadecimal, ``""`` without one. May raise `ObjectUnreadable`."""


#: (chain, fingerprint of the key, signature, text) -> whether it is the text's signature; None without such a key.
Verify = Callable[[Chain, str, bytes, bytes], Optional[bool]]


class _Previous(NamedTuple):
    """What a digest says about the one before it."""

    ref: ObjectRef
    sha256: str
    signature: str


class _Content(NamedTuple):
    """A digest as it is written, whether true or not."""

    place: ObjectRef
    start_ms: int
    sha256: str
    fingerprint: str
    signed: bytes
    previous: Optional[_Previous]
    #: Log files with the SHA-256 of each.
    logs: List[Tuple[ObjectRef, str]]


def digest_object(ref: ObjectRef) -> Optional[DigestObject]:
    """Return what the key says, None for the key of anything but a digest."""
    found = _KEY.search(ref.key)
    if found is None:
        return None
    chain = Chain(found["account"], found["region"], found["trail"], found["home"])
    end_ms = _ms(found["end"], "%Y%m%dT%H%M%SZ")
    return None if end_ms is None else DigestObject(chain, end_ms, ref, bool(found["backfill"]))


def log_file(key: str) -> Optional[Tuple[Place, int]]:
    """Return whose log file a key names and when it was delivered (epoch milliseconds), None for any other key."""
    found = _LOG_KEY.search(key)
    at_ms = _ms(found["at"], "%Y%m%dT%H%MZ") if found else None
    return ((found["account"], found["region"]), at_ms) if found and at_ms is not None else None


def _ms(text: str, form: str) -> Optional[int]:
    """Return the time that stands in a key, None for one that is not of the calendar."""
    try:
        return int(datetime.strptime(text, form).replace(tzinfo=timezone.utc).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def string_to_sign(digest: Dict[str, Any], content: bytes) -> bytes:
    """Return the text that AWS signed: ``digest`` is ``content`` decoded. Raises KeyError for what is no digest."""
    previous = digest["previousDigestSignature"]
    lines = (
        digest["digestEndTime"],
        f"{digest['digestS3Bucket']}/{digest['digestS3Object']}",
        hashlib.sha256(content).hexdigest(),
        "null" if previous is None else previous,
    )
    return "\n".join(lines).encode()


def verify(
    store: DigestStore, verify_signature: Verify, since_ms: Optional[int] = None, until_ms: Optional[int] = None
) -> Iterator[Checked]:
    """Yield what is found out about each digest of the store, newest first, and each log file they name.

    ``since_ms`` and ``until_ms`` (epoch milliseconds) are what the digests are to cover without gaps; None leaves that
    end open. Raises the `CollectorError` of a store that cannot be listed.
    """
    chains: Dict[Chain, List[DigestObject]] = {}
    for digest in store.digests():
        chains.setdefault(digest.chain, []).append(digest)
    with ThreadPoolExecutor(READERS, thread_name_prefix="digest") as pool:
        for _, digests in sorted(chains.items()):
            digests.sort(key=lambda digest: digest.end_ms, reverse=True)
            regular = [digest for digest in digests if not digest.is_backfill]
            backfill = [digest for digest in digests if digest.is_backfill]
            walk = _Walk(store, verify_signature, pool, since_ms, until_ms, {digest.ref for digest in digests})
            if regular:
                yield from walk.through(regular)
            else:
                # What came late is named beside the regular digest of its hour, never in its place.
                first_ms = backfill[-1].end_ms - HOUR_MS if since_ms is None else since_ms
                end_ms = backfill[0].end_ms if until_ms is None else until_ms
                why = "it is a backfill digest, and there is no regular digest"
                yield _gap(backfill[0].ref.uri, first_ms, end_ms, why)
            yield from walk.through_links(backfill)
    if chains:
        # What was delivered last may have no digest yet.
        end_ms = max(digest.end_ms for digests in chains.values() for digest in digests)
        if until_ms is not None:
            end_ms = until_ms - DELIVERED_WITHIN_MS
        places = {(chain.account, chain.region) for chain in chains}
        for ref in store.logs_of_others(places, end_ms):
            yield Checked(GAP, UNVERIFIED, ref.uri, NO_DIGEST)


class _Walk:
    """The two chains of a trail's region, from the newest digest back: each is compared with what the next says."""

    def __init__(
        self,
        store: DigestStore,
        verify_signature: Verify,
        pool: ThreadPoolExecutor,
        since_ms: Optional[int],
        until_ms: Optional[int],
        listed: Set[ObjectRef],
    ) -> None:
        self._store = store
        self._verify = verify_signature
        self._pool = pool
        self._since_ms = since_ms
        self._until_ms = until_ms
        #: The digests that are there, of both chains.
        self._listed = listed

    def through(self, digests: List[DigestObject]) -> Iterator[Checked]:
        """Yield what is found out about the regular chain: every hour of the period must be covered."""
        newest = digests[0]
        if self._until_ms is not None and newest.end_ms < self._until_ms - DELIVERED_WITHIN_MS:
            yield _gap(newest.ref.uri, newest.end_ms, self._until_ms, "it is the newest of its chain")
        later: Optional[_Content] = None
        for digest in digests:
            if later is not None:
                yield from self._between(digest, later)
            found = self._read(digest)
            yield from self._found(digest, found, later.previous if later is not None else None)
            later = found if isinstance(found, _Content) else None
        if later is not None:
            yield from self._before_the_oldest(later)

    def through_links(self, digests: List[DigestObject]) -> Iterator[Checked]:
        """Yield what is found out about backfill digests: what one of them names must be there, hours need not be."""
        read = [(digest, self._read(digest)) for digest in digests]
        named: Dict[ObjectRef, _Previous] = {}
        for digest, found in read:
            previous = found.previous if isinstance(found, _Content) else None
            if previous is None:
                continue
            named[previous.ref] = previous
            about = digest_object(previous.ref)
            if previous.ref not in self._listed and (about is None or about.meets(self._since_ms, self._until_ms)):
                yield Checked(DIGEST, MISSING, previous.ref.uri, f"named by {digest.ref.uri}")
        for digest, found in read:
            yield from self._found(digest, found, named.get(digest.ref))

    def _found(
        self, digest: DigestObject, found: Union[_Content, Checked], named: Optional[_Previous]
    ) -> Iterator[Checked]:
        """Yield what is found out about a digest and the log files it names; ``named`` is what the next says of it."""
        if isinstance(found, Checked):
            yield found
            return
        checked = self._judged(digest, found, named)
        yield checked
        if checked.result == VALID:
            yield from self._pool.map(self._log, found.logs)

    def _read(self, digest: DigestObject) -> Union[_Content, Checked]:
        """Return what the digest says, or why it cannot be read."""
        uri = digest.ref.uri
        try:
            with self._store.objects.open(digest.ref) as stream:
                return _content(_limited(unpacked(stream)))
        except ObjectGone as exc:
            return Checked(DIGEST, MISSING, uri, str(exc))
        except ObjectUnreadable as exc:
            return Checked(DIGEST, UNVERIFIED, uri, str(exc))
        except (DamagedFile, ValueError, KeyError, TypeError, RecursionError) as exc:
            return Checked(DIGEST, CHANGED, uri, f"it is no digest any more: {type(exc).__name__}: {exc}")

    def _judged(self, digest: DigestObject, content: _Content, named: Optional[_Previous]) -> Checked:
        try:
            result, reason = self._judgement(digest, content, named)
        except ObjectUnreadable as exc:
            result, reason = UNVERIFIED, str(exc)
        if result != VALID and content.logs:
            reason += f"; its {len(content.logs):,} log files are not checked"
        return Checked(DIGEST, result, digest.ref.uri, reason)

    def _judgement(self, digest: DigestObject, content: _Content, named: Optional[_Previous]) -> Tuple[str, str]:
        if content.place != ObjectRef(digest.ref.bucket, digest.ref.key):
            return CHANGED, f"it is the digest of another place, {content.place.uri}"
        if named is not None and named.ref != content.place:
            named = None
        if named is not None and named.sha256 != content.sha256:
            return CHANGED, "its hash is not the one the next digest has of it"
        # The next digest has a copy of the signature; whether it is right is told by the key, not by where it is.
        signature = self._store.signature(digest) or (named.signature if named is not None else "")
        if not signature:
            return UNVERIFIED, "its signature is neither in its metadata (or the file .signature) nor in a next digest"
        try:
            right = self._verify(digest.chain, content.fingerprint, bytes.fromhex(signature), content.signed)
        except ValueError:
            right = False
        if right is None:
            return UNVERIFIED, f"there is no public key with the fingerprint {content.fingerprint}"
        return (VALID, "") if right else (CHANGED, "its signature does not fit its content")

    def _between(self, digest: DigestObject, later: _Content) -> Iterator[Checked]:
        """Yield what is missing between a digest and the one after it."""
        if later.previous is None:
            why = "it begins a new chain: logging was stopped, or digests were removed"
            yield _gap(later.place.uri, digest.end_ms, later.start_ms, why)
        elif later.previous.ref not in self._listed:
            yield Checked(DIGEST, MISSING, later.previous.ref.uri, f"named by {later.place.uri}")
            yield _gap(later.place.uri, digest.end_ms, later.start_ms, "digests before it were removed")

    def _before_the_oldest(self, oldest: _Content) -> Iterator[Checked]:
        if self._since_ms is not None and oldest.start_ms <= self._since_ms:
            return
        if oldest.previous is not None:
            yield Checked(DIGEST, MISSING, oldest.previous.ref.uri, f"named by {oldest.place.uri}")
        if self._since_ms is not None:
            yield _gap(oldest.place.uri, self._since_ms, oldest.start_ms, "it is the oldest of its chain")

    def _log(self, named: Tuple[ObjectRef, str]) -> Checked:
        ref, wanted = named
        sha256 = hashlib.sha256()
        try:
            with self._store.objects.open(ref) as stream:
                for piece in unpacked(stream):
                    sha256.update(piece)
        except ObjectGone as exc:
            return Checked(LOG, MISSING, ref.uri, str(exc))
        except ObjectUnreadable as exc:
            return Checked(LOG, UNVERIFIED, ref.uri, str(exc))
        except DamagedFile as exc:
            return Checked(LOG, CHANGED, ref.uri, str(exc))
        if sha256.hexdigest() != wanted:
            return Checked(LOG, CHANGED, ref.uri, "its hash is not the one its digest has of it")
        return Checked(LOG, VALID, ref.uri)


def _content(written: bytes) -> _Content:
    """Return what a digest says. Raises ValueError, KeyError or TypeError for what is none."""
    fields = json.loads(written)
    previous = None
    if fields["previousDigestSignature"] is not None:
        previous = _Previous(
            ObjectRef(_text(fields["previousDigestS3Bucket"]), _text(fields["previousDigestS3Object"])),
            _text(fields["previousDigestHashValue"]),
            _text(fields["previousDigestSignature"]),
        )
    logs = []
    for entry in fields["logFiles"]:
        if entry["hashAlgorithm"] != "SHA-256":
            raise ValueError(f"hash algorithm {entry['hashAlgorithm']!r}")
        logs.append((ObjectRef(_text(entry["s3Bucket"]), _text(entry["s3Object"])), _text(entry["hashValue"])))
    if fields["digestSignatureAlgorithm"] != "SHA256withRSA":
        raise ValueError(f"signature algorithm {fields['digestSignatureAlgorithm']!r}")
    return _Content(
        ObjectRef(_text(fields["digestS3Bucket"]), _text(fields["digestS3Object"])),
        _instant_ms(fields["digestStartTime"]),
        hashlib.sha256(written).hexdigest(),
        _text(fields["digestPublicKeyFingerprint"]),
        string_to_sign(fields, written),
        previous,
        logs,
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"text expected, not {str(value)[:60]!r}")
    return value


def _limited(pieces: Iterable[bytes]) -> bytes:
    content = bytearray()
    for piece in pieces:
        content += piece
        if len(content) > MAX_DIGEST_BYTES:
            raise ValueError(f"more than {MAX_DIGEST_BYTES:,} bytes")
    return bytes(content)


def _gap(uri: str, from_ms: int, to_ms: int, why: str) -> Checked:
    return Checked(GAP, MISSING, uri, f"no digest covers {_iso(from_ms)} to {_iso(to_ms)}: {why}")


def _instant_ms(text: str) -> int:
    return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp() * 1000)


def _iso(epoch_ms: int) -> str:
    return datetime.fromtimestamp(epoch_ms / 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
