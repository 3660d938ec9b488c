"""The engine contract: every failure has a kind, and everything has a limit."""

import asyncio
import datetime as dt
import socket
import ssl
import time

import pytest
import trustme
from support.engines import LIBRARIES, Arrivals, ask, little_memory, outcome

from crawler.engines.base import Engine
from crawler.localweb.server import CLOSE, CUT, RESET, SILENCE, Answer, Step
from crawler.model.errors import FailureKind
from crawler.model.exchange import Endpoint, Request

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
MEGABYTE = b"x" * 1_000_000


def script(*steps: Step) -> Answer:
    return Answer(script=steps)


def context_of(*names: str, ca: trustme.CA, not_after: dt.datetime | None = None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*names, not_after=not_after).configure_cert(context)
    return context


# --- connecting


@pytest.mark.promise("P19")
async def test_a_refused_connection_is_a_connect_failure(engine: Engine, scheme: str) -> None:
    with socket.socket() as taken:  # bound, but not listening: no other process gets the port
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        endpoint = Endpoint("127.0.0.1", "127.0.0.1", port)
        request = Request(f"{scheme}://shop.example:{port}/", endpoint, (), 10.0, 1000)
        assert await outcome(engine, request) is FailureKind.CONNECT


@pytest.mark.promise("P10")
@pytest.mark.parametrize("fault", ["self-signed", "expired", "wrong host", "no TLS"])
async def test_tls_that_cannot_be_trusted_fails(engine: Engine, serve, ca, fault: str) -> None:
    past = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    match fault:
        case "self-signed":
            server = serve(Answer(), tls=context_of("shop.example", ca=trustme.CA()))
        case "expired":
            server = serve(Answer(), tls=context_of("shop.example", ca=ca, not_after=past))
        case "wrong host":
            server = serve(Answer(), tls=context_of("other.example", ca=ca))
        case _:
            server = serve(Answer())
    url = f"https://shop.example:{server.port}/"
    request = Request(url, Endpoint("127.0.0.1", "127.0.0.1", server.port), (), 10.0, 1000)
    assert await outcome(engine, request) is FailureKind.TLS
    assert server.seen == []


@pytest.mark.promise("P09")
async def test_verify_false_is_for_one_request_only(engine: Engine, serve) -> None:
    server = serve(Answer(body=b"trust me"), tls=context_of("a.example", ca=trustme.CA()))
    assert await outcome(engine, ask(server)) is FailureKind.TLS
    assert await outcome(engine, ask(server, verify=False)) == (200, b"trust me")
    assert await outcome(engine, ask(server)) is FailureKind.TLS
    assert await outcome(engine, ask(server, verify=False)) == (200, b"trust me")


async def test_verify_false_still_sends_the_host_name(engine: Engine, serve) -> None:
    context = context_of("shop.example", ca=trustme.CA())
    names: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    server = serve(Answer(), tls=context)
    await engine.fetch(ask(server, host="shop.example", verify=False))
    assert names == ["shop.example"]


# --- incomplete responses


BROKEN = {
    "reset before the answer": (script(RESET), FailureKind.RESET),
    "end before the answer": (script(CLOSE), FailureKind.RESET),
    "end within the status line": (script(b"HTTP/1.1 200", CLOSE), FailureKind.TRUNCATED),
    "end within the headers": (script(OK, b"Content-Le", CLOSE), FailureKind.TRUNCATED),
    "end after a header line": (script(OK, b"Content-Length: 0\r\n", CLOSE), FailureKind.TRUNCATED),
    "end after a 1xx": (script(b"HTTP/1.1 103 Early Hints\r\n\r\n", CLOSE), FailureKind.TRUNCATED),
    "reset within the headers": (script(OK, 0.05, RESET), FailureKind.RESET),
    "reset within a body of known length": (
        script(OK, b"Content-Length: 9\r\n\r\nbody", 0.05, RESET),
        FailureKind.RESET,
    ),
    "reset within a body without length": (script(OK, b"\r\nbody", 0.05, RESET), FailureKind.RESET),
    "reset within chunks": (script(CHUNKED, b"4\r\nbody\r\n", 0.05, RESET), FailureKind.RESET),
    "short body": (script(OK, b"Content-Length: 9\r\n\r\nbody", CLOSE), FailureKind.TRUNCATED),
    "no body": (script(OK, b"Content-Length: 9\r\n\r\n", CLOSE), FailureKind.TRUNCATED),
    "end within a chunk": (script(CHUNKED, b"9\r\nbody", CLOSE), FailureKind.TRUNCATED),
    "end between chunks": (script(CHUNKED, b"4\r\nbody\r\n", CLOSE), FailureKind.TRUNCATED),
    "end within a chunk size": (script(CHUNKED, b"4\r\nbody\r\n1", CLOSE), FailureKind.TRUNCATED),
    "end within trailers": (
        script(CHUNKED, b"4\r\nbody\r\n0\r\nX-Late: 1\r\n", CLOSE),
        FailureKind.TRUNCATED,
    ),
}
# Library, scheme, case → the failure kind there, and why it differs.
OTHER_KINDS = {
    ("libcurl", scheme, "end within the status line"): (
        FailureKind.RESET,
        "libcurl counts a response only after its first complete line",
    )
    for scheme in ("http", "https")
} | {
    ("urllib", "https", case): (
        FailureKind.TRUNCATED,
        "the ssl module has one error for every end without a closing alert",
    )
    for case in BROKEN
    if case.startswith("reset within")
}


