"""Methods and bodies of requests: they are sent as given, and once."""

import time
from itertools import product

import pytest
from msgspec.structs import replace

from crawler.engines.base import Engine
from crawler.localweb.connection import CLOSE, RESET, Answer, Ending, Seen
from crawler.localweb.server import Server
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Headers
from crawler.testing.contract.base import EngineTests, with_engine
from crawler.testing.contract.helpers import (
    HEADERS,
    OK,
    SCHEMES,
    ask,
    must_fail,
    once_a_connection,
    result,
    script,
)

_ONE = "one request, one response"
_BYTES = b"a=1&b=\0\xff\r\n\r\nGET / HTTP/1.1\r\n\r\n"
_SENT: dict[tuple[str, bytes | None], str] = {
    ("GET", None): "",
    ("HEAD", None): "",
    ("POST", _BYTES): str(len(_BYTES)),
    ("POST", None): "0",
    ("POST", b""): "0",
    ("PUT", _BYTES): str(len(_BYTES)),
    ("PUT", None): "0",
    ("PATCH", _BYTES): str(len(_BYTES)),
    ("DELETE", None): "",
    ("DELETE", _BYTES): str(len(_BYTES)),
    ("OPTIONS", None): "",
    ("GET", _BYTES): str(len(_BYTES)),
}
"""Method and body → Content-Length, empty for none (RFC 9110, 8.6)."""
_AFTER_EACH_OTHER = [*list(_SENT)[:5], ("DELETE", None)]
_HEADERS: Headers = (*HEADERS, ("X-Bytes", "a character is a byte: \xe9"))
_LARGE = bytes(range(256)) * 20_000
"""5 MB: more than the buffers of both kernels."""
_PAUSE = 0.15
_LONG = 60.0
_HEADS = {
    "a length": script(OK, b"Content-Length: 100000000\r\n\r\n"),
    "chunked": script(OK, b"Transfer-Encoding: chunked\r\n\r\n"),
    "neither": script(OK, b"X-Is: it\r\n\r\n"),
    "a failure": script(b"HTTP/1.1 404 No\r\nContent-Length: 9\r\n\r\n"),
}
_CLOSED = (FailureKind.RESET, FailureKind.TRUNCATED)
_TOO_LARGE = b"HTTP/1.1 413 No\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmuch"


