"""Drives libcurl's multi interface on an asyncio event loop: curl_multi_socket_action(3)."""

import asyncio

import pycurl

from crawler.engines.libcurl.sockets import Sockets
from crawler.engines.libcurl.watching import MakeWatcher, watcher

_FOREVER = float("inf")


class Multi:
    """The transfers in flight of one event loop.

    ``sockets`` looks at each event of the descriptors that it watches, before libcurl handles it.
    """

    def __init__(self, sockets: Sockets, make_watcher: MakeWatcher = watcher) -> None:
        self._loop = asyncio.get_running_loop()
        self._sockets = sockets
        self._watcher = make_watcher(self._loop, self._act, sockets.is_opening)
        self._futures: dict[pycurl.Curl, asyncio.Future[None]] = {}
        self._timer: asyncio.Handle | None = None
        self._timer_at = _FOREVER
        self._due = _FOREVER
        self.multi = pycurl.CurlMulti()
        self.multi.setopt(pycurl.M_SOCKETFUNCTION, self._watcher.watch)
        self.multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)

    async def perform(self, curl: pycurl.Curl) -> None:
        """Return when the transfer of ``curl`` has ended. Raises pycurl.error.

        A cancellation ends the transfer; ``curl`` may be used again at once.
        """
        self.multi.add_handle(curl)
        done = self._futures[curl] = self._loop.create_future()
        try:
            await done
        finally:
            if self._futures.pop(curl, None) is not None:
                self.multi.remove_handle(curl)

    def close(self) -> None:
        """End all transfers, and close all connections. May be called twice."""
        if self.multi.closed:
            return
        for curl, done in self._futures.items():
            self.multi.remove_handle(curl)
            done.cancel()
        self._futures.clear()
        self.multi.close()
        # Until here libcurl calls back.
        self._watcher.close()
        if self._timer is not None:
            self._timer.cancel()

    def _act(self, events: list[tuple[int, int]]) -> None:
        """Let libcurl handle ``events``: descriptors, and what can be done with them."""
        if self.multi.closed:  # the event loop had found them before that
            return
        watched, act = self._sockets.watched, self.multi.socket_action
        for fd, what in events:
            if fd in watched:
                self._sockets.look(fd)
            act(fd, what)
        self._end_transfers()

    def _end_transfers(self) -> None:
        _, good, bad = self.multi.info_read()
        for curl in good:
            self._ended(curl).set_result(None)
        for curl, code, message in bad:
            self._ended(curl).set_exception(pycurl.error(code, message))

    def _ended(self, curl: pycurl.Curl) -> "asyncio.Future[None]":
        self.multi.remove_handle(curl)
        return self._futures.pop(curl)

    def _on_timer(self, milliseconds: int) -> None:
        """Call libcurl after so long (-1: never). A later wish of libcurl replaces an earlier one.

        It changes that a few times for each transfer, and mostly to something later. So our timer
        stays, if it is early enough, and looks then when it is due.
        """
        if milliseconds < 0:
            self._due = _FOREVER
            return
        now = self._loop.time()
        self._due = now + milliseconds / 1000
        if self._due < self._timer_at:
            self._set_timer(now)

    def _set_timer(self, now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = self._due
        if self._due <= now:  # never at once: libcurl must not be called within its callback
            self._timer = self._loop.call_soon(self._pass_time)
        else:
            self._timer = self._loop.call_at(self._due, self._pass_time)

    def _pass_time(self) -> None:
        self._timer, self._timer_at = None, _FOREVER
        now = self._loop.time()
        if self._due <= now:
            self._due = _FOREVER
            self._act([(pycurl.SOCKET_TIMEOUT, 0)])
        elif self._due < _FOREVER:
            self._set_timer(now)
