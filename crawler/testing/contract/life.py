"""The life of an engine: many fetches at once, cancelled ones, and closing."""

import asyncio
import socket
import time
from collections.abc import Sequence

import pytest

from crawler.engines.base import Engine
from crawler.localweb.connection import CLOSE, SILENCE, Answer
from crawler.localweb.server import Server
from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Endpoint, Request, Response
from crawler.testing.contract.base import EngineTests, on_loop, with_engine
from crawler.testing.contract.helpers import (
    OK,
    SCHEMES,
    SILENT,
    Arrivals,
    OpenThings,
    ask,
    must_fail,
    script,
)

_BEGUN = script(OK, b"\r\nbody", SILENCE)
_USABLE = "an engine stays usable after fetches were cancelled"
_CLOSED = "closing an engine leaves nothing open"


class LifeTests(EngineTests):
    """Slots, cancelling and closing."""

    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_a_refused_connection_is_a_failure(self, engine: Engine, scheme: str) -> None:
        with socket.socket() as taken:  # bound, but not listening: no other process gets the port
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            endpoint = Endpoint("127.0.0.1", "127.0.0.1", port)
            request = Request(f"{scheme}://shop.example:{port}/", endpoint, (), 10.0, 1000)
            ended = await self.outcome(engine, request)
        must_fail(ended, "a refused connection", FailureKind.CONNECT)

    @with_engine
    async def test_fetches_run_at_the_same_time(self, engine: Engine) -> None:
        arrivals = Arrivals(self.slots)
        server = self.serve(arrivals)
        await self._visit(engine, server, self.slots, arrivals)

    @with_engine
    async def test_more_fetches_than_slots_all_finish(self, engine: Engine) -> None:
        server = self.serve(lambda seen: Answer(body=seen.target.encode()))
        paths = [f"/{number}" for number in range(25)]
        ended = await asyncio.gather(*(self.outcome(engine, ask(server, path)) for path in paths))
        clause = "a fetch without a slot waits for one; each gets its own response"
        assert ended == [(200, path.encode()) for path in paths], clause

    @pytest.mark.parametrize("when", ["connect", "answer", "body"])
    @pytest.mark.parametrize("scheme", SCHEMES)
    @with_engine
    async def test_cancelling_frees_every_slot(
        self, engine: Engine, scheme: str, when: str
    ) -> None:
        arrivals = Arrivals(self.slots, _BEGUN if when == "body" else SILENT)
        server = (
            self.serve(arrivals, accept=False)
            if when == "connect"
            else self.serve(arrivals, scheme)
        )
        tasks = _start(engine, server, 3 * self.slots)
        if when == "connect":
            _, pending = await asyncio.wait(tasks, timeout=0.1)
            assert len(pending) == len(tasks), "a fetch waits for its connection"
        else:
            await arrivals.wait(self.grace)
        ended = await _cancel(tasks)
        clause = "a cancelled fetch raises CancelledError"
        assert all(isinstance(each, asyncio.CancelledError) for each in ended), clause
        again = Arrivals(self.slots)  # they arrive at the same time, unless a slot is lost
        await self._visit(engine, self.serve(again, scheme), self.slots, again)
        ended_well = await self.outcome(engine, ask(self.serve(Answer(body=b"fine"), scheme)))
        assert ended_well == (200, b"fine"), _USABLE

    async def _visit(self, engine: Engine, server: Server, count: int, arrivals: Arrivals) -> None:
        """Wait until ``count`` requests have arrived, then cancel them."""
        tasks = _start(engine, server, count)
        try:
            await arrivals.wait(self.grace)
        finally:
            await _cancel(tasks)

    @with_engine
    async def test_every_failure_frees_its_slot(self, engine: Engine) -> None:
        broken, silent = self.serve(script(b"junk\r\n\r\n", CLOSE)), self.serve(SILENT)
        for _ in range(2 * self.slots):
            ended = await self.outcome(engine, ask(broken))
            must_fail(ended, "a response that is not HTTP", FailureKind.PROTOCOL)
            ended = await self.outcome(engine, ask(silent, timeout=0.05))
            must_fail(ended, "a fetch at its deadline", FailureKind.TIMEOUT)
        ended = await self.outcome(engine, ask(self.serve(Answer(body=b"fine"))))
        assert ended == (200, b"fine"), "a failure frees its slot"

    @pytest.mark.parametrize("last", ["good", "failed", "cancelled", "timed out"])
    @pytest.mark.parametrize("scheme", SCHEMES)
    @on_loop
    async def test_closing_leaves_nothing_open(self, scheme: str, last: str) -> None:
        arrivals = Arrivals(answer=_BEGUN)
        good, silent = self.serve(Answer(), scheme), self.serve(arrivals, scheme)
        broken = self.serve(script(b"HTTP/", CLOSE), scheme)
        before = OpenThings.now()
        async with self.engine() as engine:
            await asyncio.gather(*(self.page(engine, ask(good)) for _ in range(3)))
            match last:
                case "failed":
                    assert await self.outcome(engine, ask(broken)) is not FailureKind.TIMEOUT
                case "timed out":
                    timed_out = await self.outcome(engine, ask(silent, timeout=0.2))
                    must_fail(timed_out, "a fetch at its deadline", FailureKind.TIMEOUT)
                case "cancelled":
                    await self._visit(engine, silent, 1, arrivals)
        self.servers.close()  # also closes their ends of the connections
        left = await before.left()
        assert not left, f"{_CLOSED}, after a fetch that was {last}: {left}"

    @on_loop
    async def test_a_closed_engine_can_be_entered_again(self) -> None:
        server = self.serve(Answer(body=b"fine"))
        before = OpenThings.now()
        engine = self.engine()
        for _ in range(2):
            async with engine:
                fetches = [self.outcome(engine, ask(server)) for _ in range(self.slots)]
                clause = "a closed engine can be entered again, and fetches as before"
                assert {*await asyncio.gather(*fetches)} == {(200, b"fine")}, clause
        self.servers.close()
        left = await before.left()
        assert not left, f"{_CLOSED}: {left}"

    @on_loop
    async def test_an_unused_engine_closes(self) -> None:
        before = OpenThings.now()
        async with self.engine():
            pass
        left = await before.left()
        assert not left, f"{_CLOSED}: {left}"

    @pytest.mark.parametrize("scheme", SCHEMES)
    @on_loop
    async def test_closing_ends_fetches_in_flight(self, scheme: str) -> None:
        arrivals = Arrivals()
        server = self.serve(arrivals, scheme)
        async with self.engine() as engine:
            (task,) = _start(engine, server, 1)
            await arrivals.wait(self.grace)
            started = time.monotonic()
        done, _ = await asyncio.wait([task], timeout=self.grace)
        clause = "closing an engine ends the fetches in flight, long before their deadline"
        assert done, clause
        assert time.monotonic() - started < 2 * self.grace, clause
        (ended,) = await asyncio.gather(task, return_exceptions=True)
        clause = "a fetch that closing ends raises FetchError or CancelledError"
        assert isinstance(ended, FetchError | asyncio.CancelledError), clause


def _start(engine: Engine, server: Server, count: int) -> list["asyncio.Task[Response]"]:
    """Start so many fetches. Their deadlines are too late to end what cancelling has to end."""
    request = ask(server, timeout=60.0)
    return [asyncio.create_task(engine.fetch(request)) for _ in range(count)]


async def _cancel(tasks: Sequence["asyncio.Task[Response]"]) -> list[Response | BaseException]:
    """Cancel the tasks, and return their results or errors."""
    for task in tasks:
        task.cancel()
    return await asyncio.gather(*tasks, return_exceptions=True)
