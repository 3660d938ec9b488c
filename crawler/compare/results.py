"""Reads what runs wrote; only if they had the same results may their times be compared."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TypeVar

import msgspec

_SHOWN = 3
T = TypeVar("T")

RunResults = dict[str, str]
"""How each URL ended, in a few words, by URL."""


class _PageLine(msgspec.Struct):
    url: str
    final_url: str
    status: int
    digest: str


class _FailureLine(msgspec.Struct):
    url: str
    error: str
    status: int | None = None


class _SkippedLine(msgspec.Struct):
    url: str
    reason: str


class FetchLine(msgspec.Struct):
    """A fetch began at ``t`` and took ``dns + total``, in seconds."""

    url: str
    t: float
    dns: float
    total: float
    error: str | None


def read(directory: Path) -> RunResults:
    """How each URL ended in the run that wrote ``directory``."""
    return {
        **{p.url: f"page {p.status} {p.digest[:16]} {p.final_url}" for p in _pages(directory)},
        **{f.url: f"failure {f.error} {f.status}" for f in failures(directory)},
        **{s.url: f"skipped {s.reason}" for s in _lines(directory / "skipped.jsonl", _SkippedLine)},
    }


def page_urls(directory: Path) -> Iterator[str]:
    return (page.url for page in _pages(directory))


def failures(directory: Path) -> Iterator[_FailureLine]:
    return _lines(directory / "failures.jsonl", _FailureLine)


def fetches(directory: Path) -> Iterator[FetchLine]:
    return _lines(directory / "timeline.jsonl", FetchLine)


def _pages(directory: Path) -> Iterator[_PageLine]:
    return _lines(directory / "pages.jsonl", _PageLine)


def _lines(path: Path, kind: type[T]) -> Iterator[T]:
    decoder = msgspec.json.Decoder(kind)
    with path.open("rb") as file:
        yield from map(decoder.decode, file)


def differences(
    one: str, first: Mapping[str, str], other: str, second: Mapping[str, str]
) -> Iterator[str]:
    """The results that differ, in words: a few URLs, then the number of further ones.

    ``one`` and ``other`` name the runs, ``first`` and ``second`` are their results.
    """
    if first == second:
        return
    different = [url for url in {**first, **second} if first.get(url) != second.get(url)]
    for url in islice(different, _SHOWN):
        was, now = (results.get(url, "nothing") for results in (first, second))
        yield f"{url}: {one} {was}, {other} {now}"
    if len(different) > _SHOWN:
        yield f"{len(different) - _SHOWN:,} more URLs differ between {one} and {other}"
