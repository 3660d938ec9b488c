"""Finer than the contract: odd heads, byte by byte.

Heads that HTTP does not allow must fail (RFC 9112). If HTTP lets clients be lenient, all engines
must read them the same way. Every deviation of an engine is in the tables, with its reason. No head
may affect the next fetch. The length of a body has its own file: test_engine_framing.
"""

import pytest
from support.engines import AT_ONCE, Case, check_cases, each

from crawler.engines.base import Engine
from crawler.localweb.server import Answer
from crawler.model.errors import FailureKind
from crawler.testing.contract.helpers import ask, outcome

PROTOCOL, TRUNCATED, RESET = FailureKind.PROTOCOL, FailureKind.TRUNCATED, FailureKind.RESET
OK = b"HTTP/1.1 200 OK\r\n"
FIVE = b"Content-Length: 5\r\n\r\nhello"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"\r\n5\r\nhello\r\n0\r\n\r\n"
HELLO = (200, b"hello")
NO_LINE = {"libcurl": ({RESET}, "it does not say that a part of the status line came")}


def raw(data: bytes) -> bytes:
    return data


def status(line: bytes) -> bytes:
    return line + b"\r\n" + FIVE


def header(line: bytes) -> bytes:
    return OK + line + b"\r\n" + FIVE


