"""A channel of c-ares: look-ups of host names, timed by the kernel.

The kernel says when the last datagram that was read from a socket had arrived. c-ares reads all
that are there before it tells of the first: so a look-up never seems longer than until the last of
them, and our thread has nothing else to do than to read them.
"""

import selectors
import socket
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from crawler.engines.shared.kernel import datagram_ago, tcp_info
from crawler.fetch.addresses import Addresses, Tell
from crawler.model.errors import FailureKind, FetchError

if TYPE_CHECKING:
    import pycares

_TIMEOUT = 5.0
"""Seconds until a name server is asked again."""
_TRIES = 2
_KEPT = 60.0
"""Seconds for which a channel is used: a new one reads the system's configuration again, and its
socket has another port, which nobody can have found out."""
MOST = 8
"""Look-ups at a time. Some servers answer what comes on one TCP connection one after the other."""
_NO_SOCKET = -1


class LookUpChannel:
    """A few look-ups at a time, on one thread; ``close`` it in any case."""

    def __init__(
        self,
        nameservers: Sequence[str],
        selector: selectors.BaseSelector,
        found: Callable[[Tell, Addresses | FetchError], None],
    ) -> None:
        """Its sockets are in ``selector``, each with what is to be called at its events.

        ``found`` gets what ``ask`` was given, and what is to be told. Raises OSError.
        """
        import pycares  # only when a name must be looked up

        self._selector = selector
        self._found = found
        self._until = time.monotonic() + _KEPT
        self._fds: set[int] = set()
        self._closed = False
        self._at = _NO_SOCKET
        self._stamp: float | None = None
        self._error = pycares.AresError
        self._answers = (pycares.errno.ARES_ENOTFOUND, pycares.errno.ARES_ENODATA)
        self._strerror = pycares.errno.strerror
        try:
            self._channel = pycares.Channel(
                sock_state_cb=self._watch, servers=nameservers, timeout=_TIMEOUT, tries=_TRIES
            )
        except pycares.AresError as error:
            raise OSError(str(error)) from error
        self.asking = 0
        """The look-ups that have no result yet."""

    def has_room(self, now: float) -> bool:
        """Whether it takes one more look-up."""
        return self.asking < MOST and now < self._until

    def ask(self, host: str, tell: Tell) -> None:
        """Look up ``host``. Its result may be known at once."""
        self.asking += 1
        answered = partial(self._answered, host, tell, time.monotonic())
        try:
            self._channel.getaddrinfo(host, None, type=socket.SOCK_STREAM, callback=answered)
        except self._error as error:
            self._tell(tell, FetchError(FailureKind.DNS, f"{host}: {error.args[-1]}"))

    def process(self, fd: int, events: int) -> None:
        """Do with the socket ``fd`` what can be done."""
        readable = fd if events & selectors.EVENT_READ else _NO_SOCKET
        writable = fd if events & selectors.EVENT_WRITE else _NO_SOCKET
        self._at, self._stamp = readable, None
        self._channel.process_fd(readable, writable)
        self._at = _NO_SOCKET

    def pass_time(self) -> None:
        """Ask again what was asked too long ago. What has arrived meanwhile is read first."""
        for fd in tuple(self._fds):
            if fd in self._fds:
                self.process(fd, selectors.EVENT_READ)

    def _watch(self, fd: int, readable: bool, writable: bool) -> None:
        """c-ares calls this after it has opened a socket, and before it closes one."""
        if self._closed:
            return  # on the thread that ends the channel
        events = selectors.EVENT_READ * readable | selectors.EVENT_WRITE * writable
        if not events:
            self._fds.remove(fd)
            self._selector.unregister(fd)
        elif fd in self._fds:
            self._selector.modify(fd, events, self.process)
        else:
            self._fds.add(fd)
            self._selector.register(fd, events, self.process)
            datagram_ago(fd)  # from now on the kernel keeps it

    def _answered(
        self,
        host: str,
        tell: Tell,
        asked: float,
        result: "pycares.AddrInfoResult | None",
        error: int | None,
    ) -> None:
        if result is None:
            message = f"{host}: {self._strerror(error or 0)!s}"
            answered = error in self._answers
            self._tell(tell, FetchError(FailureKind.DNS, message, answered=answered))
        elif not result.nodes:
            message = f"{host} has no address"
            self._tell(tell, FetchError(FailureKind.DNS, message, answered=True))
        else:
            names = (node.addr[0] for node in result.nodes)
            found = (name.decode() if isinstance(name, bytes) else str(name) for name in names)
            ttl = float(min(node.ttl for node in result.nodes))
            addresses = tuple(dict.fromkeys(found))
            self._tell(tell, Addresses(addresses, ttl, asked, max(asked, self._arrived())))

    def _tell(self, tell: Tell, result: Addresses | FetchError) -> None:
        self.asking -= 1
        self._found(tell, result)

    def _arrived(self) -> float:
        """When the answers that c-ares has just read had arrived (monotonic); 0 if it read none."""
        if self._at == _NO_SOCKET:
            return 0.0
        if self._stamp is None:
            self._stamp = time.monotonic() - _arrived_ago(self._at)
        return self._stamp

    def close(self) -> None:
        """End all look-ups."""
        self._channel.cancel()
        self._closed = True
        for fd in self._fds:
            self._selector.unregister(fd)
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
