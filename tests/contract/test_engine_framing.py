"""Finer than the contract: responses with a wrong or ambiguous length, and bytes after their end.

An ambiguous response must fail (RFC 9112, 6.3): the bytes of one response must never become part
of another. Every deviation of an engine is in the tables, with its reason.
"""

import asyncio

import pytest
from support.engines import AT_ONCE, Case, check_cases, each

from crawler.engines.base import Engine
from crawler.localweb.server import CLOSE, SILENCE
from crawler.model.errors import FailureKind
from crawler.model.exchange import Endpoint, Request
from crawler.testing.contract.helpers import HEADERS, afterwards, outcome

pytestmark = pytest.mark.promise("P16")
PROTOCOL, TRUNCATED, TIMEOUT = FailureKind.PROTOCOL, FailureKind.TRUNCATED, FailureKind.TIMEOUT
OK = b"HTTP/1.1 200 OK\r\n"
NOTHING = b"HTTP/1.1 204 No\r\n"
SAME = b"HTTP/1.1 304 No\r\n"
FIVE = b"Content-Length: 5\r\n\r\nhello"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"\r\n5\r\nhello\r\n0\r\n\r\n"
EVIL = OK + b"Content-Length: 4\r\n\r\nEVIL"
HELLO = (200, b"hello")


def raw(data: bytes) -> bytes:
    return data


def length(value: bytes) -> bytes:
    return OK + b"Content-Length: " + value + b"\r\n\r\nhello"


def lengths(lines: bytes) -> bytes:
    return OK + lines + b"\r\n\r\nhello"


def coding(value: bytes) -> bytes:
    return OK + b"Transfer-Encoding: " + value + b"\r\n" + CHUNKS


def codings(lines: bytes) -> bytes:
    return OK + lines + b"\r\n" + CHUNKS


def chunks(body: bytes) -> bytes:
    return OK + CHUNKED + b"\r\n" + body


def size(line: bytes) -> bytes:
    return chunks(line + b"\r\nhello\r\n0\r\n\r\n")


def end(last: bytes) -> bytes:
    return chunks(b"5\r\nhello\r\n" + last)


