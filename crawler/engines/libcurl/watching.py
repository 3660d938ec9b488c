"""Watches the sockets of libcurl for a Multi.

An event loop of asyncio makes objects for each interest in a socket, and libcurl changes its
interest with each request. On Linux, an epoll of our own takes two system calls for that; the event
loop only watches the epoll.
"""

import asyncio
import select
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import pycurl

Act = Callable[[list[tuple[int, int]]], None]
"""Takes descriptors, each with CSELECT_IN, CSELECT_OUT or both: what can be done with it."""

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


MakeWatcher = Callable[[asyncio.AbstractEventLoop, Act], Watcher]


def watcher(loop: asyncio.AbstractEventLoop, act: Act) -> Watcher:
    """Return the best one for this system."""
    return EpollWatcher(loop, act) if hasattr(select, "epoll") else LoopWatcher(loop, act)


class EpollWatcher:
    """Uses an epoll (Linux)."""

    def __init__(self, loop: asyncio.AbstractEventLoop, act: Act) -> None:
        self._loop = loop
        self._act = act
        self._epoll = select.epoll()
        self._watched: dict[int, int] = {}
        loop.add_reader(self._epoll.fileno(), self._look)

    def watch(self, what: int, fd: int, _multi: object, _data: object) -> None:
        before, events = self._watched.get(fd), _EVENTS.get(what)
        if events is None:
            if self._watched.pop(fd, None) is not None:
                with suppress(OSError):  # if it is closed, it has left the epoll
                    self._epoll.unregister(fd)
            return
        self._watched[fd] = events
        if before is not None:
            with suppress(FileNotFoundError):  # closed without a word, and another socket now
                self._epoll.modify(fd, events)
                return
        self._epoll.register(fd, events)

    def _look(self) -> None:
        if self._epoll.closed:  # the event loop had found an event before that
            return
        found = self._epoll.poll(0, _MOST_EVENTS)
        self._act([(fd, _selected(events)) for fd, events in found])

    def close(self) -> None:
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()


class LoopWatcher:
    """Uses the event loop itself (all systems)."""

    def __init__(self, loop: asyncio.AbstractEventLoop, act: Act) -> None:
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
