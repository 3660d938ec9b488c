"""The aiohttp engine without sockets: how it calls aiohttp, and how it translates the results."""

import asyncio
import errno
import re
import ssl
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from multidict import CIMultiDict
from support.aiohttp_errors import answered_badly, badly_certified, system, unconnected
from support.mocked_aiohttp import MockedSession, exchange

from crawler.engines.aiohttp import AiohttpEngine
from crawler.engines.base import EngineOptions
from crawler.engines.shared.kernel import RECEIVE_WINDOW
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Endpoint, Headers, Request

ADDRESS = "192.0.2.1"  # for documentation (RFC 5737): nobody has it
DIALLED = f"http://{ADDRESS}:8080/"
ANY = re.compile("")
LARGE = bytes(range(256)) * 1200


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[AiohttpEngine]:
    async with AiohttpEngine(EngineOptions(concurrency=4)) as engine:
        yield engine


def request(
    url: str = "http://shop.example/",
    *,
    dial: str = ADDRESS,
    headers: Headers = (),
    **changes: Any,
) -> Request:
    limits = {"timeout": 10.0, "max_bytes": 1_000_000} | changes
    return Request(url, Endpoint("203.0.113.9", dial, 8080), headers, **limits)


async def failure(engine: AiohttpEngine, **changes: Any) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await engine.fetch(request(**changes))
    assert caught.value.message
    return caught.value


# --- what is asked


@pytest.mark.parametrize(
    ("dial", "authority"), [(ADDRESS, f"{ADDRESS}:8080"), ("2001:db8::1", "[2001:db8::1]:8080")]
)
@pytest.mark.parametrize("target", ["", "a%2fb/../c", "?", "a?b=%7e&a=1+2", "%C3%A9?q=%22"])
async def test_the_url_has_the_address_and_target(
    engine: AiohttpEngine, dial: str, authority: str, target: str
) -> None:
    with MockedSession() as mocked:
        mocked.get(ANY)
        await engine.fetch(request(f"http://shop.example:81/{target}", dial=dial))
    (sent,) = mocked.sent
    assert str(sent.url) == f"http://{authority}/{target}"
    assert sent.headers["Host"] == "shop.example:81"


async def test_only_the_headers_of_the_request_are_sent(engine: AiohttpEngine) -> None:
    given = (("User-Agent", "me/1"), ("X-Two", "a"), ("Accept", "text/html"), ("X-Two", "b"))
    with MockedSession() as mocked:
        mocked.get(DIALLED)
        await engine.fetch(request(headers=given))
    (sent,) = mocked.sent
    assert tuple(sent.headers.items()) == (("Host", "shop.example"), *given)


@pytest.mark.parametrize(("verify", "mode"), [(True, ssl.CERT_REQUIRED), (False, ssl.CERT_NONE)])
@pytest.mark.parametrize(
    ("authority", "name"), [("shop.example:444", "shop.example"), ("[2001:db8::7]", "2001:db8::7")]
)
async def test_tls_uses_the_name_not_the_address(
    engine: AiohttpEngine, verify: bool, mode: ssl.VerifyMode, authority: str, name: str
) -> None:
    with MockedSession() as mocked:
        mocked.get(f"https://{ADDRESS}:8080/")
        await engine.fetch(request(f"https://{authority}/", verify=verify))
    (sent,) = mocked.sent
    assert sent.server_hostname == name
    assert isinstance(sent.ssl, ssl.SSLContext)
    assert (sent.ssl.verify_mode, sent.ssl.check_hostname) == (mode, verify)


async def test_a_redirect_is_returned_not_followed(engine: AiohttpEngine) -> None:
    with MockedSession() as mocked:
        mocked.get(DIALLED, status=302, headers={"Location": f"{DIALLED}next"})
        mocked.get(f"{DIALLED}next")
        response = await engine.fetch(request())
    assert response.status == 302
    assert response.header("location") == f"{DIALLED}next"
    assert [str(sent.url) for sent in mocked.sent] == [DIALLED]


# --- what is answered


@pytest.mark.parametrize("status", [200, 204, 304, 404, 503, 999])
async def test_every_status_returns_a_response(engine: AiohttpEngine, status: int) -> None:
    with MockedSession() as mocked:
        mocked.get(DIALLED, status=status, body=b"said")
        response = await engine.fetch(request())
    assert (response.status, response.body, response.http_version) == (status, b"said", "1.1")


