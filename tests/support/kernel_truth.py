"""Servers in a process of their own that know how long their clients waited for them.

The clock is the kernel's of the server: for each answer, how long ago the client's last byte had
arrived at the moment of sending (tcp(7), ``tcpi_last_data_recv``; for datagrams socket(7),
``SO_TIMESTAMPNS``). On one machine there is no network in between, so this is what a client must
report as I/O wait.

``python -m support.kernel_truth SETTINGS`` (JSON): prints its ports, serves until its standard
input ends, then prints the truth.
"""

import asyncio
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self, cast

import msgspec
import uvloop
from support.http2_server import Http2Connection

from crawler.localweb.connection import Answer, Connection, Seen, Service
from crawler.localweb.server import bind
from crawler.localweb.tls_connection import TlsConnection

_BACKLOG = 4096
_LAST_DATA_RECV = 52
"""Offset in ``struct tcp_info``."""
_SCM_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("qq")
_QUESTION = 12
"""Offset of the question in a DNS message (RFC 1035, 4.1)."""


class WebSettings(msgspec.Struct, frozen=True):
    """``latency`` is in seconds: of each answer, each TLS handshake, CONNECT and look-up.

    ``certificate`` is the path of a PEM file with key and chain; with it, the server uses TLS.
    With ``close``, each connection ends after its response. If ``truncated``, name servers answer
    only by TCP (RFC 7766, 5).
    """

    latency: float = 0.05
    size: int = 4_000
    certificate: str = ""
    close: bool = False
    http2: bool = False
    truncated: bool = False


class Ports(msgspec.Struct, frozen=True):
    web: int
    proxy: int
    names: int


class Waited(msgspec.Struct):
    """Seconds that clients waited: at the web, at the proxy, for names."""

    web: float = 0.0
    proxy: float = 0.0
    names: float = 0.0
    connections: int = 0
    requests: int = 0
    lookups: int = 0


class Turns:
    """The turns of one connection: the client sends, then waits until the last byte is sent."""

    def __init__(self, sock: socket.socket, add: Callable[[float], None]) -> None:
        self._sock, self._add = sock, add
        self._counted = 0.0

    def received(self) -> None:
        self._counted = 0.0

    def sent(self) -> None:
        raw = self._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        waited = int.from_bytes(raw[_LAST_DATA_RECV : _LAST_DATA_RECV + 4], sys.byteorder) / 1e3
        # It is less if the client has closed the connection meanwhile, and waits for nothing.
        self._add(max(0.0, waited - self._counted))
        self._counted = max(waited, self._counted)


class _Watching:
    """A transport that counts what is sent."""

    def __init__(self, transport: asyncio.Transport, turns: Turns) -> None:
        self._transport, self._turns = transport, turns

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        self._turns.sent()
        self._transport.write(data)


class Watched(asyncio.Protocol):
    """Counts the turns of ``inner``."""

    def __init__(self, inner: asyncio.Protocol, add: Callable[[float], None]) -> None:
        self._inner, self._add = inner, add
        self.data_received = self._received  # type: ignore[method-assign]
        self.connection_lost = inner.connection_lost  # type: ignore[method-assign]
        self.pause_writing = inner.pause_writing  # type: ignore[method-assign]
        self.resume_writing = inner.resume_writing  # type: ignore[method-assign]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._turns = Turns(transport.get_extra_info("socket"), self._add)
        self._inner.connection_made(
            cast("Any", _Watching(cast("asyncio.Transport", transport), self._turns))
        )

    def _received(self, data: bytes) -> None:
        self._turns.received()
        self._inner.data_received(data)


class Tunnel(asyncio.Protocol):
    """A proxy's side of a connection: answers CONNECT after ``latency``, then relays."""

    def __init__(self, latency: float) -> None:
        self._latency = latency
        self._head = b""
        self._other: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._other is not None:
            self._other.write(data)
            return
        self._head += data
        if self._head.endswith(b"\r\n\r\n"):
            asyncio.get_running_loop().call_later(self._latency, self._answer)

    def _answer(self) -> None:
        task = asyncio.get_running_loop().create_task(self._connect())
        task.add_done_callback(lambda _: None)

    async def _connect(self) -> None:
        port = int(self._head.split(b" ")[1].rpartition(b":")[2])
        loop = asyncio.get_running_loop()
        other, _ = await loop.create_connection(lambda: _Back(self._transport), "127.0.0.1", port)
        self._other = other
        self._transport.write(b"HTTP/1.1 200 Connected\r\n\r\n")

    def connection_lost(self, exc: Exception | None) -> None:
        if self._other is not None:
            self._other.abort()


class _Back(asyncio.Protocol):
    def __init__(self, client: asyncio.Transport) -> None:
        self._client = client

    def data_received(self, data: bytes) -> None:
        self._client.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._client.close()


