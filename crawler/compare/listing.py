"""The list of URLs for a comparison, in the form that every run receives."""

from collections.abc import Iterable
from io import BytesIO

import msgspec

from crawler.model.errors import UsageError
from crawler.settings import Settings, source_names
from crawler.sources import lines, standard_input


class Listing(msgspec.Struct, frozen=True):
    """``sources``, ``column`` and ``delimiter`` as for ``crawler crawl``.

    ``piped`` is the text for source ``-``.
    ``count`` is the number of lines that can be read in advance; a sitemap URL counts as one.
    """

    sources: tuple[str, ...]
    column: str | None
    piped: bytes
    count: int
    delimiter: str | None = None


def read_listing(settings: Settings) -> Listing:
    """The list that ``settings`` name; standard input is read to its end. Raises UsageError."""
    piped = b""
    if "-" in settings.sources:
        with standard_input() as stream:
            piped = stream.readall()
    delimiter = settings.cell_delimiter
    found = lines(
        settings.sources, settings.column, stdin=lambda: BytesIO(piped), delimiter=delimiter
    )
    count = sum(1 for _ in found)
    if not count:
        raise UsageError(f"{source_names(settings)}: contains no URLs")
    return Listing(settings.sources, settings.column, piped, count, delimiter)


def of_urls(urls: Iterable[str]) -> Listing:
    """A list of exactly these ``urls``."""
    listed = [f"<{url}>\n".encode() for url in urls]
    return Listing(("-",), None, b"".join(listed), len(listed))
