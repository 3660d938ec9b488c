"""An HTTP/1.1 server on loopback that sends what a function returns, even byte by byte."""

import asyncio
import signal
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from typing import Any, Self, cast

import uvloop

from crawler.localweb.connection import (
    CLOSE,
    CUT,
    RESET,
    SILENCE,
    Answer,
    BeforeBody,
    Connection,
    Ending,
    Handler,
    Seen,
    Service,
    Step,
    read_at_once,
)
from crawler.localweb.tls_connection import TlsConnection
from crawler.model.exchange import bracketed

__all__ = [
    "CLOSE",
    "CUT",
    "RESET",
    "SILENCE",
    "Answer",
    "Ending",
    "Handler",
    "Seen",
    "Server",
    "Step",
    "serve",
]

_BACKLOG = 1024
_PORT_TRIES = 20
_START_TIMEOUT = 30.0

Connect = Callable[[], asyncio.Protocol]
"""Creates the protocol for the next client."""


class Server:
    """Serves ``handler`` on its own thread and event loop; a context manager.

    ``addresses`` share one ``port`` (0: any free one). ``handshake_delay`` is seconds between the
    ClientHello and the ServerHello. With ``accept`` False, a connection attempt gets no reply, as
    if the host dropped packets. ``before_body`` is called with the head of a request whose body has
    not arrived, which is empty then. An error in the handler ends the connection and is raised
    again on leaving. Entering raises OSError if an address cannot be bound.

    ``seen`` are the requests. ``answered`` has a pair for each answer: when the request was
    complete, and when the kernel had the last byte. A pair may appear shortly after the client has
    received its answer; after leaving, all pairs are there.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        addresses: Sequence[str] = ("127.0.0.1",),
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        handshake_delay: float = 0.0,
        accept: bool = True,
        before_body: BeforeBody = read_at_once,
    ) -> None:
        self.port = port
        self.seen: list[Seen] = []
        self.answered: list[tuple[float, float]] = []
        self._handler = handler
        self._service = Service(self._call_handler, self.seen, self.answered)
        self._service.before_body = before_body
        self._addresses, self._tls, self._accept = addresses, tls, accept
        self._connect = _protocol_factory(self._service, tls, handshake_delay)
        self._errors: list[BaseException] = []
        self._stack = ExitStack()

    @property
    def connections(self) -> int:
        """Number of TCP connections so far."""
        return self._service.connections

    @property
    def open(self) -> int:
        """Number of TCP connections that are open now."""
        return len(self._service.live)

    def url(self, path: str = "/", host: str | None = None) -> str:
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://{host or bracketed(self._addresses[0])}:{self.port}{path}"

    def __enter__(self) -> Self:
        sockets = self._bind()
        self.port = sockets[0].getsockname()[1]
        if self._accept:
            self._start(sockets)
        else:
            _fill_backlog(sockets, self._stack)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        if self._errors:
            raise self._errors[0]

    def _bind(self) -> list[socket.socket]:
        return bind(self._addresses, self.port)

    def _start(self, sockets: Sequence[socket.socket]) -> None:
        started: Future[Callable[[], None]] = Future()

        def run() -> None:
            _run(self._service, sockets, self._connect, on_start)

        def on_start(stop: Callable[[], None]) -> None:
            asyncio.get_running_loop().set_exception_handler(self._note)
            started.set_result(stop)

        thread = threading.Thread(target=run, name="crawler-testing-server", daemon=True)
        thread.start()
        self._stack.callback(thread.join)
        self._stack.callback(started.result(_START_TIMEOUT))

    def _call_handler(self, seen: Seen) -> Answer:
        try:
            return self._handler(seen)
        except Exception as error:  # the loop would not report an OSError
            self._errors.append(error)
            raise

    def _note(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._errors.append(context.get("exception") or RuntimeError(context["message"]))


def serve(
    handler: Handler,
    *,
    addresses: Sequence[str] = ("127.0.0.1",),
    port: int = 0,
    tls: ssl.SSLContext | None = None,
    handshake_delay: float = 0.0,
    ready: Callable[[int], None],
) -> None:
    """Serve ``handler`` on the main thread until SIGINT or SIGTERM; keeps no requests.

    ``ready`` is called with the port when the server accepts connections. Raises OSError if an
    address cannot be bound.
    """
    sockets = bind(addresses, port)

    def on_start(stop: Callable[[], None]) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop)
        ready(sockets[0].getsockname()[1])

    service = Service(handler, deque(maxlen=0), deque(maxlen=0))
    _run(service, sockets, _protocol_factory(service, tls, handshake_delay), on_start)


def _protocol_factory(service: Service, tls: ssl.SSLContext | None, delay: float) -> Connect:
    if tls is None:
        return lambda: Connection(service)
    return lambda: TlsConnection(service, tls, delay)


def _run(
    service: Service,
    sockets: Sequence[socket.socket],
    connect: Connect,
    on_start: Callable[[Callable[[], None]], None],
) -> None:
    """Serve until any thread calls the function that ``on_start`` received."""

    async def main() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        servers = [
            await loop.create_server(connect, sock=sock, backlog=_BACKLOG) for sock in sockets
        ]
        on_start(lambda: cast("None", loop.call_soon_threadsafe(stop.set)))
        await stop.wait()
        for server in servers:
            server.close()
        for connection in tuple(service.live):
            connection.abort()
        await asyncio.gather(*(server.wait_closed() for server in servers))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


def bind(addresses: Sequence[str], port: int) -> list[socket.socket]:
    """One socket per address, all with the same port. Port 0: retry if a port is in use."""
    for _ in range(_PORT_TRIES - 1 if port == 0 else 0):
        try:
            return _bind_once(addresses, port)
        except OSError:
            continue
    return _bind_once(addresses, port)


def _bind_once(addresses: Sequence[str], port: int) -> list[socket.socket]:
    with ExitStack() as stack:
        sockets: list[socket.socket] = []
        for address in addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            sock = stack.enter_context(socket.socket(family))
            set_up(sock)
            sock.bind((address, port))
            port = sock.getsockname()[1]
            sockets.append(sock)
        stack.pop_all()
        return sockets


def set_up(sock: socket.socket) -> None:
    """Set the options of a listening socket."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted ones inherit it


def _fill_backlog(sockets: Sequence[socket.socket], stack: ExitStack) -> None:
    """Fill the accept queues, so that further connection attempts get no reply (listen(2))."""
    for sock in sockets:
        stack.enter_context(sock)
        sock.listen(0)
        stack.enter_context(socket.create_connection(sock.getsockname()))
