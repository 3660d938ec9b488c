import gzip
import random
import sys
import time
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.hostile_bodies import hostile, slow

from crawler.model.content_coding import MAX_MEMBERS, Decoding, decode_body
from crawler.model.errors import FailureKind, FetchError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MEGABYTE = 1024 * 1024
LIMIT = 10 * MEGABYTE


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}
codings = pytest.mark.parametrize("coding", ENCODERS)
UNKNOWN = (
    *("none", "utf-8", "UTF-8", "iso-8859-1", "binary", "8bit", "7bit", "base64", "text/html"),
    *(
        "identity, none",
        "none, identity",
        "rot13",
        "gzip gzip",
        "gzip;q=1",
        "*",
        "null",
        "\x1b[31m",
    ),
)
"""Words that servers send, and none of the registered codings (RFC 9110, 16.6.1)."""
TEXT = b"The quick brown fox jumps over the lazy dog. " * 100


def refused(body: bytes, coding: str, limit: int = LIMIT) -> FetchError:
    with pytest.raises(FetchError) as caught:
        decode_body(body, coding, limit)
    return caught.value


@given(
    st.binary(max_size=5000).map(lambda data: data * 20),
    st.lists(st.sampled_from([*ENCODERS, "identity", ""]), max_size=5),
    st.sampled_from([str.lower, str.upper, str.title]),
)
@settings(deadline=None)
def test_encoded_bodies_are_decoded(
    data: bytes, names: list[str], case: Callable[[str], str]
) -> None:
    body = data
    for name in names:
        body = ENCODERS.get(name, bytes)(body)
    header = case(" , ".join(names))
    assert decode_body(body, header, LIMIT) == data
    assert decode_body(memoryview(body), header, LIMIT) == data


@codings
def test_bodies_that_fill_a_buffer_exactly(coding: str) -> None:
    noise = random.Random(1).randbytes(400 * 1024)
    for size in (16384, 65536, 262144, 262145, 300_000):
        for data in (noise[:size], bytes(size), bytes(size * 4)):
            assert decode_body(ENCODERS[coding](data), coding, LIMIT) == data


@given(st.binary(max_size=300).map(lambda data: data * 100))
def test_deflate_without_the_zlib_header(data: bytes) -> None:
    assert decode_body(raw_deflate(data), "deflate", LIMIT) == data


def test_raw_deflate_that_fills_its_buffer() -> None:
    for size in range(262144 - 300, 262144 + 300, 7):
        assert decode_body(raw_deflate(bytes(size)), "deflate", LIMIT) == bytes(size)


def test_a_body_without_coding_is_unchanged() -> None:
    for header in (None, "", "identity", " , Identity"):
        assert decode_body(TEXT, header, LIMIT) == TEXT
    assert decode_body(memoryview(TEXT), None, LIMIT) == TEXT


@codings
def test_an_empty_body_stays_empty(coding: str) -> None:
    assert decode_body(b"", f"{coding}, {coding}", LIMIT) == b""


def test_gzip_members_are_joined() -> None:
    whole = b"".join(gzip.compress(TEXT[i : i + 7]) for i in range(0, len(TEXT), 7))
    assert decode_body(whole, "gzip", LIMIT) == TEXT


def test_gzip_members_may_meet_at_any_byte() -> None:
    filler = random.Random(1).randbytes(16384 - 18 - 5 - 40)
    for extra in range(80):
        first = gzip.compress(filler + bytes(range(extra)), 0)
        body = first + gzip.compress(b"second")
        assert decode_body(body, "gzip", LIMIT) == filler + bytes(range(extra)) + b"second"


def test_zstd_frames_are_joined() -> None:
    skippable = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc"
    body = zstd.compress(TEXT) + skippable + zstd.compress(b"second")
    assert decode_body(body, "zstd", LIMIT) == TEXT + b"second"


@pytest.mark.promise("P13")
def test_decoding_ends_after_a_full_piece() -> None:
    large = bytes(600_000)
    body = gzip.compress(large)
    assert decode_body(body + body, "gzip", 2 * len(large)) == large * 2
    assert decode_body(body + b"garbage", "gzip", len(large)) == large
    assert decode_body(zlib.compress(large) + b"garbage", "deflate", len(large)) == large


@pytest.mark.promise("P13")
@pytest.mark.parametrize("garbage", [b"\0" * 100, b"\x1f", b"<!-- cached -->"])
def test_garbage_after_gzip_is_ignored(garbage: bytes) -> None:
    assert decode_body(gzip.compress(TEXT) + garbage, "gzip", LIMIT) == TEXT


@pytest.mark.promise("P13")
@codings
@pytest.mark.parametrize("share", [0.2, 0.9, 0.999])
def test_a_cut_body_is_refused(coding: str, share: float) -> None:
    noise = random.Random(1).randbytes(50_000)
    body = ENCODERS[coding](noise)
    error = refused(body[: int(len(body) * share)], coding)
    assert error.kind is FailureKind.DECODE
    assert "incomplete" in error.message


