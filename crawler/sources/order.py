"""The order in which lines are crawled; every order is the same again when a crawl goes on."""

import random
from array import array
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Literal

import msgspec

from crawler.model.errors import UsageError
from crawler.model.urls import key
from crawler.sources.input_line import InputLine, RawLines, parse
from crawler.sources.lines import reading

Order = Literal["input", "random", "slowest"]

_LONGEST_RECORD = 1 << 26
_LENGTH_BYTES = 4


def ordered(lines: RawLines, order: Order, seed: int = 0, history: str | None = None) -> RawLines:
    """``lines`` as they come, shuffled by ``seed``, or the slowest of an earlier crawl first.

    ``history`` is the run directory of that crawl; a line it has no time for counts as its median,
    and equals keep their order. Other orders than ``input`` read all lines before the first is
    given, and hold them in memory. A million URLs of 45 bytes took 63 MB shuffled, and with a
    history of as many pages 209 MB at the most. Raises UsageError where the history is of no use.
    """
    if order == "input":
        return lines
    if order == "random":
        return _shuffled(lines, random.Random(seed))
    if history is None:
        raise UsageError("--order slowest needs --history, the run directory of an earlier crawl")
    return _slowest_first(lines, _pages_of(history))


def _shuffled(lines: RawLines, rng: random.Random) -> Iterator[str | InputLine]:
    shelf = _Shelf(lines)
    rng.shuffle(shelf.places)
    yield from map(shelf.get, shelf.places)


def _slowest_first(lines: RawLines, pages: Path) -> Iterator[str | InputLine]:
    known = _times(pages)
    usual = median(known.values()) if known else 0.0
    times = array("d")

    def timed() -> Iterator[str | InputLine]:
        for line in lines:
            times.append(known.get(key(parse(line).url), usual))
            yield line

    shelf = _Shelf(timed())
    known.clear()
    for number in sorted(range(len(times)), key=times.__getitem__, reverse=True):
        yield shelf.get(shelf.places[number])


class _Shelf:
    """RawLines in one piece of memory; what stands at one of its ``places`` is had by ``get``."""

    def __init__(self, lines: RawLines) -> None:
        self._bytes = bytearray()
        self._decoder = msgspec.msgpack.Decoder(str | InputLine)
        self.places = array("Q")
        encode = msgspec.msgpack.Encoder().encode
        for line in lines:
            self.places.append(len(self._bytes))
            try:
                encoded = encode(line)
            except UnicodeEncodeError:  # a lone surrogate: no URL, and no text either
                encoded = encode(parse(line))
            self._bytes += len(encoded).to_bytes(_LENGTH_BYTES)
            self._bytes += encoded

    def get(self, place: int) -> str | InputLine:
        start = place + _LENGTH_BYTES
        length = int.from_bytes(self._bytes[place:start])
        line: str | InputLine = self._decoder.decode(self._bytes[start : start + length])
        return line


class _Record(msgspec.Struct, frozen=True):
    """What counts here of a line of ``pages.jsonl``."""

    url: str
    elapsed_ms: float


def _pages_of(history: str) -> Path:
    pages = Path(history) / "pages.jsonl"
    if not pages.is_file():
        raise UsageError(
            f"{history}: has no pages.jsonl, so no times are known; a run directory of a crawl "
            "without --out is needed"
        )
    return pages


def _times(pages: Path) -> dict[int, float]:
    """Milliseconds by the key of the URL. Raises UsageError for what is no record of a page."""
    decode = msgspec.json.Decoder(_Record).decode
    times = {}
    with reading(pages) as file:
        for number, line in enumerate(iter(lambda: file.readline(_LONGEST_RECORD), b""), 1):
            if not line.endswith(b"\n"):
                continue  # the crawl was killed while it wrote this
            try:
                record = decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise UsageError(f"{pages}: line {number} is no page: {error}") from None
            times[key(record.url)] = record.elapsed_ms
    return times
