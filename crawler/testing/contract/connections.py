"""Kept connections: they are used again, as many as allowed, and a request is sent once on them."""

import asyncio

import pytest
from msgspec.structs import replace

from crawler.engines.base import Engine, EngineOptions
from crawler.localweb.connection import CLOSE, RESET, Answer, Ending
from crawler.localweb.server import Server
from crawler.model.errors import FetchError
from crawler.testing.contract.base import EngineTests, on_loop, with_engine
from crawler.testing.contract.helpers import SCHEMES, ask, once_a_connection, result

_ADDRESSES = tuple(f"127.0.0.{number}" for number in range(1, 13))
_MOST = 4
_ONE = "one request, one response"


class ConnectionTests(EngineTests):
    """Which connections are kept, and what is sent on them."""

    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_connections_to_more_hosts_than_slots_are_kept(
        self, engine: Engine, scheme: str
    ) -> None:
        server = self.serve(Answer(), scheme, addresses=_ADDRESSES)
        for _ in range(3):
            await self._visit_all(engine, server)
        if self.capabilities.keep_alive:
            clause = "a kept connection is used again, however many hosts there are"
            assert server.connections == len(_ADDRESSES), clause

    @pytest.mark.parametrize("scheme", SCHEMES)
    @on_loop
    async def test_open_connections_are_limited(self, scheme: str) -> None:
        most = 0

        def answer(_: object) -> Answer:
            nonlocal most
            most = max(most, server.open)
            return Answer()

        server = self.serve(answer, scheme, addresses=_ADDRESSES)
        slots = min(self.slots, _MOST)
        options = EngineOptions(slots, ca_file=self.options.ca_file, connections=_MOST)
        clause = "options.connections limits how many connections are open"
        async with self.make_engine(options) as engine:
            await self._visit_all(engine, server)
            # While one is opened for each slot, as many may still be closing.
            assert most <= _MOST + slots, f"{clause}: {most}"
            assert await self._comes_down(server), f"{clause}: {server.open}"

    async def _visit_all(self, engine: Engine, server: Server) -> None:
        for address in _ADDRESSES:
            await self.page(engine, ask(server, dial=address))

    async def _comes_down(self, server: Server) -> bool:
        """Whether no more than the limit stay open."""
        for _ in range(round(100 * self.grace)):
            if server.open <= _MOST:
                return True
            await asyncio.sleep(0.01)
        return False

    @pytest.mark.parametrize("ending", [CLOSE, RESET])
    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_a_request_lost_with_a_kept_connection_is_not_sent_again(
        self, engine: Engine, scheme: str, ending: Ending
    ) -> None:
        server = self.serve(once_a_connection(Answer(body=b"fresh"), ending), scheme)
        await self.page(engine, ask(server))
        ended = await result(engine, ask(server), self.grace)
        assert len(server.seen) == 2, f"{_ONE}: an engine does not try again, the crawler does"
        if isinstance(ended, FetchError):
            assert ended.reused, "a kept connection that had died: the error says reused=True"
        else:
            assert ended.body == b"fresh", "the response is that of the new connection"

    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_a_fresh_request_uses_a_new_connection(self, engine: Engine, scheme: str) -> None:
        server = self.serve(Answer(), scheme)
        for fresh in (False, True, True, False):
            await self.page(engine, replace(ask(server), fresh=fresh))
        used = [seen.connection for seen in server.seen]
        clause = "a request with fresh=True uses a new connection"
        assert used[1] not in used[:1], clause
        assert used[2] not in used[:2], clause
        if self.capabilities.keep_alive:
            assert used[3] in used[:3], "only a request with fresh=True uses a new connection"
