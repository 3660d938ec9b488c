"""Finer than the contract: malformed heads, byte by byte.

Heads that HTTP does not allow must fail (RFC 9112). If HTTP lets clients be lenient, all engines
must read them the same way. Every deviation of an engine is in the tables, with its reason. No head
may affect the next fetch. The length of a body has its own file: test_engine_framing.
"""

import pytest
from support.engines import Case, answer_case, check_case

from crawler.engines.base import Engine
from crawler.localweb.server import Answer
from crawler.model.errors import FailureKind
from crawler.testing.contract.helpers import ask, outcome

PROTOCOL = FailureKind.PROTOCOL
OK = b"HTTP/1.1 200 OK\r\n"
FIVE = b"Content-Length: 5\r\n\r\nhello"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"\r\n5\r\nhello\r\n0\r\n\r\n"
HELLO = (200, b"hello")


def status(line: bytes) -> bytes:
    return line + b"\r\n" + FIVE


def header(line: bytes) -> bytes:
    return OK + line + b"\r\n" + FIVE


STATUS_LINES = {
    "garbage": Case(b"hello, world\r\n\r\n", PROTOCOL),
    "binary": Case(bytes(range(256)) * 4, PROTOCOL),
    "a TLS alert": Case(b"\x15\x03\x01\x00\x02\x02\x28", PROTOCOL),
    "HTTP/0.9": Case(b"<html>hello</html>", PROTOCOL),
    "SSH": Case(b"SSH-2.0-OpenSSH_9.2\r\n", PROTOCOL),
    "ICY": Case(status(b"ICY 200 OK"), PROTOCOL),
    "HTTP/2 preface": Case(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + b"\0" * 18, PROTOCOL),
    "HTTP/0.9 with a head": Case(status(b"HTTP/0.9 200 OK"), PROTOCOL),
    "HTTP/1": Case(status(b"HTTP/1 200 OK"), PROTOCOL),
    "HTTP/1.15": Case(status(b"HTTP/1.15 200 OK"), PROTOCOL),
    "HTTP/1.2": Case(
        status(b"HTTP/1.2 200 OK"),
        HELLO,  # RFC 9110, 2.5: treat a higher minor version as the highest known one
        {
            "libcurl": ({PROTOCOL}, "it knows 1.0 and 1.1 and rejects other minor versions"),
            "aiohttp": ({PROTOCOL}, "llhttp has a list of versions; 1.2 is not in it"),
        },
    ),
    "HTTP/2": Case(status(b"HTTP/2 200"), PROTOCOL),
    "HTTP/2.0": Case(status(b"HTTP/2.0 200 OK"), PROTOCOL),
    "HTTP/9.9": Case(status(b"HTTP/9.9 200 OK"), PROTOCOL),
    "http/1.1": Case(status(b"http/1.1 200 OK"), PROTOCOL),
    "escape code in the version": Case(status(b"HTTP/\x1b[31m1.1 200 OK"), PROTOCOL),
    "HTTP/1.0": Case(status(b"HTTP/1.0 200 OK"), HELLO),
    "HTTP/1.0 without length": Case(b"HTTP/1.0 200 OK\r\n\r\nhello", HELLO),
    "no reason": Case(status(b"HTTP/1.1 200"), HELLO),
    "empty reason": Case(status(b"HTTP/1.1 200 "), HELLO),
    "reason in Latin-1": Case(status(b"HTTP/1.1 200 gr\xfc\xdf"), HELLO),
    "escape code in the reason": Case(status(b"HTTP/1.1 200 \x1b[31m"), HELLO),
    "NUL in the reason": Case(
        status(b"HTTP/1.1 200 a\0b"),
        PROTOCOL,
        {"aiohttp": ({HELLO}, "llhttp skips the reason, which clients ignore (RFC 9112, 4)")},
    ),
    "CR in the reason": Case(status(b"HTTP/1.1 200 a\rX: b"), PROTOCOL),
    "two spaces": Case(
        status(b"HTTP/1.1  200 OK"),
        PROTOCOL,
        {"urllib": ({HELLO}, "it splits the line at any white space, as RFC 9112, 4 allows")},
    ),
    "no space": Case(status(b"HTTP/1.1200 OK"), PROTOCOL),
    "status 999": Case(status(b"HTTP/1.1 999 Denied"), (999, b"hello")),
    "status 600": Case(status(b"HTTP/1.1 600 Odd"), (600, b"hello")),
    "status 000": Case(status(b"HTTP/1.1 000 Nothing"), PROTOCOL),
    "status 1000": Case(status(b"HTTP/1.1 1000 Much"), PROTOCOL),
    "status of a hundred digits": Case(status(b"HTTP/1.1 " + b"2" * 100 + b" OK"), PROTOCOL),
    "status 20": Case(status(b"HTTP/1.1 20 Short"), PROTOCOL),
    "status -200": Case(status(b"HTTP/1.1 -200 OK"), PROTOCOL),
    "status abc": Case(status(b"HTTP/1.1 abc OK"), PROTOCOL),
    "status 200OK": Case(status(b"HTTP/1.1 200OK"), PROTOCOL),
    "blank lines first": Case(
        b"\r\n\r\n" + OK + FIVE,
        PROTOCOL,
        {"aiohttp": ({HELLO}, "llhttp skips them as servers do (RFC 9112, 2.2)")},
    ),
    "status 101": Case(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n\0\1", PROTOCOL),
    "100 first": Case(b"HTTP/1.1 100 Continue\r\n\r\n" + OK + FIVE, HELLO),
    "103 first": Case(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + FIVE, HELLO),
    "102 and 103 first": Case(b"HTTP/1.1 102 P\r\n\r\nHTTP/1.1 103 E\r\n\r\n" + OK + FIVE, HELLO),
    "199 first": Case(b"HTTP/1.1 199 Odd\r\n\r\n" + OK + FIVE, HELLO),
    "103 with a length": Case(
        b"HTTP/1.1 103 E\r\nContent-Length: 5\r\n\r\n" + OK + FIVE, HELLO
    ),
    "103 with chunks": Case(b"HTTP/1.1 103 E\r\n" + CHUNKED + b"\r\n" + OK + FIVE, HELLO),
}  # fmt: skip

HEADER_LINES = {
    "only LF": Case(b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", HELLO),
    "NUL in a value": Case(header(b"X: a\0b"), PROTOCOL),
    "NUL in a name": Case(header(b"X\0Y: a"), PROTOCOL),
    "control bytes in a value": Case(header(b"X: \x01\x02\x0b\x0c\x1b\x7f"), HELLO),
    "CR in a value": Case(header(b"X: a\rY: b"), PROTOCOL),
    "CR before a length": Case(header(b"X: a\rContent-Length: 3"), PROTOCOL),
    "CR in a name": Case(header(b"X\rY: b"), PROTOCOL),
    "CR CR LF": Case(header(b"X: b\r"), PROTOCOL),
    "8-bit value": Case(header(b"X: gr\xfc\xdf \xff\xfe"), HELLO),
    "UTF-8 value": Case(header("X: grüß …".encode()), HELLO),
    "Unicode line breaks": Case(header(b"X: a\x1cContent-Length: 3\x85Content-Length: 4"), HELLO),
    "8-bit name": Case(header(b"gr\xfc\xdf: 1"), PROTOCOL),
    "name in brackets": Case(header(b"(x): 1"), PROTOCOL),
    "no colon": Case(header(b"nothing here"), PROTOCOL),
    "no name": Case(header(b": nothing"), PROTOCOL),
    "space in a name": Case(header(b"Content Length: 3"), PROTOCOL),
    "space before the colon": Case(OK + b"Content-Length : 5\r\n\r\nhello", PROTOCOL),
    "space before another colon": Case(header(b"X : y"), PROTOCOL),
    "tab before the colon": Case(header(b"X\t: y"), PROTOCOL),
    "chunked, space before the colon": Case(
        OK + b"Transfer-Encoding : chunked\r\n" + CHUNKS, PROTOCOL
    ),
    "folded value": Case(header(b"X: one\r\n two"), HELLO),
    "length folded into a value": Case(header(b"X: one\r\n Content-Length: 3"), HELLO),
    "folded line of spaces": Case(header(b"X: one\r\n  "), HELLO),
    "folded first line": Case(
        header(b" X: one"),
        PROTOCOL,
        {"aiohttp": ({HELLO}, "llhttp drops the spaces, so aiohttp cannot see them")},
    ),
    "empty value": Case(header(b"X:"), HELLO),
}  # fmt: skip
CASES = STATUS_LINES | HEADER_LINES


@pytest.mark.promise("P18")
@pytest.mark.parametrize("name", STATUS_LINES)
async def test_malformed_status_lines(engine: Engine, engine_name: str, serve, name: str) -> None:
    case = STATUS_LINES[name]
    await check_case(engine, engine_name, case, serve(answer_case(case)))


@pytest.mark.promise("P17")
@pytest.mark.parametrize("name", HEADER_LINES)
async def test_malformed_header_lines(engine: Engine, engine_name: str, serve, name: str) -> None:
    case = HEADER_LINES[name]
    await check_case(engine, engine_name, case, serve(answer_case(case)))


@pytest.mark.parametrize("cut", range(1, 60, 7))
async def test_a_response_in_pieces_is_the_same(engine: Engine, serve, cut: int) -> None:
    raw = OK + b"X-Name: value\r\n" + CHUNKED + CHUNKS
    server = serve(Answer(script=(raw[:cut], 0.005, raw[cut:])))
    assert await outcome(engine, ask(server)) == HELLO


@pytest.mark.promise("P17")
async def test_a_folded_header_value_becomes_one_line(engine: Engine, serve) -> None:
    lines = b"X: one\r\n  two\r\n\tthree\r\n"
    response = await engine.fetch(ask(serve(Answer(script=(OK + lines + FIVE,)))))
    assert response.headers[0][0] == "x"
    assert response.headers[0][1].split() == ["one", "two", "three"]
    assert not set(response.headers[0][1]) & {"\r", "\n"}
