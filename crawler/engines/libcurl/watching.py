"""Watches the sockets of libcurl for a Multi.

An event loop of asyncio makes objects for each interest in a socket, and libcurl changes its
interest with each request. On Linux, an epoll of our own does without both; the event loop only
watches the epoll.
"""

import asyncio
import select
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import pycurl

Act = Callable[[list[tuple[int, int]]], None]
"""Takes descriptors, each with CSELECT_IN, CSELECT_OUT or both: what can be done with it."""
IsNew = Callable[[int], bool]
"""Whether a descriptor belongs to a connection that is being made."""

_MOST_EVENTS = 64
"""Events that are handled before the event loop goes to others."""


class Watcher(Protocol):
    """Tells ``Act`` what can be done with the descriptors that are watched."""

    def watch(self, what: int, fd: int, _multi: object, _data: object) -> None:
        """Watch ``fd`` for ``what`` and nothing else: POLL_IN, POLL_OUT, POLL_INOUT.

        With POLL_NONE and POLL_REMOVE it is not watched. libcurl's own callback:
        CURLMOPT_SOCKETFUNCTION(3).
        """

    def close(self) -> None:
        """Watch nothing any more."""


MakeWatcher = Callable[[asyncio.AbstractEventLoop, Act, IsNew], Watcher]


def watcher(loop: asyncio.AbstractEventLoop, act: Act, is_new: IsNew) -> Watcher:
    """Return the best one for this system."""
    make = EpollWatcher if hasattr(select, "epoll") else LoopWatcher
    return make(loop, act, is_new)


class EpollWatcher:
    """Uses an epoll (Linux).

    libcurl wants to know nothing of a connection between two requests. It stays in the epoll then,
    which saves two system calls for each request, and leaves it at its first event.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, act: Act, is_new: IsNew) -> None:
        self._loop = loop
        self._act = act
        self._is_new = is_new
        self._epoll = select.epoll()
        self._registered: dict[int, int] = {}
        self._wanted: set[int] = set()
        loop.add_reader(self._epoll.fileno(), self._look)

    def watch(self, what: int, fd: int, _multi: object, _data: object) -> None:
        events = _EVENTS.get(what)
        if events is None:
            self._wanted.discard(fd)
            return
        self._wanted.add(fd)
        # A closed socket leaves the epoll without a word, and its number goes to a new one.
        if self._registered.get(fd) != events or self._is_new(fd):
            self._register(fd, events)

    def _register(self, fd: int, events: int) -> None:
        known = fd in self._registered
        self._registered[fd] = events
        if known:
            with suppress(FileNotFoundError):  # it is a new one
                self._epoll.modify(fd, events)
                return
        self._epoll.register(fd, events)

    def _look(self) -> None:
        if self._epoll.closed:  # the event loop had found an event before that
            return
        found = self._epoll.poll(0, _MOST_EVENTS)
        for fd, _ in found:
            if fd not in self._wanted:
                self._epoll.unregister(fd)
                del self._registered[fd]
        self._act([(fd, _selected(events)) for fd, events in found if fd in self._wanted])

    def close(self) -> None:
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()


class LoopWatcher:
    """Uses the event loop itself (all systems)."""

    def __init__(self, loop: asyncio.AbstractEventLoop, act: Act, _: IsNew) -> None:
        self._loop = loop
        self._act = act
        self._watched: set[int] = set()

    def watch(self, what: int, fd: int, _multi: object = None, _data: object = None) -> None:
        if what in (pycurl.POLL_IN, pycurl.POLL_INOUT):
            self._loop.add_reader(fd, self._act, [(fd, pycurl.CSELECT_IN)])
        elif fd in self._watched:
            self._loop.remove_reader(fd)
        if what in (pycurl.POLL_OUT, pycurl.POLL_INOUT):
            self._loop.add_writer(fd, self._act, [(fd, pycurl.CSELECT_OUT)])
        elif fd in self._watched:
            self._loop.remove_writer(fd)
        self._watched.add(fd)
        if what == pycurl.POLL_REMOVE:
            self._watched.discard(fd)

    def close(self) -> None:
        for fd in tuple(self._watched):
            self.watch(pycurl.POLL_REMOVE, fd)


if hasattr(select, "epoll"):
    _EVENTS = {
        pycurl.POLL_IN: select.EPOLLIN,
        pycurl.POLL_OUT: select.EPOLLOUT,
        pycurl.POLL_INOUT: select.EPOLLIN | select.EPOLLOUT,
    }


def _selected(events: int) -> int:
    """What can be done, as libcurl says it: after an error, everything tells it."""
    read = pycurl.CSELECT_IN if events & ~select.EPOLLOUT else 0
    return read | (pycurl.CSELECT_OUT if events & ~select.EPOLLIN else 0)
