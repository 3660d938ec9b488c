"""Finer than the contract: a hostile server can spoil its own fetch, but nothing else."""

import asyncio
import time

import pytest

from crawler.engines.base import Engine
from crawler.localweb.server import Answer, Seen, Server
from crawler.model.errors import FailureKind
from crawler.model.exchange import Endpoint, Request
from crawler.model.urls import Joiner
from crawler.testing.contract.helpers import HEADERS, Arrivals, afterwards, ask, outcome

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def endless(head: bytes, piece: bytes, interval: float = 0.0) -> Answer:
    return Answer(script=(head, ("repeat", piece, None, interval)))


# --- time


async def cpu_seconds(engine: Engine, server: Server, size: int) -> float:
    """CPU seconds for a body of ``size`` bytes, including those of the server."""
    begun = time.process_time()
    request = ask(server, f"/{size}", timeout=60.0, max_bytes=size)
    assert await outcome(engine, request) == (200, b"x" * size)
    return time.process_time() - begun


@pytest.mark.promise("P15")
async def test_one_byte_chunks_take_linear_time(engine: Engine, serve) -> None:
    def answer(seen: Seen) -> Answer:
        count = int(seen.target[1:])
        return Answer(script=(CHUNKED + b"1\r\nx\r\n" * count + b"0\r\n\r\n",))

    server = serve(answer)
    quarter, whole = [await cpu_seconds(engine, server, size) for size in (2**16, 2**18)]
    assert whole < 10 * quarter  # quadratic time would need 16 times as much


ENDLESS = {
    "chunks of a byte": endless(CHUNKED, b"1\r\nx\r\n" * 1000),
    "a header, a byte at a time": endless(OK + b"X: ", b"y", 0.01),
    "headers, one at a time": endless(OK, b"X: y\r\n", 0.01),
    "1xx": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.5),
    "a chunk size": endless(CHUNKED, b"0", 0.5),
    "a chunk extension": endless(CHUNKED + b"1;", b"y", 0.01),
    "trailers": endless(CHUNKED + b"0\r\n", b"X: y\r\n", 0.01),
}


@pytest.mark.promise("P15")
@pytest.mark.parametrize("case", ENDLESS)
async def test_an_endless_response_delays_no_other_host(engine: Engine, serve, case: str) -> None:
    """Five pages are fetched while the endless response continues."""
    if engine.capabilities.max_concurrency == 1:
        return  # by design it fetches one at a time
    arrivals = Arrivals(answer=ENDLESS[case])
    bad, good = serve(arrivals), serve(Answer(body=b"page"))
    under_way = asyncio.create_task(outcome(engine, ask(bad, timeout=60.0, max_bytes=10**9)))
    await arrivals.wait()
    for _ in range(5):
        assert await outcome(engine, ask(good)) == (200, b"page")
    assert not under_way.done()
    under_way.cancel()
    await asyncio.gather(under_way, return_exceptions=True)


# --- injection


LOCATIONS = [
    b"/next\r\n Evil: 1",  # folded
    b"/next%0d%0aEvil:%201",
    b"/next?a=\x0b\x0c\x1b\x7f",
    b"/next\tEvil: 1",
    b"/next HTTP/1.1",
    b"//127.0.0.1:6666\\@/next\x1f",
    b"/next\x85\xe2\x80\xa8Evil: 1",  # Unicode line breaks
]


@pytest.mark.promise("P17")
@pytest.mark.parametrize("location", LOCATIONS)
async def test_a_location_cannot_inject_a_header(engine: Engine, serve, location: bytes) -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n"
    server = serve(
        lambda seen: Answer(script=(moved,)) if seen.target == "/moved" else Answer(body=b"fine")
    )
    response = await engine.fetch(ask(server, "/moved"))
    url = Joiner(server.url("/moved")).join(response.header("location") or "")
    assert url is not None
    endpoint = Endpoint("127.0.0.1", "127.0.0.1", server.port)
    assert await afterwards(engine, Request(url, endpoint, HEADERS, 5.0, 1000)) == (200, b"fine")
    assert len(server.seen) == 2
    assert server.seen[1].target.isprintable()
    assert server.seen[1].target.isascii()
    assert server.seen[1].header("evil") == ""


# --- hosts that a library rejects


@pytest.mark.promise("P26")
@pytest.mark.parametrize("host", ["a!b.example", "a'b.example", "a(b).example", "a,b"])
async def test_a_host_the_library_refuses_fails_alone(make_engine, serve, host: str) -> None:
    """The URL Standard allows these hosts; libcurl rejects them."""
    server = serve(Answer(body=b"fine"))
    async with make_engine(1) as engine:
        for _ in range(2):
            ended = await outcome(engine, ask(server, host=host))
            assert ended in {FailureKind.URL, (200, b"fine")}
        assert await outcome(engine, ask(server)) == (200, b"fine")
