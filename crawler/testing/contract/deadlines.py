"""The total deadline holds, whatever the server does, and a slow server delays no other request."""

import asyncio
import time

import pytest
from msgspec.structs import replace

from crawler.engines.base import Engine
from crawler.localweb.connection import SILENCE, Answer
from crawler.localweb.server import Server
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Request
from crawler.testing.contract.base import EngineTests, on_loop, with_engine
from crawler.testing.contract.helpers import (
    CHUNKED,
    OK,
    SCHEMES,
    SILENT,
    Arrivals,
    ask,
    little_memory,
    must_fail,
    result,
    script,
)

_LATE = "a fetch that reaches its total deadline, request.timeout,"
_CONNECTING = "request.connect_timeout limits how long a connection may take"
_UNCONNECTED = "if no connection was made, the error says connected=False"
_NINE = OK + b"Content-Length: 9\r\n\r\n"
_DRIPS = {
    "headers": script(OK, b"X: ", ("repeat", b"y", None, 0.02)),
    "1xx": script(("repeat", b"HTTP/1.1 100 Continue\r\n\r\n", None, 0.02)),
    "body": script(OK, b"\r\n", ("repeat", b"y", None, 0.02)),
    "chunks": script(CHUNKED, ("repeat", b"1\r\ny\r\n", None, 0.02)),
    "chunk extension": script(CHUNKED, b"1;", ("repeat", b"y", None, 0.02)),
    "trailers": script(CHUNKED, b"0\r\nX: ", ("repeat", b"y", None, 0.02)),
    "chunks of a byte, in a flood": script(CHUNKED, ("repeat", b"1\r\ny\r\n" * 1000, None, 0.0)),
}
_SLOW = {
    "before the response": SILENT,
    "within the headers": script(OK, SILENCE),
    "after the headers": script(_NINE, SILENCE),
    "within the body": script(_NINE, b"body", SILENCE),
    "within chunks": script(CHUNKED, b"4\r\nbody\r\n", SILENCE),
    "dripping": script(OK, b"\r\n", ("repeat", b"y", None, 0.05)),
}


class DeadlineTests(EngineTests):
    """The total deadline."""

    @pytest.mark.parametrize("case", _DRIPS)
    @on_loop
    async def test_the_deadline_holds_while_bytes_arrive(self, case: str) -> None:
        drip, fine = self.serve(_DRIPS[case]), self.serve(Answer(body=b"fine"))
        async with self.engine(1) as engine:
            with little_memory():
                ended = await self.outcome(engine, ask(drip, timeout=0.2, max_bytes=10**9))
            must_fail(ended, _LATE, FailureKind.TIMEOUT)
            ended = await self.outcome(engine, ask(fine))
            assert ended == (200, b"fine"), "a fetch that timed out leaves its slot"

    @pytest.mark.parametrize("case", _SLOW)
    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_the_deadline_holds_during_the_response(
        self, engine: Engine, scheme: str, case: str
    ) -> None:
        server = self.serve(_SLOW[case], scheme)
        await self._times_out(engine, server)
        assert len(server.seen) == 1, "a request that timed out is not sent again"

    @pytest.mark.parametrize("phase", ["connect", "handshake"])
    @with_engine
    async def test_the_deadline_holds_while_connecting(self, engine: Engine, phase: str) -> None:
        if phase == "connect":
            server = self.serve(Answer(), accept=False)
        else:
            server = self.serve(Answer(), "https", handshake_delay=60.0)
        await self._times_out(engine, server)
        assert server.seen == [], "nothing is sent before there is a connection"

    async def _times_out(self, engine: Engine, server: Server) -> None:
        started = time.monotonic()
        ended = await self.outcome(engine, ask(server, timeout=0.25))
        must_fail(ended, _LATE, FailureKind.TIMEOUT)
        assert time.monotonic() - started > 0.2, "a deadline is not shorter than it should be"

    @with_engine
    async def test_connecting_is_limited(self, engine: Engine) -> None:
        server = self.serve(Answer(), accept=False)
        request = replace(ask(server, timeout=2 * self.grace), connect_timeout=0.25)
        started = time.monotonic()
        ended = await self._failure(engine, request)
        assert 0.2 < time.monotonic() - started < self.grace, _CONNECTING
        assert ended.kind in (FailureKind.TIMEOUT, FailureKind.CONNECT), _CONNECTING
        assert not ended.connected, _UNCONNECTED

    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_a_refused_connection_was_not_made(self, engine: Engine, scheme: str) -> None:
        server = self.serve(Answer(), scheme)
        request = replace(ask(server), connect_timeout=5.0)
        self.servers.close()
        ended = await self._failure(engine, request)
        must_fail(ended.kind, "a refused connection", FailureKind.CONNECT)
        assert not ended.connected, _UNCONNECTED

    @pytest.mark.parametrize("phase", ["handshake", "response"])
    @with_engine
    async def test_only_connecting_is_limited(self, engine: Engine, phase: str) -> None:
        answer = Answer(body=b"late", latency=0.6 if phase == "response" else 0.0)
        server = self.serve(
            answer,
            "https" if phase == "handshake" else "http",
            handshake_delay=0.6 if phase == "handshake" else 0.0,
        )
        response = await self.page(engine, replace(ask(server), connect_timeout=0.25))
        assert response.body == b"late", "request.connect_timeout is for the TCP handshake only"

    @with_engine
    async def test_a_limit_is_for_one_request_only(self, engine: Engine) -> None:
        silent, fine = self.serve(Answer(), accept=False), self.serve(Answer(body=b"fine"))
        await self._failure(engine, replace(ask(silent, timeout=1.0), connect_timeout=0.05))
        assert await self.outcome(engine, ask(fine)) == (200, b"fine"), _CONNECTING
        await self._times_out(engine, silent)

    async def _failure(self, engine: Engine, request: Request) -> FetchError:
        ended = await result(engine, request, self.grace)
        assert isinstance(ended, FetchError), "nothing is sent before there is a connection"
        return ended

    @pytest.mark.parametrize("case", ["connect", *_SLOW])
    @with_engine
    async def test_a_slow_server_delays_no_other(self, engine: Engine, case: str) -> None:
        self.need_two_slots()
        arrivals = Arrivals(answer=_SLOW.get(case, SILENT))
        slow, quick = self.serve(arrivals, accept=case != "connect"), self.serve(Answer())
        waiting = asyncio.create_task(engine.fetch(ask(slow)))
        if case != "connect":
            await arrivals.wait(self.grace)
        await self.page(engine, ask(quick))
        assert not waiting.done(), "a fetch does not wait for another one"
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
