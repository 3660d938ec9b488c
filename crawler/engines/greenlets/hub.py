"""A gevent hub in a thread of its own, and calls between it and an event loop."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from functools import partial

import gevent
from gevent.event import Event

Call = Callable[[], object]


class HubThread:
    """Runs calls on a gevent hub. Nothing is patched, and no other thread's hub is touched.

    Calls that come at the same time wake the other side once. ``begin`` is called on the hub's
    thread before all others, ``end`` after them; both may wait.
    """

    def __init__(self, begin: Call, end: Call) -> None:
        self._begin, self._end = begin, end
        self._calls: deque[Call] = deque()
        self._told: deque[Call] = deque()
        self._is_told = False
        self.is_open = False

    async def start(self) -> None:
        """Start the thread, for the running event loop. Raises OSError and SystemError."""
        self._loop = asyncio.get_running_loop()
        ready, self._ended = self._loop.create_future(), self._loop.create_future()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="fetch-hub")
        self._thread.start()
        try:
            await ready
        except (OSError, SystemError):
            self._thread.join()
            raise
        self.is_open = True

    def call(self, call: Call) -> None:
        """Have ``call`` called on the hub, where it must not wait. Only for the loop's thread."""
        if self.is_open:
            self._calls.append(call)
            self._wake()

    def tell(self, call: Call) -> None:
        """Have ``call`` called on the event loop. Only for the hub's thread."""
        self._told.append(call)
        if not self._is_told:
            self._is_told = True
            self._loop.call_soon_threadsafe(self._take_told)

    def _take_told(self) -> None:
        self._is_told = False  # first: what is appended from now on is seen below, or called for
        while self._told:
            self._told.popleft()()

    async def stop(self) -> None:
        """End the thread. Calls that come later are ignored."""
        self.call(self._stop)
        self.is_open = False
        await self._ended
        self._thread.join()

    def _run(self, ready: "asyncio.Future[None]") -> None:
        """The thread. What it does is done by its first greenlet, on which ``Event`` can wait."""
        try:
            hub = gevent.get_hub()
        except (OSError, SystemError) as error:  # too many open files
            self.tell(partial(ready.set_exception, error))
            return
        stopped = Event()
        waker = hub.loop.async_()
        waker.start(self._take_calls)
        self._wake, self._stop = waker.send, stopped.set
        self._begin()
        self.tell(partial(ready.set_result, None))
        stopped.wait()
        self._end()
        waker.close()
        hub.destroy(destroy_loop=True)
        self.tell(partial(self._ended.set_result, None))

    def _take_calls(self) -> None:
        while self._calls:
            self._calls.popleft()()


class HubSignal:
    """A signal that a greenlet waits for, and that the event loop's thread may set."""

    def __init__(self, hub: HubThread) -> None:
        self._hub = hub
        self._event = Event()

    def set(self) -> None:
        self._hub.call(self._event.set)

    def clear(self) -> None:
        self._event.clear()

    def wait(self) -> None:
        self._event.wait()
