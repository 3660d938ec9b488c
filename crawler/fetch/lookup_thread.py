"""The thread on which names are looked up."""

import asyncio
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Sequence

from crawler.fetch.addresses import Addresses, Tell
from crawler.fetch.lookup_channel import LookUpChannel
from crawler.model.errors import FailureKind, FetchError

_LOOK_S = 0.1
"""Seconds after which a channel looks for questions that it must ask again."""


class LookUpThread:
    """Looks up names for ``loop`` until it is closed.

    Each side wakes the other one once for all that is new.
    """

    def __init__(self, nameservers: Sequence[str], loop: asyncio.AbstractEventLoop) -> None:
        """Raises OSError or RuntimeError if there may be no more open files or threads."""
        self._nameservers = nameservers
        self._loop = loop
        self._asked: deque[tuple[str, Tell]] = deque()
        self._found: list[tuple[Tell, Addresses | FetchError]] = []
        self._channels: list[LookUpChannel] = []
        self._next_look = 0.0
        self._is_woken = self._is_over = False
        self._selector = selectors.DefaultSelector()
        self._bell, self._button = socket.socketpair()
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="crawler-names", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            self._close_files()
            raise

    def ask(self, host: str, tell: Tell) -> None:
        """Look up ``host``; ``tell`` is called on the loop."""
        self._asked.append((host, tell))
        self._wake()

    def close(self) -> None:
        """End it now."""
        self._is_over = True
        self._wake()
        self._thread.join()
        self._close_files()

    def _close_files(self) -> None:
        self._selector.close()
        self._bell.close()
        self._button.close()

    def _wake(self) -> None:
        if not self._is_woken:
            self._is_woken = True
            self._button.send(b"\0")

    # On the thread

    def _run(self) -> None:
        while not self._is_over:
            is_asking = any(channel.asking for channel in self._channels)
            for key, events in self._selector.select(_LOOK_S if is_asking else None):
                if key.fileobj is self._bell:
                    self._answer_bell()
                else:
                    key.data(key.fd, events)
            self._look(time.monotonic())
            if self._found:
                self._loop.call_soon_threadsafe(_tell_all, self._found)
                self._found = []
        for channel in self._channels:
            channel.close()

    def _answer_bell(self) -> None:
        self._bell.recv(1)
        self._is_woken = False  # before it looks: what comes from now on rings again
        while self._asked:
            host, tell = self._asked.popleft()
            try:
                channel = self._channel(time.monotonic())
            except OSError as error:
                self._tell(tell, FetchError(FailureKind.DNS, f"{host}: {error}"))
            else:
                channel.ask(host, tell)

    def _channel(self, now: float) -> LookUpChannel:
        for channel in self._channels:
            if channel.has_room(now):
                return channel
        channel = LookUpChannel(self._nameservers, self._selector, self._tell)
        self._channels.append(channel)
        return channel

    def _tell(self, tell: Tell, found: Addresses | FetchError) -> None:
        self._found.append((tell, found))

    def _look(self, now: float) -> None:
        if now < self._next_look:
            return
        self._next_look = now + _LOOK_S
        for channel in tuple(self._channels):
            if channel.asking:
                channel.pass_time()
            elif not channel.has_room(now):
                channel.close()
                self._channels.remove(channel)


def _tell_all(found: Sequence[tuple[Tell, Addresses | FetchError]]) -> None:
    for tell, result in found:
        tell(result)
