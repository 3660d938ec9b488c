"""The order in which a run becomes durable: the outputs first, then what the state says of them."""

import asyncio
import time
from collections.abc import Callable

from crawler.frontier.state.store_thread import StoreThread
from crawler.model.errors import StateError
from crawler.model.events import Committed, Event
from crawler.sinks.output import Output

EVERY = 1.0
"""Seconds between two commits; a kill costs at most the pages of so much time, fetched again."""


class Checkpoint:
    """Commits while the crawl goes on, and once more when it has ended."""

    def __init__(
        self, ledger: StoreThread, output: Output, observe: Callable[[Event], None]
    ) -> None:
        self._ledger = ledger
        self._output = output
        self._observe = observe
        self._ending = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

    def start(self, fail: Callable[[Exception], None]) -> None:
        """Commit again and again; the first error (StateError) goes to ``fail``."""
        self._keeping = asyncio.create_task(self._keep(fail))

    async def _keep(self, fail: Callable[[Exception], None]) -> None:
        try:
            while not await self._is_over():
                await self._save()
        except StateError as error:
            fail(error)

    async def _is_over(self) -> bool:
        """Wait until it is time for the next commit; whether there is to be none."""
        try:
            await asyncio.wait_for(self._ending.wait(), EVERY)
        except TimeoutError:
            return False
        return True

    async def finish(self) -> None:
        """No more will happen: commit the last of it. Raises StateError."""
        await self.stop()
        await self._save()

    async def stop(self) -> None:
        """Let a commit that has begun come to its end, and begin no other."""
        self._ending.set()
        if self._keeping is not None:
            await self._keeping

    async def _save(self) -> None:
        """Commit what has happened up to now.

        Final states are collected in the same turn of the loop in which the outputs are told to
        flush: each final state that is committed has its record before the offset committed with
        it, and no other record lies there.
        """
        started = time.monotonic()
        closing = self._ledger.closing()
        offsets = await self._output.commit()
        await self._ledger.commit(closing, offsets)
        self._observe(Committed(len(closing.finals), time.monotonic() - started))
