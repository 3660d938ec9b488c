"""Archives made of records that another tool might have written."""

from pathlib import Path
from typing import cast

from crawler.model.exchange import Response
from crawler.sinks.warc.archive import Archive
from crawler.sinks.warc.format import encode as encode_record


def record(kind: str, target: str, block: bytes, **fields: str) -> bytes:
    """As another tool writes it."""
    http = "application/http" if kind in ("response", "revisit") else "application/warc-fields"
    given = {"WARC-Type": kind, "WARC-Target-URI": target, "Content-Type": http}
    given |= {name.replace("_", "-"): value for name, value in fields.items()}
    return encode_record(tuple(given.items()), block, gzip=None)


def read(folder: Path, *written: bytes) -> Archive:
    path = folder / "other.warc"
    path.write_bytes(b"".join(written))
    return Archive(path)


def body(archive: Archive, url: str, number: int = 0) -> bytes:
    return cast("Response", archive.answer(url, number)).body
