"""Archives that are made to cost time or room: reading takes linear time, and a limited size."""

import gzip
import struct
import time
import zlib
from pathlib import Path

import pytest
from support.damaged_archives import BODIES, URLS, A, B, C

from crawler.model.errors import UsageError
from crawler.model.exchange import Response
from crawler.sinks.warc.archive import Archive
from crawler.sinks.warc.reader import WarcFile

SIZE = 600_000
MAGIC = b"\x1f\x8b\x08"
GIVEN_UP = "it is damaged too much"


def stored_members(count: int) -> bytes:
    """Each begins 15 bytes after the last one, and has all that follow it as its content."""
    length = 65_530  # of a stored block (RFC 1951, 3.2.4); after it, the next block of a member
    block = b"\0" + struct.pack("<HH", length, length ^ 0xFFFF)
    return (MAGIC + bytes(6) + b"\x03" + block) * count


def nested_heads(count: int) -> bytes:
    """Records that have half of the rest as their block, none of them with the right digest."""
    head = b"WARC/1.1\r\nContent-Length: %08d\r\nWARC-Block-Digest: sha1:A\r\n\r\n"
    size = len(head % 0)
    return b"".join(head % ((count - number) * size // 2 + 7) for number in range(count))


COSTLY = {
    # RFC 1952, 2.3: the flags say that a name follows, which has no end
    "magic": (gzip.compress(A) + MAGIC * (SIZE // 3), False),
    "name": (gzip.compress(A) + (MAGIC + b"\x08AAAAAA") * (SIZE // 10), False),
    "comment": (gzip.compress(A) + (MAGIC + b"\x10AAAAAA") * (SIZE // 10), False),
    "stored": (gzip.compress(A) + stored_members(SIZE // 15), True),
    "heads": (A + nested_heads(SIZE // 60), True),
}


@pytest.mark.promise("P96")
@pytest.mark.parametrize("case", COSTLY)
def test_what_is_damaged_costs_linear_time(tmp_path: Path, case: str) -> None:
    content, gives_up = COSTLY[case]
    path = tmp_path / "x.warc"
    path.write_bytes(content)
    began = time.process_time()
    with Archive(path) as archive:
        assert isinstance(archive.answer(URLS[0]), Response)
        assert archive.losses
        assert (GIVEN_UP in archive.losses[-1]) == gives_up
    assert time.process_time() - began < 4


@pytest.mark.promise("P96")
@pytest.mark.parametrize("gzipped", [True, False])
def test_many_damaged_records_are_skipped(tmp_path: Path, gzipped: bool) -> None:
    """The patience is for bytes that are read again, not for the number of damaged records."""
    member = gzip.compress(B)
    damaged = member[:-8] + bytes(8) if gzipped else B.replace(b"WARC/1.1", b"WARC/x.1")
    path = tmp_path / "x.warc"
    ends = [gzip.compress(each) if gzipped else each for each in (A, C)]
    path.write_bytes(ends[0] + damaged * 1500 + ends[1])
    with Archive(path) as archive:
        for url in (URLS[0], URLS[2]):
            answer = archive.answer(url)
            assert isinstance(answer, Response)
            assert answer.body == BODIES[url]
        assert not any(GIVEN_UP in each for each in archive.losses)


def one_stream(zeros: int) -> bytes:
    """One gzip stream of records, the last of which has a large block of zeros."""
    head = b"WARC/1.1\r\nWARC-Type: resource\r\nContent-Length: %d\r\n\r\n" % zeros
    return gzip.compress(A + B + head + bytes(zeros) + b"\r\n\r\n")


@pytest.mark.promise("P96")
@pytest.mark.parametrize("members", [1, 3])
def test_what_decompresses_to_too_much_is_not_read(tmp_path: Path, members: int) -> None:
    path = tmp_path / "x.warc.gz"
    path.write_bytes(one_stream(5_000_000) * members)  # about 5 KB each
    limit = 100 * path.stat().st_size
    assert limit < 2_000_000
    with WarcFile(path) as file, pytest.raises(UsageError) as caught:
        file.unpack(most=1000)
    assert str(caught.value).endswith(f"bytes decompress to more than {limit:,}")
    with WarcFile(path) as file:
        file.unpack(most=5_100_000 * members)  # a size that is allowed with any ratio
        assert len(list(file.heads())) == 3 * members


@pytest.mark.promise("P96")
def test_a_ratio_of_text_is_allowed_at_any_size(tmp_path: Path) -> None:
    path = tmp_path / "x.warc.gz"
    path.write_bytes(zlib.compress((A + B + C) * 20, 9, wbits=31))
    with WarcFile(path) as file:
        file.unpack(most=0)
        assert len(list(file.heads())) == 60
