"""Finer than the contract: responses with a wrong or ambiguous length, and bytes after their end.

An ambiguous response must fail (RFC 9112, 6.3): the bytes of one response must never become part
of another. Every deviation of an engine is in the tables, with its reason.
"""

import asyncio

import pytest
from support.engines import Case, answer_case, check_case

from crawler.engines.base import Engine
from crawler.localweb.server import SILENCE
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


def length(value: bytes) -> bytes:
    return OK + b"Content-Length: " + value + b"\r\n\r\nhello"


def coding(value: bytes) -> bytes:
    return OK + b"Transfer-Encoding: " + value + b"\r\n" + CHUNKS


def chunks(body: bytes) -> bytes:
    return OK + CHUNKED + b"\r\n" + body


def extension(text: bytes) -> bytes:
    return chunks(b"5;" + text + b"\r\nhello\r\n0\r\n\r\n")


LENGTHS = {
    "negative": Case(length(b"-5"), PROTOCOL),
    "signed": Case(length(b"+5"), PROTOCOL),
    "hexadecimal": Case(length(b"0x5"), PROTOCOL),
    "grouped": Case(length(b"0_5"), PROTOCOL),
    "empty": Case(length(b""), PROTOCOL),
    "in words": Case(length(b"five"), PROTOCOL),
    "two numbers": Case(length(b"5 5"), PROTOCOL),
    "with a parameter": Case(length(b"5;a"), PROTOCOL),
    "a superscript": Case(length(b"\xb25"), PROTOCOL),
    "leading zero": Case(length(b"05"), HELLO),
    "list": Case(length(b"5, 5"), PROTOCOL),
    "repeated": Case(
        OK + b"Content-Length: 5\r\n" + FIVE,
        HELLO,
        {"aiohttp": ({PROTOCOL}, "llhttp refuses a second one, as RFC 9112, 6.3 allows")},
    ),
    "contradictory": Case(OK + b"Content-Length: 47\r\n" + FIVE + EVIL, PROTOCOL),
    "contradictory, short first": Case(
        OK + b"Content-Length: 5\r\nContent-Length: 47\r\n\r\nhello" + EVIL, PROTOCOL
    ),
    "contradictory list": Case(length(b"5, 47") + EVIL, PROTOCOL),
    "folded": Case(OK + b"Content-Length:\r\n 5\r\n\r\nhello" + EVIL, HELLO),
    "folded, and no body": Case(OK + b"Content-Length:\r\n 5\r\n\r\n", TRUNCATED),
    "of a 304, in words": Case(SAME + b"Content-Length: five\r\n\r\n", PROTOCOL),
    "of a 304, contradictory": Case(
        SAME + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", PROTOCOL
    ),
    "none, and no end": Case(OK + b"\r\nhello", TIMEOUT, ending=SILENCE),
}  # fmt: skip

CODINGS = {
    "length and chunks": Case(OK + b"Content-Length: 4\r\n" + CHUNKED + CHUNKS, PROTOCOL),
    "chunks and length": Case(OK + CHUNKED + b"Content-Length: 4\r\n" + CHUNKS, PROTOCOL),
    "length and chunks of a 304": Case(
        SAME + b"Content-Length: 4\r\n" + CHUNKED + b"\r\n", PROTOCOL
    ),
    "gzip, chunked": Case(coding(b"gzip, chunked"), PROTOCOL),
    "chunked, gzip": Case(coding(b"chunked, gzip"), PROTOCOL),
    "chunked, chunked": Case(coding(b"chunked, chunked"), PROTOCOL),
    "chunked twice": Case(OK + CHUNKED + CHUNKED + CHUNKS, PROTOCOL),
    "chunked and a comma": Case(coding(b"chunked,"), PROTOCOL),
    "chunked with a parameter": Case(coding(b"chunked;q=1"), PROTOCOL),
    "unknown": Case(coding(b"xchunked"), PROTOCOL),
    "identity": Case(coding(b"identity"), PROTOCOL),
    "empty": Case(coding(b""), PROTOCOL),
    "Chunked": Case(coding(b"Chunked"), HELLO),
    "chunked, folded": Case(coding(b"\r\n chunked"), HELLO),
    "chunked, in HTTP/1.0": Case(b"HTTP/1.0 200 OK\r\n" + CHUNKED + CHUNKS, HELLO),
}  # fmt: skip

