"""Measures how long the fetch thread computes without looking at its other requests."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self
from unittest import mock

from crawler.app import assemble
from crawler.engines.base import Capabilities, Engine
from crawler.engines.registry import make_engine
from crawler.model.exchange import Request, Response

ALLOWED = 0.1
"""Seconds of CPU that a few bytes from a server may cost the fetch thread at once."""
_EVERY = 0.001


class Heartbeat:
    """Beats on the loop of each crawl of this process, from the start of its engine to its end.

    ``longest`` is the most CPU time in seconds, by the clock of the loop's own thread, from one
    beat to the next: other threads, processes and programs do not count.
    """

    def __init__(self) -> None:
        self.longest = 0.0
        self.beats = 0

    async def beat(self) -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(_EVERY)
            now = time.thread_time()
            self.longest = max(self.longest, now - last)
            self.beats += 1
            last = now


@contextmanager
def beating() -> Iterator[Heartbeat]:
    """Crawls that begin in this context have a heartbeat."""
    heartbeat = Heartbeat()

    def make(*arguments: Any) -> Engine:
        return _Beating(make_engine(*arguments), heartbeat)

    with mock.patch.object(assemble, "make_engine", make):
        yield heartbeat


class _Beating:
    def __init__(self, engine: Engine, heartbeat: Heartbeat) -> None:
        self._engine = engine
        self._heartbeat = heartbeat

    @property
    def capabilities(self) -> Capabilities:
        return self._engine.capabilities

    async def __aenter__(self) -> Self:
        await self._engine.__aenter__()
        self._task = asyncio.create_task(self._heartbeat.beat())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await self._engine.__aexit__(None, None, None)

    async def fetch(self, request: Request) -> Response:
        return await self._engine.fetch(request)
