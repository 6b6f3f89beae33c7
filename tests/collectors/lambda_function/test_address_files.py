"""Address databases out of a bucket, fetched once for each version."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.errors import CollectorError
from collectors.lambda_function.address_files import fetched, local_files
from tests.account import BUCKET

URI = f"s3://{BUCKET}/databases/country.mmdb"


class Counting:
    """The client, counting bodies that were read."""

    def __init__(self, s3) -> None:
        self._s3, self.read = s3, 0

    def get_object(self, **what):
        found = self._s3.get_object(**what)
        chunks = found["Body"].iter_chunks

        def iter_chunks(*sizes):
            self.read += 1
            return chunks(*sizes)

        found["Body"].iter_chunks = iter_chunks
        return found


def test_a_database_is_fetched_once_and_again_when_it_changes(account, tmp_path):
    s3 = Counting(account.s3)
    account.put("databases/country.mmdb", b"first")
    first = fetched(URI, s3, tmp_path)
    assert fetched(URI, s3, tmp_path) == first
    assert (first.read_bytes(), s3.read) == (b"first", 1)
    account.put("databases/country.mmdb", b"second")
    second = fetched(URI, s3, tmp_path)
    assert (second.read_bytes(), s3.read) == (b"second", 2)
    assert sorted(tmp_path.iterdir()) == sorted([first, second])


def test_one_that_is_not_there_says_which_permission_is_needed(account, tmp_path):
    with pytest.raises(CollectorError, match=f"s3://{BUCKET}/none cannot be fetched: NoSuchKey.*s3:GetObject"):
        fetched(f"s3://{BUCKET}/none", account.s3, tmp_path)


def test_a_file_of_the_package_is_taken_where_it_is(account):
    assert local_files(("/opt/country.mmdb",), account.s3) == [Path("/opt/country.mmdb")]