SKIPPED = "it skips everything after the digits, to the end of the line"
UNREAD = "it discards trailers unchecked"
TO_THE_END = "it ignores extensions (RFC 9112, 7.1.1), to the end of the line"
SIZES = {
    "in words": Case(
        chunks(b"five\r\nhello\r\n0\r\n\r\n"),
        PROTOCOL,
        {"libcurl": ({TRUNCATED}, f"f means 15 bytes, more than are sent: {SKIPPED}")},
    ),
    "with more characters": Case(
        chunks(b"5zz\r\nhello\r\n0\r\n\r\n"), PROTOCOL, {"libcurl": ({HELLO}, SKIPPED)}
    ),
    "negative": Case(chunks(b"-5\r\nhello\r\n0\r\n\r\n"), PROTOCOL),
    "signed": Case(chunks(b"+5\r\nhello\r\n0\r\n\r\n"), PROTOCOL),
    "as in C": Case(chunks(b"0x5\r\nhello\r\n0\r\n\r\n"), PROTOCOL),
    "grouped": Case(chunks(b"0_5\r\nhello\r\n0\r\n\r\n"), PROTOCOL),
    "space before": Case(chunks(b" 5\r\nhello\r\n0\r\n\r\n"), PROTOCOL),
    "space after": Case(chunks(b"5 \r\nhello\r\n0\r\n\r\n"), HELLO),
    "none": Case(chunks(b"\r\nhello\r\n0\r\n\r\n"), PROTOCOL),
    "leading zeros": Case(chunks(b"0000000005\r\nhello\r\n0\r\n\r\n"), HELLO),
    "more than 64 bits": Case(chunks(b"ffffffffffffffffff\r\nhello"), PROTOCOL),
    "more than there is": Case(chunks(b"7fffffffffffffff\r\nhello"), TRUNCATED),
    "less than there is": Case(chunks(b"3\r\nhello\r\n0\r\n\r\n"), PROTOCOL),
    "two less than there is": Case(chunks(b"5\r\nhelloXX0\r\n\r\n"), PROTOCOL),
    "no CRLF after": Case(chunks(b"5\r\nhello0\r\n\r\n"), PROTOCOL),
    "LF alone": Case(
        chunks(b"5\nhello\n0\n\n"),
        PROTOCOL,
        {"libcurl": ({HELLO}, "it accepts a bare LF as the end of every framing line")},
    ),
}  # fmt: skip
AROUND_CHUNKS = {
    "extension": Case(extension(b'a="b;c"'), HELLO),
    "extension, space before": Case(chunks(b"5 ;a\r\nhello\r\n0\r\n\r\n"), HELLO),
    "extension without name": Case(
        extension(b""),
        PROTOCOL,
        {"libcurl": ({HELLO}, TO_THE_END), "urllib": ({HELLO}, TO_THE_END)},
    ),
    "extension with an open quote": Case(
        extension(b'a="'),
        PROTOCOL,
        {"libcurl": ({HELLO}, TO_THE_END), "urllib": ({HELLO}, TO_THE_END)},
    ),
    "extension with CR": Case(extension(b"a\rb"), PROTOCOL, {"libcurl": ({HELLO}, TO_THE_END)}),
    "extension with NUL": Case(extension(b"a\0b"), PROTOCOL, {"libcurl": ({HELLO}, TO_THE_END)}),
    "trailers": Case(chunks(b"5\r\nhello\r\n0\r\nX: y\r\n\r\n"), HELLO),
    "trailer without colon": Case(
        chunks(b"5\r\nhello\r\n0\r\nnothing\r\n\r\n"), PROTOCOL, {"urllib": ({HELLO}, UNREAD)}
    ),
    "trailer with NUL": Case(
        chunks(b"5\r\nhello\r\n0\r\nX: a\0b\r\n\r\n"),
        PROTOCOL,
        {"aiohttp": ({HELLO}, "llhttp passes it on, and aiohttp checks only names")},
    ),
    "length as a trailer": Case(
        chunks(b"5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n"),
        HELLO,  # RFC 9110, 6.5.1: a trailer is not merged into the head
        {"aiohttp": ({PROTOCOL}, "llhttp reports a conflict with Transfer-Encoding in the head")},
    ),
    "no blank line": Case(chunks(b"5\r\nhello\r\n0\r\n"), TRUNCATED),
}  # fmt: skip

AT_ONCE = "llhttp parses all bytes of one read together, and timing decides which those are"
AFTER_THE_END = {
    "a body": Case(OK + FIVE + EVIL, HELLO, ending=None),
    "chunks": Case(OK + CHUNKED + CHUNKS + EVIL, HELLO, ending=None),
    "a 204": Case(NOTHING + b"\r\n" + EVIL, (204, b""), ending=None),
    "a 304": Case(SAME + b"Content-Length: 9\r\n\r\n" + EVIL, (304, b""), ending=None),
    "an empty body": Case(OK + b"Content-Length: 0\r\n\r\n" + EVIL, (200, b""), ending=None),
    "a 204 with a length": Case(NOTHING + b"Content-Length: 5\r\n\r\n", (204, b""), ending=None),
    "a 304 with chunks": Case(SAME + CHUNKED + b"\r\n", (304, b""), ending=None),
    "a body, garbage": Case(
        OK + FIVE + b"garbage", HELLO, {"aiohttp": ({HELLO, PROTOCOL}, AT_ONCE)}, None
    ),
    "chunks, garbage": Case(
        OK + CHUNKED + CHUNKS + b"\0\xff", HELLO, {"aiohttp": ({HELLO, PROTOCOL}, AT_ONCE)}, None
    ),
    "a 204, chunks": Case(
        NOTHING + CHUNKED + CHUNKS, (204, b""), {"aiohttp": ({(204, b""), PROTOCOL}, AT_ONCE)}, None
    ),
    "two lengths": Case(OK + b"Content-Length: 47\r\n" + FIVE + EVIL, PROTOCOL, ending=None),
    "length and chunks": Case(
        OK + b"Content-Length: 5\r\n" + CHUNKED + b"\r\n0\r\n\r\n" + EVIL, PROTOCOL, ending=None
    ),
    "bad chunks": Case(chunks(b"3\r\nhello\r\n0\r\n\r\n") + EVIL, PROTOCOL, ending=None),
}  # fmt: skip
CASES = {
    f"{group}: {name}": case
    for group, cases in (
        ("length", LENGTHS),
        ("coding", CODINGS),
        ("chunk size", SIZES),
        ("chunks", AROUND_CHUNKS),
        ("after the end", AFTER_THE_END),
    )
    for name, case in cases.items()
}


@pytest.mark.parametrize("name", CASES)
async def test_bodies_with_a_doubtful_end(
    engine: Engine, engine_name: str, serve, name: str
) -> None:
    case = CASES[name]
    await check_case(engine, engine_name, case, serve(answer_case(case)))


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
