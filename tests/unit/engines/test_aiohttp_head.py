"""The filter before llhttp: what passes as it is, what is rewritten, and any pieces of a head."""

import time
from contextlib import suppress

import pytest

from crawler.engines.aiohttp_head import HeadFilter
from crawler.engines.shared.heads import Head, parse_head
from crawler.model.errors import FetchError

OK = b"HTTP/1.1 200 OK\r\n"
PLAIN = (
    OK + b"\r\n",
    b"HTTP/1.1 200\r\nX:\r\n\r\n",
    b"HTTP/1.0 404 Not found\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\n",
    OK + b"transfer-encoding: chunked\r\nSet-Cookie: a=b\r\nSet-Cookie: c=\xfc\r\n\r\n",
)
REWRITTEN = {
    OK
    + b"Content-Length: 5\r\nX: y\r\ncontent-length: 05\r\n\r\n": b"x: y\r\ncontent-length: 5\r\n",
    OK + b"Content-Length: 5, 5\r\n\r\n": b"content-length: 5\r\n",
    OK + b"X: a\r\n\tb\r\n\r\n": b"x: a b\r\n",
    OK + b"X: a\tb\r\n\r\n": b"x: a\tb\r\n",
    OK + b"Transfer-Encoding: chunked\t\r\n\r\n": b"transfer-encoding: chunked\r\n",
    b"HTTP/1.1 200 OK\nX: y\n\n": b"x: y\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n" * 2 + OK + b"X: y\r\n\r\n": b"x: y\r\n",
}
BAD = (
    b"HTTP/1.1 200 OK\r\n \r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    b"HTTP/1.1 101 Switching\r\n\r\n",
    b"RTSP/1.0 200 OK\r\n\r\n",
    b"SSH-2.0",
)
REST = b"body\r\n\r\n"


@pytest.mark.parametrize("head", PLAIN)
def test_a_plain_head_passes_as_it_is(head: bytes) -> None:
    sieve = HeadFilter()
    assert sieve.take(head + REST) == (head, REST)
    assert sieve.headers is None


def test_a_body_stands_with_its_head_if_nothing_can_be_after_it() -> None:
    head = OK + b"Content-Length: 5\r\n\r\n"
    for body in (b"", b"hel", b"hello"):
        assert HeadFilter().take(head + body) == (head + body, b"")
    assert HeadFilter().take(head + b"hello, EVIL") == (head, b"hello, EVIL")


@pytest.mark.parametrize("raw", REWRITTEN)
def test_an_odd_head_is_written_plainly(raw: bytes) -> None:
    sieve = HeadFilter()
    assert sieve.take(raw + REST) == (b"HTTP/1.1 200 \r\n" + REWRITTEN[raw] + b"\r\n", REST)
    assert sieve.headers == parse_head(raw[raw.rindex(b"HTTP/") :]).headers


@pytest.mark.parametrize("head", BAD)
def test_a_bad_head_is_refused(head: bytes) -> None:
    with pytest.raises(FetchError):
        HeadFilter().take(head)
    with pytest.raises(FetchError):
        fed(head, 1)


def fed(data: bytes, step: int) -> tuple[Head, bytes]:
    """The head of ``data``, which comes in pieces of ``step`` bytes, and what follows."""
    sieve, rest = HeadFilter(), data
    head = b""
    while not head:
        head, after = sieve.take(rest[:step])
        rest = rest[step:]
    end = head.index(b"\r\n\r\n") + 4  # a body may stand with it
    version, status, headers = parse_head(head[:end])
    return Head(version, status, sieve.headers or headers), head[end:] + after + rest


@pytest.mark.parametrize("raw", [*PLAIN, *REWRITTEN])
def test_the_pieces_do_not_matter(raw: bytes) -> None:
    whole = fed(raw + REST, len(raw) + len(REST))
    assert all(fed(raw + REST, step) == whole for step in range(1, len(raw) + len(REST)))
    assert whole[1] == REST


def test_many_pieces_take_linear_time() -> None:
    raw = OK + b"X: " + b"y" * 60_000 + b"\r\n\r\n"
    started = time.thread_time()
    fed(raw, 1)
    assert time.thread_time() - started < 1.0


RUNS = (b" ", b"\t", b" \t", b"\n ", b" \n ", b"\r\n\t", b"a", b":", b"5,", b"\r\n", b"X: a \n")
AROUND = {
    OK + b"X: a": b"b\r\nY: c\r\n d\r\n\r\n",
    OK + b"X: a\r\n d": b"\0\r\n\r\n",
    OK + b"Content-Length:": b"x\r\nY: c\r\n d\r\n\r\n",
    b"": b"",
}


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("before", AROUND)
def test_a_long_head_takes_linear_time(before: bytes, run: bytes) -> None:
    raw = before + run * (90_000 // len(run)) + AROUND[before]
    started = time.thread_time()
    with suppress(FetchError):
        parse_head(raw)
    with suppress(FetchError):
        HeadFilter().take(raw)
    assert time.thread_time() - started < 0.3


def test_long_blanks_before_a_fold_are_one_space() -> None:
    for blanks in (b" " * 90_000, b"\t" * 90_000, b" \n " * 20_000):
        head = parse_head(OK + b"X: a" + blanks + b"\r\n" + blanks + b"b\r\n\r\n")
        assert head.headers == (("x", "a b"),)
