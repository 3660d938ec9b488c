"""The engine contract, part four: malformed answers, byte by byte, and what may come of each.

An answer that HTTP leaves no reading for must fail. Where RFC 9110 or 9112 lets a client be lenient
the reading it must then have stands beside the kinds. Whatever comes, the next fetch is untouched.
"""

from typing import NamedTuple

import pytest
from support.engines import Outcome, ask, outcome

from crawler.engines.base import Engine
from crawler.errors import FetchError, Kind
from crawler.model import Request
from crawler.testing.server import CLOSE, SILENCE, Answer, Ending, Seen

PROTOCOL, TRUNCATED, TIMEOUT = Kind.PROTOCOL, Kind.TRUNCATED, Kind.TIMEOUT
BROKEN = {PROTOCOL, TRUNCATED}
OK = b"HTTP/1.1 200 OK\r\n"
FIVE = b"Content-Length: 5\r\n\r\nhello"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"\r\n5\r\nhello\r\n0\r\n\r\n"
EVIL = OK + b"Content-Length: 4\r\n\r\nEVIL"
HELLO = (200, b"hello")


class Case(NamedTuple):
    raw: bytes
    allowed: set[Outcome]
    ending: Ending | None = CLOSE  # None: the connection is kept


CASES = {
    # status lines
    "garbage": Case(b"hello, world\r\n\r\n", {PROTOCOL}),
    "binary": Case(bytes(range(256)) * 4, {PROTOCOL}),
    "a TLS alert": Case(b"\x15\x03\x01\x00\x02\x02\x28", BROKEN),
    "HTTP/0.9": Case(b"<html>hello</html>", BROKEN),
    "SSH": Case(b"SSH-2.0-OpenSSH_9.2\r\n", BROKEN),
    "ICY": Case(b"ICY 200 OK\r\n" + FIVE, {PROTOCOL, HELLO}),
    "HTTP/2 preface": Case(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + b"\0" * 18, BROKEN),
    "HTTP/2.0": Case(b"HTTP/2.0 200 OK\r\n" + FIVE, {PROTOCOL, HELLO}),
    "HTTP/9.9": Case(b"HTTP/9.9 200 OK\r\n" + FIVE, {PROTOCOL}),
    "HTTP/1.0": Case(b"HTTP/1.0 200 OK\r\n" + FIVE, {HELLO}),
    "HTTP/1.0 without length": Case(b"HTTP/1.0 200 OK\r\n\r\nhello", {HELLO}),
    "no reason": Case(b"HTTP/1.1 200\r\n" + FIVE, {HELLO}),
    "empty reason": Case(b"HTTP/1.1 200 \r\n" + FIVE, {HELLO}),
    "reason in Latin-1": Case(b"HTTP/1.1 200 gr\xfc\xdf\r\n" + FIVE, {PROTOCOL, HELLO}),
    "status 999": Case(b"HTTP/1.1 999 Denied\r\n" + FIVE, {PROTOCOL, (999, b"hello")}),
    "status 000": Case(b"HTTP/1.1 000 Nothing\r\n" + FIVE, {PROTOCOL}),
    "status 1000": Case(b"HTTP/1.1 1000 Much\r\n" + FIVE, {PROTOCOL}),
    "status 20": Case(b"HTTP/1.1 20 Short\r\n" + FIVE, {PROTOCOL}),
    "status -200": Case(b"HTTP/1.1 -200 OK\r\n" + FIVE, {PROTOCOL}),
    "status abc": Case(b"HTTP/1.1 abc OK\r\n" + FIVE, {PROTOCOL}),
    "blank lines first": Case(b"\r\n\r\n" + OK + FIVE, {PROTOCOL, HELLO}),
    "101 unasked": Case(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n\0\1", BROKEN),
    "100 first": Case(b"HTTP/1.1 100 Continue\r\n\r\n" + OK + FIVE, {HELLO}),
    "103 first": Case(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + FIVE, {HELLO}),
    "102 and 103 first": Case(b"HTTP/1.1 102 P\r\n\r\nHTTP/1.1 103 E\r\n\r\n" + OK + FIVE, {HELLO}),
    # header lines
    "only LF": Case(b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", {PROTOCOL, HELLO}),
    "NUL in a value": Case(OK + b"X: a\0b\r\n" + FIVE, {PROTOCOL}),
    "NUL in a name": Case(OK + b"X\0Y: a\r\n" + FIVE, {PROTOCOL}),
    "control bytes in a value": Case(OK + b"X: \x01\x02\x7f\r\n" + FIVE, {PROTOCOL, HELLO}),
    "CR in a value": Case(OK + b"X: a\rY: b\r\n" + FIVE, {PROTOCOL, HELLO}),
    "8-bit value": Case(OK + b"X: gr\xfc\xdf \xff\xfe\r\n" + FIVE, {HELLO}),
    "UTF-8 value": Case(OK + "X: grüß …\r\n".encode() + FIVE, {HELLO}),
    "8-bit name": Case(OK + b"gr\xfc\xdf: 1\r\n" + FIVE, {PROTOCOL, HELLO}),
    "no colon": Case(OK + b"nothing here\r\n" + FIVE, {PROTOCOL, HELLO}),
    "no name": Case(OK + b": nothing\r\n" + FIVE, {PROTOCOL, HELLO}),
    "blank before the colon": Case(OK + b"Content-Length : 5\r\n\r\nhello", {PROTOCOL, HELLO}),
    "folded value": Case(OK + b"X: one\r\n two\r\n" + FIVE, {PROTOCOL, HELLO}),
    "folded first line": Case(OK + b" X: one\r\n" + FIVE, {PROTOCOL, HELLO}),
    "empty value": Case(OK + b"X:\r\n" + FIVE, {HELLO}),
    # how long the body is
    "negative length": Case(OK + b"Content-Length: -5\r\n\r\nhello", {PROTOCOL, HELLO}),
    "signed length": Case(OK + b"Content-Length: +5\r\n\r\nhello", {PROTOCOL, HELLO}),
    "hexadecimal length": Case(OK + b"Content-Length: 0x5\r\n\r\nhello", {PROTOCOL}),
    "grouped length": Case(OK + b"Content-Length: 1_0\r\n\r\nhello12345", {PROTOCOL}),
    "empty length": Case(OK + b"Content-Length:\r\n\r\nhello", {PROTOCOL, HELLO}),
    "length in words": Case(OK + b"Content-Length: five\r\n\r\nhello", {PROTOCOL, HELLO}),
    "length twice, the same": Case(OK + b"Content-Length: 5\r\n" + FIVE, {PROTOCOL, HELLO}),
    "length as a list": Case(OK + b"Content-Length: 5, 5\r\n\r\nhello", {PROTOCOL, HELLO}),
    "two lengths": Case(OK + b"Content-Length: 47\r\n" + FIVE + EVIL, {PROTOCOL}),
    "two lengths, short first": Case(
        OK + b"Content-Length: 5\r\nContent-Length: 47\r\n\r\nhello" + EVIL, {PROTOCOL}
    ),
    "two lengths in a list": Case(OK + b"Content-Length: 5, 47\r\n\r\nhello" + EVIL, {PROTOCOL}),
    "length and chunks": Case(OK + b"Content-Length: 4\r\n" + CHUNKED + CHUNKS, {PROTOCOL, HELLO}),
    "chunks and length": Case(OK + CHUNKED + b"Content-Length: 4\r\n" + CHUNKS, {PROTOCOL, HELLO}),
    "gzip, chunked": Case(OK + b"Transfer-Encoding: gzip, chunked\r\n" + CHUNKS, {PROTOCOL}),
    "chunked, gzip": Case(OK + b"Transfer-Encoding: chunked, gzip\r\n" + CHUNKS, {PROTOCOL}),
    "chunked twice": Case(OK + CHUNKED + CHUNKED + CHUNKS, {PROTOCOL, HELLO}),
    "unknown coding": Case(OK + b"Transfer-Encoding: xchunked\r\n" + CHUNKS, {PROTOCOL}),
    "Chunked": Case(OK + b"Transfer-Encoding: Chunked\r\n" + CHUNKS, {HELLO}),
    "no length, no end": Case(OK + b"\r\nhello", {TIMEOUT}, SILENCE),
    # chunks
    "chunk size in words": Case(OK + CHUNKED + b"\r\nfive\r\nhello\r\n0\r\n\r\n", BROKEN),
    "negative chunk": Case(OK + CHUNKED + b"\r\n-5\r\nhello\r\n0\r\n\r\n", BROKEN),
    "huge chunk": Case(
        OK + CHUNKED + b"\r\nffffffffffffffffff\r\nhello", BROKEN | {Kind.TOO_LARGE}
    ),
    "chunk longer than said": Case(OK + CHUNKED + b"\r\n3\r\nhello\r\n0\r\n\r\n", BROKEN),
    "chunk without CRLF": Case(OK + CHUNKED + b"\r\n5\r\nhello0\r\n\r\n", BROKEN),
    "empty chunk size": Case(OK + CHUNKED + b"\r\n\r\nhello\r\n0\r\n\r\n", BROKEN),
    "chunk extension": Case(OK + CHUNKED + b'\r\n5;a="b;c"\r\nhello\r\n0\r\n\r\n', {HELLO}),
    "trailers": Case(OK + CHUNKED + b"\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n", {HELLO}),
    # more bytes than the answer has
    "behind a body": Case(OK + FIVE + EVIL, {HELLO, PROTOCOL}, None),
    "behind chunks": Case(OK + CHUNKED + CHUNKS + EVIL, {HELLO, PROTOCOL}, None),
    "behind a 204": Case(b"HTTP/1.1 204 No\r\n\r\n" + EVIL, {(204, b""), PROTOCOL}, None),
    "behind a 304": Case(
        b"HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n" + EVIL, {(304, b""), PROTOCOL}, None
    ),
    "204 with a length": Case(
        b"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n", {(204, b""), PROTOCOL}, None
    ),
    "304 with chunks": Case(
        b"HTTP/1.1 304 No\r\n" + CHUNKED + b"\r\n", {(304, b""), PROTOCOL}, None
    ),
    "behind an empty body": Case(
        OK + b"Content-Length: 0\r\n\r\n" + EVIL, {(200, b""), PROTOCOL}, None
    ),
}  # fmt: skip


async def afterwards(engine: Engine, request: Request) -> Outcome:
    """Fetch, and again if a kept connection turned out to be closed, which nobody can know."""
    try:
        response = await engine.fetch(request)
    except FetchError as error:
        assert error.reused
        return await outcome(engine, request)
    return response.status, response.body


@pytest.mark.parametrize("case", CASES)
async def test_a_malformed_answer(engine: Engine, serve, case: str) -> None:
    raw, allowed, ending = CASES[case]

    def answer(seen: Seen) -> Answer:
        script = (raw,) if ending is None else (raw, ending)
        return Answer(script=script) if seen.target == "/raw" else Answer(body=b"fine")

    server = serve(answer)
    patience = 0.3 if TIMEOUT in allowed else 5.0
    assert await outcome(engine, ask(server, "/raw", timeout=patience)) in allowed
    assert await afterwards(engine, ask(server, "/next")) == (200, b"fine")
    assert [seen.target for seen in server.seen] == ["/raw", "/next"]


@pytest.mark.parametrize("cut", range(1, 60, 7))
async def test_an_answer_in_pieces_is_the_same(engine: Engine, serve, cut: int) -> None:
    raw = OK + b"X-Name: value\r\n" + CHUNKED + CHUNKS
    server = serve(Answer(script=(raw[:cut], 0.005, raw[cut:])))
    assert await outcome(engine, ask(server)) == HELLO


async def test_header_values_are_trimmed_and_names_lowered(engine: Engine, serve) -> None:
    lines = b"X-MiXed:  a  b \t\r\nX-Empty:\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n"
    response = await engine.fetch(ask(serve(Answer(script=(OK + lines + FIVE,)))))
    assert response.headers == (
        ("x-mixed", "a  b"),
        ("x-empty", ""),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("content-length", "5"),
    )


async def test_a_page_may_have_a_hundred_headers(engine: Engine, serve) -> None:
    lines = tuple((f"X-{number}", "v" * 100) for number in range(90))
    response = await engine.fetch(ask(serve(Answer(headers=lines))))
    assert response.header("x-89") == "v" * 100


async def test_a_header_may_be_long(engine: Engine, serve) -> None:
    response = await engine.fetch(ask(serve(Answer(headers=(("X-Long", "v" * 30_000),)))))
    assert response.header("x-long") == "v" * 30_000
