"""Reads what was written, ours or a reference's, and refuses what is wrong."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from benchmarks.runs import Refused


class Record(msgspec.Struct, frozen=True):
    """What all write about a page; ``digest`` is the SHA-256 of its body, in hex."""

    url: str
    digest: str
    links: tuple[str, ...] = ()


class Facts(msgspec.Struct, frozen=True):
    """What is known beforehand; ``links`` None: not known, or not asked for."""

    digest: str
    links: int | None = None


def read(path: Path) -> list[Record]:
    """Raises Refused where a line is no record."""
    try:
        return msgspec.json.Decoder(Record).decode_lines(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise Refused(f"{path.name}: {error}") from error


def check(path: Path, expected: Mapping[str, Facts]) -> None:
    """Raises Refused unless there is exactly one right record for each URL of ``expected``."""
    records = read(path)
    if len(records) != len(expected):
        raise Refused(f"{path.name}: {len(records):,} records, expected were {len(expected):,}")
    found = {record.url: record for record in records}
    for url, facts in expected.items():
        record = found.get(url)
        if record is None:
            raise Refused(f"{path.name}: nothing about {url}")
        if record.digest != facts.digest:
            raise Refused(f"{path.name}: {url} has another digest")
        if facts.links is not None and len(record.links) != facts.links:
            raise Refused(f"{path.name}: {url}: {len(record.links)} links, not {facts.links}")
