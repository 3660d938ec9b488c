"""Judges by its content whether the block of a record is whole, where its length is in doubt."""

import base64
import hashlib
from collections.abc import Mapping

from crawler.model.exchange import values_of
from crawler.sinks.warc.http_message import parse_head

_DIGESTS = ("sha1", "sha256", "md5")


def is_block_whole(fields: Mapping[str, str], block: bytes) -> bool:
    """Whether the digest of the block says so, or else the length in its HTTP head."""
    algorithm, _, expected = fields.get("warc-block-digest", "").partition(":")
    name = algorithm.lower().replace("-", "")
    if name in _DIGESTS:
        return expected.strip().lower() in _spellings(
            hashlib.new(name, block, usedforsecurity=False).digest()
        )
    head = parse_head(block)
    if head is None:
        return False
    lengths = values_of(head.headers, "content-length")
    return len(lengths) == 1 and lengths[0] == str(len(block) - head.size)


def _spellings(found: bytes) -> tuple[str, str]:
    return base64.b32encode(found).decode().lower(), found.hex()
