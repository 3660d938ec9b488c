"""Writes records in the format WARC 1.1 (https://iipc.github.io/warc-specifications/).

A compressed file is written with one gzip member per record (Annex D), so that each record can be
read alone.
"""

import base64
import hashlib
import zlib
from uuid import uuid4

from crawler.model.exchange import Headers

_TAIL = b"\r\n\r\n"


def new_id() -> str:
    return f"<urn:uuid:{uuid4()}>"


def digest(data: bytes) -> str:
    """SHA-1 in base 32, the usual form in WARC files."""
    return "sha1:" + base64.b32encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()


def encode(fields: Headers, block: bytes, *, gzip: int | None) -> bytes:
    """A record of ``fields`` and ``block``; the block's length and digest are added.

    ``gzip`` is the compression level, None for no compression.
    """
    lines = ["WARC/1.1", *(f"{name}: {value}" for name, value in fields)]
    lines += [f"WARC-Block-Digest: {digest(block)}", f"Content-Length: {len(block)}"]
    record = b"".join(("\r\n".join(lines).encode(), _TAIL, block, _TAIL))
    return record if gzip is None else zlib.compress(record, gzip, wbits=31)
