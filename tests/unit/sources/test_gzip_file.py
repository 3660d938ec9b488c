"""The reader of gzip files, against the one of the standard library."""

import gzip
import zlib
from io import BufferedReader, BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.model.content_coding import MAX_MEMBERS
from crawler.model.errors import FetchError
from crawler.sources.gzip_file import GzipFile

EMPTY = gzip.compress(b"")


def read(data: bytes, size: int = -1) -> bytes:
    return BufferedReader(GzipFile(BytesIO(data))).read(size)


@given(st.lists(st.binary(max_size=200).map(lambda data: data * 700), max_size=4))
def test_members_are_joined(parts: list[bytes]) -> None:
    data = b"".join(map(gzip.compress, [b"", *parts]))
    assert read(data) == gzip.decompress(data)
    assert read(data + b"garbage") == b"".join(parts)


def test_a_file_that_ends_inside_a_member_is_an_error() -> None:
    data = gzip.compress(b"x" * 100_000)
    for cut in range(2, len(data)):
        with pytest.raises(EOFError):
            read(data[:cut])


def test_what_precedes_a_wrong_checksum_is_read() -> None:
    reader = BufferedReader(GzipFile(BytesIO(gzip.compress(b"before")[:-8] + bytes(8))))
    assert reader.read1() == b"before"
    with pytest.raises(zlib.error):
        reader.read1()


@pytest.mark.promise("P59")
def test_the_number_of_members_is_limited() -> None:
    assert read(EMPTY * MAX_MEMBERS) == b""
    with pytest.raises(FetchError, match="more than 10,000 gzip members"):
        read(EMPTY * (MAX_MEMBERS + 1))