async def test_response_headers_keep_order_and_bytes(engine: AiohttpEngine) -> None:
    lines = [("Content-Type", "text/html"), ("Set-Cookie", "a=1"), ("X-Ample", "é"), ("B", "2")]
    with MockedSession() as mocked:
        mocked.get(DIALLED, headers=CIMultiDict([*lines, ("Set-Cookie", "b=2")]))
        response = await engine.fetch(request())
    assert response.headers == (
        ("content-type", "text/html"),
        ("set-cookie", "a=1"),
        ("x-ample", "Ã©"),
        ("b", "2"),
        ("set-cookie", "b=2"),
    )


@pytest.mark.parametrize("size", [0, 1, RECEIVE_WINDOW, RECEIVE_WINDOW + 1, len(LARGE)])
async def test_a_body_of_any_size_is_complete(engine: AiohttpEngine, size: int) -> None:
    with MockedSession() as mocked:
        mocked.get(DIALLED, body=LARGE[:size])
        response = await engine.fetch(request())
    assert response.body == LARGE[:size]
    assert response.timing.sure is (size <= RECEIVE_WINDOW)


@pytest.mark.parametrize(("reused", "connects"), [(False, True), (True, False)])
async def test_without_a_socket_the_library_clock_is_used(
    engine: AiohttpEngine, reused: bool, connects: bool
) -> None:
    with MockedSession(under_way=exchange(reused=reused, received=10)) as mocked:
        mocked.get(DIALLED)
        timing = (await engine.fetch(request())).timing
    assert (timing.method, timing.reused) == ("library", reused)
    assert timing.answer > 0
    assert timing.total > 0
    if not connects:
        assert timing.connect == timing.tls == 0


# --- what is refused


@pytest.mark.parametrize(
    "answer",
    [
        {"body": b"x" * 101},
        {"headers": {"Content-Length": "101"}},
    ],
    ids=["longer", "announced as longer"],
)
async def test_a_body_over_the_limit_fails(engine: AiohttpEngine, answer: dict[str, Any]) -> None:
    with MockedSession() as mocked:
        mocked.get(DIALLED, **answer)
        error = await failure(engine, max_bytes=100)
    assert (error.kind, error.message) == (
        FailureKind.TOO_LARGE,
        "the body is larger than 100 bytes",
    )


@pytest.mark.parametrize(
    "answer",
    [
        {"body": b"x" * 100, "headers": {"Content-Length": "100"}},
        {"status": 204, "headers": {"Content-Length": "101"}},
    ],
    ids=["as long as allowed", "without a body, whatever is announced"],
)
async def test_a_body_within_the_limit_is_returned(
    engine: AiohttpEngine, answer: dict[str, Any]
) -> None:
    with MockedSession() as mocked:
        mocked.get(DIALLED, **answer)
        response = await engine.fetch(request(max_bytes=100))
    assert response.body == answer.get("body", b"")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            {"headers": {"Transfer-Encoding": "gzip, chunked"}},
            "Transfer-Encoding other than chunked",
        ),
        ({"exception": ValueError("no such value")}, "no such value"),
        ({"exception": RuntimeError("out of order")}, "out of order"),
    ],
)
async def test_a_wrong_exchange_is_a_protocol_failure(
    engine: AiohttpEngine, answer: dict[str, Any], message: str
) -> None:
    with MockedSession() as mocked:
        mocked.get(DIALLED, **answer)
        error = await failure(engine)
    assert (error.kind, error.message, error.reused) == (FailureKind.PROTOCOL, message, False)


@pytest.mark.parametrize(
    ("reason", "kind", "message"),
    [
        (system(errno.ECONNREFUSED), FailureKind.CONNECT, "Connection refused"),
        (system(errno.EHOSTUNREACH), FailureKind.CONNECT, "No route to host"),
        (system(errno.ETIMEDOUT), FailureKind.CONNECT, "Connection timed out"),
        (OSError("no reason known"), FailureKind.CONNECT, "no reason known"),
        (
            badly_certified(),
            FailureKind.TLS,
            "certificate rejected: unable to get local issuer certificate",
        ),
        (ssl.SSLError(1, "[SSL] WRONG_VERSION_NUMBER"), FailureKind.TLS, "wrong version number"),
        (
            system(errno.ECONNRESET),
            FailureKind.TLS,
            "the server closed the connection during the TLS handshake",
        ),
    ],
)
async def test_a_failed_connection_has_its_kind(
    engine: AiohttpEngine, reason: Exception, kind: FailureKind, message: str
) -> None:
    with MockedSession() as mocked:
        mocked.get(ANY, exception=unconnected(reason, tls=True))
        error = await failure(engine, url="https://shop.example/")
    assert (error.kind, error.reused) == (kind, False)
    assert message in error.message
    assert len(mocked.sent) == 1


