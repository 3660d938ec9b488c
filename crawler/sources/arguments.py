"""Reads the sources that the arguments of ``crawler crawl`` name."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from io import BufferedIOBase, BufferedReader, BytesIO, FileIO, RawIOBase
from itertools import chain
from pathlib import Path
from types import MappingProxyType

from crawler.model.errors import FetchError, UsageError
from crawler.model.exchange import MAX_SITEMAP_BYTES
from crawler.model.files import is_readable
from crawler.sources.input_line import InputLine, RawLine, Refusals, parse
from crawler.sources.lines import first_line, reading
from crawler.sources.sitemap import Sitemap, begins_sitemap, looks_like_sitemap
from crawler.sources.sitemaps import Fetch, Sitemaps, is_sitemap_url, nothing_is_foreign
from crawler.sources.table import DELIMITERS, Table
from crawler.sources.table_format import begins_table
from crawler.sources.texts import argument
from crawler.sources.url_list import list_lines

OpenStream = Callable[[], BufferedIOBase]
COLUMN = "url"
"""The column of a table that has the URLs, unless ``--column`` names another one."""
NO_PIPES: Mapping[str, OpenStream] = MappingProxyType({})


def standard_input() -> RawIOBase:
    """Standard input, unbuffered, as ``InputCopy`` needs it. Raises UsageError if it is closed."""
    if not is_readable(0):
        raise UsageError("-: standard input is closed")
    return FileIO(0, closefd=False)


def _buffered_input() -> BufferedIOBase:
    return BufferedReader(standard_input())


def lines(
    sources: Iterable[str],
    column: str | None = None,
    fetch: Fetch | None = None,
    stdin: OpenStream = _buffered_input,
    pipes: Mapping[str, OpenStream] = NO_PIPES,
    delimiter: str | None = None,
    is_foreign: Callable[[str], bool] = nothing_is_foreign,
) -> Iterator[RawLine]:
    """The lines of all ``sources``: URLs, files, and ``-`` for the stream that ``stdin`` opens.

    ``pipes`` are the sources that are streams, too, with what opens each of them.
    A file or stream is a sitemap if it begins like one (a stream: in its first line), a table if
    its suffix says so, if it begins with a header that has a cell ``url``, or if ``column`` or
    ``delimiter`` is given, else a list. A URL whose path ends like that of a sitemap is read as a
    sitemap with ``fetch``; without ``fetch`` it is a page. Raises UsageError before the first line
    if a source cannot be read; a pipe is not opened before its turn. The URLs of sitemaps that are
    ``is_foreign`` are for another shard.
    """
    sources = tuple(sources)
    refusals = Refusals(several=len(sources) > 1)
    sitemaps = Sitemaps(fetch, is_foreign)
    opener = _Opener(column, delimiter, sitemaps, {"-": stdin, **pipes}, refusals)
    return chain.from_iterable([opener.open(source) for source in sources])


class _Opener:
    """Checks each source at once but opens it only in its turn, so that few files are open."""

    def __init__(
        self,
        column: str | None,
        delimiter: str | None,
        sitemaps: Sitemaps,
        streams: Mapping[str, OpenStream],
        refusals: Refusals,
    ) -> None:
        self._column = column
        self._delimiter = delimiter
        self._refusals = refusals
        self._sitemaps = sitemaps
        self._streams = streams

    def open(self, source: str) -> Iterable[str | InputLine]:
        if source in self._streams:
            return self._stream(source)
        if "://" in source:
            return self._url(source)
        self._check(source, Path(source))
        return self._file(source, Path(source))

    def _stream(self, source: str) -> Iterator[RawLine]:
        with self._streams[source]() as stream:
            line, file = first_line(stream)
            if begins_sitemap(line):
                yield from self._sitemaps.within(source, _open_sitemap(_whole(file), source))
            else:
                yield from self._rows(file, source, Path(source).suffix, line)

    def _url(self, source: str) -> Iterable[str | InputLine]:
        line = argument(source)
        if line.wrong is None and is_sitemap_url(line.url):
            return self._sitemaps.at(line)
        return (source if line == parse(source) else line,)

    def _check(self, source: str, path: Path) -> None:
        """Read as much of a file as is needed to check its format. Raises UsageError."""
        if not path.exists():
            bare = "." in source and "/" not in source
            hint = f"; for a URL write http://{source}" if bare else ""
            raise UsageError(f"{source}: no such file, and not a URL{hint}")
        if path.is_dir():
            raise UsageError(f"{source}: is a directory; name a file with one URL per line")
        if not path.is_file():
            return
        with reading(path) as file:
            if looks_like_sitemap(file):
                _open_sitemap(file, source)
            else:
                self._rows(file, source, path.suffix)

    def _file(self, source: str, path: Path) -> Iterator[RawLine]:
        with reading(path) as file:
            if path.is_file() and looks_like_sitemap(file):
                yield from self._sitemaps.within(source, _open_sitemap(file, source))
            else:
                yield from self._rows(file, source, path.suffix)

    def _rows(
        self, file: BufferedIOBase, name: str, suffix: str, line: str | None = None
    ) -> Iterable[str | InputLine]:
        """A table or a list. The header of a table is read at once, and the kind of a file too.

        ``line`` is the first one if it is known.
        """
        usual = DELIMITERS.get(suffix.lower())
        if self._column is None and self._delimiter is None and usual is None:
            if line is None:
                line, file = first_line(file)
            if not begins_table(line, COLUMN):
                return list_lines(file, name, self._refusals)
        column = self._column or COLUMN
        return Table(file, name, self._delimiter, column, usual or ",", self._refusals)


def _whole(file: BufferedIOBase) -> BytesIO:
    """What can be read of a sitemap from a stream, which cannot go back to its start."""
    return BytesIO(file.read(MAX_SITEMAP_BYTES + 1))


def _open_sitemap(file: BufferedIOBase, name: str) -> Sitemap:
    try:
        sitemap = Sitemap(file)
    except FetchError as error:
        raise UsageError(f"{name}: cannot be read as a sitemap: {error.message}") from None
    if not sitemap.is_sitemap:
        raise UsageError(f"{name}: is XML but not a sitemap: its root is <{sitemap.root}>")
    return sitemap
