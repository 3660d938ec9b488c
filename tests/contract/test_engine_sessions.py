"""Finer than the contract: our engines do resume TLS sessions, and say exactly when they did."""

import ssl

import pytest
import trustme
from support.engines import LIBRARIES

from crawler.engines.base import Engine
from crawler.localweb.server import Answer, Server
from crawler.testing.contract.helpers import ask, page
from crawler.testing.contract.sessions import CLOSING, TLS_VERSIONS

NAME = "shop.example"
HOSTS = 40
"""libcurl's own cache has room for the sessions of 25."""


@pytest.fixture(params=TLS_VERSIONS, ids=("1.2", "1.3"))
def tls(request: pytest.FixtureRequest, ca: trustme.CA) -> ssl.SSLContext:
    return _context(request.param, ca)


def _context(version: ssl.TLSVersion, ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = version
    ca.issue_cert(NAME).configure_cert(context)
    return context


async def visit(engine: Engine, server: Server, *hosts: str) -> list[bool]:
    """Fetch a page of each host; return which handshakes the server resumed.

    ``Timing.resumed`` must say the same. An engine of libcurl can miss some, and says False then:
    if the machine is busy, and the server's first message comes before libcurl waits for it.
    """
    before = len(server.seen)
    requests = [ask(server, host=host, verify=False) for host in hosts]
    said = [(await page(engine, request)).timing.resumed for request in requests]
    resumed = [seen.resumed for seen in server.seen[before:]]
    if LIBRARIES[engine.capabilities.name] == "libcurl":
        assert all(true or not claimed for claimed, true in zip(said, resumed, strict=True))
        assert any(said) or sum(resumed) < HOSTS
    else:
        assert said == resumed
    return resumed


@pytest.mark.promise("P107")
async def test_sessions_of_many_hosts_are_resumed(
    engine: Engine, tls: ssl.SSLContext, serve
) -> None:
    server = serve(CLOSING, tls=tls, handshake_delay=0.002)
    hosts = [f"host{number}.example" for number in range(HOSTS)]
    assert await visit(engine, server, *hosts) == [False] * HOSTS
    assert await visit(engine, server, *hosts) == [True] * HOSTS


@pytest.mark.promise("P107")
async def test_a_session_that_the_server_does_not_know_any_more_is_replaced(
    engine: Engine, tls: ssl.SSLContext, serve, ca: trustme.CA
) -> None:
    """It has restarted, with another key for its tickets: a full handshake, and a new session."""
    first = serve(CLOSING, tls=tls)
    await page(engine, ask(first, host=NAME, verify=False))
    first.__exit__()
    server = serve(CLOSING, tls=_context(tls.minimum_version, ca), port=first.port)
    assert await visit(engine, server, NAME) == [False]
    assert await visit(engine, server, *[NAME] * 10) == [True] * 10


@pytest.mark.promise("P107")
async def test_a_session_is_resumed_after_a_retry_of_the_hello(
    engine: Engine, tls: ssl.SSLContext, serve
) -> None:
    """The server asks for another key share (RFC 8446, 4.1.4) before it says that it resumes."""
    tls.set_ecdh_curve("secp521r1")
    server = serve(CLOSING, tls=tls)
    assert await visit(engine, server, NAME) == [False]
    assert await visit(engine, server, *[NAME] * 10) == [True] * 10


async def test_a_kept_connection_has_resumed_nothing(
    engine: Engine, tls: ssl.SSLContext, serve
) -> None:
    """Only the exchange that opened a connection counts its handshake."""
    answers = iter([CLOSING, Answer(), Answer()])
    server = serve(lambda _: next(answers), tls=tls)
    timings = [(await page(engine, ask(server, host=NAME))).timing for _ in range(3)]
    assert [seen.resumed for seen in server.seen] == [False, True, True]
    assert [timing.reused for timing in timings[1:]] == [False, engine.capabilities.keep_alive]
    assert not timings[2].resumed or not timings[2].reused
