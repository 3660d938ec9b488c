"""What an engine says about its time and its connections is true."""

import time
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from crawler.engines.base import Engine
from crawler.localweb.connection import Answer, Step
from crawler.testing.contract.base import EngineTests, with_engine
from crawler.testing.contract.helpers import OK, SCHEMES, ask

_LATENCY = 0.05
_TICK = 0.01
"""The kernel's clock and ours may differ so much, in seconds."""


class TimingTests(EngineTests):
    """``Response.timing``."""

    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_the_response_is_timed(self, engine: Engine, scheme: str) -> None:
        server = self.serve(Answer(body=b"x" * 20_000, latency=_LATENCY), scheme)
        timing = (await self.page(engine, ask(server))).timing
        clause = "total is from the start of the fetch to its end"
        assert timing.total >= _LATENCY, clause
        assert 0.0 < timing.first_byte <= timing.total, "first_byte is counted as total is"
        clause = "answer is from sending the request until the last byte of the response"
        assert _LATENCY - _TICK <= timing.answer <= timing.total + _TICK, clause
        for name in ("connect", "tls", "buffered", "dns"):
            assert getattr(timing, name) >= 0.0, f"{name} is not negative"
        parts = timing.connect + timing.tls + timing.answer
        assert parts <= timing.total + _TICK, "connect, tls and answer are parts of total"
        assert timing.buffered < _LATENCY, "buffered is only the time until we read"

    @with_engine
    async def test_the_lookup_time_is_passed_on(self, engine: Engine) -> None:
        request = ask(self.serve(Answer()))
        looked_up = replace(request, endpoint=replace(request.endpoint, lookup_s=0.25))
        timing = (await self.page(engine, looked_up)).timing
        assert timing.dns == 0.25, "dns is request.endpoint.lookup_s"

    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_begun_is_called_during_the_response(self, engine: Engine, scheme: str) -> None:
        calls: list[float] = []
        before: list[int] = []

        def steps() -> Iterator[Step]:
            before.append(len(calls))
            yield OK + b"Content-Length: 4\r\n\r\n12"
            until = time.monotonic() + self.grace
            while not calls and time.monotonic() < until:
                yield 0.01
            before.append(len(calls))
            yield b"34"

        server = self.serve(lambda _: Answer(script=steps()), scheme)
        request = replace(ask(server), begun=lambda: calls.append(time.monotonic()))
        assert (await self.page(engine, request)).body == b"1234"
        assert not before[0], "request.begun is called when the response has begun, not before"
        assert before[1], "request.begun is called when the response has begun"

    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_connections_are_reused_as_the_capabilities_say(
        self, engine: Engine, scheme: str
    ) -> None:
        server = self.serve(Answer(body=b"page"), scheme)
        timings = [(await self.page(engine, ask(server))).timing for _ in range(3)]
        kept = self.capabilities.keep_alive
        clause = f"capabilities say keep_alive={kept}"
        assert server.connections == (1 if kept else 3), clause
        reused = [timing.reused for timing in timings]
        assert reused == [False, kept, kept], f"reused is what the server saw: {clause}"
        for timing in timings:
            if timing.reused:
                assert timing.connect == timing.tls == 0.0, "a kept connection takes no time"
