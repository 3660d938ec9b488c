"""Makes a run durable: first the outputs, then the state that refers to them."""

import asyncio
import time
from collections.abc import Callable, Mapping

from crawler.frontier.learned import NOTHING, Learned
from crawler.frontier.state.kept_cookies import Changes
from crawler.frontier.state.store_thread import StoreThread
from crawler.model.callbacks import Fail
from crawler.model.errors import StateError
from crawler.model.events import Committed, Event
from crawler.sinks.outputs import Outputs

EVERY = 1.0
"""Seconds from one commit to the next. After a kill, at most the pages of this time are fetched
again.
"""
LEAST = 0.25
"""Seconds between two commits, however long they take."""

CookieChanges = Callable[[], Changes]
"""Returns the cookies that changed since the last call."""
Learn = Callable[[bool], Learned]
"""Returns what the next session must know in addition to the last call; True: for the last time."""


def no_cookies() -> Changes:
    return ()


def learn_nothing(_: bool) -> Learned:
    return NOTHING


class Checkpoint:
    """Commits regularly during the crawl, and once at its end.

    ``facts`` returns what the state stores in addition to the entries, to the changed ``cookies``
    and to what ``learn`` returns.
    """

    def __init__(
        self,
        store: StoreThread,
        outputs: Outputs,
        facts: Callable[[], Mapping[str, str]],
        observe: Callable[[Event], None],
        cookies: CookieChanges = no_cookies,
        learn: Learn = learn_nothing,
    ) -> None:
        self._store = store
        self._cookies = cookies
        self._outputs = outputs
        self._facts = facts
        self._learn = learn
        self._observe = observe
        self._ending = asyncio.Event()
        self._committing: asyncio.Task[None] | None = None

    def start(self, fail: Fail) -> None:
        """Start the regular commits; the first error (StateError) goes to ``fail``."""
        self._committing = asyncio.create_task(self._commit_regularly(fail))

    async def _commit_regularly(self, fail: Fail) -> None:
        try:
            took = 0.0
            while not await self._is_ending(max(LEAST, EVERY - took)):
                took = await self._commit()
        except StateError as error:
            fail(error)

    async def _is_ending(self, wait: float) -> bool:
        """Wait until the next commit is due; return True if the commits must end."""
        try:
            await asyncio.wait_for(self._ending.wait(), wait)
        except TimeoutError:
            return False
        return True

    async def finish(self) -> None:
        """Commit for the last time, after everything else has ended. Raises StateError."""
        await self.stop()
        await self._commit(is_last=True)

    async def stop(self) -> None:
        """End the regular commits; wait for one that is running."""
        self._ending.set()
        if self._committing is not None:
            await self._committing

    async def _commit(self, *, is_last: bool = False) -> float:
        """Commit everything up to now; return how long it took, in seconds.

        The last commit says that the session ended in order.

        Final states and facts are collected in the same iteration of the loop in which the commit
        of the outputs starts. So the committed length of an output includes the records of exactly
        the final states that are committed with it.
        """
        started = time.monotonic()
        closing = self._store.closing(self._cookies(), self._learn(is_last))
        facts = self._facts()
        offsets = await self._outputs.commit()
        if is_last:
            await self._store.end(closing, offsets, facts, time.time())
        else:
            await self._store.commit(closing, offsets, facts)
        took = time.monotonic() - started
        self._observe(Committed(len(closing.finals), took))
        return took
