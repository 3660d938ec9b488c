"""Archives of three records, of which the second one is damaged, or written in another way."""

import base64
import gzip
import hashlib
import re
from collections.abc import Callable

URLS = [f"http://{name}.example/" for name in "abc"]
BODIES = dict(zip(URLS, (b"first body", b"the second one", b"and the third"), strict=True))
HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s"


def block(url: str) -> bytes:
    return HTTP % (len(BODIES[url]), BODIES[url])


def record(url: str, content: bytes | None = None, *, digest: bool = True) -> bytes:
    content = block(url) if content is None else content
    sha1 = base64.b32encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode()
    lines = [
        "WARC/1.0",
        "WARC-Type: response",
        f"WARC-Target-URI: {url}",
        "WARC-Date: 2026-01-01T00:00:00Z",
        f"WARC-Record-ID: <urn:uuid:{url}>",
        "Content-Type: application/http; msgtype=response",
        *([f"WARC-Block-Digest: sha1:{sha1}"] if digest else []),
        f"Content-Length: {len(content)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content + b"\r\n\r\n"


A, B, C = map(record, URLS)
OTHER = record(URLS[1], digest=False)
ALL = frozenset(URLS)
AROUND = frozenset((URLS[0], URLS[2]))


def changed(old: bytes, new: bytes, of: bytes = B) -> bytes:
    assert of.count(old) == 1, old
    return of.replace(old, new)


def with_length(difference: int, of: bytes = B) -> bytes:
    """B with another Content-Length of the record."""
    length = len(block(URLS[1]))
    return of.replace(
        b"gth: %d\r\n\r\nHTTP" % length, b"gth: %d\r\n\r\nHTTP" % (length + difference)
    )


LF = B.replace(b"\r\n", b"\n")
READ: tuple[tuple[str, bytes], ...] = (
    # One more, one fewer: WARC 1.1, 4, has two line ends after a block; tools write none to four.
    ("no blank line", B.removesuffix(b"\r\n")),
    ("no line end", B.removesuffix(b"\r\n\r\n")),
    ("three line ends", B + b"\r\n"),
    ("many line ends", B + b"\r\n" * 20),
    ("line feeds after the block", B.removesuffix(b"\r\n\r\n") + b"\n\n"),
    ("a blank line before the record", b"\r\n" + B),
    # Line ends, cases and folding: RFC 9112, 2.2; RFC 9110, 5.1 and 8.3.1; WARC 1.0, 4
    (
        "bare LF everywhere",
        record(URLS[1], block(URLS[1]).replace(b"\r\n", b"\n")).replace(b"\r\n", b"\n"),
    ),
    ("bare LF in the HTTP head", record(URLS[1], block(URLS[1]).replace(b"\r\n", b"\n"))),
    (
        "bare LF in the WARC head",
        B[: B.index(b"HTTP/1")].replace(b"\r\n", b"\n") + B[B.index(b"HTTP/1") :],
    ),
    (
        "a media type in capitals",
        changed(b"application/http; msgtype=response", b"Application/HTTP; MsgType=Response"),
    ),
    ("a media type without space", changed(b"application/http; msg", b"application/http;msg")),
    (
        "a media type without parameter",
        changed(b"application/http; msgtype=response", b"application/http "),
    ),
    ("the other media type", changed(b"application/http", b"message/http")),
    ("no media type", changed(b"Content-Type: application/http; msgtype=response\r\n", b"")),
    ("names in lower case", re.sub(rb"(?m)^(WARC-[\w-]+|Content-\w+):", lambda m: m[0].lower(), B)),
    ("names in capitals", re.sub(rb"(?m)^(WARC-[\w-]+|Content-\w+):", lambda m: m[0].upper(), B)),
    ("a type in capitals", changed(b"WARC-Type: response", b"WARC-Type: Response")),
    ("no space after a colon", changed(b"WARC-Type: ", b"WARC-Type:")),
    ("spaces around a colon", changed(b"WARC-Type: ", b"WARC-Type \t:  ")),
    ("a folded field", changed(b"WARC-Target-URI: ", b"WARC-Target-URI:\r\n\t ")),
    ("a folded HTTP header", record(URLS[1], block(URLS[1]).replace(b": text", b":\r\n text"))),
    ("HTTP names in capitals", record(URLS[1], block(URLS[1]).replace(b"Content-L", b"CONTENT-L"))),
    ("an unknown field", changed(b"WARC-Type", b"X-Of-A-Tool: caf\xe9\r\nWARC-Type")),
    (
        "a repeated field, of which the first counts",
        changed(b"WARC-Date", b"WARC-Type: warcinfo\r\nWARC-Date"),
    ),
    # Versions of which there are files
    ("version 0.17", changed(b"WARC/1.0", b"WARC/0.17")),
    ("version 0.18", changed(b"WARC/1.0", b"WARC/0.18")),
    ("version 1.1", changed(b"WARC/1.0", b"WARC/1.1")),
    ("a later version", changed(b"WARC/1.0", b"WARC/2.0")),
    # What is no exchange is passed over without a word (WARC 1.1, 5.5)
    (
        "an unknown type before it",
        record("http://x.example/", block(URLS[1])).replace(b": response", b": telegram") + B,
    ),
    (
        "a conversion before it",
        record("http://x.example/", block(URLS[1])).replace(b": response", b": conversion") + B,
    ),
    # A length that includes the line ends after the block
    ("two bytes too long", with_length(2)),
    ("four bytes too long", with_length(4)),
)
"""How B is written. All three records are read, and nothing is said."""
GARBAGE = (b"garbage", b"\0" * 3000, b"WARC is no record\r\n\r\n", b"\xff\xfe\n\n", b"WARC/")
SKIPPED: tuple[tuple[str, bytes, frozenset[str], str], ...] = (
    (
        "no Content-Length",
        re.sub(rb"Content-Length: \d+\r\n\r\nH", b"\r\nH", B),
        AROUND,
        "its head has no Content-Length",
    ),
    *(
        (
            f"Content-Length {bad!r}",
            re.sub(rb"gth: \d+\r\n\r\nH", b"gth: %s\r\n\r\nH" % bad, B),
            AROUND,
            "Content-Length",
        )
        for bad in (
            b"",
            b"x",
            b"-5",
            b"+5",
            b"1e3",
            b"5, 5",
            b"99999999999999999999",
            b"\xd9\xa3",
            b"1 0",
        )
    ),
    ("a length of 0", with_length(-len(block(URLS[1]))), AROUND, "does not lead to another record"),
    ("a length inside the HTTP head", with_length(-40), AROUND, "does not lead to another record"),
    ("a length one byte too short", with_length(-1), AROUND, "does not lead to another record"),
    ("the same without digest", with_length(-1, OTHER), AROUND, "does not lead to another record"),
    ("a length one byte too long", with_length(5), AROUND, "does not lead to another record"),
    (
        "a length into the next record",
        with_length(90, OTHER),
        AROUND,
        "does not lead to another record",
    ),
    ("a length to after the end", with_length(100_000), AROUND, "its block ends after the file"),
    ("a block cut in its body", B[:-9], AROUND, "does not lead to another record"),
    (
        "a block cut in its HTTP head",
        B[: B.index(b"OK\r\n")],
        AROUND,
        "does not lead to another record",
    ),
    ("cut in its WARC head", B[: B.index(b"WARC-Date")], AROUND, "line without a colon"),
    ("cut before its version", B[3:], AROUND, "not a record"),
    ("no version", changed(b"WARC/1.0\r\n", b""), AROUND, "not a record"),
    ("a wrong version", changed(b"WARC/1.0", b"WARC/one"), AROUND, "not a record"),
    (
        "a line without a colon",
        changed(b"WARC-Date", b"what is this\r\nWARC-Date"),
        AROUND,
        "line without a colon",
    ),
    (
        "a line that is too long",
        changed(b"WARC-Date", b"X: " + b"x" * 70_000 + b"\r\nWARC-Date"),
        AROUND,
        "KiB",
    ),
    ("too many lines", changed(b"WARC-Date", b"X: y\r\n" * 60_000 + b"WARC-Date"), AROUND, "KiB"),
    (
        "no URL",
        changed(b"WARC-Target-URI: http://b.example/\r\n", b""),
        AROUND,
        "a response without a URL",
    ),
    (
        "another media type",
        changed(b"application/http;", b"text/html;"),
        AROUND,
        "without a URL or an HTTP",
    ),
    (
        "a revisit of nothing",
        changed(b": response\r\n", b": revisit\r\n"),
        AROUND,
        "a revisit of a response",
    ),
    *((f"garbage {each[:9]!r}", B + each, ALL, "not a record") for each in GARBAGE),
    *(
        (f"garbage {each[:9]!r} without digest", OTHER + each, ALL, "not a record")
        for each in GARBAGE
    ),
    ("garbage instead of line ends", B.removesuffix(b"\r\n\r\n") + b"xx", ALL, "not a record"),
)
"""How B is written, what is read, and words of what is said."""


def plain(*records: bytes) -> bytes:
    return b"".join(records)


def by_record(*records: bytes) -> bytes:
    return b"".join(gzip.compress(each, mtime=0) for each in records)


def as_one(*records: bytes) -> bytes:
    """As ``gzip FILE`` does it."""
    return gzip.compress(b"".join(records), mtime=0)


def in_blocks(*records: bytes) -> bytes:
    """As bgzip does it: members of a fixed size, and an empty one at the end."""
    data = b"".join(records)
    pieces = [data[at : at + 100] for at in range(0, len(data), 100)]
    return b"".join(gzip.compress(each, mtime=0) for each in [*pieces, b""])


FORMS: tuple[Callable[..., bytes], ...] = (plain, by_record, as_one, in_blocks)
