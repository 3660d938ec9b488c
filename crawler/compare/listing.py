"""The list that is compared on, in the form in which every run gets it."""

from collections.abc import Iterable
from io import BytesIO

import msgspec

from crawler.model.errors import UsageError
from crawler.settings import Settings
from crawler.sources import lines, standard_input


class Listing(msgspec.Struct, frozen=True):
    """``sources`` and ``column`` as of ``crawler crawl``; ``piped`` is what ``-`` stands for.

    ``count`` is of the lines that could be read beforehand: a sitemap on the network is one.
    """

    sources: tuple[str, ...]
    column: str | None
    piped: bytes
    count: int


def given(settings: Settings) -> Listing:
    """What the user named; standard input is read to its end. Raises UsageError."""
    piped = b""
    if "-" in settings.sources:
        with standard_input() as stream:
            piped = stream.readall()
    found = lines(settings.sources, settings.column, stdin=lambda: BytesIO(piped))
    count = sum(1 for _ in found)
    if not count:
        raise UsageError(f"{' '.join(settings.sources)}: there is no URL in it")
    return Listing(settings.sources, settings.column, piped, count)


def of_urls(urls: Iterable[str]) -> Listing:
    """Just these."""
    listed = [f"{url}\n".encode() for url in urls]
    return Listing(("-",), None, b"".join(listed), len(listed))