@pytest.mark.promise("P13")
@codings
@pytest.mark.parametrize("body", [b"<html><p>not compressed</html>", b"\0\0\0\0\0", b"\x1f\x8b"])
def test_a_wrong_coding_is_refused(coding: str, body: bytes) -> None:
    assert refused(body, coding).kind is FailureKind.DECODE


@pytest.mark.promise("P13")
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_wrong_checksum_is_refused(coding: str) -> None:
    body = bytearray(ENCODERS[coding](TEXT))
    body[-5 if coding == "gzip" else -1] ^= 1
    assert refused(bytes(body), coding).kind is FailureKind.DECODE


@pytest.mark.promise("P13")
def test_a_damaged_second_gzip_member_is_refused() -> None:
    assert refused(gzip.compress(TEXT) + b"\x1f\x8b\xff", "gzip").kind is FailureKind.DECODE


@pytest.mark.promise("P12")
@pytest.mark.parametrize("header", ["br, " * 6, "utf-8, br, " * 6])
def test_too_many_codings_are_refused(header: str) -> None:
    assert "more than 5" in refused(TEXT, header).message


@pytest.mark.promise("P86")
@pytest.mark.parametrize("header", UNKNOWN)
def test_what_is_not_a_coding_counts_as_none(header: str) -> None:
    assert decode_body(TEXT, header, LIMIT) == TEXT
    assert decode_body(gzip.compress(TEXT), f"{header}, GZIP", LIMIT) == TEXT
    assert decode_body(zlib.compress(TEXT), f"deflate,{header}", LIMIT) == TEXT
    assert refused(TEXT, f"{header}, gzip").kind is FailureKind.DECODE


@pytest.mark.promise("P86")
@pytest.mark.parametrize(
    "coding", ["compress", "X-Compress", "exi", "pack200-gzip", "aes128gcm", "dcb", "dcz"]
)
def test_a_registered_coding_without_a_decoder_is_refused(coding: str) -> None:
    for header in (coding, f"gzip, {coding}", f"{coding}, utf-8"):
        assert "not supported" in refused(gzip.compress(TEXT), header).message


@pytest.mark.promise("P11")
@pytest.mark.parametrize("coding", [None, *ENCODERS])
def test_the_decompression_limit_is_exact(coding: str | None) -> None:
    body = ENCODERS[coding](TEXT) if coding else TEXT
    assert decode_body(body, coding, len(TEXT)) == TEXT
    with pytest.raises(FetchError) as caught:
        decode_body(body, coding, len(TEXT) - 1)
    assert caught.value.kind is FailureKind.TOO_LARGE


@pytest.mark.promise("P11")
@codings
@pytest.mark.parametrize("layers", [1, 2])
def test_a_bomb_costs_memory_up_to_the_limit(coding: str, layers: int) -> None:
    bomb = bytes(30 * MEGABYTE)
    for _ in range(layers):
        bomb = ENCODERS[coding](bomb)
    tracemalloc.start()
    try:
        error = refused(bomb, ", ".join([coding] * layers), 4 * MEGABYTE)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert error.kind is FailureKind.TOO_LARGE
    assert peak < 6 * MEGABYTE


@pytest.mark.promise("P11")
def test_a_huge_zstd_window_is_refused() -> None:
    level = zstd.CompressionParameter
    compressor = zstd.ZstdCompressor(options={level.window_log: 27, level.content_size_flag: 0})
    body = compressor.compress(TEXT) + compressor.flush()
    assert "memory" in refused(body, "zstd").message


@pytest.mark.promise("P59")
@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_the_number_of_members_is_limited(coding: str) -> None:
    empty = ENCODERS[coding](b"")
    assert decode_body(empty * MAX_MEMBERS, coding, LIMIT) == b""
    error = refused(empty * (MAX_MEMBERS + 1), coding)
    assert error.kind is FailureKind.DECODE
    assert "more than 10,000 members" in error.message


@pytest.mark.promise("P59")
@pytest.mark.parametrize("number", range(len(hostile()) + 1))
def test_decoding_stops_after_each_slice(number: int) -> None:
    coding, body = [*hostile(), slow()][number]
    decoding, longest = Decoding(body, coding, LIMIT), 0.0
    ended = False
    while not ended:
        started = time.thread_time()
        try:
            ended = decoding.run(0.002) is not None
        except FetchError:
            ended = True
        longest = max(longest, time.thread_time() - started)
    assert longest < 0.02


@pytest.mark.promise("P59")
def test_the_cpu_time_of_a_body_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 0.5
        return now

    monkeypatch.setattr(time, "thread_time", clock)
    body = gzip.compress(random.Random(1).randbytes(20 * 16384))
    decoding = Decoding(body, "gzip", LIMIT)
    with pytest.raises(FetchError, match="too much CPU time to decode") as caught:
        while decoding.run(1.0) is None:
            pass
    assert caught.value.kind is FailureKind.DECODE
    assert now < 5.0


def test_a_body_is_decoded_in_slices() -> None:
    noise = random.Random(1).randbytes(3 * MEGABYTE)
    decoding, slices = Decoding(gzip.compress(noise), "gzip", LIMIT), 1
    while (body := decoding.run(1e-9)) is None:
        slices += 1
    assert body == noise
    assert slices > 100
