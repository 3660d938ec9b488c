"""Bodies of a few hundred bytes whose decoding is much work and yields nothing."""

import gzip
from functools import cache

SIZE = 3_000_000
"""Bytes of what is inside the outer layers."""
EMPTY_MEMBER = gzip.compress(b"")
_ZSTD = b"\x28\xb5\x2f\xfd"
_DYNAMIC_BLOCKS = bytes.fromhex(
    "04c081000000000090ff6b100007020000000040feaf41001c080000000000f9bf060170200000000000e4ff1a"
    "04c081000000000090ff6b100007020000000040feaf41001c080000000000f9bf060170200000000000e4ff1a"
)
"""Sixteen empty deflate blocks, each with a Huffman table of its own (RFC 1951, 3.2.7)."""

_PARTS = {
    "gzip": (b"", EMPTY_MEMBER),
    "zstd": (b"", _ZSTD + b"\x20\0" + b"\x01\0\0"),  # frames without content
    "Zstd": (b"", b"\x50\x2a\x4d\x18" + bytes(4)),  # skippable frames
    "deflate": (b"", b"\0\0\0\xff\xff"),  # stored blocks of length 0
    "x-gzip": (b"\x1f\x8b\x08\x08" + bytes(6), b"a long file name"),
    "br": (b"\x0c", b"\x06"),  # meta-blocks without data (RFC 7932, 9.2)
    "ZSTD": (_ZSTD + b"\0\x58", bytes(3)),  # blocks without content
}
"""Coding → how a body begins, and what is repeated in it."""
SMALL = {
    "zstd": _ZSTD + b"\0\xa8\x01\0\0",  # a window of 2 GB
    "Zstd": _ZSTD + b"\x01\x58\x07\x01\0\0",  # a dictionary
}


@cache
def hostile() -> list[tuple[str, bytes]]:
    """Pairs of Content-Encoding and body."""
    deep = [(coding, _packed(start, piece)) for coding, (start, piece) in _PARTS.items()]
    return [(f"{coding}, gzip, gzip", body) for coding, body in deep] + list(SMALL.items())


@cache
def slow() -> tuple[str, bytes]:
    """The body that takes longest to decode."""
    return "deflate, gzip, gzip", _packed(b"", _DYNAMIC_BLOCKS)


def _packed(start: bytes, piece: bytes) -> bytes:
    return gzip.compress(gzip.compress(start + piece * ((SIZE - len(start)) // len(piece))))