@pytest.mark.promise("P14", "P18", "P19")
@pytest.mark.parametrize("case", BROKEN)
async def test_an_incomplete_response_is_a_failure(
    engine: Engine, engine_name: str, serve, scheme: str, case: str
) -> None:
    answer, kind = BROKEN[case]
    expected, _ = OTHER_KINDS.get((LIBRARIES[engine_name], scheme, case), (kind, ""))
    server = serve(answer, scheme)
    assert await outcome(engine, ask(server)) is expected
    assert len(server.seen) == 1


@pytest.mark.promise("P14")
@pytest.mark.parametrize("ending", [CLOSE, CUT])
async def test_a_body_without_length_needs_a_proper_end(
    engine: Engine, serve, scheme: str, ending
) -> None:
    server = serve(script(OK, b"\r\nwhole?", ending), scheme)
    truncated = ending is CUT and scheme == "https"  # an attacker can end TLS without close_notify
    expected = FailureKind.TRUNCATED if truncated else (200, b"whole?")
    assert await outcome(engine, ask(server)) == expected


# --- limits


TOO_LARGE = {
    "as announced": script(
        OK, b"Content-Length: 100000000\r\n\r\n", ("repeat", MEGABYTE, 100, 0.0)
    ),
    "without length": script(OK, b"\r\n", ("repeat", MEGABYTE, 100, 0.0), CLOSE),
    "in chunks": script(
        CHUNKED, ("repeat", b"f4240\r\n" + MEGABYTE + b"\r\n", 100, 0.0), b"0\r\n\r\n"
    ),
    "in one chunk": script(CHUNKED, b"5f5e100\r\n", ("repeat", MEGABYTE, 100, 0.0)),
}


@pytest.mark.parametrize("case", TOO_LARGE)
async def test_a_body_over_the_limit_is_not_read(
    engine: Engine, serve, scheme: str, case: str
) -> None:
    server = serve(TOO_LARGE[case], scheme)
    assert await outcome(engine, ask(server, max_bytes=100_000)) is FailureKind.TOO_LARGE
    assert server.answered == []  # the kernel cannot have buffered 100 MB


async def test_a_content_length_over_the_limit_fails_early(engine: Engine, serve) -> None:
    server = serve(script(OK, b"Content-Length: 1001\r\n\r\n", SILENCE))
    assert await outcome(engine, ask(server, max_bytes=1000, timeout=3.0)) is FailureKind.TOO_LARGE


@pytest.mark.parametrize("framing", [b"Content-Length: 5000\r\n\r\n", b"\r\n"])
async def test_a_body_of_exactly_the_limit_is_allowed(
    engine: Engine, serve, framing: bytes
) -> None:
    # With Connection: close, no engine keeps the connection and finds it dead at the next request.
    server = serve(script(OK, b"Connection: close\r\n", framing, b"x" * 5000, CLOSE))
    assert await outcome(engine, ask(server, max_bytes=5000)) == (200, b"x" * 5000)
    assert await outcome(engine, ask(server, max_bytes=4999)) is FailureKind.TOO_LARGE


@pytest.mark.promise("P14")
@pytest.mark.parametrize("length", [b"1000000000000", b"9" * 400])
async def test_a_false_content_length_costs_no_memory(engine: Engine, serve, length: bytes) -> None:
    server = serve(script(OK, b"Content-Length: " + length + b"\r\n\r\nfew", CLOSE))
    with little_memory():
        for max_bytes in (1_000_000, 10**15):
            ended = await outcome(engine, ask(server, max_bytes=max_bytes))
            assert ended in {FailureKind.TOO_LARGE, FailureKind.TRUNCATED, FailureKind.PROTOCOL}


