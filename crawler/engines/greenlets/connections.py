"""The open connections: a pool of geventhttpclient for each place, and one limit for all."""

import socket
import ssl
import time
from typing import Any, NamedTuple

from geventhttpclient.connectionpool import ConnectionPool

from crawler.engines.base import KEPT_SECONDS, EngineOptions
from crawler.engines.greenlets.wire import WIRE, GreenWire
from crawler.model.exchange import Proxy


class Destination(NamedTuple):
    """Where a connection leads, and how far the other end is trusted."""

    scheme: str
    authority: str
    host: str
    port: int
    verify: bool
    proxy: Proxy | None


def _destination_of(wire: GreenWire) -> Destination:
    request, target = wire.request, wire.target
    host, port = request.endpoint.dial_host, request.endpoint.dial_port
    return Destination(target.scheme, target.authority, host, port, request.verify, request.proxy)


class Kept(NamedTuple):
    """A connection without a request, since then (monotonic seconds)."""

    pool: "PlacePool"
    since: float


class OpenConnections:
    """All connections of an engine. Those without a request are closed if there are too many."""

    def __init__(self, options: EngineOptions) -> None:
        self._most = max(options.concurrency, options.connections)
        self._size = options.concurrency
        self._pools: dict[Destination, PlacePool] = {}
        self._kept: dict[socket.socket, Kept] = {}  # the oldest first
        self._open = 0

    def take(self, wire: GreenWire) -> "Lease":
        """Return a kept connection to the place of ``wire``, or open one.

        Raises FetchError and OSError.
        """
        place = _destination_of(wire)
        pool = self._pools.get(place) or PlacePool(place, self._size, self)
        if wire.request.fresh:
            self._close_kept(pool)
        sock = pool.get_socket()
        wire.use(sock)
        return Lease(pool, sock)

    def keep(self, pool: "PlacePool", sock: socket.socket) -> None:
        self._kept[sock] = Kept(pool, time.monotonic())

    def forget(self, sock: socket.socket) -> bool:
        """``sock`` is not kept any more; return whether it may have been kept so long."""
        kept = self._kept.pop(sock, None)
        return kept is not None and time.monotonic() - kept.since < KEPT_SECONDS

    def opens(self, pool: "PlacePool") -> None:
        """One of ``pool`` is about to be opened."""
        if self._open >= self._most and self._kept:
            self._close(next(iter(self._kept)))
        self._open += 1
        self._pools[pool.place] = pool

    def closed(self, pool: "PlacePool") -> None:
        """One of ``pool`` was closed."""
        self._open -= 1
        if not pool.open:
            del self._pools[pool.place]

    def close(self) -> None:
        for sock in list(self._kept):
            self._close(sock)

    def _close_kept(self, pool: "PlacePool") -> None:
        for sock in [sock for sock, kept in self._kept.items() if kept.pool is pool]:
            self._close(sock)

    def _close(self, sock: socket.socket) -> None:
        """Close a kept one. Its pool will see that, before it would use it."""
        pool = self._kept.pop(sock).pool
        sock.close()
        pool.lost()


class PlacePool(ConnectionPool):
    """The connections to one place. ``open`` is their number."""

    def __init__(self, place: Destination, size: int, every: OpenConnections) -> None:
        super().__init__(place.host, place.port, place.host, place.port, size=size)
        self.place = place
        self.open = 0
        self._every = every

    def _resolve(self) -> list[tuple[Any, ...]]:
        family = socket.AF_INET6 if ":" in self.place.host else socket.AF_INET
        address = (self.place.host, self.place.port)
        return [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)]

    def _create_socket(self) -> socket.socket:
        self.open += 1
        self._every.opens(self)
        try:
            made: socket.socket = super()._create_socket()
        except BaseException:
            self.lost()
            raise
        return made

    def _connect_socket(self, sock: socket.socket, _address: object) -> socket.socket:
        return WIRE.get().open(sock, (self.place.host, self.place.port))

    def _is_socket_alive(self, sock: Any) -> bool:
        """Whether a kept one can be used. select(2), which the library has here, is for few."""
        if sock.fileno() < 0:  # it was closed to make room
            return False
        if self._every.forget(sock) and _is_silent(sock):
            return True
        sock.close()
        self.lost()
        return False

    def lost(self) -> None:
        """One was closed."""
        self.open -= 1
        self._every.closed(self)

    def give_back(self, sock: socket.socket, *, keep: bool) -> None:
        """A fetch does not use ``sock`` any more."""
        if keep:
            self._every.keep(self, sock)
            self.return_socket(sock)
        else:
            self.release_socket(sock)
            self.lost()


class Lease(NamedTuple):
    """A connection that a fetch uses."""

    pool: PlacePool
    sock: socket.socket

    def end(self, *, keep: bool) -> None:
        self.pool.give_back(self.sock, keep=keep)


def _is_silent(sock: socket.socket) -> bool:
    """Whether the connection is open and nothing came that was not asked for."""
    sock.settimeout(0.0)
    try:
        sock.recv(1)
    except (BlockingIOError, ssl.SSLWantReadError):  # of TLS, session tickets may have come
        return True
    except OSError:
        return False
    return False
