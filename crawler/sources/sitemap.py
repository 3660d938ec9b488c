"""One sitemap or sitemap index (https://www.sitemaps.org/protocol.html), read piece by piece.

Whoever wrote it, reading it costs time linear in its size and little memory, opens no file and
expands no entity: a document type definition, the place where entities are made, ends it at once.
"""

import codecs
import gzip
import re
import zlib
from collections.abc import Iterator
from io import BufferedIOBase
from typing import NoReturn
from xml.parsers import expat

from crawler.model.errors import FailureKind, FetchError
from crawler.model.urls import MAX_URL_CHARACTERS

MAX_BYTES = 52_428_800
"""Of a sitemap once decompressed; this and the next are the protocol's."""
MAX_URLS = 50_000
_PIECE = 1 << 16
_MAX_TOKEN = 1 << 20
_MAX_DEPTH = 64
_MAX_NAMES = 1000
_HEAD = 512
_GZIP_MAGIC = b"\x1f\x8b"
_XML = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:[?!]|(?:[\w.-]+:)?(?:urlset|sitemapindex)\b)")
_ENTRIES = {"urlset": "url", "sitemapindex": "sitemap"}
"""What the root element may be, and what stands in it around each ``loc``."""


def looks_like_sitemap(file: BufferedIOBase) -> bool:
    """Whether ``file``, gzip undone, begins like XML or one of the roots; reads from its start."""
    try:
        head = _plain(file).read(_HEAD)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return False
    finally:
        file.seek(0)
    return _XML.match(head) is not None


class Sitemap:
    """The locations in ``file``, which is seekable and may be compressed with gzip.

    Making one reads up to the root element, iterating the rest; what was found before an error is
    given before it is raised. Both raise FetchError: of kind ``parse`` for what is no well-formed
    sitemap, ``decode`` for damaged gzip, ``too_large``. ``root`` is ``urlset`` or ``sitemapindex``,
    or the name of whatever else the document turned out to be.
    """

    def __init__(self, file: BufferedIOBase) -> None:
        self.root = ""
        self._file = _plain(file)
        self._read = 0
        # The protocol asks for UTF-8; one wrong byte in a caption shall not cost all the URLs.
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
        """Whether it is one at all, index or not."""
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
        """Parse one piece more."""
        try:
            # What read would wait for may be damaged; read1 gives what comes before.
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
        except (zlib.error, gzip.BadGzipFile) as error:
            self._end(FetchError(FailureKind.DECODE, f"not a valid gzip file: {error}"))

    def _end(self, error: FetchError) -> None:
        self._error = error
        self._ended = True

    def _feed(self, data: bytes, *, final: bool) -> None:
        self._parser.Parse(data, final)
        self._fed += len(data)
        # expat before 2.6 scans an unfinished token anew with every piece: quadratic in its length.
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
            raise FetchError(FailureKind.PARSE, "elements too deep or too many names for a sitemap")
        if self._is_location():
            self._text = ""
            self._parser.CharacterDataHandler = self._add

    def _is_location(self) -> bool:
        """Whether this is a ``loc`` of the root's namespace; an ``image:loc`` is something else."""
        prefix = self._prefix + ":" if self._prefix else ""
        return self._path[1:] == [prefix + _ENTRIES.get(self.root, ""), prefix + "loc"]

    def _add(self, text: str) -> None:
        # What is cut here is too long for a URL anyway.
        self._text += text[: MAX_URL_CHARACTERS + 1 - len(self._text)]

    def _close(self, name: str) -> None:
        if self._parser.CharacterDataHandler is not None and self._is_location():
            self._parser.CharacterDataHandler = None
            self._found.append(self._text.strip())
        self._path.pop()


def _plain(file: BufferedIOBase) -> BufferedIOBase:
    """``file`` from its start, gzip undone."""
    magic = file.read(len(_GZIP_MAGIC))
    file.seek(0)
    return gzip.open(file) if magic == _GZIP_MAGIC else file


def _refuse_doctype(*_: object) -> NoReturn:
    raise FetchError(
        FailureKind.PARSE,
        "a document type (<!DOCTYPE>), which no sitemap needs and which is not read",
    )
