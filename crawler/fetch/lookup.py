"""Look-ups of host names by c-ares, timed by the kernel.

A c-ares channel does one look-up at a time: so the last datagram that one of its sockets received
is its answer, and the kernel says when that arrived, however late our event loop reads it.
"""

import asyncio
import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from crawler.engines.shared.kernel import datagram_ago, tcp_info
from crawler.fetch.addresses import Addresses
from crawler.model.errors import FailureKind, FetchError

if TYPE_CHECKING:
    import pycares

_TIMEOUT = 5.0
"""Seconds until a name server is asked again."""
_TRIES = 2
_KEPT = 60.0
"""Seconds for which a channel is used: a new one reads the system's configuration again."""
_NO_SOCKET = -1


class NameServers:
    """Looks up names, on the running loop, any number at a time."""

    def __init__(self, nameservers: Sequence[str]) -> None:
        """``nameservers`` (``ADDRESS:PORT``) replace those of the system."""
        self._nameservers = nameservers
        self._idle: list[_AresChannel] = []

    async def look_up(self, host: str) -> Addresses:
        """Return all addresses, sorted by c-ares (RFC 6724, 6). Raises FetchError (dns)."""
        channel = self._channel()
        try:
            return await channel.ask(host)
        finally:
            if channel.is_busy:  # the look-up was cancelled
                channel.close()
            else:
                self._idle.append(channel)

    def _channel(self) -> "_AresChannel":
        while self._idle:
            channel = self._idle.pop()
            if time.monotonic() < channel.until:
                return channel
            channel.close()
        return _AresChannel(self._nameservers)

    def close(self) -> None:
        for channel in self._idle:
            channel.close()
        self._idle.clear()


class _AresChannel:
    """One look-up at a time; ``close`` it in any case."""

    def __init__(self, nameservers: Sequence[str]) -> None:
        import pycares  # only when a name must be looked up

        self.until = time.monotonic() + _KEPT
        self._loop = asyncio.get_running_loop()
        self._fds: dict[int, tuple[bool, bool]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._at = _NO_SOCKET
        self._error = pycares.AresError
        self._answers = (pycares.errno.ARES_ENOTFOUND, pycares.errno.ARES_ENODATA)
        self._strerror = pycares.errno.strerror
        self._channel = pycares.Channel(
            sock_state_cb=self._watch, servers=nameservers, timeout=_TIMEOUT, tries=_TRIES
        )
        self.is_busy = False

    async def ask(self, host: str) -> Addresses:
        """Raises FetchError (dns)."""
        self.is_busy = True
        self._host, self._asked = host, time.monotonic()
        self._answer: asyncio.Future[Addresses] = self._loop.create_future()
        try:
            self._channel.getaddrinfo(host, None, type=socket.SOCK_STREAM, callback=self._answered)
        except self._error as error:
            self._fail(f"{host}: {error.args[-1]}")
        self._set_timer()
        try:
            return await self._answer
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def _fail(self, message: str, *, answered: bool = False) -> None:
        self.is_busy = False
        if not self._answer.done():
            self._answer.set_exception(FetchError(FailureKind.DNS, message, answered=answered))

    def _watch(self, fd: int, readable: bool, writable: bool) -> None:
        """c-ares calls this after it has opened a socket, and before it closes one."""
        if self._closed:
            return  # on the thread that ends the channel
        before = self._fds.pop(fd, (False, False))
        if readable or writable:
            self._fds[fd] = readable, writable
        if before == (False, False):
            datagram_ago(fd)  # from now on the kernel keeps it
        if readable != before[0]:
            self._set_reader(fd, on=readable)
        if writable != before[1]:
            self._set_writer(fd, on=writable)

    def _set_reader(self, fd: int, *, on: bool) -> None:
        if on:
            self._loop.add_reader(fd, self._process, fd, _NO_SOCKET)
        else:
            self._loop.remove_reader(fd)

    def _set_writer(self, fd: int, *, on: bool) -> None:
        if on:
            self._loop.add_writer(fd, self._process, _NO_SOCKET, fd)
        else:
            self._loop.remove_writer(fd)

    def _process(self, readable: int, writable: int) -> None:
        self._at = readable
        self._channel.process_fd(readable, writable)
        self._at = _NO_SOCKET

    def _set_timer(self) -> None:
        self._timer = None
        if self._fds and not self._answer.done():
            timeout = self._channel.timeout()  # type: ignore[no-untyped-call]
            self._timer = self._loop.call_later(timeout, self._out_of_time)

    def _out_of_time(self) -> None:
        """What has arrived meanwhile is read first: our loop may be late."""
        for fd in tuple(self._fds):
            if fd in self._fds:
                self._process(fd, _NO_SOCKET)
        self._set_timer()

    def _answered(self, result: "pycares.AddrInfoResult | None", error: int | None) -> None:
        if result is None:
            reason = self._strerror(error or 0)
            self._fail(f"{self._host}: {reason!s}", answered=error in self._answers)
        elif not result.nodes:
            self._fail(f"{self._host} has no address", answered=True)
        elif not self._answer.done():
            self.is_busy = False
            names = (node.addr[0] for node in result.nodes)
            found = (name.decode() if isinstance(name, bytes) else str(name) for name in names)
            ttl = float(min(node.ttl for node in result.nodes))
            addresses = tuple(dict.fromkeys(found))
            self._answer.set_result(Addresses(addresses, ttl, self._asked, self._arrived()))

    def _arrived(self) -> float:
        """When the answer that c-ares has just read arrived (monotonic)."""
        if self._at == _NO_SOCKET:
            return self._asked
        ago = _arrived_ago(self._at)
        return max(self._asked, time.monotonic() - ago)

    def close(self) -> None:
        self._channel.cancel()
        self._closed = True
        for fd, (readable, writable) in self._fds.items():
            if readable:
                self._loop.remove_reader(fd)
            if writable:
                self._loop.remove_writer(fd)
        self._channel.close()


def _arrived_ago(fd: int) -> float:
    """Seconds since what was last read from ``fd`` had arrived; 0 if the kernel does not know."""
    ago = datagram_ago(fd)
    return _stream_ago(fd) if ago is None else ago


def _stream_ago(fd: int) -> float:
    sock = socket.socket(fileno=fd)
    try:
        info = tcp_info(sock)
    finally:
        sock.detach()
    return info.received_ago if info else 0.0
