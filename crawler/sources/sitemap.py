"""One sitemap or sitemap index (https://www.sitemaps.org/protocol.html), read in small pieces.

Even for a hostile file, reading takes time linear in its size and little memory, and opens no other
file. Entities are never expanded: a document type definition, which would define them, is an error.
"""

import codecs
import re
import zlib
from collections.abc import Iterator
from io import BufferedIOBase, BufferedReader
from typing import NoReturn
from xml.parsers import expat

from crawler.model.errors import FailureKind, FetchError
from crawler.model.urls import MAX_URL_CHARACTERS
from crawler.sources.gzip_file import MAGIC, GzipFile

MAX_BYTES = 52_428_800
"""Size of a sitemap after decompression; a limit of the protocol, as is ``MAX_URLS``."""
MAX_URLS = 50_000
_PIECE = 1 << 16
_MAX_TOKEN = 1 << 20
_MAX_DEPTH = 64
_MAX_NAMES = 1000
_HEAD = 512
_XML = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:[?!]|(?:[\w.-]+:)?(?:urlset|sitemapindex)\b)")
_ENTRIES = {"urlset": "url", "sitemapindex": "sitemap"}
"""The possible root elements, and the element in each that contains ``loc``."""


def looks_like_sitemap(file: BufferedIOBase) -> bool:
    """Whether ``file``, decompressed, begins with XML or one of the root elements.

    Reads from the start of the file, and leaves it there.
    """
    try:
        head = _plain(file).read(_HEAD)
    except (EOFError, zlib.error, FetchError):
        return False
    finally:
        file.seek(0)
    return _XML.match(head) is not None


class Sitemap:
    """The locations in ``file``, which must be seekable and may be compressed with gzip.

    The constructor reads up to the root element, iteration reads the rest; locations before an
    error are returned before it is raised. Both raise FetchError: kind ``parse`` for XML that is
    not well-formed or not like a sitemap, ``decode`` for damaged gzip, ``too_large``. ``root`` is
    the name of the root element: ``urlset``, ``sitemapindex``, or another one.
    """

    def __init__(self, file: BufferedIOBase) -> None:
        self.root = ""
        self._file = _plain(file)
        self._read = 0
        # The protocol requires UTF-8, but one invalid byte must not cost all the URLs.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._parser = self._make_parser()
        self._fed = 0
        self._prefix = ""
        self._path: list[str] = []
        self._names: set[str] = set()
        self._text = ""
        self._found: list[str] = []
        self._ended = False
        self._error: FetchError | None = None
        while not self.root and not self._ended:
            self._advance()
        if not self.root and self._error is not None:
            raise self._error

    @property
    def is_sitemap(self) -> bool:
        """Whether it is a sitemap or a sitemap index."""
        return self.root in _ENTRIES

    @property
    def is_index(self) -> bool:
        return self.root == "sitemapindex"

    def __iter__(self) -> Iterator[str]:
        count = 0
        while True:
            for location in self._found:
                count += 1
                if count > MAX_URLS:
                    raise FetchError(
                        FailureKind.TOO_LARGE, f"more than {MAX_URLS:,} URLs in a sitemap"
                    )
                yield location
            self._found.clear()
            if self._ended:
                break
            self._advance()
        if self._error is not None:
            raise self._error

    def _make_parser(self) -> expat.XMLParserType:
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.StartElementHandler = self._open
        parser.EndElementHandler = self._close
        return parser

    def _advance(self) -> None:
        """Read and parse the next piece."""
        try:
            # read() would need more data, which may be damaged; read1() returns the data before.
            piece = self._file.read1(_PIECE)
            self._read += len(piece)
            if self._read > MAX_BYTES:
                raise FetchError(
                    FailureKind.TOO_LARGE, f"a sitemap of more than {MAX_BYTES:,} bytes"
                )
            self._feed(self._decoder.decode(piece, final=not piece).encode(), final=not piece)
            self._ended = not piece
        except FetchError as error:
            self._end(error)
        except expat.ExpatError as error:
            self._end(FetchError(FailureKind.PARSE, f"not well-formed XML: {error}"))
        except EOFError:
            self._end(FetchError(FailureKind.DECODE, "the gzip file is cut short"))
        except zlib.error as error:
            self._end(FetchError(FailureKind.DECODE, f"not a valid gzip file: {error}"))

    def _end(self, error: FetchError) -> None:
        self._error = error
        self._ended = True

    def _feed(self, data: bytes, *, final: bool) -> None:
        self._parser.Parse(data, final)
        self._fed += len(data)
        # expat before 2.6 scans an unfinished token again with each piece: quadratic time.
        if self._fed - self._parser.CurrentByteIndex > _MAX_TOKEN:
            raise FetchError(
                FailureKind.PARSE, f"a tag or comment of more than {_MAX_TOKEN:,} bytes"
            )

    def _open(self, name: str, attributes: dict[str, str]) -> None:
        if not self.root:
            self._prefix, _, self.root = name.rpartition(":")
        self._path.append(name)
        self._names.update((name, *attributes))
        if len(self._path) > _MAX_DEPTH or len(self._names) > _MAX_NAMES:
            raise FetchError(FailureKind.PARSE, "too many element levels or names for a sitemap")
        if self._is_location():
            self._text = ""
            self._parser.CharacterDataHandler = self._add

    def _is_location(self) -> bool:
        """Whether this is a ``loc`` in the namespace of the root, so not an ``image:loc``."""
        prefix = self._prefix + ":" if self._prefix else ""
        return self._path[1:] == [prefix + _ENTRIES.get(self.root, ""), prefix + "loc"]

    def _add(self, text: str) -> None:
        # Longer text is too long for a URL anyway.
        self._text += text[: MAX_URL_CHARACTERS + 1 - len(self._text)]

    def _close(self, name: str) -> None:
        if self._parser.CharacterDataHandler is not None and self._is_location():
            self._parser.CharacterDataHandler = None
            self._found.append(self._text.strip())
        self._path.pop()


def _plain(file: BufferedIOBase) -> BufferedIOBase:
    """``file`` from its start, decompressed if it is gzip."""
    magic = file.read(len(MAGIC))
    file.seek(0)
    return BufferedReader(GzipFile(file), _PIECE) if magic == MAGIC else file


def _refuse_doctype(*_: object) -> NoReturn:
    raise FetchError(
        FailureKind.PARSE,
        "a document type declaration (<!DOCTYPE>), which is not allowed in a sitemap",
    )