LENGTHS = {
    # RFC 9110, 8.6: digits, with white space around them (5.5)
    **each(length, HELLO, b"5", b"05", b"0005", b"5 ", b"5\t", b" 5", b"\t5", b"\r\n 5", b"5\r\n "),
    # 8.6: the same number again may count once; browsers and libcurl take it so
    **each(length, HELLO, b"5, 5", b"5,5", b"5 ,5", b"5,\t5", b"5, 5, 5", b"5, 05", b"5\r\n , 5"),
    **each(
        lengths,
        HELLO,
        *(b"Content-Length: 5\r\nContent-Length: 5", b"Content-Length: 5\nContent-Length: 5"),
        *(b"content-length: 5\r\nCONTENT-LENGTH: 5", b"Content-Length: 5\r\nContent-Length:  05"),
        *(
            b"Content-Length: 5\r\nX: y\r\nContent-Length: 5",
            b"\r\n".join([b"Content-Length: 5"] * 3),
        ),
        *(
            b"Content-Length: 5, 5\r\nContent-Length: 5",
            b"Content-Length: 5\r\nContent-Length: 5, 5",
        ),
        b"Content-Length: 5\r\nContent-Length:\r\n 5",
    ),
    # RFC 9112, 6.3: any other value is an error
    **each(
        length,
        PROTOCOL,
        *(
            b"",
            b" ",
            b"-5",
            b"-1",
            b"+5",
            b"0x5",
            b"0_5",
            b"5_0",
            b"five",
            b"5.0",
            b"5e0",
            b"5bytes",
        ),
        *(b"5 5", b"5;a", b"5,", b",5", b"5,,5", b"5, x", b'"5"', b"(5)", b"5\0", b"5\r"),
        *(b"\xb25", b"\xd9\xa5", b"5\x0b", b"5\xa0", b"5\r\n 5"),
        *(b"5, 6", b"6, 5", b"5, 5, 6", b"5, 47", b"5, -5"),
        # more than a size can be
        *(b"9223372036854775808", b"18446744073709551616", b"18446744073709551621", b"9" * 30),
        *(b"0" * 20 + b"5", b"0" * 1_000 + b"5"),
    ),
    **each(
        lengths,
        PROTOCOL,
        *(b"Content-Length: 5\r\nContent-Length: 6", b"Content-Length: 6\r\nContent-Length: 5"),
        *(b"Content-Length: 47\r\nContent-Length: 5", b"Content-Length: 5\r\nContent-Length: 0"),
        *(b"Content-Length: 0\r\nContent-Length: 5", b"Content-Length: 5\r\nContent-Length:"),
        *(b"Content-Length:\r\nContent-Length: 5", b"Content-Length: 5\r\nContent-Length: x"),
        *(b"Content-Length: 5\r\nContent-Length: -5", b"Content-Length: 5\r\nContent-Length: 5,6"),
        b"Content-Length : 5",
    ),
    **each(length, TRUNCATED, b"6", b"9", b"\r\n 6"),
    **each(length, FailureKind.TOO_LARGE, b"1000001", b"4294967301", b"999999999999999999"),
    # 6.3, 8: without a length the body ends with the connection
    **each(raw, HELLO, OK + b"\r\nhello", OK + b"Connection: keep-alive\r\n\r\nhello"),
    **each(raw, HELLO, b"HTTP/1.0 200 OK\r\n\r\nhello", OK + b"Content_Length: 3\r\n\r\nhello"),
    "no length, no body": Case(OK + b"\r\n", (200, b"")),
    "none, and no end": Case(OK + b"\r\nhello", TIMEOUT, ending=SILENCE),
    # 9.3: a kept connection
    **{
        f"kept: {number}": Case(head + FIVE, HELLO, ending=None)
        for number, head in enumerate(
            (
                *(OK, OK + b"Content-Length: 5\r\n", OK + b"Connection: close\r\n"),
                *(b"HTTP/1.0 200 OK\r\n", b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n"),
            )
        )
    },
    "kept: a list": Case(length(b"5, 5"), HELLO, ending=None),
    "kept: two of 0": Case(OK + b"Content-Length: 0\r\n" * 2 + b"\r\n", (200, b""), ending=None),
}
NO_BODY = {
    # RFC 9112, 6.3: a 204 or 304 has no body, whatever it says
    f"{number}": Case(head, (int(head[9:12]), b""), ending=None)
    for number, head in enumerate(
        (
            *(NOTHING + b"\r\n", NOTHING + b"Content-Length: 0\r\n\r\n"),
            *(NOTHING + b"Content-Length: 5\r\n\r\n", NOTHING + CHUNKED + b"\r\n"),
            *(NOTHING + b"Content-Length: 0\r\n" * 2 + b"\r\n", SAME + b"\r\n"),
            *(SAME + b"Content-Length: 5\r\n\r\n", SAME + b"Content-Length: 5, 5\r\n\r\n"),
            *(SAME + CHUNKED + b"\r\n", b"HTTP/1.1 205 R\r\nContent-Length: 0\r\n\r\n"),
        )
    )
} | each(
    raw,
    PROTOCOL,
    SAME + b"Content-Length: five\r\n\r\n",
    SAME + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
    SAME + b"Content-Length: 4\r\n" + CHUNKED + b"\r\n",
    NOTHING + b"Content-Length: x\r\n\r\n",
)

CODINGS = {
    # RFC 9112, 7: chunked is case-insensitive
    **each(
        coding, HELLO, b"chunked", b"Chunked", b"CHUNKED", b" chunked", b"chunked ", b"\tchunked"
    ),
    **each(coding, HELLO, b"chunked\t", b"chunked \t ", b"\r\n chunked", b"chunked\r\n "),
    "in HTTP/1.0": Case(b"HTTP/1.0 200 OK\r\n" + CHUNKED + CHUNKS, HELLO),
    # 6.1: no client asks for another one; 6.3: what is not final, or not known, has no clear length
    **each(
        coding,
        PROTOCOL,
        *(b"", b" ", b"x", b"identity", b"gzip", b"deflate", b"xchunked", b"chunkedx", b"chunk"),
        *(
            b"gzip, chunked",
            b"gzip,chunked",
            b"br, chunked",
            b"identity, chunked",
            b"chunked, gzip",
        ),
        *(b"chunked, chunked", b"chunked,chunked", b"chunked, identity", b"chunked,", b",chunked"),
        *(b"chunked chunked", b"chunked;q=1", b"chunked; a", b'"chunked"', b"chunked\0"),
        *(b"chunked\x0b", b"\x0bchunked", b"\xa0chunked", b"ch\xfcnked", b"chunked\r\n , identity"),
    ),
    **each(
        codings,
        PROTOCOL,
        *(
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            b"Transfer-Encoding : chunked",
        ),
        b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        # 6.1, 6.3: with a length it may be an attempt to smuggle a response
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5",
        b"Content-Length: 0\r\nTransfer-Encoding: chunked",
        b"Content-Length: x\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: identity\r\nContent-Length: 15",
        b"Transfer-Encoding:\r\nContent-Length: 15",
    ),
    **each(lengths, HELLO, b"X-Transfer-Encoding: chunked", b"TE: chunked"),
    "not chunked at all": Case(chunks(b"hello"), PROTOCOL),
    "kept": Case(chunks(b"5\r\nhello\r\n0\r\n\r\n"), HELLO, ending=None),
}

SKIPPED = {"libcurl": ({HELLO}, "it skips everything after the digits, to the end of the line")}
TO_THE_END = "it ignores extensions (RFC 9112, 7.1.1), to the end of the line"
IN_EXTENSIONS = {"libcurl": ({HELLO}, TO_THE_END)}
NAMELESS = {"libcurl": ({HELLO}, TO_THE_END), "urllib": ({HELLO}, TO_THE_END)}
STRICT = {"aiohttp": ({PROTOCOL}, "llhttp takes no space around the signs of an extension")}
ZEROS = {"libcurl": ({PROTOCOL}, "it takes 17 digits, whatever they are")}
HUGE = {"aiohttp": ({TRUNCATED}, "llhttp takes sizes of 64 bits: more than there is")}
LINE_FEED = {"libcurl": ({HELLO}, "it accepts a bare LF as the end of every framing line")}
OPTIONAL_CR = "it accepts a bare LF after the data of a chunk, as it stands in a head"
AFTER_DATA = {"libcurl": ({HELLO}, OPTIONAL_CR), "aiohttp": ({HELLO}, OPTIONAL_CR)}
ONE_MORE = {
    library: ({(200, b"hello\r")}, OPTIONAL_CR + ", and cannot know that the CR is not data")
    for library in ("libcurl", "aiohttp")
}
SIZES = {
    # RFC 9112, 7.1: hexadecimal digits
    **each(size, HELLO, b"5", b"05", b"0000000005", b"0" * 15 + b"5", b"0" * 16 + b"5"),
    **each(size, HELLO, b"0" * 20 + b"5", b"0" * 100 + b"5", differs=ZEROS),
    # 7.1.1: white space before an extension
    **each(size, HELLO, b"5 ", b"5\t", b"5  ", b"5 ;a", b"5\t;a"),
    **each(
        size,
        PROTOCOL,
        *(b"", b" ", b"x", b"h5", b"-5", b"+5", b"0x5", b" 5", b"\t5"),
        *(b"f" * 30, b"10000000000000005", b"fffffffffffffffff"),
    ),
    **each(size, PROTOCOL, b"5zz", b"5h", b"5.", b"5,", b"5_0", b"5\0", b"5\r", differs=SKIPPED),
    **each(size, PROTOCOL, b"8000000000000000", b"ffffffffffffffff", differs=HUGE),
    **each(size, TRUNCATED, b"5a", b"ff", b"7fffffff", b"ffffffff", b"7fffffffffffffff"),
    "five": Case(
        size(b"five"),
        PROTOCOL,
        {"libcurl": ({TRUNCATED}, "f means 15 bytes: " + SKIPPED["libcurl"][1])},
    ),
    "0x0": Case(end(b"0x0\r\n\r\n"), PROTOCOL, SKIPPED),
    # 7.1: CR LF after the size and after the data
    **each(
        chunks,
        PROTOCOL,
        *(b"3\r\nhello\r\n0\r\n\r\n", b"7\r\nhello\r\n0\r\n\r\n", b"5\r\nhelloXX0\r\n\r\n"),
        *(b"5\r\nhello0\r\n\r\n", b"5\r\nhello\r\n\r\n0\r\n\r\n", b"\r\n5\r\nhello\r\n0\r\n\r\n"),
        b"5\r\nhello\r0\r\n\r\n",
    ),
    **each(chunks, PROTOCOL, b"5\nhello\n0\n\n", b"5\nhello\r\n0\r\n\r\n", differs=LINE_FEED),
    "LF after the data": Case(chunks(b"5\r\nhello\n0\r\n\r\n"), PROTOCOL, AFTER_DATA),
    "one more than there is": Case(chunks(b"6\r\nhello\r\n0\r\n\r\n"), PROTOCOL, ONE_MORE),
    **each(
        chunks,
        (200, b"0123456789"),
        b"A\r\n0123456789\r\n0\r\n\r\n",
        b"a\r\n0123456789\r\n0\r\n\r\n",
    ),
    # 8: incomplete
    **each(chunks, TRUNCATED, b"", b"5", b"5\r\n", b"5\r\nhel", b"5\r\nhello", b"5\r\nhello\r\n"),
}
AROUND_CHUNKS = {
    # RFC 9112, 7.1.1: unknown extensions are ignored
    **each(
        size,
        HELLO,
        *(b"5;a", b"5;a=b", b'5;a="b;c"', b'5;a="\\""'),
        *(b"5;a=b;c=d", b'5;a="b c"', b'5;a="\t"', b'5;a="\\ "', b'5;a="\xe9"'),
        b"5;" + b"a" * 100_000,
    ),
    # and white space around its signs (RFC 9110, 5.6.3), which a recipient must accept
    **each(
        size,
        HELLO,
        *(b"5; a", b"5;a =b", b"5;a= b", b"5 ; a = b", b"5\t;\ta", b"5;a ;b", b"5;a; b"),
        b'5;a="b" ;c',
        differs=STRICT,
    ),
    **each(
        size,
        PROTOCOL,
        *(b"5;", b"5;;", b"5;a;", b'5;a="', b"5;\xff", b"5;\x7f"),
        *(b"5;a=\x01", b"5;a ", b'5;a="b" '),
        differs=NAMELESS,
    ),
    **each(size, PROTOCOL, b"5;a\rb", b"5;\0", b"5;a\0b", b"5\r\r", differs=IN_EXTENSIONS),
    # 7.1.2: trailers are discarded; their form is that of header lines
    **each(
        end,
        HELLO,
        *(b"0\r\n\r\n", b"00\r\n\r\n", b"0" * 16 + b"\r\n\r\n", b"0 \r\n\r\n", b"0;a\r\n\r\n"),
        *(b"0\r\nX: y\r\n\r\n", b"0\r\nX: y\r\nY: z\r\n\r\n", b"0\r\nConnection: close\r\n\r\n"),
        *(b"0\r\nContent-Type: x\r\n\r\n", b"0\r\nTransfer-Encoding: chunked\r\n\r\n"),
        *(b"0\r\nLocation: /x\r\n\r\n", b"0\r\n" + b"X: y\r\n" * 200 + b"\r\n", b"0\r\n\n"),
    ),
    **each(
        end,
        PROTOCOL,
        *(b"-0\r\n\r\n", b"z\r\n\r\n", b"\r\n\r\n", b"0\r\nnothing\r\n\r\n", b"0\r\nX : y\r\n\r\n"),
        *(
            b"0\r\nX\xfc: a\r\n\r\n",
            b"0\r\n: a\r\n\r\n",
            b"0\r\n X: y\r\n\r\n",
            b"0\r\nX: a\rb\r\n\r\n",
        ),
        # RFC 9110, 6.5.1: nothing about the length
        b"0\r\nContent-Length: 3\r\n\r\n",
        # the limits of a head
        *(b"0\r\nX: " + b"a" * 110_000 + b"\r\n\r\n", b"0\r\n" + b"X: y\r\n" * 6_000 + b"\r\n"),
    ),
    **each(end, TRUNCATED, b"0", b"0\r\n", b"0\r\nX: y\r\n", b"0\r\nX: y"),
    "NUL in a trailer": Case(
        end(b"0\r\nX: a\0b\r\n\r\n"), PROTOCOL, {"aiohttp": ({HELLO}, "llhttp discards the values")}
    ),
    "a folded trailer": Case(
        end(b"0\r\nX: y\r\n z\r\n\r\n"),
        PROTOCOL,
        {"aiohttp": ({HELLO}, "llhttp discards the values")},
    ),
    "LF around trailers": Case(end(b"0\nX: y\n\n"), PROTOCOL, LINE_FEED),
    "LF at the end": Case(
        end(b"0\n\n"), PROTOCOL, {**LINE_FEED, "aiohttp": ({TRUNCATED}, "llhttp waits for the CR")}
    ),
}

AFTER_THE_END = {
    # RFC 9112, 9.2 and 11.2: they belong to no response, and the connection is closed
    f"{name}, {rest!r}": Case(good + rest, expected, ending=ending)
    for name, good, expected in (
        ("a body", OK + FIVE, HELLO),
        ("a short body", OK + b"Content-Length: 4\r\n\r\nhell", (200, b"hell")),
        ("chunks", OK + CHUNKED + CHUNKS, HELLO),
        ("a 204", NOTHING + b"\r\n", (204, b"")),
        ("a 204 with a length", NOTHING + b"Content-Length: 5\r\n\r\n", (204, b"")),
        ("a 204 with chunks", NOTHING + CHUNKED + b"\r\n", (204, b"")),
        ("a 304", SAME + b"Content-Length: 9\r\n\r\n", (304, b"")),
        ("an empty body", OK + b"Content-Length: 0\r\n\r\n", (200, b"")),
    )
    for rest, ending in (
        (EVIL, None),
        (EVIL, CLOSE),
        (b"hello", None),
        (b"garbage", CLOSE),
        (b"\0\xff", None),
        (b"\r\n", None),
        (b" ", None),
    )
} | {
    "two lengths": Case(OK + b"Content-Length: 47\r\n" + FIVE + EVIL, PROTOCOL, ending=None),
    "a list of lengths": Case(length(b"5, 47") + EVIL, PROTOCOL, ending=None),
    "the same lengths": Case(OK + b"Content-Length: 5\r\n" + FIVE + EVIL, HELLO, ending=None),
    "a folded length": Case(OK + b"Content-Length:\r\n 5\r\n\r\nhello" + EVIL, HELLO, ending=None),
    "length and chunks": Case(
        OK + b"Content-Length: 5\r\n" + CHUNKED + b"\r\n0\r\n\r\n" + EVIL, PROTOCOL, ending=None
    ),
    "bad chunks": Case(chunks(b"3\r\nhello\r\n0\r\n\r\n") + EVIL, PROTOCOL, ending=None),
}
TABLES = {
    "lengths": LENGTHS,
    "no body": NO_BODY,
    "codings": CODINGS,
    "chunk sizes": SIZES,
    "around chunks": AROUND_CHUNKS,
    "after the end": AFTER_THE_END,
}


@pytest.mark.parametrize("table", TABLES)
async def test_bodies_with_a_doubtful_end(make_engine, engine_name: str, serve, table: str) -> None:
    async with make_engine(AT_ONCE) as engine:
        await check_cases(engine, engine_name, TABLES[table], serve)


@pytest.mark.parametrize("late", [EVIL, b"garbage", b"\r\n"])
async def test_unrequested_bytes_answer_no_later_request(
    engine: Engine, certificate, scheme: str, late: bytes
) -> None:
    """The bytes arrive on an idle connection: the engine cannot know what they respond to."""
    idle, written = asyncio.Event(), asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if written.is_set():
            writer.write(OK + b"Content-Length: 4\r\n\r\nfine")
        else:
            writer.write(OK + FIVE)
            await idle.wait()
            writer.write(late)
            written.set()
        await reader.read()  # until the client disconnects
        writer.close()

    tls = certificate if scheme == "https" else None
    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls) as server:
        port = server.sockets[0].getsockname()[1]
        url, endpoint = f"{scheme}://127.0.0.1:{port}/", Endpoint("127.0.0.1", "127.0.0.1", port)
        request = Request(url, endpoint, HEADERS, 10.0, 1000)
        assert await outcome(engine, request) == HELLO
        idle.set()
        await written.wait()
        assert await afterwards(engine, request) == (200, b"fine")
