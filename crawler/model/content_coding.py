"""Decode a Content-Encoding (RFC 9110, 8.4) in bounded memory and CPU time.

Every coding is a generator over a whole body. Input and output pass in small pieces, so that a
decompression bomb is detected at the limit, the decompressor's own buffers stay small, and the
work can be interrupted after any piece.
"""

import sys
import time
import zlib
from collections.abc import Callable, Generator, Iterator
from io import BytesIO
from typing import TYPE_CHECKING

from crawler.model.errors import FailureKind, FetchError

MAX_CODINGS = 5
MAX_MEMBERS = 10_000
"""Limit for gzip members or zstd frames in one body: each costs some microseconds, even if it is
empty, and a few compressed bytes can contain millions of them.
"""
CPU_SECONDS = 1.0
CPU_SECONDS_OF_MEGABYTE = 0.1
"""Limit for the CPU time of one body: so much, and so much more per megabyte that the body may
have. Real bodies need less than a tenth of it; the codings also allow blocks that are slow to
decode and contain nothing.
"""
_FEED_BYTES = 16 * 1024
_PIECE_BYTES = 256 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = b"\x2a\x4d\x18"
"""Follows a first byte of 0x50 to 0x5F (RFC 8878, 3.1.2)."""
_ZSTD_WINDOW_LOG = 23
"""A frame may declare any window size; RFC 9659 allows 8 MB for content codings."""

if TYPE_CHECKING:
    from backports.zstd import ZstdDecompressor
    from brotli import Decompressor as BrotliDecompressor

_Stream = Generator[bytes, None, int]
"""Yields decompressed bytes and returns how many bytes of the body it consumed."""


class _DamagedError(Exception):
    """A library rejected the body as invalid for its coding."""


class Decoding:
    """The decoding of one body, in steps. ``decode_body`` describes arguments, result and errors.

    If ``keep`` is set, only so many bytes of the result are kept, and damage after them is not an
    error. It may continue on another thread, but runs on one at a time.
    """

    def __init__(
        self,
        body: bytes | memoryview,
        content_encoding: str | None,
        max_bytes: int,
        *,
        keep: int | None = None,
    ) -> None:
        self._output = BytesIO()
        self._steps = _steps(body, content_encoding, max_bytes, keep, self._output)
        self._cpu_left = CPU_SECONDS + (keep or max_bytes) / 1e6 * CPU_SECONDS_OF_MEGABYTE

    @property
    def so_far(self) -> bytes:
        """What is decoded, at most ``max_bytes``: after an error, what there was before it."""
        return self._output.getvalue()

    def run(self, seconds: float = float("inf")) -> bytes | None:
        """Continue for about ``seconds`` of this thread's CPU time, at most some ms longer.

        Returns the decoded body, or None if it is not complete yet. Raises FetchError.
        """
        started, used = time.thread_time(), 0.0
        try:
            while used < seconds:
                next(self._steps)
                used = time.thread_time() - started
                if used > self._cpu_left:
                    raise FetchError(FailureKind.DECODE, "takes too much CPU time to decode")
        except StopIteration as end:
            body: bytes = end.value
            return body
        self._cpu_left -= used
        return None


def decode_body(body: bytes | memoryview, content_encoding: str | None, max_bytes: int) -> bytes:
    """Return the decoded ``body``. Codings: gzip, deflate, br, zstd; at most five, last one first.

    A name that is not a registered coding counts as none, as in browsers: servers put character
    sets and other words there, and the body is not coded.
    ``max_bytes`` bounds the result and every intermediate result. Bytes after a complete body are
    ignored unless they start another gzip member or zstd frame; the br library rejects them.
    Raises FetchError: kind ``decode`` if the body does not match the header, is damaged or
    incomplete, has too many members or takes too much CPU time; kind ``too_large`` if it exceeds
    ``max_bytes``.
    """
    if not content_encoding and len(body) <= max_bytes:
        return bytes(body)  # most bodies, in no time
    decoded = Decoding(body, content_encoding, max_bytes).run()
    assert decoded is not None
    return decoded


def _steps(
    body: bytes | memoryview,
    content_encoding: str | None,
    max_bytes: int,
    keep: int | None,
    output: BytesIO,
) -> Generator[None, None, bytes]:
    """The last coding writes to ``output``."""
    codings = _codings(content_encoding) if content_encoding else []
    while codings and len(body):
        pieces = _pieces(codings.pop(), memoryview(body))
        if codings:
            body = yield from _bounded(pieces, max_bytes, None, BytesIO())
        else:
            body = yield from _bounded(pieces, max_bytes, keep, output)
    if len(body) > max_bytes:
        output.write(memoryview(body)[:max_bytes])
        raise _too_large(max_bytes)
    return bytes(body[:keep])


def _codings(content_encoding: str) -> list[str]:
    names = [name.strip().lower() for name in content_encoding.split(",")]
    codings = [name for name in names if name in _DECODERS]
    if len(codings) > MAX_CODINGS:
        raise FetchError(FailureKind.DECODE, f"more than {MAX_CODINGS} content codings")
    for name in _OTHER_CODINGS.intersection(names):
        raise FetchError(FailureKind.DECODE, f"content coding {name!r} is not supported")
    return codings