NOT_HTTP = {
    # RFC 9112, 4: a response begins with HTTP/1.x; HTTP/0.9 (1945) is not accepted
    **each(
        raw,
        PROTOCOL,
        *(b"hello, world\r\n\r\n", b"<html>hello</html>", b'{"a": 1}', b"\0" * 100),
        *(b"SSH-2.0-OpenSSH_9.2\r\n", b"220 mail ESMTP\r\n", b"\x15\x03\x01\x00\x02\x02\x28"),
        *(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\r\n"),
        b"<html>\r\n<title>400 Bad Request</title>\r\n</html>\r\n",
    ),
    "binary": Case(bytes(range(256)) * 4, PROTOCOL),
    "an HTTP/2 frame": Case(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + b"\0" * 18, PROTOCOL),
    # RFC 9112, 8: a head that ends with the connection is incomplete
    "nothing": Case(b"", RESET),
    **each(raw, TRUNCATED, b"H", b"HTTP/1.1", b"HTTP/1.1 200", b"HTTP/1.1 2", differs=NO_LINE),
    **each(raw, TRUNCATED, b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nX: y", OK + b"X: y\r\n\r"),
    "only CR": Case(
        b"HTTP/1.1 200 OK\rContent-Length: 5\r\rhello",
        PROTOCOL,
        {**NO_LINE, "aiohttp": ({TRUNCATED}, "it waits for the end of the line")},
    ),
}
STATUS_LINES = {
    # RFC 9112, 4: HTTP-version SP status-code SP [reason]; the second SP is often missing
    **each(
        status,
        HELLO,
        *(b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/1.1 200  OK", b"HTTP/1.1 200 HTTP/1.1 404 No"),
        *(b"HTTP/1.0 200 OK", b"HTTP/1.0 200", b"HTTP/1.1 200 200"),
        # the reason: 4, a client ignores it
        *(b"HTTP/1.1 200 gr\xfc\xdf", b"HTTP/1.1 200 \x1b[31m", b"HTTP/1.1 200 \x7f\x01\tx"),
        b"HTTP/1.1 200 " + b"a" * 60_000,
    ),
    **each(
        status,
        PROTOCOL,
        # 2.3: the version is written exactly so
        *(b"HTTP/0.9 200 OK", b"HTTP/1 200 OK", b"HTTP/1. 200 OK", b"HTTP/.1 200 OK"),
        *(b"HTTP/1.15 200 OK", b"HTTP/1.01 200 OK", b"HTTP/01.1 200 OK", b"HTTP/1.1.1 200 OK"),
        *(b"HTTP/1,1 200 OK", b"HTTP/11 200 OK", b"HTTP/+1.1 200 OK", b"HTTP/1.-1 200 OK"),
        *(b"HTTP/1.x 200 OK", b"http/1.1 200 OK", b"Http/1.1 200 OK", b"HTTPS/1.1 200 OK"),
        *(b"HTTP /1.1 200 OK", b"HTTP/ 1.1 200 OK", b"HTTP/\x1b[31m1.1 200 OK", b"HTTP 200 OK"),
        *(b"ICY 200 OK", b"RTSP/1.0 200 OK", b"SIP/2.0 200 OK", b"200 OK"),
        *(b"HTTP/2 200", b"HTTP/2.0 200 OK", b"HTTP/3 200 OK", b"HTTP/9.9 200 OK"),
        # RFC 9110, 2.5 would treat it as 1.1; no server speaks it, libcurl and llhttp reject it
        *(b"HTTP/1.2 200 OK", b"HTTP/1.9 200 OK"),
        # RFC 9112, 4: other white space may be accepted, but libcurl and llhttp reject it
        *(b"HTTP/1.1  200 OK", b"HTTP/1.1\t200 OK", b"HTTP/1.1 200\tOK", b"HTTP/1.1200 OK"),
        *(b" HTTP/1.1 200 OK", b"\tHTTP/1.1 200 OK", b"\xef\xbb\xbfHTTP/1.1 200 OK"),
        # 2.2: empty lines before a request are skipped, not those before a response
        *(b"\nHTTP/1.1 200 OK", b"\r\nHTTP/1.1 200 OK", b"\r\n\r\nHTTP/1.1 200 OK"),
        # 4: a status has three digits
        *(b"HTTP/1.1", b"HTTP/1.1 ", b"HTTP/1.1 OK", b"HTTP/1.1 OK 200", b"HTTP/1.1 abc OK"),
        *(b"HTTP/1.1 2 OK", b"HTTP/1.1 20 OK", b"HTTP/1.1 99 OK", b"HTTP/1.1 20x OK"),
        *(b"HTTP/1.1 2000 OK", b"HTTP/1.1 0200 OK", b"HTTP/1.1 " + b"2" * 100 + b" OK"),
        *(b"HTTP/1.1 200OK", b"HTTP/1.1 200-OK", b"HTTP/1.1 200.1 OK", b"HTTP/1.1 200:OK"),
        *(b"HTTP/1.1 +20 OK", b"HTTP/1.1 -20 OK", b"HTTP/1.1 -200 OK", b"HTTP/1.1 0x200 OK"),
        *(b"HTTP/1.1 2e2 OK", b"HTTP/1.1 \xb2\xb2\xb2 OK"),
        # RFC 9110, 15: the first digit is 1 to 5
        *(b"HTTP/1.1 000 OK", b"HTTP/1.1 001 OK", b"HTTP/1.1 099 OK"),
        # RFC 9110, 5.5 and RFC 9112, 2.2: NUL, and CR that does not end a line
        *(b"HTTP/1.1 200 a\0b", b"HTTP/1.1 200\0", b"HTTP/1.1 200 a\rX: b", b"HTTP/1.1 200 OK\r"),
        # libcurl's limit for a line
        b"HTTP/1.1 200 " + b"a" * 110_000,
    ),
    # RFC 9110, 15: unknown ones are treated as the first of their class, invalid ones as 5xx
    **{
        str(code): Case(status(b"HTTP/1.1 %d X" % code), (code, b"hello"))
        for code in (
            *(201, 205, 206, 226, 250, 299, 300, 305, 306, 310, 400, 407, 451, 499),
            *(500, 520, 599, 600, 700, 999),
        )
    },
    # RFC 9112, 2.2: a client may take a bare LF for the end of a line
    **each(
        raw,
        HELLO,
        b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
        b"HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\nhello",
    ),
}


def interim(head: bytes) -> bytes:
    return head + OK + FIVE


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
INTERIM = {
    # RFC 9110, 15.2: a client skips 1xx responses, also those that it does not expect
    **each(
        interim,
        HELLO,
        *(CONTINUE, CONTINUE * 2, b"HTTP/1.1 100\r\n\r\n", b"HTTP/1.1 100 C\n\n"),
        *(b"HTTP/1.0 100 C\r\n\r\n", b"HTTP/1.1 102 P\r\n\r\n", b"HTTP/1.1 199 O\r\n\r\n"),
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\n\r\n",
        b"HTTP/1.1 102 P\r\n\r\nHTTP/1.1 103 E\r\n\r\n",
        # RFC 9112, 6.3: they have no body, whatever they say
        *(
            b"HTTP/1.1 103 E\r\nContent-Length: 5\r\n\r\n",
            b"HTTP/1.1 103 E\r\n" + CHUNKED + b"\r\n",
        ),
        b"HTTP/1.1 100 C\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 100 C\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        # nor is one the last on its connection (9.6)
        b"HTTP/1.1 100 C\r\nConnection: close\r\n\r\n",
    ),
    "a hundred": Case(interim(CONTINUE * 100), HELLO),
    "a hundred and one": Case(interim(CONTINUE * 101), PROTOCOL),
    "a thousand": Case(interim(CONTINUE * 1_000), PROTOCOL),
    **each(
        interim,
        PROTOCOL,
        *(b"HTTP/1.1 100 C\r\nno colon\r\n\r\n", b"HTTP/1.1 100 C\r\nX : y\r\n\r\n"),
        # RFC 9110, 15.2.2: only if the client asked for it
        *(
            b"HTTP/1.1 101 S\r\n\r\n",
            b"HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
        ),
    ),
    **each(raw, TRUNCATED, CONTINUE, b"HTTP/1.1 103 E\r\nLink: x\r\n\r\n"),
    "100, then 204": Case(CONTINUE + b"HTTP/1.1 204 N\r\n\r\n", (204, b"")),
    "100, then 404": Case(CONTINUE + b"HTTP/1.1 404 N\r\n" + FIVE, (404, b"hello")),
    # RFC 9110, 7.8: a server may offer an upgrade in any response
    **each(
        header,
        HELLO,
        b"Upgrade: h2,h2c\r\nConnection: Upgrade",
        b"Upgrade: websocket\r\nConnection: Upgrade",
    ),
}
OLD_WEBSOCKET = {"aiohttp": ({PROTOCOL}, "it rejects a header of a draft of WebSocket, of 2010")}
HEADER_LINES = {
    **each(
        header,
        HELLO,
        # RFC 9110, 5.5: values; 5.1 and 5.6.2: names
        *(b"X:", b"X: ", b"X:\t", b"X:a", b"X:  a", b"X: a: b", b"X:: a", b'X: "a', b"X: a\\"),
        *(b"X: gr\xfc\xdf \xff\xfe", "X: grüß …".encode(), b"X: \x01\x02\x0b\x0c\x1b\x7f"),
        *(b"X: a\x1cContent-Length: 3\x85Content-Length: 4", b"!#$%&'*+-.^_`|~0: a", b"-: a"),
        *(b"Content_Length: 3", b"X-Content-Length: 3", b"Transfer_Encoding: chunked"),
        # RFC 9112, 5.2: a client may replace a fold by spaces
        *(b"X: one\r\n two", b"X: one\r\n\ttwo", b"X:\r\n one", b"X: one\n two", b"X: one\r\n  "),
        *(b"X: one\r\n Content-Length: 3", b"X: one\r\n \r\n two", b"X:\r\n :", b"X: a\r\n Y: b"),
        b"X: a" + b"\r\n b" * 6_000,
        # 9.3: the connection
        *(b"Connection: close", b"Connection: Close", b"Connection: close, keep-alive"),
        *(b"Connection: keep-alive", b"Connection:", b"Connection: \xff", b"Connection: Upgrade"),
        *(b"Connection: keep-alive\r\nConnection: close", b"Connection: Content-Length"),
        *(b"Keep-Alive: timeout=0", b"Keep-Alive: timeout=5, max=1", b"Keep-Alive: x=;;"),
        b"Proxy-Connection: close",
        # what only the crawler reads
        *(b"Location:", b"Location: \x01\x7f/a", b"Location: http://[::1", b"Location: //"),
        *(b"Location: /a\r\nLocation: /a", b"Content-Type:", b"Content-Type: a\r\nContent-Type: b"),
        *(b"Set-Cookie:", b"Set-Cookie: ;;;", b"Set-Cookie: a=\xff\x01", b"Content-Encoding:"),
        *(b"Retry-After: x", b"Age: -1", b"Date: never", b"Trailer: X", b"TE: x", b"Host: evil"),
        # what the email package of Python reads
        *(b"Content-Type: multipart/mixed", b"Content-Type: message/rfc822", b"MIME-Version: 1.0"),
        *(b"Content-Transfer-Encoding: base64", b"Subject: =?utf-8?q?x?="),
    ),
    **each(
        header,
        PROTOCOL,
        # RFC 9110, 5.5: NUL; RFC 9112, 2.2: a CR that does not end a line
        *(b"X: a\0b", b"X\0Y: a", b"\0: a", b"X: \0", b"X: a\rY: b", b"X\rY: b", b"X: b\r"),
        b"X: a\rContent-Length: 3",
        # RFC 9110, 5.6.2: a name is a token
        *(b": a", b":", b" : a", b"gr\xfc\xdf: 1", b"(X): a", b"X;: a", b"X,Y: a", b"X@Y: a"),
        *(b'"X": a', b"[X]: a", b"{X}: a", b"X=Y: a", b"X/Y: a", b"X\x01: a", b"X\xa0: a"),
        *(b"X Y: a", b"HTTP/1.1: a", b"From me: a", b">From: a"),
        # RFC 9112, 5.1: no space before the colon
        *(b"X : a", b"X\t: a", b"X\x0b: a", b"From : a", b"Content Length: 3"),
        # 5: a line has a colon
        *(b"nothing", b"nothing here", b"X", b"--boundary", b"<html>", b"HTTP/1.1 200 OK"),
        # 2.2: white space after the status line
        *(b" X: one", b"\tX: one", b" ", b"\t"),
        # browsers and libcurl reject two places, whatever the status
        b"Location: /a\r\nLocation: /b",
        # libcurl's limits, for every engine: a line, and lines
        *(b"X: " + b"a" * 110_000, b"X" * 110_000 + b": a", b"\r\n".join([b"X: y"] * 5_010)),
    ),
    **each(header, HELLO, b"X: " + b"a" * 100_000, b"X" * 100_000 + b": a", b"X" * 1_000 + b": a"),
    **{
        f"{number} lines": Case(header(b"\r\n".join([b"X: y"] * number)), HELLO)
        for number in (99, 100, 101, 4_990)
    },
    "300 cookies": Case(header(b"\r\n".join([b"Set-Cookie: a=b"] * 300)), HELLO),
    "a CR first": Case(
        header(b"\rX: a"),
        PROTOCOL,
        {"libcurl": ({TRUNCATED}, "it waits for the end of the line")},
    ),
    "an old WebSocket": Case(header(b"Sec-WebSocket-Key1: a"), HELLO, OLD_WEBSOCKET),
    "401 with Negotiate": Case(
        b"HTTP/1.1 401 U\r\nWWW-Authenticate: Negotiate\r\n" + FIVE, (401, b"hello"), ending=None
    ),
    "407 without a proxy": Case(
        b"HTTP/1.1 407 P\r\nProxy-Authenticate: Basic\r\n" + FIVE, (407, b"hello"), ending=None
    ),
}
TABLES = {
    "what is not a head": NOT_HTTP,
    "status lines": STATUS_LINES,
    "1xx responses": INTERIM,
    "header lines": HEADER_LINES,
}


@pytest.mark.promise("P17", "P18")
@pytest.mark.parametrize("table", TABLES)
async def test_odd_heads(make_engine, engine_name: str, serve, table: str) -> None:
    async with make_engine(AT_ONCE) as engine:
        await check_cases(engine, engine_name, TABLES[table], serve)


@pytest.mark.parametrize("cut", range(1, 60, 7))
async def test_a_response_in_pieces_is_the_same(engine: Engine, serve, cut: int) -> None:
    raw = OK + b"X-Name: value\r\n" + CHUNKED + CHUNKS
    server = serve(Answer(script=(raw[:cut], 0.005, raw[cut:])))
    assert await outcome(engine, ask(server)) == HELLO


FOLDED = {
    b"X: one\r\n  two\r\n\tthree\r\n": "one two three",
    b"X: one  \r\n \r\n\t two\r\n": "one two",
    b"X:\r\n one\r\n": "one",
    b"X: one\n two\r\n": "one two",
    b"X: one\r\n  \r\n": "one",
    b"X: a  b\tc \t\r\n": "a  b\tc",
}
"""Lines and the value that they are (RFC 9112, 5.2 and 5.1)."""


@pytest.mark.promise("P17")
@pytest.mark.parametrize("lines", FOLDED)
async def test_a_folded_header_value_becomes_one_line(engine: Engine, serve, lines: bytes) -> None:
    response = await engine.fetch(ask(serve(Answer(script=(OK + lines + FIVE,)))))
    assert response.headers == (("x", FOLDED[lines]), ("content-length", "5"))
