"""The text of a sitemap: decompressed, decoded and bounded, in small pieces."""

import codecs
import re
import zlib
from collections.abc import Callable, Iterator
from io import BufferedIOBase, BufferedReader
from itertools import chain

from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import MAX_SITEMAP_BYTES
from crawler.model.text import bom, codec, utf_16
from crawler.model.text_declared import in_xml
from crawler.model.urls import UrlError
from crawler.sources.gzip_file import MAGIC, GzipFile
from crawler.sources.location import UNDECODED
from crawler.sources.plain_urls import is_plain
from crawler.sources.sitemap_entries import Location
from crawler.sources.url_text import parts, urls_in

_PIECE = 1 << 16
_HEAD = 1024
_URL = re.compile("https?://", re.IGNORECASE)
_LINE_END = re.compile(r"\r?\n|\r(?!\Z)")
_COMMENTS = re.compile(rb"<!--.*?-->", re.DOTALL)


def text_of(file: BufferedIOBase) -> Iterator[str]:
    """The text of ``file``, which must be seekable and may be compressed with gzip.

    The encoding is that of the byte order mark, else of the XML declaration, else UTF-8. A byte
    that is not valid UTF-8 becomes a surrogate, as by Python's ``surrogateescape``; what is not
    valid in another encoding becomes ``UNDECODED``. After the text that there is, raises
    FetchError: kind ``decode`` for damaged gzip, ``too_large``.
    """
    pieces = _bytes_of(file)
    head, error = _begin(pieces)
    decode = _decoder(encoding_of(head))
    yield decode(head)
    if error is not None:
        raise error
    for piece in pieces:
        yield decode(piece)
    yield decode(b"", final=True)


def _begin(pieces: Iterator[bytes]) -> tuple[bytes, FetchError | None]:
    """The first pieces, and the error after them."""
    head = b""
    try:
        while len(head) < _HEAD:
            head += next(pieces)
    except StopIteration:
        pass
    except FetchError as error:
        return head, error
    return head, None


def _decoder(encoding: str) -> Callable[..., str]:
    if encoding == "utf-8":
        return codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
    legacy = codec(encoding)

    def decode(piece: bytes, *, final: bool = False) -> str:
        return legacy.decode(piece, final).replace("\ufffd", UNDECODED)

    return decode


def encoding_of(head: bytes) -> str:
    """The encoding of a text or an XML document that begins with ``head`` (XML 1.0, appendix F)."""
    head = head[:_HEAD]
    if mark := bom(head):
        return mark[0]
    if head[:2] == b"<\0":
        return "utf-16le"
    if head[:2] == b"\0<":
        return "utf-16be"
    return utf_16(head) or in_xml(_COMMENTS.sub(b"", head)) or "utf-8"


def _bytes_of(file: BufferedIOBase) -> Iterator[bytes]:
    left, plain = MAX_SITEMAP_BYTES, plain_file(file)
    try:
        # read() would need more data, which may be damaged; read1() returns the data before.
        while piece := plain.read1(_PIECE):
            yield piece[:left]
            left -= len(piece)
            if left < 0:
                message = f"more than {MAX_SITEMAP_BYTES:,} bytes; the rest is not read"
                raise FetchError(FailureKind.TOO_LARGE, message)
    except EOFError:
        raise FetchError(FailureKind.DECODE, "the gzip file is cut short") from None
    except zlib.error as error:
        raise FetchError(FailureKind.DECODE, f"not a valid gzip file: {error}") from None


def plain_file(file: BufferedIOBase) -> BufferedIOBase:
    """``file`` from its start, decompressed if it is gzip."""
    magic = file.read(len(MAGIC))
    file.seek(0)
    return BufferedReader(GzipFile(file), _PIECE) if magic == MAGIC else file


def is_url_list(file: BufferedIOBase) -> bool:
    """Whether at least half of the first lines of ``file``, decompressed, are URLs, not markup.

    Leaves ``file`` at its start.
    """
    used = list(parts(head_of(file)))
    urls = sum(_URL.match(line) is not None for line in used)
    return 0 < len(used) <= 2 * urls and not used[0].startswith("<")


def head_of(file: BufferedIOBase) -> str:
    """The first characters of ``file``, decompressed, as far as it is not damaged.

    Leaves ``file`` at its start.
    """
    head, _ = _begin(_bytes_of(file))
    file.seek(0)
    return codec(encoding_of(head)).decode(head[:_HEAD])


def line_locations(file: BufferedIOBase) -> Iterator[Location]:
    """The lines of a text sitemap, read as those of a list. Raises FetchError as ``text_of``."""
    rest, number = "", 0
    for piece in chain(text_of(file), "\n"):
        # A longer line is too long for a URL anyway.
        *lines, rest = _LINE_END.split(rest[:_PIECE] + piece)
        for line in lines:
            number += 1
            if line.isascii() and is_plain(line.encode()):
                yield Location(line, number, is_clean=True)
                continue
            for part in parts(line):
                yield from _judged(part, number)


def _judged(text: str, number: int) -> list[Location]:
    """By the rules of lists, one line may have several URLs."""
    try:
        if UNDECODED in text:
            raise UrlError("a character cannot be decoded")
        return [Location(url, number, is_clean=True) for url in urls_in(text)]
    except UrlError as error:
        return [Location(text, number, wrong=error.message)]
