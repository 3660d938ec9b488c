"""Limits that hold whatever the server sends: the body, the head, and memory."""

import msgspec
import pytest

from crawler.engines.base import Engine
from crawler.localweb.connection import CLOSE, Answer
from crawler.model.errors import FailureKind
from crawler.testing.contract.base import EngineTests, with_engine
from crawler.testing.contract.helpers import (
    CHUNKED,
    OK,
    SCHEMES,
    ask,
    little_memory,
    must_fail,
    script,
)

_MEGABYTE = b"x" * 1_000_000
_TOO_LARGE = {
    "as announced": script(
        OK, b"Content-Length: 100000000\r\n\r\n", ("repeat", _MEGABYTE, 100, 0.0)
    ),
    "without length": script(OK, b"\r\n", ("repeat", _MEGABYTE, 100, 0.0), CLOSE),
    "in chunks": script(
        CHUNKED, ("repeat", b"f4240\r\n" + _MEGABYTE + b"\r\n", 100, 0.0), b"0\r\n\r\n"
    ),
    "in one chunk": script(CHUNKED, b"5f5e100\r\n", ("repeat", _MEGABYTE, 100, 0.0)),
}
_LINE = b"X-Filler: " + b"y" * 90 + b"\r\n"
_HEADS = {
    "headers": script(OK, ("repeat", _LINE * 50, None, 0.0)),
    "one header": script(OK, b"X: ", ("repeat", b"y" * 5000, None, 0.0)),
    "status line": script(b"HTTP/1.1 200 ", ("repeat", b"y" * 5000, None, 0.0)),
    "1xx": script(("repeat", b"HTTP/1.1 103 Early Hints\r\n" + _LINE + b"\r\n", None, 0.0)),
    "bare 1xx": script(("repeat", b"HTTP/1.1 100 Continue\r\n\r\n" * 50, None, 0.0)),
}
"""Endless heads."""
FRAMINGS = {
    "trailers": script(CHUNKED, b"1\r\nx\r\n0\r\n", ("repeat", _LINE * 50, None, 0.0)),
    "one trailer": script(CHUNKED, b"0\r\nX: ", ("repeat", b"y" * 5000, None, 0.0)),
    "chunk size": script(CHUNKED, ("repeat", b"0" * 5000, None, 0.0)),
    "chunk extension": script(CHUNKED, b"1;", ("repeat", b"y" * 5000, None, 0.0)),
}
"""Endless bytes around a body. A library may hide them, and then only the deadline ends them."""


class LimitTests(EngineTests):
    """Limits for bytes."""

    @pytest.mark.parametrize("case", _TOO_LARGE)
    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_a_body_over_max_bytes_is_not_read(
        self, engine: Engine, scheme: str, case: str
    ) -> None:
        server = self.serve(_TOO_LARGE[case], scheme)
        ended = await self.outcome(engine, ask(server, max_bytes=100_000))
        must_fail(ended, "a body over max_bytes", FailureKind.TOO_LARGE)
        # The kernel cannot have buffered 100 MB.
        assert server.answered == [], "a body over max_bytes is not read to its end"

    @pytest.mark.parametrize("framing", [b"Content-Length: 5000\r\n\r\n", b"\r\n"])
    @with_engine
    async def test_a_body_of_max_bytes_is_allowed(self, engine: Engine, framing: bytes) -> None:
        # With Connection: close, no engine keeps the connection and finds it dead at the next
        # request.
        server = self.serve(script(OK, b"Connection: close\r\n", framing, b"x" * 5000, CLOSE))
        ended = await self.outcome(engine, ask(server, max_bytes=5000))
        assert ended == (200, b"x" * 5000), "a body of exactly max_bytes is allowed"
        ended = await self.outcome(engine, ask(server, max_bytes=4999))
        must_fail(ended, "a body of one byte more than max_bytes", FailureKind.TOO_LARGE)

    @pytest.mark.parametrize("case", _TOO_LARGE)
    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_a_body_is_cut_if_the_request_says_so(
        self, engine: Engine, scheme: str, case: str
    ) -> None:
        server = self.serve(_TOO_LARGE[case], scheme)
        request = msgspec.structs.replace(ask(server, max_bytes=100_000), cut=True)
        for _ in range(2):  # what is left of the first body does not spoil the next one
            ended = await self.outcome(engine, request)
            assert ended == (200, b"x" * 100_000), "the first max_bytes of a larger body are a page"
        assert server.answered == [], "the rest of a body that is cut is not read"

    @with_engine
    async def test_a_short_body_is_not_cut(self, engine: Engine) -> None:
        server = self.serve(Answer(body=b"x" * 5000))
        request = msgspec.structs.replace(ask(server, max_bytes=5000), cut=True)
        assert await self.outcome(engine, request) == (200, b"x" * 5000), "all of it is returned"
        server = self.serve(script(OK, b"Content-Length: 5000\r\n\r\nfew", CLOSE))
        request = msgspec.structs.replace(ask(server, max_bytes=4000), cut=True)
        ended = await self.outcome(engine, request)
        must_fail(ended, "a truncated body that is shorter than the cut", FailureKind.TRUNCATED)

    @pytest.mark.parametrize("length", [b"1000000000000", b"9" * 400], ids=["12 digits", "400"])
    @with_engine
    async def test_a_false_content_length_costs_no_memory(
        self, engine: Engine, length: bytes
    ) -> None:
        server = self.serve(script(OK, b"Content-Length: " + length + b"\r\n\r\nfew", CLOSE))
        kinds = (FailureKind.TOO_LARGE, FailureKind.TRUNCATED, FailureKind.PROTOCOL)
        with little_memory():
            for max_bytes in (1_000_000, 10**15):
                ended = await self.outcome(engine, ask(server, max_bytes=max_bytes))
                must_fail(ended, "a body shorter than its Content-Length", *kinds)

    @pytest.mark.parametrize("case", _HEADS)
    @with_engine
    async def test_an_endless_head_is_a_failure(self, engine: Engine, case: str) -> None:
        with little_memory():
            ended = await self.outcome(engine, ask(self.serve(_HEADS[case])))
        must_fail(ended, "an endless head or flood of 1xx responses", FailureKind.PROTOCOL)

    @pytest.mark.parametrize("case", FRAMINGS)
    @with_engine
    async def test_endless_framing_costs_no_memory(self, engine: Engine, case: str) -> None:
        with little_memory():
            ended = await self.outcome(engine, ask(self.serve(FRAMINGS[case]), timeout=0.3))
        kinds = (FailureKind.PROTOCOL, FailureKind.TOO_LARGE, FailureKind.TIMEOUT)
        must_fail(ended, "endless framing", *kinds)

    @with_engine
    async def test_many_headers_are_allowed(self, engine: Engine) -> None:
        lines = tuple((f"X-{number}", "v" * 100) for number in range(90))
        response = await self.page(engine, ask(self.serve(Answer(headers=lines))))
        assert response.header("x-89") == "v" * 100, "90 header lines are allowed"

    @with_engine
    async def test_a_long_header_is_allowed(self, engine: Engine) -> None:
        response = await self.page(
            engine, ask(self.serve(Answer(headers=(("X-Long", "v" * 30_000),))))
        )
        assert response.header("x-long") == "v" * 30_000, "a header line of 30 KB is allowed"
