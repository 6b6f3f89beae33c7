"""Country and autonomous system of addresses, out of MMDB files that the user supplies.

Two kinds of layout are read, also several files together, such as a City and an ASN database; what the first of them
says about a thing counts:

==================  ===============================================================================================
what                fields of the database
==================  ===============================================================================================
country             ``country.iso_code``, else ``registered_country.iso_code`` (GeoLite2, GeoIP2, DB-IP); flat:
                    ``country_code``, or ``country`` where it is two letters (IPinfo)
AS number           ``autonomous_system_number`` (GeoLite2, GeoIP2, DB-IP); flat: ``asn``, ``as_number``, as a number
                    or as ``AS64500``
AS owner            ``autonomous_system_organization``; flat: ``as_org``, ``as_name``, ``as_organization``
==================  ===============================================================================================

The files are mapped into memory, so workers share them. One that is brought up to date must be put in its place by
renaming (``mv``), never written over while a loader runs: a loader keeps what it opened until it is started again.
"""

from __future__ import annotations

from itertools import islice
from os import PathLike
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional, Sequence, Type, Union

from collectors.errors import CollectorError
from collectors.records.addresses import Address, AddressBook, looked_up

LookUp = Callable[[Address], Dict[str, Any]]

#: Entries of a file that are looked at to see whether it is of a layout that is known.
_SAMPLE = 1000
_NUMBER_FIELDS = ("autonomous_system_number", "asn", "as_number")
_OWNER_FIELDS = ("autonomous_system_organization", "as_org", "as_name", "as_organization")


def open_databases(paths: Sequence[Union[str, PathLike[str]]]) -> LookUp:
    """Return a function that gives what the files at ``paths`` know about an address, for `AddressBook`.

    That is ``geo`` and ``as`` of the table in `collectors.records.addresses`, each left out where nothing is known.
    Raises `CollectorError` when the package `maxminddb` is missing, or a file cannot be read or holds something else;
    the function itself raises it for a file that turns out to be damaged.
    """
    databases = [_opened(path) for path in paths]

    def look_up(address: Address) -> Dict[str, Any]:
        known: Dict[str, Any] = {}
        for database in databases:
            for name, facts in database.about(address).items():
                known.setdefault(name, facts)
        return known

    return look_up


def address_book(paths: Sequence[Union[str, PathLike[str]]]) -> AddressBook:
    """Return a new book of addresses that looks them up in the files at ``paths``, of which there may be none.

    Raises what `open_databases` raises.
    """
    return AddressBook(open_databases(paths) if paths else None)


class Description(NamedTuple):
    """What a file says of itself. ``built_s``: epoch seconds; ``has_countries``: whether some entry has one."""

    kind: str
    built_s: int
    has_countries: bool


def describe(path: Union[str, PathLike[str]]) -> Description:
    """Return what a file says of itself. Raises what `open_databases` raises."""
    return _opened(path).description()


class _Database:
    """One open file. ``reader`` is a `maxminddb.Reader`."""

    def __init__(self, path: Union[str, PathLike[str]], reader: Any, damaged: Type[Exception]) -> None:
        self._path = path
        self._reader = reader
        self._damaged = damaged
        self._versions = (4,) if reader.metadata().ip_version == 4 else (4, 6)

    def about(self, address: Address) -> Dict[str, Any]:
        if address.version not in self._versions:
            return {}
        try:
            entry = self._reader.get(address)
        except self._damaged as exc:
            raise self.unusable(f"is damaged: {exc}") from exc
        return _facts(entry) if isinstance(entry, dict) else {}

    def check(self) -> None:
        """Raise `CollectorError` unless entries of the file say something that is understood."""
        try:
            entries = [entry for _, entry in islice(self._reader, _SAMPLE)]
        except self._damaged as exc:
            raise self.unusable(f"is damaged: {exc}") from exc
        if not entries:
            raise self.unusable("has no entries")
        if not any(_facts(entry) for entry in entries if isinstance(entry, dict)):
            fields = sorted({key for entry in entries if isinstance(entry, dict) for key in entry})
            raise self.unusable(
                f"({self._reader.metadata().database_type}) has neither country nor AS under names that are known "
                f"here; its fields are {', '.join(fields[:20]) or 'none'}. Use a Country, City or ASN database"
            )

    def description(self) -> Description:
        metadata = self._reader.metadata()
        entries = (entry for _, entry in islice(self._reader, _SAMPLE))
        countries = any("geo" in _facts(entry) for entry in entries if isinstance(entry, dict))
        return Description(metadata.database_type, int(metadata.build_epoch), countries)

    def unusable(self, reason: str) -> CollectorError:
        return CollectorError(f"the address database {self._path} {reason}")


def _opened(path: Union[str, PathLike[str]]) -> _Database:
    try:
        import maxminddb
    except ImportError as exc:
        raise CollectorError(
            "country and AS of addresses need the package maxminddb: pip install '.[loader]' in the clone, or "
            "leave the address databases out"
        ) from exc
    try:
        reader = maxminddb.open_database(path)
    except OSError as exc:
        raise CollectorError(f"the address database {path} cannot be read: {exc.strerror or exc}") from exc
    except (maxminddb.InvalidDatabaseError, ValueError) as exc:
        raise CollectorError(f"the address database {path} is no MMDB file: {exc}") from exc
    database = _Database(path, reader, maxminddb.InvalidDatabaseError)
    database.check()
    return database


def _facts(entry: Mapping[str, Any]) -> Dict[str, Any]:
    """Return ``geo`` and ``as`` of one entry of a database."""
    number = next((number for number in map(_as_number, map(entry.get, _NUMBER_FIELDS)) if number), None)
    owner = next((owner for owner in map(entry.get, _OWNER_FIELDS) if isinstance(owner, str) and owner), "")
    return looked_up(_country(entry), number, owner)


def _country(entry: Mapping[str, Any]) -> str:
    for value in (entry.get("country"), entry.get("registered_country"), entry.get("country_code")):
        code = value.get("iso_code") if isinstance(value, dict) else value
        if isinstance(code, str) and len(code) == 2 and code.isalpha():
            return code.upper()
    return ""


def _as_number(value: Any) -> Optional[int]:
    if isinstance(value, str) and value.upper().startswith("AS"):
        value = value[2:]
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**32 else None