class MethodTests(EngineTests):
    """``Request.method`` and ``Request.body``."""

    @with_engine
    async def test_method_and_body_are_sent_as_given(self, engine: Engine) -> None:
        """Each after each other one: what is left of a request must not be sent."""
        server = self.serve(Answer(body=b"hello"))
        pairs = product(_AFTER_EACH_OTHER, repeat=2)
        asked = [*_SENT, *(each for pair in pairs for each in pair)]
        await self._ask_all(engine, server, asked)
        if self.capabilities.keep_alive:
            assert server.connections == 1, "a connection is kept, whatever the method was"

    @with_engine
    async def test_methods_are_the_same_over_tls(self, engine: Engine) -> None:
        await self._ask_all(engine, self.serve(Answer(body=b"hello"), "https"), list(_SENT))

    async def _ask_all(
        self, engine: Engine, server: Server, asked: list[tuple[str, bytes | None]]
    ) -> None:
        for method, body in asked:
            request = replace(ask(server, headers=_HEADERS), method=method, body=body)
            response = await self.page(engine, request)
            expected = b"" if method == "HEAD" else b"hello"
            assert response.body == expected, f"a HEAD, and nothing else, gets no body: {method}"
        for (method, body), seen in zip(asked, server.seen, strict=True):
            assert seen.method == method, "the method is sent as in the request"
            assert seen.body == (body or b""), "the body is sent as in the request"
            length = [value for name, value in seen.headers if name.lower() == "content-length"]
            expected_length = [_SENT[method, body]] if _SENT[method, body] else []
            clause = "Content-Length is that of the body, and 0 for a POST without one"
            assert length == expected_length, f"{clause}: {method}, {length}"
            _check_headers(seen, _HEADERS)

    @pytest.mark.parametrize("case", _HEADS)
    @with_engine
    async def test_the_answer_to_a_head_has_no_body(self, engine: Engine, case: str) -> None:
        server = self.serve(
            lambda seen: _HEADS[case] if seen.method == "HEAD" else Answer(body=b"page")
        )
        for _ in range(2):
            head = replace(ask(server, max_bytes=1_000), method="HEAD")
            ended = await self.outcome(engine, head)
            clause = "the answer to a HEAD ends with its head, whatever that says"
            assert ended == (404 if case == "a failure" else 200, b""), clause
            ended = await self.outcome(engine, ask(server))
            assert ended == (200, b"page"), "a HEAD does not spoil the next fetch"
        if self.capabilities.keep_alive and case != "neither":  # as if the body had no length
            assert server.connections == 1, "a connection is kept, whatever the method was"

    @pytest.mark.parametrize("ending", [CLOSE, RESET])
    @pytest.mark.parametrize("method", ["POST", "PUT"])
    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_a_lost_body_is_not_sent_again(
        self, engine: Engine, scheme: str, method: str, ending: Ending
    ) -> None:
        server = self.serve(once_a_connection(Answer(body=b"fresh"), ending), scheme)
        await self.page(engine, ask(server))
        request = replace(ask(server), method=method, body=_BYTES)
        ended = await result(engine, request, self.grace)
        assert len(server.seen) == 2, f"{_ONE}: a {method} is not sent again"
        if isinstance(ended, FetchError):
            must_fail(ended.kind, "a request lost with its connection", *_CLOSED)
            clause = "reused=True only if the request is_idempotent: the crawler sends it again"
            assert ended.reused == request.is_idempotent, f"{clause}: {method}"
        else:
            assert ended.body == b"fresh", "the response is that of the new connection"

    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_a_large_body_is_sent_to_a_slow_server(self, engine: Engine, scheme: str) -> None:
        server = self.serve(Answer(body=b"hello"), scheme, before_body=lambda _: _PAUSE)
        # max_bytes is for the response only.
        request = replace(ask(server, max_bytes=1_000), method="POST", body=_LARGE)
        ended = await self.outcome(engine, request)
        assert ended == (200, b"hello"), "a large body is sent as fast as its server reads"
        (seen,) = server.seen
        assert seen.body == _LARGE, "the body is sent as in the request"
        _check_headers(seen, HEADERS)

    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_the_deadline_holds_while_a_body_is_sent(
        self, engine: Engine, scheme: str
    ) -> None:
        server = self.serve(Answer(body=b"fine"), scheme, before_body=lambda _: _LONG)
        request = replace(ask(server, timeout=0.25), method="PUT", body=_LARGE)
        ended = await self.outcome(engine, request)
        must_fail(ended, "a body that its server does not read", FailureKind.TIMEOUT)
        ended = await self.outcome(engine, ask(server))
        assert ended == (200, b"fine"), "a fetch that timed out does not spoil the next one"

    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_an_early_answer_ends_the_sending(self, engine: Engine, scheme: str) -> None:
        early = script(_TOO_LARGE, CLOSE)
        server = self.serve(Answer(body=b"fine"), scheme, before_body=lambda _: early)
        started = time.monotonic()
        request = replace(ask(server, timeout=_LONG), method="POST", body=_LARGE)
        ended = await result(engine, request, self.grace)
        assert time.monotonic() - started < 2 * self.grace, "nothing is sent to a closed connection"
        if isinstance(ended, FetchError):
            # The kernel may have thrown the answer away (RFC 9112, 9.6).
            must_fail(ended.kind, "a connection that is closed while a body is sent", *_CLOSED)
        else:
            clause = "an answer that comes before the body was sent is the answer"
            assert (ended.status, ended.body) == (413, b"much"), clause
        ended_well = await self.afterwards(engine, ask(server))
        assert ended_well == (200, b"fine"), "an early answer does not spoil the next fetch"


def _check_headers(seen: Seen, given: Headers) -> None:
    """Raises AssertionError if other headers were sent than ``given`` and the engine's own."""
    own = {"host", "connection", "content-length"}
    sent = tuple(pair for pair in seen.headers if pair[0].lower() not in own)
    clause = "exactly request.headers are sent, plus Host, Connection and Content-Length"
    assert sent == given, f"{clause}: {seen.method}"