@pytest.mark.promise("P19")
async def test_a_reset_while_connecting_is_a_connect_failure(engine: AiohttpEngine) -> None:
    with MockedSession() as mocked:
        mocked.get(DIALLED, exception=unconnected(system(errno.ECONNRESET)))
        assert (await failure(engine)).kind is FailureKind.CONNECT


@pytest.mark.promise("P19")
@pytest.mark.parametrize(
    "error", [aiohttp.ServerDisconnectedError(), aiohttp.ClientOSError(errno.EPIPE, "broken pipe")]
)
async def test_a_dead_kept_connection_is_reported(engine: AiohttpEngine, error: Exception) -> None:
    with MockedSession() as mocked:
        mocked.get(DIALLED, exception=error, repeat=True)
        found = await failure(engine)
    assert (found.kind, found.reused) == (FailureKind.RESET, True)
    assert len(mocked.sent) == 1


GONE = "the server closed the connection without a response"
REFUSED = FetchError(FailureKind.PROTOCOL, "a second response")
CASES: list[tuple[dict[str, Any], Exception, FailureKind, str, bool]] = [
    ({}, aiohttp.ServerDisconnectedError(), FailureKind.RESET, GONE, False),
    ({"reused": True}, aiohttp.ServerDisconnectedError(), FailureKind.RESET, GONE, True),
    (
        {"reused": True, "lost": system(errno.ECONNRESET)},
        aiohttp.ClientOSError(errno.ECONNRESET, "reset"),
        FailureKind.RESET,
        "Connection reset by peer",
        True,
    ),
    (
        {"reused": True, "received": 9, "lost": system(errno.ECONNRESET)},
        aiohttp.ClientPayloadError(),
        FailureKind.RESET,
        "Connection reset by peer",
        False,
    ),
    (
        {"received": 1234},
        aiohttp.ClientPayloadError("not completed"),
        FailureKind.TRUNCATED,
        "the connection closed after 1,234 bytes",
        False,
    ),
    (
        {"received": 9, "lost": ssl.SSLEOFError(8, "EOF occurred")},
        aiohttp.ClientPayloadError(),
        FailureKind.TRUNCATED,
        "the connection closed after 9 bytes",
        False,
    ),
    (
        {"received": 9, "lost": ssl.SSLError(1, "[SSL] BAD_RECORD_MAC")},
        aiohttp.ClientPayloadError(),
        FailureKind.TLS,
        "bad record mac",
        False,
    ),
    (
        {"received": 9},
        answered_badly(),
        FailureKind.PROTOCOL,
        "not an HTTP/1 response: Bad status line",
        False,
    ),
    (
        {"received": 9, "refused": REFUSED},
        aiohttp.ClientPayloadError(),
        FailureKind.PROTOCOL,
        "a second response",
        False,
    ),
]


@pytest.mark.promise("P19")
@pytest.mark.parametrize("where", ["head", "body"])
@pytest.mark.parametrize(("ended", "error", "kind", "message", "reused"), CASES)
async def test_a_broken_exchange_has_its_kind(
    engine: AiohttpEngine,
    where: str,
    ended: dict[str, Any],
    error: Exception,
    kind: FailureKind,
    message: str,
    reused: bool,
) -> None:
    broken = error if where == "body" else None
    with MockedSession(under_way=exchange(**ended), broken=broken) as mocked:
        mocked.get(DIALLED, body=b"half", exception=error if where == "head" else None, repeat=True)
        found = await failure(engine)
    assert (found.kind, found.reused) == (kind, reused)
    assert message in found.message
    assert len(mocked.sent) == 1


# --- who does not answer


@pytest.mark.promise("P20")
async def test_the_deadline_covers_the_whole_fetch(engine: AiohttpEngine) -> None:
    async def silence(url: object, **options: object) -> None:
        await asyncio.Event().wait()

    with MockedSession() as mocked:
        mocked.get(DIALLED, callback=silence)
        error = await failure(engine, timeout=0.01)
    assert (error.kind, error.message) == (
        FailureKind.TIMEOUT,
        "no complete response within 0.01 s",
    )


async def test_a_cancelled_fetch_leaves_the_engine_usable(engine: AiohttpEngine) -> None:
    asked = asyncio.Event()

    async def silence(url: object, **options: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    with MockedSession() as mocked:
        mocked.get(DIALLED, callback=silence)
        mocked.get(f"{DIALLED}next", body=b"on it goes")
        fetch = asyncio.ensure_future(engine.fetch(request()))
        await asked.wait()
        fetch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetch
        response = await engine.fetch(request("http://shop.example/next"))
    assert response.body == b"on it goes"