class Names:
    """A DNS server: every name leads to 127.0.0.1 after ``latency`` seconds, and has no IPv6.

    If ``truncated``, it answers by UDP at once that the answer is too long for UDP.
    """

    def __init__(self, latency: float, *, truncated: bool) -> None:
        self._latency, self._truncated = latency, truncated
        self._asked: dict[bytes, float] = {}
        self._answered: dict[bytes, float] = {}
        self._sock, self._streams = _both_kinds()
        self._sock.setsockopt(socket.SOL_SOCKET, _SCM_TIMESTAMPNS, 1)
        self._sock.setblocking(False)

    async def start(self) -> int:
        """Serve on the running loop; return the port."""
        asyncio.get_running_loop().add_reader(self._sock, self._read)
        port = int(self._sock.getsockname()[1])
        if self._truncated:
            await asyncio.start_server(self._by_stream, sock=self._streams)
        return port

    def waited(self) -> tuple[float, int]:
        """Seconds from the first question about each name to the last answer, and the names."""
        asked, answered = self._asked, self._answered
        return sum(answered[name] - asked[name] for name in answered), len(answered)

    def _read(self) -> None:
        while True:
            try:
                question, controls, _, client = self._sock.recvmsg(600, 256)
            except BlockingIOError:
                return
            seconds, nanoseconds = _TIMESPEC.unpack(controls[0][2])
            arrived = seconds + nanoseconds / 1e9
            end = question.index(b"\0", _QUESTION) + 5
            self._asked.setdefault(question[_QUESTION : end - 4], arrived)
            if self._truncated:
                head = question[:2] + b"\x83\x80\0\1" + bytes(6)
                self._sock.sendto(head + question[_QUESTION:end], client)
                continue
            left = max(0.0, arrived + self._latency - time.time())
            asyncio.get_running_loop().call_later(left, self._send, question[:end], client)

    def _send(self, question: bytes, client: tuple[str, int]) -> None:
        self._sock.sendto(self._answer(question), client)

    async def _by_stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers each question after its own time, whatever came before (RFC 7766, 6.2.1.1)."""
        loop = asyncio.get_running_loop()
        with suppress(asyncio.IncompleteReadError):
            while True:
                size = int.from_bytes(await reader.readexactly(2))
                question = await reader.readexactly(size)
                end = question.index(b"\0", _QUESTION) + 5
                loop.call_later(self._latency, self._send_by_stream, question[:end], writer)
        writer.close()

    def _send_by_stream(self, question: bytes, writer: asyncio.StreamWriter) -> None:
        answer = self._answer(question)
        writer.write(len(answer).to_bytes(2) + answer)

    def _answer(self, question: bytes) -> bytes:
        name, kind = question[_QUESTION:-4], int.from_bytes(question[-4:-2])
        record = b"\xc0\x0c\0\1\0\1\0\0\x0e\x10\0\4\x7f\0\0\1" if kind == 1 else b""
        head = question[:2] + b"\x81\x80\0\1\0" + bytes([bool(record)]) + bytes(4)
        self._answered[name] = time.time()  # before it is sent: the client may run first then
        return head + question[_QUESTION:] + record


def _both_kinds() -> tuple[socket.socket, socket.socket]:
    """A socket for datagrams and one for streams, at the same port."""
    while True:
        (streams,) = bind(("127.0.0.1",), 0)
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            datagrams.bind(streams.getsockname())
        except OSError:
            continue
        return datagrams, streams


class Web:
    """All servers of this process, on one loop."""

    def __init__(self, settings: WebSettings) -> None:
        self._settings = settings
        self._waited = Waited()
        self._names = Names(settings.latency, truncated=settings.truncated)
        headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/html; charset=utf-8"),)
        if settings.close:
            headers += (("Connection", "close"),)
        body = b"<!doctype html><title>A page</title><p>" + b"text " * (settings.size // 5)
        self._page = Answer(headers=headers, body=body, latency=settings.latency)
        self._service = Service(self._answer, [], [])
        self._tls = _context(settings)

    def _answer(self, _: Seen) -> Answer:
        self._waited.requests += 1
        return self._page

    async def serve(self, until: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        ports = []
        for connect in (self._connection, self._tunnel):
            (sock,) = bind(("127.0.0.1",), 0)
            await loop.create_server(connect, sock=sock, backlog=_BACKLOG)
            ports.append(sock.getsockname()[1])
        _say(Ports(*ports, await self._names.start()))
        await until.wait()
        self._waited.names, self._waited.lookups = self._names.waited()
        self._waited.connections = self._service.connections
        _say(self._waited)

    def _connection(self) -> asyncio.Protocol:
        if self._settings.http2:
            assert self._tls is not None
            return Http2Connection(self._service, self._tls, self._settings.latency, self._at_web)
        if self._tls is None:
            return Watched(Connection(self._service), self._at_web)
        inner = TlsConnection(self._service, self._tls, self._settings.latency)
        return Watched(inner, self._at_web)

    def _tunnel(self) -> asyncio.Protocol:
        return Watched(Tunnel(self._settings.latency), self._at_proxy)

    def _at_web(self, seconds: float) -> None:
        self._waited.web += seconds

    def _at_proxy(self, seconds: float) -> None:
        self._waited.proxy += seconds


def _say(record: msgspec.Struct) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(record) + b"\n")
    sys.stdout.flush()


def _context(settings: WebSettings) -> ssl.SSLContext | None:
    if not settings.certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(settings.certificate)
    context.set_alpn_protocols(["h2"] if settings.http2 else ["http/1.1"])
    return context


class KernelTruth:
    """The servers, as a context. ``waited`` ends them."""

    def __init__(self, settings: WebSettings) -> None:
        self._settings = settings

    def __enter__(self) -> Self:
        path = os.pathsep.join(each for each in sys.path if each)
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, msgspec.json.encode(self._settings).decode()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
        )
        assert self._process.stdout is not None
        self.ports = msgspec.json.decode(self._process.stdout.readline(), type=Ports)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def waited(self) -> Waited:
        out, _ = self._process.communicate()
        return msgspec.json.decode(out, type=Waited)


async def _main(settings: WebSettings) -> None:
    until, loop = asyncio.Event(), asyncio.get_running_loop()

    def read() -> None:
        sys.stdin.buffer.read()
        loop.call_soon_threadsafe(until.set)

    threading.Thread(target=read, daemon=True).start()
    await Web(settings).serve(until)


if __name__ == "__main__":
    uvloop.run(_main(msgspec.json.decode(sys.argv[1], type=WebSettings)))