def _bounded(
    pieces: Iterator[bytes], max_bytes: int, keep: int | None, whole: BytesIO
) -> Generator[None, None, bytes]:
    # BytesIO grows in place and returns its buffer without a copy; joining a list needs twice the
    # memory.
    size, room = 0, max_bytes if keep is None else keep
    try:
        for piece in pieces:
            size += len(piece)
            whole.write(piece[: room - whole.tell()])
            if size > max_bytes:
                raise _too_large(max_bytes)
            yield
    except FetchError as error:
        if keep is None or size < keep or error.kind is FailureKind.TOO_LARGE:
            raise
    return whole.getvalue()


def _pieces(coding: str, body: memoryview) -> Iterator[bytes]:
    try:
        yield from _DECODERS[coding](body)
    except (zlib.error, _DamagedError) as error:
        raise FetchError(FailureKind.DECODE, f"the body is not valid {coding}: {error}") from error
    except EOFError:
        raise FetchError(FailureKind.DECODE, f"the {coding} body is incomplete") from None


def _gzip(body: memoryview) -> Iterator[bytes]:
    taken, members = 0, 0
    while not members or body[taken : taken + 2] == _GZIP_MAGIC:
        members = _one_more(members)
        taken += yield from _inflate(body[taken:], 16 + zlib.MAX_WBITS)


def _one_more(members: int) -> int:
    if members == MAX_MEMBERS:
        raise _DamagedError(f"more than {MAX_MEMBERS:,} members")
    return members + 1


def _deflate(body: memoryview) -> Iterator[bytes]:
    # Some servers send a raw deflate stream (RFC 1951) instead of a zlib stream (RFC 1950). A raw
    # stream cannot start with a zlib header: that would be a stored block with bits in its padding.
    zlib_header = body[0] & 0x0F == 8 and int.from_bytes(body[:2]) % 31 == 0
    yield from _inflate(body, zlib.MAX_WBITS if zlib_header else -zlib.MAX_WBITS)


def _inflate(body: memoryview, window_bits: int) -> _Stream:
    decoder = zlib.decompressobj(window_bits)
    for start in range(0, len(body), _FEED_BYTES):
        feed: bytes | memoryview = body[start : start + _FEED_BYTES]
        end = start + len(feed)
        # At the end of the stream zlib keeps returning its unused data as unconsumed tail.
        while len(feed) and not decoder.eof:
            yield decoder.decompress(feed, _PIECE_BYTES)
            feed = decoder.unconsumed_tail
        if decoder.eof:
            return end - len(decoder.unused_data)
    yield decoder.flush()
    if not decoder.eof:
        raise EOFError
    return len(body)


# The two libraries below are imported only when a body needs them: most runs see neither coding,
# and the imports would delay the start of every parse worker.


def _zstd(body: memoryview) -> Iterator[bytes]:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd

    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
    members = 0
    try:
        while len(body):
            members = _one_more(members)
            decoder = zstd.ZstdDecompressor(options=options)
            taken = yield from _zstd_frame(decoder, body)
            body = _next_frame(body[taken:])
    except zstd.ZstdError as error:
        raise _DamagedError(error) from error


def _zstd_frame(decoder: "ZstdDecompressor", body: memoryview) -> _Stream:
    for start in range(0, len(body), _FEED_BYTES):
        feed = body[start : start + _FEED_BYTES]
        yield decoder.decompress(feed, _PIECE_BYTES)
        while not (decoder.eof or decoder.needs_input):
            yield decoder.decompress(b"", _PIECE_BYTES)
        if decoder.eof:
            return start + len(feed) - len(decoder.unused_data)
    raise EOFError


def _next_frame(rest: memoryview) -> memoryview:
    """Return ``rest`` if it starts with a frame, else an empty view."""
    magic = bytes(rest[:4])
    skippable = magic[1:] == _ZSTD_SKIPPABLE and magic[0] >> 4 == 5
    return rest if skippable or magic == _ZSTD_MAGIC else rest[:0]


def _brotli(body: memoryview) -> Iterator[bytes]:
    import brotli

    try:
        yield from _brotli_stream(brotli.Decompressor(), body)
    except brotli.error as error:
        raise _DamagedError(error) from error


def _brotli_stream(decoder: "BrotliDecompressor", body: memoryview) -> Iterator[bytes]:
    for start in range(0, len(body), _FEED_BYTES):
        feed = body[start : start + _FEED_BYTES]
        yield decoder.process(feed, output_buffer_limit=_PIECE_BYTES)
        while not decoder.can_accept_more_data():
            yield decoder.process(b"", output_buffer_limit=_PIECE_BYTES)
    while not decoder.is_finished():  # after a full last piece, more output may be left
        rest = decoder.process(b"", output_buffer_limit=_PIECE_BYTES)
        if not rest and not decoder.is_finished():
            raise EOFError
        yield rest


def _too_large(max_bytes: int) -> FetchError:
    return FetchError(
        FailureKind.TOO_LARGE, f"more than {max_bytes:,} bytes after content decoding"
    )


_DECODERS: dict[str, Callable[[memoryview], Iterator[bytes]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
_OTHER_CODINGS = frozenset(
    {"aes128gcm", "compress", "x-compress", "dcb", "dcz", "exi", "pack200-gzip"}
)
"""The other codings of the registry (RFC 9110, 16.6.1): a body that has one cannot be read."""
