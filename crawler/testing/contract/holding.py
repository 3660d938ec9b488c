"""Back-pressure on bodies, for an engine whose capabilities say ``holds_bodies``."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from crawler.engines.base import Engine, EngineOptions
from crawler.localweb.connection import SILENCE, Answer
from crawler.localweb.server import Server
from crawler.model.body_budget import BodyBudget
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Request, Response
from crawler.testing.contract.base import EngineTests, on_loop
from crawler.testing.contract.helpers import OK, SCHEMES, ask, must_fail, script

_SIZE = 8_000_000
_LENGTH = f"Content-Length: {_SIZE}\r\n\r\n".encode()
_BODY = b"x" * _SIZE
_BUFFERS = 2_000_000
"""Bytes that an engine may have read before it stops."""
_TIMEOUT = 0.75
_HELD = "an engine does not read a body on while options.bodies holds it back"


class HoldingTests(EngineTests):
    """``EngineOptions.bodies``."""

    @pytest.mark.parametrize("scheme", SCHEMES)
    @on_loop
    async def test_a_body_is_not_read_while_there_is_no_room(self, scheme: str) -> None:
        async with self._held(Answer(body=_BODY), scheme) as (fetch, bodies, _):
            await asyncio.sleep(_TIMEOUT if scheme == "http" else 0.05)
            assert not fetch.done(), f"{_HELD}, and its deadline does not pass meanwhile"
            assert bodies.arriving < _BUFFERS, _HELD
            before = time.monotonic()
            response = await self._end(fetch, bodies)
        assert response.body == _BODY, "a body that was held back is whole"
        assert (bodies.arriving, bodies.held) == (0, 0), "every end is reported"
        clause = "the time in which we did not read is not that of the server"
        assert response.timing.answer <= _TIMEOUT / 2 + time.monotonic() - before, clause

    @on_loop
    async def test_the_deadline_holds_after_a_hold(self) -> None:
        stopped = script(OK, _LENGTH, _BODY[: _SIZE // 2], SILENCE)
        async with self._held(stopped) as (fetch, bodies, engine):
            with pytest.raises(FetchError) as caught:
                await self._end(fetch, bodies)
            must_fail(caught.value.kind, "a server that stops after a hold", FailureKind.TIMEOUT)
            assert (bodies.arriving, bodies.held) == (0, 0), "every end is reported"
            fine = self.serve(Answer(body=b"fine"))
            assert (await self.page(engine, ask(fine))).body == b"fine"

    @on_loop
    async def test_a_held_fetch_can_be_cancelled(self) -> None:
        async with self._held(Answer(body=_BODY)) as (fetch, bodies, engine):
            fetch.cancel()
            await asyncio.gather(fetch, return_exceptions=True)
            assert (bodies.arriving, bodies.held) == (0, 0), "every end is reported"
            fine = self.serve(Answer(body=b"fine"))
            assert (await self.page(engine, ask(fine))).body == b"fine"

    @on_loop
    async def test_an_engine_that_holds_a_body_can_be_closed(self) -> None:
        async with self._held(Answer(body=_BODY)) as (fetch, _, _):
            pass
        ended = await asyncio.gather(fetch, return_exceptions=True)
        assert isinstance(ended[0], BaseException), "a closed engine ends its fetches"

    @asynccontextmanager
    async def _held(
        self, answer: Answer, scheme: str = "http"
    ) -> AsyncIterator[tuple["asyncio.Task[Response]", BodyBudget, Engine]]:
        """A fetch whose body is held back."""
        if not self.capabilities.holds_bodies:
            pytest.skip("its capabilities do not say holds_bodies")
        bodies = BodyBudget(_SIZE)
        bodies.update(2 * _SIZE)
        options = EngineOptions(self.slots, ca_file=self.options.ca_file, bodies=bodies)
        server: Server = self.serve(answer, scheme)
        async with self.make_engine(options) as engine:
            fetch = asyncio.create_task(engine.fetch(self._request(server)))
            async with asyncio.timeout(4 * self.grace):
                while not bodies.held:
                    assert not fetch.done(), _HELD
                    await asyncio.sleep(0.01)
            yield fetch, bodies, engine

    def _request(self, server: Server) -> Request:
        return ask(server, timeout=_TIMEOUT, max_bytes=_SIZE)

    async def _end(self, fetch: "asyncio.Task[Response]", bodies: BodyBudget) -> Response:
        """Make room until the fetch has ended."""
        end = time.monotonic() + _TIMEOUT + 4 * self.grace
        while not fetch.done():
            assert time.monotonic() < end, "the total deadline holds, also after a hold"
            bodies.update(0)
            await asyncio.sleep(0.01)
        return await fetch