LINE = b"X-Filler: " + b"y" * 90 + b"\r\n"
FLOODS = {
    "headers": script(OK, ("repeat", LINE * 50, None, 0.0)),
    "one header": script(OK, b"X: ", ("repeat", b"y" * 5000, None, 0.0)),
    "status line": script(b"HTTP/1.1 200 ", ("repeat", b"y" * 5000, None, 0.0)),
    "1xx": script(("repeat", b"HTTP/1.1 103 Early Hints\r\n" + LINE + b"\r\n", None, 0.0)),
    "bare 1xx": script(("repeat", b"HTTP/1.1 100 Continue\r\n\r\n" * 50, None, 0.0)),
    "trailers": script(CHUNKED, b"1\r\nx\r\n0\r\n", ("repeat", LINE * 50, None, 0.0)),
    "one trailer": script(CHUNKED, b"0\r\nX: ", ("repeat", b"y" * 5000, None, 0.0)),
    "chunk size": script(CHUNKED, ("repeat", b"0" * 5000, None, 0.0)),
    "chunk extension": script(CHUNKED, b"1;", ("repeat", b"y" * 5000, None, 0.0)),
}
# Where only the deadline limits an engine, and why.
UNBOUNDED = {("libcurl", "chunk extension"): "libcurl skips extensions without a callback"}
DRIPS = {
    "headers": script(OK, b"X: ", ("repeat", b"y", None, 0.02)),
    "1xx": script(("repeat", b"HTTP/1.1 100 Continue\r\n\r\n", None, 0.02)),
    "body": script(OK, b"\r\n", ("repeat", b"y", None, 0.02)),
    "chunks": script(CHUNKED, ("repeat", b"1\r\ny\r\n", None, 0.02)),
    "chunk extension": script(CHUNKED, b"1;", ("repeat", b"y", None, 0.02)),
    "trailers": script(CHUNKED, b"0\r\nX: ", ("repeat", b"y", None, 0.02)),
    "chunks of a byte, in a flood": script(CHUNKED, ("repeat", b"1\r\ny\r\n" * 1000, None, 0.0)),
}


@pytest.mark.promise("P15")
@pytest.mark.parametrize("case", FLOODS)
async def test_everything_around_a_body_is_bounded(
    engine: Engine, engine_name: str, serve, case: str
) -> None:
    unbounded = (LIBRARIES[engine_name], case) in UNBOUNDED
    with little_memory():
        ended = await outcome(engine, ask(serve(FLOODS[case]), timeout=0.3 if unbounded else 10.0))
    assert ended is (FailureKind.TIMEOUT if unbounded else FailureKind.PROTOCOL)


@pytest.mark.promise("P15", "P20")
@pytest.mark.parametrize("case", DRIPS)
async def test_the_deadline_holds_while_bytes_arrive(make_engine, serve, case: str) -> None:
    drip, fine = serve(DRIPS[case]), serve(Answer(body=b"fine"))
    async with make_engine(1) as engine:
        with little_memory():
            ended = await outcome(engine, ask(drip, timeout=0.3, max_bytes=10**9))
        assert ended is FailureKind.TIMEOUT
        assert await outcome(engine, ask(fine)) == (200, b"fine")


# --- deadlines


SLOW = {
    "before the response": script(SILENCE),
    "within the headers": script(OK, SILENCE),
    "after the headers": script(OK, b"Content-Length: 9\r\n\r\n", SILENCE),
    "within the body": script(OK, b"Content-Length: 9\r\n\r\nbody", SILENCE),
    "within chunks": script(CHUNKED, b"4\r\nbody\r\n", SILENCE),
    "dripping": script(OK, b"\r\n", ("repeat", b"y", None, 0.05)),
}


@pytest.mark.promise("P20")
@pytest.mark.parametrize("case", SLOW)
async def test_the_deadline_holds_during_the_response(
    engine: Engine, serve, scheme: str, case: str
) -> None:
    server = serve(SLOW[case], scheme)
    started = time.monotonic()
    assert await outcome(engine, ask(server, timeout=0.25)) is FailureKind.TIMEOUT
    assert time.monotonic() - started > 0.2
    assert len(server.seen) == 1


@pytest.mark.promise("P20")
@pytest.mark.parametrize("options", [{"accept": False}, {"handshake_delay": 60.0}], ids=str)
async def test_the_deadline_holds_while_connecting(
    engine: Engine, serve, certificate, options
) -> None:
    tls = certificate if "handshake_delay" in options else None
    server = serve(Answer(), tls=tls, **options)
    started = time.monotonic()
    assert await outcome(engine, ask(server, timeout=0.25)) is FailureKind.TIMEOUT
    assert time.monotonic() - started > 0.2
    assert server.seen == []


@pytest.mark.promise("P20")
@pytest.mark.parametrize("case", ["connect", *SLOW])
async def test_a_slow_server_delays_no_other(engine: Engine, serve, case: str) -> None:
    if engine.capabilities.max_concurrency == 1:
        return  # by design it fetches one at a time
    arrivals = Arrivals(answer=SLOW.get(case, Answer()))
    slow = serve(arrivals, accept=case != "connect")
    waiting = asyncio.create_task(outcome(engine, ask(slow)))
    if case != "connect":
        await arrivals.wait()
    assert await outcome(engine, ask(serve(Answer(body=b"quick")))) == (200, b"quick")
    assert not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
